// Linear layers as front ends of MLIR 22.1 write them, with a circulant weight in the place of the constant.
// RUN: compress-opt %s --compress-select=force=spectral | FileCheck %s

#bias = affine_map<(d0, d1, d2, d3) -> (d3)>
#all = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// tosa.conv2d after tosa-to-linalg-named: NHWC, weights OHWI, padding by tensor.pad, bias as the init.
// CHECK-LABEL: @tosa_conv2d
// CHECK-NOT: linalg.conv
// CHECK: compress.rfft dim = 3
// CHECK: compress.spectral_conv
// CHECK: compress.rfft_transpose accumulate dim = 3
func.func @tosa_conv2d(%x: tensor<1x14x14x16xf32>, %c: tensor<4x2x8x3x3xf32>, %b: tensor<32xf32>) -> tensor<1x14x14x32xf32> {
  %w = compress.circulant %c order = [0, 3, 1, 2] : tensor<4x2x8x3x3xf32> -> tensor<32x3x3x16xf32>
  %cst = arith.constant 0.000000e+00 : f32
  %padded = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %cst : f32
  } : tensor<1x14x14x16xf32> to tensor<1x16x16x16xf32>
  %0 = tensor.empty() : tensor<1x14x14x32xf32>
  %1 = linalg.generic {indexing_maps = [#bias, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%b : tensor<32xf32>) outs(%0 : tensor<1x14x14x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<1x14x14x32xf32>
  %2 = linalg.conv_2d_nhwc_fhwc {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%padded, %w : tensor<1x16x16x16xf32>, tensor<32x3x3x16xf32>) outs(%1 : tensor<1x14x14x32xf32>) -> tensor<1x14x14x32xf32>
  return %2 : tensor<1x14x14x32xf32>
}

// The same with prefer-conv2d-kernel-layout-hwcf: the weight is behind a transpose.
// CHECK-LABEL: @tosa_conv2d_hwcf
// CHECK-NOT: linalg.conv
// CHECK: compress.spectral_conv
func.func @tosa_conv2d_hwcf(%x: tensor<1x16x16x16xf32>, %c: tensor<4x2x8x3x3xf32>, %y0: tensor<1x14x14x32xf32>) -> tensor<1x14x14x32xf32> {
  %w = compress.circulant %c order = [0, 3, 1, 2] : tensor<4x2x8x3x3xf32> -> tensor<32x3x3x16xf32>
  %0 = tensor.empty() : tensor<3x3x16x32xf32>
  %transposed = linalg.transpose ins(%w : tensor<32x3x3x16xf32>) outs(%0 : tensor<3x3x16x32xf32>) permutation = [1, 2, 3, 0]
  %3 = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%x, %transposed : tensor<1x16x16x16xf32>, tensor<3x3x16x32xf32>) outs(%y0 : tensor<1x14x14x32xf32>) -> tensor<1x14x14x32xf32>
  return %3 : tensor<1x14x14x32xf32>
}

// tosa.matmul: a batch of one.
// CHECK-LABEL: @tosa_matmul
// CHECK-NOT: linalg.batch_matmul
// CHECK: compress.spectral_matmul
func.func @tosa_matmul(%x: tensor<1x3x64xf32>, %c: tensor<4x8x8xf32>) -> tensor<1x3x32xf32> {
  %w = compress.circulant %c order = [1, 0] : tensor<4x8x8xf32> -> tensor<64x32xf32>
  %wb = tensor.expand_shape %w [[0, 1], [2]] output_shape [1, 64, 32] : tensor<64x32xf32> into tensor<1x64x32xf32>
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<1x3x32xf32>
  %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<1x3x32xf32>) -> tensor<1x3x32xf32>
  %2 = linalg.batch_matmul ins(%x, %wb : tensor<1x3x64xf32>, tensor<1x64x32xf32>) outs(%1 : tensor<1x3x32xf32>) -> tensor<1x3x32xf32>
  return %2 : tensor<1x3x32xf32>
}

// torch.aten.linear: a transpose by linalg.generic, a matmul, the bias added by another generic.
// CHECK-LABEL: @torch_linear
// CHECK-NOT: linalg.matmul
// CHECK: compress.spectral_matmul
// CHECK: arith.addf
func.func @torch_linear(%x: tensor<?x64xf32>, %c: tensor<4x8x8xf32>, %bias: tensor<32xf32>) -> tensor<?x32xf32> {
  %w = compress.circulant %c : tensor<4x8x8xf32> -> tensor<32x64xf32>
  %c0 = arith.constant 0 : index
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<64x32xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<32x64xf32>) outs(%0 : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<64x32xf32>
  %dim = tensor.dim %x, %c0 : tensor<?x64xf32>
  %2 = tensor.empty(%dim) : tensor<?x32xf32>
  %3 = linalg.fill ins(%cst : f32) outs(%2 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %4 = linalg.matmul ins(%x, %1 : tensor<?x64xf32>, tensor<64x32xf32>) outs(%3 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%4, %bias : tensor<?x32xf32>, tensor<32xf32>) outs(%2 : tensor<?x32xf32>) {
  ^bb0(%in: f32, %in_0: f32, %out: f32):
    %6 = arith.addf %in, %in_0 : f32
    linalg.yield %6 : f32
  } -> tensor<?x32xf32>
  return %5 : tensor<?x32xf32>
}

// torch.aten.convolution: the bias broadcast into the init.
// CHECK-LABEL: @torch_convolution
// CHECK-NOT: linalg.conv
// CHECK: compress.spectral_conv
// CHECK: compress.rfft_transpose {{.*}}accumulate
func.func @torch_convolution(%x: tensor<?x16x12x12xf32>, %c: tensor<8x2x8x5x5xf32>, %bias: tensor<64xf32>) -> tensor<?x64x8x8xf32> {
  %w = compress.circulant %c : tensor<8x2x8x5x5xf32> -> tensor<64x16x5x5xf32>
  %c0 = arith.constant 0 : index
  %dim = tensor.dim %x, %c0 : tensor<?x16x12x12xf32>
  %0 = tensor.empty(%dim) : tensor<?x64x8x8xf32>
  %broadcasted = linalg.broadcast ins(%bias : tensor<64xf32>) outs(%0 : tensor<?x64x8x8xf32>) dimensions = [0, 2, 3]
  %1 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%x, %w : tensor<?x16x12x12xf32>, tensor<64x16x5x5xf32>) outs(%broadcasted : tensor<?x64x8x8xf32>) -> tensor<?x64x8x8xf32>
  return %1 : tensor<?x64x8x8xf32>
}
