// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-put-channels-last{vector-lanes=4}))' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-put-channels-last{vector-lanes=1}))' | FileCheck %s --check-prefix=NONE

// Two panels of 8 filters; what is padded is transposed first; the bias is one of panels.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d2 * 2 + d4, d3 * 2 + d5 * 3, d6)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d4, d5, d6, d7)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d2, d3, d1, d7)>
// CHECK-LABEL: func.func @convolution(
// CHECK-SAME: %[[A:.*]]: tensor<?x32x7x8xf32>, %[[B:.*]]: tensor<16xf32>
// CHECK-DAG: %[[BIAS:.*]] = tensor.expand_shape %[[B]] {{\[}}[0, 1]] output_shape [2, 8]
// CHECK-DAG: %[[START:.*]] = linalg.broadcast ins(%[[BIAS]] : tensor<2x8xf32>) {{.*}} dimensions = [0, 1, 2]
// CHECK-DAG: %[[LAST:.*]] = linalg.transpose ins(%[[A]] : tensor<?x32x7x8xf32>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[PADDED:.*]] = tensor.pad %[[LAST]] low[0, 1, 1, 0] high[0, 1, 2, 0]
// CHECK: %[[S:.*]] = linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[Y]]]
// CHECK-SAME: ins(%[[PADDED]], %{{.*}} : tensor<?x9x11x32xf32>, tensor<2x2x2x32x8xf32>) outs(%[[START]] : tensor<?x4x4x2x8xf32>)
// CHECK: %[[M:.*]] = tensor.collapse_shape %[[S]] {{\[}}[0], [1], [2], [3, 4]]
// CHECK: %[[R:.*]] = linalg.transpose ins(%[[M]] : tensor<?x4x4x16xf32>) {{.*}} permutation = [0, 3, 1, 2]
// CHECK: return %[[R]]
// NONE-LABEL: func.func @convolution(
// NONE: linalg.conv_2d_nchw_fchw
func.func @convolution(%x: tensor<?x32x7x8xf32>, %bias: tensor<16xf32>) -> tensor<?x16x4x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0> : tensor<16x32x2x2xf32>
  %n = tensor.dim %x, %c0 : tensor<?x32x7x8xf32>
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 2] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<?x32x7x8xf32> to tensor<?x32x9x11xf32>
  %empty = tensor.empty(%n) : tensor<?x16x4x4xf32>
  %init = linalg.broadcast ins(%bias : tensor<16xf32>) outs(%empty : tensor<?x16x4x4xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<[1, 3]> : tensor<2xi64>}
      ins(%padded, %w : tensor<?x32x9x11xf32>, tensor<16x32x2x2xf32>) outs(%init : tensor<?x16x4x4xf32>) -> tensor<?x16x4x4xf32>
  return %y : tensor<?x16x4x4xf32>
}

