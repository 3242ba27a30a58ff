// RUN: compress-opt %s --compress-profile-layers | FileCheck %s

// A loop that runs two layers counts for each of them in each turn, and for none between two turns. One whose body is of one layer counts
// as a whole.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: compress.profile = {counter = "tsc", layers = [{{.*}}name = "conv"{{.*}}name = "relu"{{.*}}name = "fc"
// CHECK: %[[TICKS:.*]] = memref.view
// CHECK: affine.for %{{.*}} = 0 to 8 {
// CHECK-NEXT: %[[T0:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: affine.for
// CHECK: %[[T1:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: arith.subi %[[T1]], %[[T0]]
// CHECK: memref.store {{.*}}, %[[TICKS]][%c0{{.*}}]
// CHECK: affine.for
// CHECK: %[[T2:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: arith.subi %[[T2]], %[[T1]]
// CHECK: memref.store {{.*}}, %[[TICKS]][%c1{{.*}}]
// CHECK-NEXT: }
// CHECK: %[[T3:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK-NEXT: affine.for
// CHECK-NOT: rdtsc
// CHECK: affine.for
// CHECK: %[[T4:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: arith.subi %[[T4]], %[[T3]]
func.func @main(%x: memref<8x4xf32>, %y: memref<8x4xf32> {compress.result}, %arena: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 8 : i64, compress.layers = [
      {name = "conv", op = "linalg.matmul", predicted_us = array<f64: 1.0, 2.0>, bound = ["L1", "compute"]},
      {name = "relu", op = "linalg.max", predicted_us = array<f64: 1.0, 1.0>, bound = ["L1", "L1"]},
      {name = "fc", op = "linalg.matmul", predicted_us = array<f64: 3.0, 4.0>, bound = ["L2", "L2"]}]} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %a = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
  affine.for %s = 0 to 8 {
    affine.for %i = 0 to 4 {
      %0 = affine.load %x[%s, %i] : memref<8x4xf32> loc("conv")
      affine.store %0, %a[%i] : memref<4xf32> loc("conv")
    } loc("conv")
    affine.for %i = 0 to 4 {
      %0 = affine.load %a[%i] : memref<4xf32> loc("relu")
      %1 = arith.maximumf %0, %zero : f32 loc("relu")
      affine.store %1, %y[%s, %i] : memref<8x4xf32> loc("relu")
    } loc("relu")
  } loc("relu")
  affine.for %s = 0 to 8 {
    affine.for %i = 0 to 4 {
      %0 = affine.load %y[%s, %i] : memref<8x4xf32> loc("fc")
      %1 = arith.addf %0, %0 : f32 loc("fc")
      affine.store %1, %y[%s, %i] : memref<8x4xf32> loc("fc")
    } loc("fc")
  } loc("fc")
  return loc("fc")
} loc("model.onnx")
