// Gradients of scales and of spectra are made of shapes; with a dynamic one there, tensor.empty got too few sizes.
// RUN: not compress-opt %s --split-input-file --compress-pullback 2>&1 | FileCheck %s

// CHECK: error: 'compress.decode' op compress-pullback: the gradient of this op is not known: it needs static extents, but has dynamic ones
func.func @codes(%v: tensor<?x3xi4>, %s: tensor<?x1xf32>, %init: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %0 = compress.decode code(#compress.uniform<bits = 4>) group = [1, 3]
       ins(%v, %s : tensor<?x3xi4>, tensor<?x1xf32>) outs(%init : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// -----

// CHECK: error: 'compress.spectral_matmul' op compress-pullback: the gradient of this op is not known: it needs static extents, but has dynamic ones
func.func @spectra(%x: tensor<4x?x5xf32>, %w: tensor<4x5x?xf32>, %y: tensor<4x?x?xf32>) -> tensor<4x?x?xf32> {
  %0 = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<4x?x5xf32>, tensor<4x5x?xf32>)
       outs(%y : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
  return %0 : tensor<4x?x?xf32>
}

// -----

// A window of no tap reaches -1 numbers.
// CHECK: error: {{.*}}compress-pullback: the gradient of this op is not known
func.func @no_taps(%x: tensor<1x1x4x4xf64>, %w: tensor<1x1x1x0xf64>, %y: tensor<1x1x4x3xf64>) -> tensor<1x1x4x3xf64> {
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x1x4x4xf64>, tensor<1x1x1x0xf64>) outs(%y : tensor<1x1x4x3xf64>)
       -> tensor<1x1x4x3xf64>
  return %0 : tensor<1x1x4x3xf64>
}

// -----

// The same of an activation whose extents are not known.
// CHECK: error: {{.*}}compress-pullback: the gradient of this op is not known
func.func @no_taps_of_dynamic_extents(%x: tensor<1x1x?x?xf64>, %w: tensor<1x1x1x0xf64>, %y: tensor<1x1x?x3xf64>) -> tensor<1x1x?x3xf64> {
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x1x?x?xf64>, tensor<1x1x1x0xf64>) outs(%y : tensor<1x1x?x3xf64>)
       -> tensor<1x1x?x3xf64>
  return %0 : tensor<1x1x?x3xf64>
}

// -----

// A window that reaches beyond its activation, which upstream's verifier lets pass where the batch is dynamic.
// CHECK: error: {{.*}}compress-pullback: the gradient of this op is not known: an operand is indexed by other
func.func @beyond(%x: tensor<?x4x7xf32>, %w: tensor<2x4x16xf32>, %y: tensor<?x2x16xf32>) -> tensor<?x2x16xf32> {
  %0 = linalg.conv_1d_ncw_fcw {dilations = dense<1> : tensor<1xi64>, strides = dense<2> : tensor<1xi64>}
       ins(%x, %w : tensor<?x4x7xf32>, tensor<2x4x16xf32>) outs(%y : tensor<?x2x16xf32>) -> tensor<?x2x16xf32>
  return %0 : tensor<?x2x16xf32>
}
