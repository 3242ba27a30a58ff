// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-drop-dead-channels,func.func(compress-fit{schemes="conv*: #compress.fit_escalate<energy = 1.0>; fc: #compress.fit_packed<pattern = columns>"}))' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="conv*: #compress.fit_escalate<energy = 1.0>; fc: #compress.fit_packed<pattern = columns>"}))' 2>&1 | FileCheck %s --check-prefix=KEPT

// The kernels of filters 0 and 1 are multiples of one, that of filter 2 is not; nothing reads filter 2. When it is gone, one basis
// kernel says all others, where two did before. The columns of `fc` that are left are not zero: there is nothing to pack.
// CHECK: compress.factorized %{{.*}}, %{{.*}} : tensor<2x1x1xf32>, tensor<1x2x2xf32> -> tensor<2x1x2x2xf32>
// CHECK-NOT: compress.unpack
// CHECK: linalg.matmul
// KEPT: compress.factorized %{{.*}}, %{{.*}} : tensor<3x1x2xf32>, tensor<2x2x2xf32> -> tensor<3x1x2x2xf32>
// KEPT: compress.unpack
func.func @basis(%x: tensor<1x1x2x2xf32>, %y0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w1 = arith.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]], [[[2.0, 4.0], [6.0, 8.0]]], [[[4.0, 3.0], [-2.0, -1.0]]]]> : tensor<3x1x2x2xf32>
  %w2 = arith.constant dense<[[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]> : tensor<2x3xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x3x1x1xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x3x1x1xf32>) -> tensor<1x3x1x1xf32>
  %h = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x1x2x2xf32>, tensor<3x1x2x2xf32>) outs(%i : tensor<1x3x1x1xf32>) -> tensor<1x3x1x1xf32> loc("conv1")
  %flat = tensor.collapse_shape %h [[0], [1, 2, 3]] : tensor<1x3x1x1xf32> into tensor<1x3xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(a, b, c) -> (a, c)>, affine_map<(a, b, c) -> (b, c)>, affine_map<(a, b, c) -> (a, b)>]
      ins(%flat, %w2 : tensor<1x3xf32>, tensor<2x3xf32>) outs(%y0 : tensor<1x2xf32>) -> tensor<1x2xf32> loc("fc")
  return %y : tensor<1x2xf32>
}
