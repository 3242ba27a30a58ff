// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: @rfft_on_tensors
func.func @rfft_on_tensors(%x: tensor<?x10xf32>, %i: tensor<4x?x3xf32>) -> tensor<4x?x3xf32> {
  // CHECK: compress.rfft dim = 1 ins(%{{.*}} : tensor<?x10xf32>) outs(%{{.*}} : tensor<4x?x3xf32>) -> tensor<4x?x3xf32>
  %r = compress.rfft dim = 1 ins(%x : tensor<?x10xf32>) outs(%i : tensor<4x?x3xf32>) -> tensor<4x?x3xf32>
  return %r : tensor<4x?x3xf32>
}

// CHECK-LABEL: @rfft_transpose_on_buffers
func.func @rfft_transpose_on_buffers(%x: memref<4x?x3xf32>, %i: memref<?x10xf32>) {
  // CHECK: compress.rfft_transpose accumulate dim = 1 ins(%{{.*}} : memref<4x?x3xf32>) outs(%{{.*}} : memref<?x10xf32>)
  compress.rfft_transpose accumulate dim = 1 ins(%x : memref<4x?x3xf32>) outs(%i : memref<?x10xf32>)
  return
}

// CHECK-LABEL: @spectral_matmul_on_tensors
func.func @spectral_matmul_on_tensors(%x: tensor<4x?x3xf32>, %w: tensor<4x3x2xf32>, %i: tensor<4x?x2xf32>) -> tensor<4x?x2xf32> {
  // CHECK: compress.spectral_matmul in_dim = 1 out_dim = 1
  %r = compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : tensor<4x?x3xf32>, tensor<4x3x2xf32>) outs(%i : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
  return %r : tensor<4x?x2xf32>
}

// CHECK-LABEL: @spectral_conv_on_tensors
func.func @spectral_conv_on_tensors(%x: tensor<4x?x3x12x12xf32>, %w: tensor<4x5x5x3x2xf32>, %i: tensor<4x?x2x8x8xf32>) -> tensor<4x?x2x8x8xf32> {
  // CHECK: compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
  %r = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
      ins(%x, %w : tensor<4x?x3x12x12xf32>, tensor<4x5x5x3x2xf32>) outs(%i : tensor<4x?x2x8x8xf32>) -> tensor<4x?x2x8x8xf32>
  return %r : tensor<4x?x2x8x8xf32>
}
