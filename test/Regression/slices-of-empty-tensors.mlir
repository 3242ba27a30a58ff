// A slice at the start of a dimension of extent 0 is out of bounds for upstream.
// RUN: compress-opt %s --convert-compress-to-linalg | FileCheck %s --check-prefix=LINALG --implicit-check-not=compress.
// RUN: compress-opt %s --compress-pullback | FileCheck %s
// RUN: compress-opt %s --compress-expand='mode=tile tile-size=8' | FileCheck %s --check-prefix=TILES

// LINALG-LABEL: @rfft
// CHECK: func.func @rfft_pullback
func.func @rfft(%x: tensor<0x10xf64>, %i: tensor<4x0x3xf64>) -> tensor<4x0x3xf64> {
  %0 = compress.rfft dim = 1 ins(%x : tensor<0x10xf64>) outs(%i : tensor<4x0x3xf64>) -> tensor<4x0x3xf64>
  return %0 : tensor<4x0x3xf64>
}

// LINALG-LABEL: @transpose
func.func @transpose(%x: tensor<4x0x3xf64>, %y: tensor<0x10xf64>) -> tensor<0x10xf64> {
  %0 = compress.rfft_transpose accumulate dim = 1 ins(%x : tensor<4x0x3xf64>) outs(%y : tensor<0x10xf64>) -> tensor<0x10xf64>
  return %0 : tensor<0x10xf64>
}

// LINALG-LABEL: @product
// CHECK: func.func @product_pullback
func.func @product(%x: tensor<4x0x3xf64>, %w: tensor<4x3x2xf64>, %y: tensor<4x0x2xf64>) -> tensor<4x0x2xf64> {
  %0 = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<4x0x3xf64>, tensor<4x3x2xf64>) outs(%y : tensor<4x0x2xf64>) -> tensor<4x0x2xf64>
  return %0 : tensor<4x0x2xf64>
}

// A layer by tiles of its outputs, of a batch of none.
// TILES-LABEL: @layer
// TILES-SAME: %{{.*}}, %[[Y:.*]]: tensor<0x16xf32>) -> tensor<0x16xf32>
// TILES: scf.for {{.*}} iter_args(%[[CARRIED:.*]] = %[[Y]])
// TILES: scf.yield %[[CARRIED]]
func.func @layer(%x: tensor<0x16xf32>, %c: tensor<2x2x8xf32>, %y: tensor<0x16xf32>) -> tensor<0x16xf32> {
  %w = compress.circulant %c order = [1, 0] : tensor<2x2x8xf32> -> tensor<16x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<0x16xf32>, tensor<16x16xf32>) outs(%y : tensor<0x16xf32>) -> tensor<0x16xf32>
  return %0 : tensor<0x16xf32>
}

// CHECK: func.func @convolution_pullback
// CHECK-NOT: tensor.insert_slice
func.func @convolution(%x: tensor<1x1x5x5xf32>, %w: tensor<0x1x3x3xf32>, %y: tensor<1x0x2x2xf32>) -> tensor<1x0x2x2xf32> {
  %0 = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x1x5x5xf32>, tensor<0x1x3x3xf32>) outs(%y : tensor<1x0x2x2xf32>) -> tensor<1x0x2x2xf32>
  return %0 : tensor<1x0x2x2xf32>
}

// CHECK: func.func @pad_pullback
// CHECK-NOT: tensor.extract_slice
func.func @pad(%x: tensor<0x4xf32>) -> tensor<3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.pad %x low[3, 0] high[0, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<0x4xf32> to tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
