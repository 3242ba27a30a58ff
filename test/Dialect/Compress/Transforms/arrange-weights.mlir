// RUN: compress-opt %s --compress-arrange-weights | FileCheck %s
// RUN: compress-opt %s --compress-arrange-weights --compress-fold-weights | FileCheck %s --check-prefix=FOLDED

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
