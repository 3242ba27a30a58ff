// Upstream's verifier compares a window with its activation only if every extent is static: with a dynamic batch, this
// convolution reads 13 rows of 10. It is undefined, and no kernel op may be made of it.
// RUN: compress-opt %s --compress-select | FileCheck %s

// CHECK-LABEL: @beyond
// CHECK-NOT: spectral_conv
// CHECK: linalg.conv_2d_nchw_fchw
func.func @beyond(%x: tensor<?x8x10x10xf32>, %c: tensor<2x2x4x4x4xf32>, %y: tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32> {
  %w = compress.circulant %c : tensor<2x2x4x4x4xf32> -> tensor<8x8x4x4xf32>
  %0 = linalg.conv_2d_nchw_fchw {dilations = dense<2> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
       ins(%x, %w : tensor<?x8x10x10xf32>, tensor<8x8x4x4xf32>) outs(%y : tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  return %0 : tensor<?x8x4x4xf32>
}

// CHECK-LABEL: @within
// CHECK: compress.spectral_conv
func.func @within(%x: tensor<?x8x13x13xf32>, %c: tensor<2x2x4x4x4xf32>, %y: tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32> {
  %w = compress.circulant %c : tensor<2x2x4x4x4xf32> -> tensor<8x8x4x4xf32>
  %0 = linalg.conv_2d_nchw_fchw {dilations = dense<2> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
       ins(%x, %w : tensor<?x8x13x13xf32>, tensor<8x8x4x4xf32>) outs(%y : tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  return %0 : tensor<?x8x4x4xf32>
}

// A window that moves backwards, which upstream's verifier lets pass too.
// CHECK-LABEL: @backwards
// CHECK-NOT: spectral_conv
// CHECK: linalg.conv_2d_nchw_fchw
func.func @backwards(%x: tensor<?x8x13x13xf32>, %c: tensor<2x2x4x4x4xf32>, %y: tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32> {
  %w = compress.circulant %c : tensor<2x2x4x4x4xf32> -> tensor<8x8x4x4xf32>
  %0 = linalg.conv_2d_nchw_fchw {dilations = dense<2> : tensor<2xi64>, strides = dense<-1> : tensor<2xi64>}
       ins(%x, %w : tensor<?x8x13x13xf32>, tensor<8x8x4x4xf32>) outs(%y : tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  return %0 : tensor<?x8x4x4xf32>
}
