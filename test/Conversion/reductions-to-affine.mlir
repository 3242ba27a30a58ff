// RUN: compress-opt %s --convert-compress-reductions-to-affine | FileCheck %s

// The window's own tensor is never read, and the maximum is stored once.
// CHECK-LABEL: @pooling
// CHECK-SAME: %[[X:.*]]: memref<?x4x7x5xf32>, %[[WINDOW:.*]]: memref<3x2xf32>, %[[Y:.*]]: memref<?x4x3x4xf32>
// CHECK-COUNT-4: affine.for
// CHECK: %[[FIRST:.*]] = affine.load %[[Y]]
// CHECK: affine.for %{{.*}} = 0 to 3 iter_args(%{{.*}} = %[[FIRST]])
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-NOT: affine.load %[[WINDOW]]
// CHECK: affine.load %[[X]][%{{.*}}, %{{.*}}, %{{.*}} * 2 + %{{.*}}, %{{.*}} + %{{.*}}]
// CHECK: arith.maximumf
// CHECK: affine.store %{{.*}}, %[[Y]]
// CHECK-NOT: affine.store
// CHECK: return
func.func @pooling(%x: memref<?x4x7x5xf32>, %w: memref<3x2xf32>, %y: memref<?x4x3x4xf32>) {
  linalg.pooling_nchw_max {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<?x4x7x5xf32>, memref<3x2xf32>) outs(%y : memref<?x4x3x4xf32>)
  return
}

// A sum over the batch has no known extent.
// CHECK-LABEL: @dynamic
// CHECK: linalg.reduce
func.func @dynamic(%x: memref<?x4xf32>, %y: memref<4xf32>) {
  linalg.reduce ins(%x : memref<?x4xf32>) outs(%y : memref<4xf32>) dimensions = [0]
    (%a: f32, %b: f32) {
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    }
  return
}

// CHECK-LABEL: @elementwise
// CHECK: linalg.add
func.func @elementwise(%x: memref<4xf32>, %y: memref<4xf32>) {
  linalg.add ins(%x, %x : memref<4xf32>, memref<4xf32>) outs(%y : memref<4xf32>)
  return
}
