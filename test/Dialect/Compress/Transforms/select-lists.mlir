// Ternary coefficients as lists of the channels that are added and subtracted; rounded activations where these are allowed.
// RUN: compress-opt %s --compress-select='force=lists' | FileCheck %s --check-prefixes=CHECK,FLOAT
// RUN: compress-opt %s --compress-select='precision=i8 force=lists_i16' | FileCheck %s --check-prefixes=CHECK,ROUNDED
// RUN: compress-opt %s --compress-select='precision=i8 force=lists_i16' --compress-narrow-weights=precision=i8 --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not compress-opt %s --compress-select='force=lists_i16' 2>&1 | FileCheck %s --check-prefix=EXACT
// RUN: not compress-opt %s --compress-select='force=lists_i16 precision=auto max-error=0.004' 2>&1 | FileCheck %s --check-prefix=EXACT
// EXACT: error: compress-select{force=lists_i16}: this layer has no form 'lists_i16'
// A row of 3 channels by 6 columns shares a scale.
// REMARK: [Passed] narrow-weights {{.*}}activations rounded to i8 by slices of 18

// Coefficients of (output, basis kernel), over channels: (0, 0) 1 -1 1, (0, 1) 0 0 -1, (1, 0) none, whose scale may be any, (1, 1) 1 1 0.
// CHECK-LABEL: @main
// CHECK-SAME: %[[X:.*]]: tensor<?x3x5x6xf32>, %[[INIT:.*]]: tensor<?x2x5x6xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<{{.*}}> : tensor<2x3x3xf32>
// CHECK-DAG: %[[L:.*]] = arith.constant dense<[0, 2, 1, 2, 0, 1]> : tensor<6xi8>
// CHECK-DAG: %[[C:.*]] = arith.constant dense<{{\[\[\[}}2, 1], [0, 1]], {{\[\[}}0, 0], [2, 0]]]> : tensor<2x2x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[\[}}5.000000e-01, 2.000000e+00], [2.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// FLOAT: compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%[[X]], %[[L]], %[[C]], %[[S]], %{{.*}} : {{.*}}) outs(%[[INIT]]
// ROUNDED: compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] rounded ins(%[[X]], %[[L]], %[[C]], %[[S]], %{{.*}} : {{.*}}) outs(%[[INIT]]
func.func @main(%x: tensor<?x3x5x6xf32>, %init: tensor<?x2x5x6xf32>) -> tensor<?x2x5x6xf32> {
  %codes = arith.constant dense<[[[1, 0], [-1, 0], [1, -1]], [[0, 1], [0, 1], [0, 0]]]> : tensor<2x3x2xi2>
  %scales = arith.constant dense<[[[0.5, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %c = compress.dequantize %codes, %scales code(#compress.ternary) : tensor<2x3x2xi2>, tensor<2x1x2xf32> -> tensor<2x3x2xf32>
  %basis = arith.constant dense<[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]> : tensor<2x3x3xf32>
  %w = compress.factorized %c, %basis : tensor<2x3x2xf32>, tensor<2x3x3xf32> -> tensor<2x3x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %h: index, %v: index):
    tensor.yield %zero : f32
  } : tensor<?x3x5x6xf32> to tensor<?x3x7x8xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%padded, %w : tensor<?x3x7x8xf32>, tensor<2x3x3x3xf32>) outs(%init : tensor<?x2x5x6xf32>) -> tensor<?x2x5x6xf32>
  return %y : tensor<?x2x5x6xf32>
}

// Ternary kernels: a tap is a basis kernel, 1 there and 0 elsewhere; one scale serves all.
// CHECK-LABEL: @ternary
// CHECK-DAG: %[[L:.*]] = arith.constant dense<[0, 1, 1]> : tensor<3xi8>
// CHECK-DAG: %[[C:.*]] = arith.constant dense<{{\[\[\[}}1, 1], [1, 0]]]> : tensor<1x2x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<5.000000e-01> : tensor<1x1xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<{{\[\[\[}}1.000000e+00, 0.000000e+00]], {{\[\[}}0.000000e+00, 1.000000e+00]]]> : tensor<2x1x2xf32>
// CHECK: compress.basis_conv padding = [0, 0] strides = [2, 1] dilations = [1, 2] {{.*}}ins(%{{.*}}, %[[L]], %[[C]], %[[S]], %[[B]] :
func.func @ternary(%x: tensor<?x2x3x6xf32>, %init: tensor<?x1x2x4xf32>) -> tensor<?x1x2x4xf32> {
  %codes = arith.constant dense<[[[[1, 0]], [[-1, 1]]]]> : tensor<1x2x1x2xi2>
  %scale = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %w = compress.dequantize %codes, %scale code(#compress.ternary) : tensor<1x2x1x2xi2>, tensor<1x1x1x1xf32> -> tensor<1x2x1x2xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<[2, 1]> : vector<2xi64>, dilations = dense<[1, 2]> : vector<2xi64>}
      ins(%x, %w : tensor<?x2x3x6xf32>, tensor<1x2x1x2xf32>) outs(%init : tensor<?x1x2x4xf32>) -> tensor<?x1x2x4xf32>
  return %y : tensor<?x1x2x4xf32>
}
