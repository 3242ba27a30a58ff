// Layers that stay dense, each with its reason.
// RUN: compress-opt %s --split-input-file --compress-select --remarks-filter='compress.*' 2>&1 | FileCheck %s

// CHECK: [Missed] select {{.*}}compress.circulant: expanded to dense: the spectral form does not pay
func.func @blocks_of_one_number(%x: tensor<1x2xf32>, %c: tensor<2x2x1xf32>, %y0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = compress.circulant %c : tensor<2x2x1xf32> -> tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y0 : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// CHECK: [Missed] select {{.*}}expanded to dense: a user is no linear layer
func.func @returned(%c: tensor<1x1x8xf32>) -> tensor<8x8xf32> {
  %w = compress.circulant %c : tensor<1x1x8xf32> -> tensor<8x8xf32>
  return %w : tensor<8x8xf32>
}

// -----

// CHECK: [Missed] select {{.*}}expanded to dense: it is no single factor of its consumer
func.func @squared(%c: tensor<1x1x8xf32>, %y0: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = compress.circulant %c : tensor<1x1x8xf32> -> tensor<8x8xf32>
  %y = linalg.matmul ins(%w, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

// CHECK: [Missed] select {{.*}}expanded to dense: its consumer is neither a contraction nor a convolution
func.func @added(%x: tensor<8x8xf32>, %c: tensor<1x1x8xf32>, %y0: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = compress.circulant %c : tensor<1x1x8xf32> -> tensor<8x8xf32>
  %y = linalg.add ins(%x, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}
