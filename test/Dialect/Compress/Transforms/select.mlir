// RUN: compress-opt %s --compress-select=force=spectral --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: compress-opt %s --compress-select=force=dense | FileCheck %s --check-prefix=DENSE
// RUN: not compress-opt %s --compress-select=force=magic 2>&1 | FileCheck %s --check-prefix=MAGIC

// MAGIC: error: compress-select{force=magic}: this layer has no form 'magic'
// DENSE-NOT: compress.

// q = 2 transforms in, p = 3 transforms out; the weight's own fold at compile time.
// REMARK: [Passed] select {{.*}}compress.circulant: spectral: {{.*}} multiplies, 384 weight bytes, error bound {{[0-9]+}} eps; dense: {{.*}} 6144 weight bytes, error bound 32 eps
// CHECK-LABEL: @matmul
// CHECK: %[[XS:.*]] = compress.rfft dim = 1 ins(%{{.*}} : tensor<5x32xf32>) outs(%{{.*}} : tensor<16x5x2xf32>)
// CHECK: %[[YS:.*]] = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%[[XS]], %{{.*}} : tensor<16x5x2xf32>, tensor<16x2x3xf32>)
// CHECK: compress.rfft_transpose dim = 1 {{.*}}ins(%[[YS]] : tensor<16x5x3xf32>) outs(%{{.*}} : tensor<5x48xf32>)
func.func @matmul(%x: tensor<5x32xf32>, %c: tensor<3x2x16xf32>) -> tensor<5x48xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x48xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<5x48xf32>) -> tensor<5x48xf32>
  %w = compress.circulant %c order = [1, 0] : tensor<3x2x16xf32> -> tensor<32x48xf32>
  %y = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x48xf32>) outs(%y0 : tensor<5x48xf32>) -> tensor<5x48xf32>
  return %y : tensor<5x48xf32>
}

// A bias is accumulated on by the transform, not added.
// CHECK-LABEL: @matmul_on_a_bias
// CHECK: compress.rfft_transpose {{.*}}accumulate
func.func @matmul_on_a_bias(%x: tensor<5x32xf32>, %c: tensor<3x2x16xf32>, %bias: tensor<5x48xf32>) -> tensor<5x48xf32> {
  %w = compress.circulant %c order = [1, 0] : tensor<3x2x16xf32> -> tensor<32x48xf32>
  %y = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x48xf32>) outs(%bias : tensor<5x48xf32>) -> tensor<5x48xf32>
  return %y : tensor<5x48xf32>
}

// Only true pixels are transformed: the padding is the zero rim of the spectra.
// CHECK-LABEL: @convolution_absorbs_padding
// CHECK-NOT: tensor.pad
// CHECK: compress.rfft dim = 1 ins(%{{.*}} : tensor<1x8x6x6xf32>)
// CHECK: compress.spectral_conv {{.*}}tensor<8x1x1x8x8xf32>
// CHECK: compress.rfft_transpose
func.func @convolution_absorbs_padding(%x: tensor<1x8x6x6xf32>, %c: tensor<2x1x8x3x3xf32>) -> tensor<1x16x6x6xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x8x6x6xf32> to tensor<1x8x8x8xf32>
  %e = tensor.empty() : tensor<1x16x6x6xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  %w = compress.circulant %c : tensor<2x1x8x3x3xf32> -> tensor<16x8x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%p, %w : tensor<1x8x8x8xf32>, tensor<16x8x3x3xf32>) outs(%y0 : tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  return %y : tensor<1x16x6x6xf32>
}
