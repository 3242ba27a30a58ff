// RUN: compress-opt %s --split-input-file --verify-diagnostics --compress-narrow-weights=precision=i8

// expected-error @+1 {{compress-narrow-weights{precision=i8}: no layer can be narrowed: only layers with constant f32 weights, dense or computed by transforms, have i8 kernels, and fully connected ones of codes whose numbers are bytes times one number}}
module {
func.func @no_constant(%x: tensor<2x?x1xf32>, %w: tensor<2x1x1xf32>, %init: tensor<2x?x1xf32>) -> tensor<2x?x1xf32> {
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<2x?x1xf32>, tensor<2x1x1xf32>) outs(%init : tensor<2x?x1xf32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}
}
