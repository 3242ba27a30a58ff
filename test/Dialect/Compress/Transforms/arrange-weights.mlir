// RUN: compress-opt %s --compress-arrange-weights | FileCheck %s
// RUN: compress-opt %s --compress-arrange-weights --compress-fold-weights | FileCheck %s --check-prefix=FOLDED
// RUN: compress-opt %s --compress-arrange-weights=vector-lanes=1 | FileCheck %s
// RUN: compress-opt %s --compress-arrange-weights=vector-lanes=2 | FileCheck %s --check-prefix=PANELS
// RUN: compress-opt %s --compress-arrange-weights=vector-lanes=2 --compress-fold-weights | FileCheck %s --check-prefix=PANELS-FOLDED

// PANELS-DAG: #[[PANELS:.*]] = affine_map<(d0, d1, d2) -> (d1 floordiv 6, d2, d1 mod 6)>
// CHECK-DAG: #[[COLS:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-LABEL: @rows_are_outputs
// CHECK-SAME: %[[X:.*]]: tensor<?x2xf32>, %{{.*}}: tensor<?x3xf32>
// CHECK: %[[T:.*]] = linalg.transpose
// CHECK: linalg.generic {{.*}}#[[COLS]]{{.*}} ins(%[[X]], %[[T]] : tensor<?x2xf32>, tensor<2x3xf32>)
// FOLDED-LABEL: @rows_are_outputs
// FOLDED{LITERAL}: dense<[[1.000000e+00, 3.000000e+00, 5.000000e+00], [2.000000e+00, 4.000000e+00, 6.000000e+00]]>
func.func @rows_are_outputs(%x: tensor<?x2xf32>, %y0: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<?x2xf32>, tensor<3x2xf32>) outs(%y0 : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: @columns_are_outputs
// CHECK-NOT: linalg.transpose
func.func @columns_are_outputs(%x: tensor<?x2xf32>, %y0: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x3xf32>) outs(%y0 : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// What is no constant is not moved at run time.
// CHECK-LABEL: @of_an_argument
// CHECK-NOT: linalg.transpose
func.func @of_an_argument(%x: tensor<?x2xf32>, %w: tensor<3x2xf32>, %y0: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<?x2xf32>, tensor<3x2xf32>) outs(%y0 : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// Panels of 3 vectors of 2 would end in 4 zeros after 8 outputs.
// CHECK-LABEL: @panels_would
// PANELS-LABEL: @panels_would_be_empty
// PANELS-NOT: compress.relayout
// PANELS: linalg.transpose
func.func @panels_would_be_empty(%x: tensor<?x2xf32>, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<?x2xf32>, tensor<8x2xf32>) outs(%y0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A panel holds 6 outputs of the first step of the sum, then 6 of the second one. The last one ends in a zero each.
// PANELS-LABEL: @panels_of_columns
// PANELS-SAME: %[[X:.*]]: tensor<?x2xf32>, %{{.*}}: tensor<?x11xf32>
// PANELS: %[[W:.*]] = arith.constant
// PANELS: %[[T:.*]] = compress.relayout to(<order = [1, 0], tiles = [6, 1]>) ins(%[[W]] : tensor<2x11xf32>)
// PANELS: linalg.generic {{.*}}#[[PANELS]]{{.*}} ins(%[[X]], %[[T]] : tensor<?x2xf32>, tensor<2x2x6xf32>)
// PANELS-FOLDED-LABEL: @panels_of_columns
// PANELS-FOLDED: dense<{{\[\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00, 6.000000e+00],
// PANELS-FOLDED-SAME: [2.100000e+01, 2.200000e+01, 2.300000e+01, 2.400000e+01, 2.500000e+01, 2.600000e+01]],
// PANELS-FOLDED-SAME: {{\[}}[7.000000e+00, 8.000000e+00, 9.000000e+00, 1.000000e+01, 1.100000e+01, 0.000000e+00],
// PANELS-FOLDED-SAME: [2.700000e+01, 2.800000e+01, 2.900000e+01, 3.000000e+01, 3.100000e+01, 0.000000e+00]]]>
func.func @panels_of_columns(%x: tensor<?x2xf32>, %y0: tensor<?x11xf32>) -> tensor<?x11xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0],
                             [21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0]]> : tensor<2x11xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x11xf32>) outs(%y0 : tensor<?x11xf32>) -> tensor<?x11xf32>
  return %y : tensor<?x11xf32>
}
