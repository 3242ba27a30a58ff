// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s
// RUN: compress-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: @circulant_matrix
func.func @circulant_matrix(%c: tensor<2x3x4xf32>) -> tensor<8x10xf32> {
  // CHECK: compress.circulant %{{.*}} : tensor<2x3x4xf32> -> tensor<8x10xf32>
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x10xf32>
  return %w : tensor<8x10xf32>
}

// CHECK-LABEL: @circulant_kernel_of_spectra
func.func @circulant_kernel_of_spectra(%s: tensor<2x1x8x3x5xf32>) -> tensor<3x5x8x16xf32> {
  // CHECK: compress.circulant %{{.*}} domain = spectrum order = [3, 2, 0, 1] {{.*}}: tensor<2x1x8x3x5xf32> -> tensor<3x5x8x16xf32>
  %w = compress.circulant %s domain = spectrum order = [3, 2, 0, 1]
      : tensor<2x1x8x3x5xf32> -> tensor<3x5x8x16xf32>
  return %w : tensor<3x5x8x16xf32>
}

// Folding and canonicalization never evaluate: constant parameters stay small.
// CHECK-LABEL: @circulant_constant_is_not_folded
func.func @circulant_constant_is_not_folded() -> tensor<4x4xf64> {
  // CHECK: arith.constant dense<{{.*}}> : tensor<1x1x4xf64>
  // CHECK: compress.circulant
  %c = arith.constant dense<[[[1.0, 2.0, 3.0, 4.0]]]> : tensor<1x1x4xf64>
  %w = compress.circulant %c : tensor<1x1x4xf64> -> tensor<4x4xf64>
  return %w : tensor<4x4xf64>
}

// Blocks of one number: any matrix.
// CHECK-LABEL: @circulant_of_block_size_one
func.func @circulant_of_block_size_one(%c: tensor<3x2x1xf32>) -> tensor<3x2xf32> {
  // CHECK: compress.circulant
  %w = compress.circulant %c : tensor<3x2x1xf32> -> tensor<3x2xf32>
  return %w : tensor<3x2xf32>
}
