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

// 24 out blocks are 3 panels of 8: four vectors of 2. What panels would not divide, or is one, stays; so does what is not constant.
// CHECK-LABEL: @spectra
// CHECK-NOT: compress.relayout
// PANELS-LABEL: @spectra(
// PANELS: %[[W:.*]] = arith.constant dense<5.000000e-01> : tensor<2x3x24xf32>
// PANELS: %[[PANELS:.*]] = compress.relayout to(<order = [0, 2, 1], tiles = [1, 8, 1]>) ins(%[[W]] : tensor<2x3x24xf32>) outs(%{{.*}} : tensor<2x3x3x8xf32>)
// PANELS: compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%{{.*}}, %[[PANELS]] : tensor<2x1x3xf32>, tensor<2x3x3x8xf32>)
// PANELS-LABEL: @spectra_that_panels_do_not_divide
// PANELS-NOT: compress.relayout
// PANELS-LABEL: @spectra_of_an_argument
// PANELS-NOT: compress.relayout
// PANELS-LABEL: @spectra_of_positions
// PANELS-NOT: compress.relayout
// PANELS-FOLDED-LABEL: @spectra(
// PANELS-FOLDED: arith.constant dense<5.000000e-01> : tensor<2x3x3x8xf32>
func.func @spectra(%x: tensor<2x1x3xf32>, %y: tensor<2x1x24xf32>) -> tensor<2x1x24xf32> {
  %w = arith.constant dense<0.5> : tensor<2x3x24xf32>
  %r = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<2x1x3xf32>, tensor<2x3x24xf32>)
      outs(%y : tensor<2x1x24xf32>) -> tensor<2x1x24xf32>
  return %r : tensor<2x1x24xf32>
}
func.func @spectra_that_panels_do_not_divide(%x: tensor<2x1x3xf32>, %y: tensor<2x1x20xf32>) -> tensor<2x1x20xf32> {
  %w = arith.constant dense<0.5> : tensor<2x3x20xf32>
  %r = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<2x1x3xf32>, tensor<2x3x20xf32>)
      outs(%y : tensor<2x1x20xf32>) -> tensor<2x1x20xf32>
  return %r : tensor<2x1x20xf32>
}
func.func @spectra_of_an_argument(%x: tensor<2x1x3xf32>, %w: tensor<2x3x24xf32>, %y: tensor<2x1x24xf32>) -> tensor<2x1x24xf32> {
  %r = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<2x1x3xf32>, tensor<2x3x24xf32>)
      outs(%y : tensor<2x1x24xf32>) -> tensor<2x1x24xf32>
  return %r : tensor<2x1x24xf32>
}
func.func @spectra_of_positions(%x: tensor<2x3x9xf32>, %y: tensor<2x24x9xf32>) -> tensor<2x24x9xf32> {
  %w = arith.constant dense<0.5> : tensor<2x3x24xf32>
  %r = compress.spectral_matmul in_dim = 0 out_dim = 0 ins(%x, %w : tensor<2x3x9xf32>, tensor<2x3x24xf32>)
      outs(%y : tensor<2x24x9xf32>) -> tensor<2x24x9xf32>
  return %r : tensor<2x24x9xf32>
}
