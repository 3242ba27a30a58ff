// Codes first, then the basis of their outputs and slices: where activations may be rounded.
// RUN: compress-opt %s --compress-select='precision=i8 force=basis_dot' | FileCheck %s
// RUN: compress-opt %s --compress-select='precision=i8 force=basis_dot' --compress-narrow-weights=precision=i8 --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not compress-opt %s --compress-select='force=basis_dot' 2>&1 | FileCheck %s --check-prefix=EXACT
// RUN: not compress-opt %s --compress-select='force=basis_dot precision=auto max-error=0.004' 2>&1 | FileCheck %s --check-prefix=EXACT
// EXACT: error: compress-select{force=basis_dot}: this layer has no form 'basis_dot'

// Two outputs, one slice of three rows of two numbers, of which the last two are kept: of the codes (3, -1) and (2, 0), plus 8 each, and the first
// row's 8s. From the lowest: bytes 0x0B (output 0) and 0x0A (output 1) are kept row 1's, then 0x07 and 0x08 of row 2; two rows that are not there are 0, or
// 8, as the four of the other word of activations in the high bits. Row bits: 110. Scale 0.5 times basis (1, 2).
// REMARK: [Passed] narrow-weights {{.*}}activations rounded to i8 by slices of 6
// CHECK-LABEL: @main
// CHECK-SAME: %[[X:.*]]: tensor<?x6xf32>, %[[INIT:.*]]: tensor<?x2xf32>
// CHECK-DAG: %[[M:.*]] = arith.constant dense<{{\[\[\[}}6, 0]]]> : tensor<1x1x2xi32>
// 0x8888878B and 0x8888888A: -2004318325 and -2004318070.
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[\[\[\[}}-2004318325, -2004318070, -2004318072,
// CHECK-DAG: %[[B:.*]] = arith.constant dense<{{\[\[\[\[\[}}5.000000e-01, 1.500000e+00, 0.000000e+00{{.*}}], [1.000000e+00, 2.000000e+00, 0.000000e+00
// -128 times 3 - 1 and 2 + 0.
// CHECK-DAG: %[[T:.*]] = arith.constant dense<{{\[\[\[\[}}-256, -256, 0,
// CHECK: compress.basis_dot bits = 4 numbers = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7] rows = 3 ins(%[[X]], %[[W]], %[[M]], %[[T]], %[[B]] : {{.*}}) outs(%[[INIT]]
func.func @main(%x: tensor<?x6xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %codes = arith.constant dense<[[[[0], [3], [-1]]], [[[0], [2], [0]]]]> : tensor<2x1x3x1xi4>
  %scale = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %c = compress.dequantize %codes, %scale code(#compress.uniform<bits = 4>) : tensor<2x1x3x1xi4>, tensor<1x1x1x1xf32> -> tensor<2x1x3x1xf32>
  %basis = arith.constant dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]> : tensor<2x1x1x2xf32>
  %w = compress.factorized %c, %basis batch = 2 collapse = [[0], [1, 2, 3]] expand = [[0], [1]]
      : tensor<2x1x3x1xf32>, tensor<2x1x1x2xf32> -> tensor<2x6xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<?x6xf32>, tensor<2x6xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
