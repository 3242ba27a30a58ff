// RUN: compress-opt %s --compress-profile-layers | FileCheck %s
// RUN: compress-opt %s --compress-profile-layers=counter=cntvct | FileCheck %s --check-prefix=ARM
// ARM: llvm.inline_asm {{.*}}"isb\0A\09mrs $0, cntvct_el0", "=r,~{memory}" : () -> i64
// ARM-NOT: rdtsc
// RUN: not compress-opt %s --compress-profile-layers=counter=sundial 2>&1 | FileCheck %s --check-prefix=COUNTER
// COUNTER: error: compress-profile-layers: expects counter to be tsc or cntvct, not 'sundial'
// RUN: echo 'module {}' | not compress-opt --compress-profile-layers 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: error: compress-profile-layers: expects a function @main on buffers
// RUN: sed 's/name = "fc", //' %s | not compress-opt --compress-profile-layers 2>&1 | FileCheck %s --check-prefix=LAYERS
// LAYERS: error: compress-profile-layers: expects compress.layers of @main to be what compress-predict-layers sets

// Three rows, a number each and one for the call: 32 bytes, and up to 64. The copy has a name, but no prediction; "relu" has no loop of
// its own, "gone" none at all. The arena of 64 and of 128 bytes moves behind them.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<4xf32>, %[[Y:[a-z0-9]+]]: memref<4xf32> {compress.result}, %[[ARENA:[a-z0-9]+]]: memref<?xi8>
// CHECK-SAME: compress.profile = {counter = "tsc", layers = [
// CHECK-SAME: {bound = ["L1", "compute"], fused = ["relu"], name = "fc", op = "linalg.matmul", predicted_us = array<f64: 1.000000e+00, 2.000000e+00>},
// CHECK-SAME: {bound = ["", ""], name = "cat", op = "", predicted_us = array<f64: 0.000000e+00, 0.000000e+00>},
// CHECK-SAME: {bound = ["L2", "L2"], name = "sum", op = "linalg.add", predicted_us = array<f64: 3.000000e+00, 4.000000e+00>}]}
// CHECK-SAME: compress.workspace_bytes = array<i64: 128, 192>
// CHECK: %[[TICKS:.*]] = memref.view %[[ARENA]][{{.*}}][] : memref<?xi8> to memref<4xi64>
// CHECK: %[[OFFSET:.*]] = arith.addi %{{.*}}, %{{.*}} : index
// CHECK: memref.view %[[ARENA]][%[[OFFSET]]][] : memref<?xi8> to memref<4xf32>
// CHECK: %[[START:.*]] = llvm.inline_asm has_side_effects {{.*}}"lfence\0A\09rdtsc
// Two loops of one layer, with no counting between them.
// CHECK-NEXT: affine.for
// CHECK-NOT: llvm.inline_asm
// CHECK: affine.for
// CHECK: %[[SECOND:.*]] = llvm.inline_asm
// CHECK: %[[ELAPSED:.*]] = arith.subi %[[SECOND]], %[[START]] : i64
// CHECK: %[[BEFORE:.*]] = memref.load %[[TICKS]][%[[FIRST:.*]]] : memref<4xi64>
// CHECK: %[[NOW:.*]] = arith.addi %[[BEFORE]], %[[ELAPSED]] : i64
// CHECK: memref.store %[[NOW]], %[[TICKS]][%[[FIRST]]] : memref<4xi64>
// CHECK: memref.copy
// The loop at the function's own location is no layer: after it, counting starts anew.
// CHECK: %[[THIRD:.*]] = llvm.inline_asm
// CHECK: arith.subi %[[THIRD]], %[[SECOND]] : i64
// CHECK: memref.store {{.*}}, %[[TICKS]]
// CHECK: affine.for
// CHECK: %[[FOURTH:.*]] = llvm.inline_asm
// CHECK-NEXT: affine.for
// CHECK: %[[LAST:.*]] = llvm.inline_asm
// CHECK: arith.subi %[[LAST]], %[[FOURTH]] : i64
// CHECK: memref.store {{.*}}, %[[TICKS]]
// CHECK-NEXT: return
func.func @main(%x: memref<4xf32>, %y: memref<4xf32> {compress.result}, %arena: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 8 : i64, compress.layers = [
      {name = "fc", op = "linalg.matmul", predicted_us = array<f64: 1.0, 2.0>, bound = ["L1", "compute"]},
      {name = "relu", op = "linalg.max", predicted_us = array<f64: 1.0, 1.0>, bound = ["L1", "L1"]},
      {name = "gone", op = "linalg.max", predicted_us = array<f64: 1.0, 1.0>, bound = ["L1", "L1"]},
      {name = "sum", op = "linalg.add", predicted_us = array<f64: 3.0, 4.0>, bound = ["L2", "L2"]}]} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32 loc("gone")
  %a = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
  affine.for %i = 0 to 4 {
    affine.store %zero, %a[%i] : memref<4xf32>
  } loc("fc")
  affine.for %i = 0 to 4 {
    %0 = affine.load %x[%i] : memref<4xf32> loc("fc")
    %1 = arith.maximumf %0, %zero : f32 loc("relu")
    affine.store %1, %a[%i] : memref<4xf32> loc("fc")
  } loc("fc")
  memref.copy %a, %y : memref<4xf32> to memref<4xf32> loc("cat")
  affine.for %i = 0 to 4 {
    affine.store %zero, %a[%i] : memref<4xf32>
  } loc("model.onnx")
  affine.for %i = 0 to 4 {
    %0 = affine.load %a[%i] : memref<4xf32> loc("sum")
    %1 = arith.addf %0, %0 : f32 loc("sum")
    affine.store %1, %y[%i] : memref<4xf32> loc("sum")
  } loc("sum")
  return
} loc("model.onnx")
