// The gather list of a layer packed by im2col columns (ICCAD 2019, 2.1) is static: constants of the kept taps, channel by
// channel, read in order by the loop over kept columns. No index comes from anything else.
// RUN: compress-opt %s --compress-to-affine=force=conv=packed | FileCheck %s

// Kept are (channel 0, row 0, column 0), (0, 2, 0), (1, 1, 1), (2, 2, 2).
// CHECK-DAG: memref.global "private" constant @[[ROWS:.*]] : memref<4xi8> = dense<[0, 2, 1, 2]>
// CHECK-DAG: memref.global "private" constant @[[CHANNELS:.*]] : memref<4xi8> = dense<[0, 0, 1, 2]>
// CHECK: affine.for %{{.*}} = 0 to 1
// CHECK-NEXT: affine.for %[[KEPT:.*]] = 0 to 4
// CHECK-COUNT-2: affine.load %{{.*}}[%[[KEPT]]] : memref<4xi8>
// CHECK-COUNT-2: arith.index_cast
// CHECK: memref.load %{{.*}} : memref<1x3x6x6xf32>
// CHECK-NOT: memref<4xi8>
// CHECK-NOT: index_cast
// CHECK: return
func.func @conv(%x: tensor<1x3x6x6xf32>, %v: tensor<4x2x1x1x1xf32>, %y: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = compress.unpack %v mask = dense<[[[[true, false, false], [false, false, false], [true, false, false]], [[false, false, false], [false, true, false], [false, false, false]], [[false, false, false], [false, false, false], [false, false, true]]]]> : tensor<1x3x3x3xi1> : tensor<4x2x1x1x1xf32> -> tensor<2x3x3x3xf32>
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x3x6x6xf32>, tensor<2x3x3x3xf32>) outs(%y : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("conv")
  return %0 : tensor<1x2x4x4xf32>
}
