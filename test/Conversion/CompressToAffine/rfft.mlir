// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 | FileCheck %s --check-prefix=LANES
// RUN: not compress-opt %s --convert-compress-to-affine=vector-lanes=3 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-to-affine{vector-lanes=3}: expects a power of two

// A transform of 4 points has 6 additions and no multiplication: 2 k lg k - 4k + 6 = 6. One is a sign here.
// CHECK-LABEL: @rfft
// CHECK-SAME: %[[X:.*]]: memref<3x8xf32>, %{{.*}}: memref<4x3x2xf32>
// CHECK: affine.for %[[B:.*]] = 0 to 3
// CHECK: affine.for %[[G:.*]] = 0 to 2
// CHECK: affine.load %[[X]][%[[B]], %[[G]] * 4]
// CHECK: affine.load %[[X]][%[[B]], %[[G]] * 4 + 2]
// CHECK-NOT: arith.mulf
// CHECK: return
func.func @rfft(%x: memref<3x8xf32>, %s: memref<4x3x2xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x8xf32>) outs(%s : memref<4x3x2xf32>)
  return
}

// 7 numbers are two blocks of 4, the last number of which is not read: it is zero.
// CHECK-LABEL: @pads_inside
// CHECK-SAME: %[[X:.*]]: memref<3x7xf32>
// CHECK-NOT: affine.load %[[X]][%{{.*}}, 7]
// CHECK: return
func.func @pads_inside(%x: memref<3x7xf32>, %s: memref<4x3x2xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x7xf32>) outs(%s : memref<4x3x2xf32>)
  return
}

// Lanes are pixels of a channel-first activation, rows joined.
// LANES-LABEL: @pixels
// LANES: affine.vector_load %{{.*}} : memref<1x8x40xf32>, vector<4xf32>
// LANES: arith.addf %{{.*}} : vector<4xf32>
// LANES: affine.vector_store {{.*}} : memref<4x1x2x40xf32>, vector<4xf32>
func.func @pixels(%x: memref<1x8x5x8xf32>, %s: memref<4x1x2x5x8xf32>) {
  compress.rfft dim = 1 ins(%x : memref<1x8x5x8xf32>) outs(%s : memref<4x1x2x5x8xf32>)
  return
}

// CHECK-LABEL: @accumulates
// CHECK-SAME: %{{.*}}: memref<4x3x2xf32>, %[[Y:.*]]: memref<3x8xf32>
// CHECK: affine.load %[[Y]]
// CHECK: arith.addf
// CHECK: affine.store %{{.*}}, %[[Y]]
func.func @accumulates(%s: memref<4x3x2xf32>, %y: memref<3x8xf32>) {
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x2xf32>) outs(%y : memref<3x8xf32>)
  return
}

// Without `accumulate` the destination is not read.
// CHECK-LABEL: @overwrites
// CHECK-SAME: %{{.*}}: memref<4x3x2xf32>, %[[Y:.*]]: memref<3x8xf32>
// CHECK-NOT: affine.load %[[Y]]
// CHECK: return
func.func @overwrites(%s: memref<4x3x2xf32>, %y: memref<3x8xf32>) {
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x2xf32>) outs(%y : memref<3x8xf32>)
  return
}