// Filters that vectors do not divide, few products, weights that are no constant, sums that start from something else: as they are.
// CHECK-LABEL: func.func @stays(
// CHECK-COUNT-4: linalg.conv_2d_nchw_fchw
func.func @stays(%x: tensor<1x32x4x4xf32>, %w: tensor<16x32x2x2xf32>, %init: tensor<1x16x3x3xf32>)
    -> (tensor<1x6x3x3xf32>, tensor<1x16x4x4xf32>, tensor<1x16x3x3xf32>, tensor<1x16x3x3xf32>) {
  %zero = arith.constant 0.0 : f32
  %w6 = arith.constant dense<1.0> : tensor<6x32x2x2xf32>
  %w1 = arith.constant dense<1.0> : tensor<16x32x1x1xf32>
  %w16 = arith.constant dense<1.0> : tensor<16x32x2x2xf32>
  %e6 = tensor.empty() : tensor<1x6x3x3xf32>
  %e4 = tensor.empty() : tensor<1x16x4x4xf32>
  %e16 = tensor.empty() : tensor<1x16x3x3xf32>
  %s6 = linalg.fill ins(%zero : f32) outs(%e6 : tensor<1x6x3x3xf32>) -> tensor<1x6x3x3xf32>
  %s4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  %s16 = linalg.fill ins(%zero : f32) outs(%e16 : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %a = linalg.conv_2d_nchw_fchw ins(%x, %w6 : tensor<1x32x4x4xf32>, tensor<6x32x2x2xf32>) outs(%s6 : tensor<1x6x3x3xf32>) -> tensor<1x6x3x3xf32>
  %b = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x32x4x4xf32>, tensor<16x32x1x1xf32>) outs(%s4 : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  %c = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x32x4x4xf32>, tensor<16x32x2x2xf32>) outs(%s16 : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %d = linalg.conv_2d_nchw_fchw ins(%x, %w16 : tensor<1x32x4x4xf32>, tensor<16x32x2x2xf32>) outs(%init : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  return %a, %b, %c, %d : tensor<1x6x3x3xf32>, tensor<1x16x4x4xf32>, tensor<1x16x3x3xf32>, tensor<1x16x3x3xf32>
}

// Filters that are decoded: their codes are in panels, and so are scales and zero points, of which two filters share one here.
// CHECK-LABEL: func.func @decoded(
// CHECK-DAG: %[[CODES:.*]] = arith.constant {{.*}} : tensor<2x2x2x32x8xi4>
// CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<[{{\[\[\[\[}}1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]]]], {{\[\[\[\[}}5.0{{.*}} : tensor<2x1x1x1x4xf32>
// CHECK: %[[W:.*]] = compress.decode code(#compress.uniform<bits = 4>) group = [1, 2, 2, 32, 2] ins(%[[CODES]], %[[SCALES]],
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[W]] : tensor<1x4x4x32xf32>, tensor<2x2x2x32x8xf32>)
// One scale for all.
// CHECK: compress.decode code(#compress.uniform<bits = 4>) group = [2, 2, 2, 32, 8] ins(%{{.*}}, %{{.*}} : tensor<2x2x2x32x8xi4>, tensor<1x1x1x1x1xf32>)
// Scales of 16 filters are none of a panel of 8.
// CHECK: compress.decode code(#compress.uniform<bits = 4>) group = [16, 1, 2, 2] ins(
// CHECK: linalg.conv_2d_nchw_fchw
func.func @decoded(%x: tensor<1x32x4x4xf32>) -> (tensor<1x16x3x3xf32>, tensor<1x16x3x3xf32>, tensor<1x48x3x3xf32>) {
  %zero = arith.constant 0.0 : f32
  %codes = arith.constant dense<1> : tensor<16x32x2x2xi4>
  %scales = arith.constant dense<[[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]], [[[5.0]]], [[[6.0]]], [[[7.0]]], [[[8.0]]]]> : tensor<8x1x1x1xf32>
  %zeros = arith.constant dense<0.5> : tensor<8x1x1x1xf32>
  %one = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %codes48 = arith.constant dense<1> : tensor<48x32x2x2xi4>
  %few = arith.constant dense<1.0> : tensor<3x32x1x1xf32>
  %e = tensor.empty() : tensor<1x16x3x3xf32>
  %s = linalg.fill ins(%zero : f32) outs(%e : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %e48 = tensor.empty() : tensor<1x48x3x3xf32>
  %s48 = linalg.fill ins(%zero : f32) outs(%e48 : tensor<1x48x3x3xf32>) -> tensor<1x48x3x3xf32>
  %ew = tensor.empty() : tensor<16x32x2x2xf32>
  %ew48 = tensor.empty() : tensor<48x32x2x2xf32>
  %w = compress.decode code(#compress.uniform<bits = 4>) group = [2, 32, 2, 2]
      ins(%codes, %scales, %zeros : tensor<16x32x2x2xi4>, tensor<8x1x1x1xf32>, tensor<8x1x1x1xf32>) outs(%ew : tensor<16x32x2x2xf32>) -> tensor<16x32x2x2xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x32x4x4xf32>, tensor<16x32x2x2xf32>) outs(%s : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %v = compress.decode code(#compress.uniform<bits = 4>) group = [16, 32, 2, 2]
      ins(%codes, %one : tensor<16x32x2x2xi4>, tensor<1x1x1x1xf32>) outs(%ew : tensor<16x32x2x2xf32>) -> tensor<16x32x2x2xf32>
  %z = linalg.conv_2d_nchw_fchw ins(%x, %v : tensor<1x32x4x4xf32>, tensor<16x32x2x2xf32>) outs(%s : tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %u = compress.decode code(#compress.uniform<bits = 4>) group = [16, 1, 2, 2]
      ins(%codes48, %few : tensor<48x32x2x2xi4>, tensor<3x32x1x1xf32>) outs(%ew48 : tensor<48x32x2x2xf32>) -> tensor<48x32x2x2xf32>
  %t = linalg.conv_2d_nchw_fchw ins(%x, %u : tensor<1x32x4x4xf32>, tensor<48x32x2x2xf32>) outs(%s48 : tensor<1x48x3x3xf32>) -> tensor<1x48x3x3xf32>
  return %y, %z, %t : tensor<1x16x3x3xf32>, tensor<1x16x3x3xf32>, tensor<1x48x3x3xf32>
}
