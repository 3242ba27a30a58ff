// RUN: compress-opt %s --compress-expand='mode=tile tile-size=24' --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: compress-opt %s --compress-expand=mode=constant | FileCheck %s --check-prefix=CONSTANT
// RUN: not compress-opt %s --compress-expand='mode=tile tile-size=0' 2>&1 | FileCheck %s --check-prefix=SIZE

// SIZE: error: compress-expand{tile-size=0}: expects 1 or more
// REMARK: [Missed] expand {{.*}}compress.circulant: expanded whole: its consumer is neither a contraction nor a convolution
// REMARK: [Missed] expand {{.*}}compress.factorized: expanded whole: the weight cannot be sliced along the outputs
// CONSTANT-NOT: scf.for

// 70 outputs, in tiles of 32, which is 24 rounded up to whole blocks: 2 in a loop, 6 behind it.
// CHECK-LABEL: @matmul
// CHECK-SAME: %[[X:.*]]: tensor<5x32xf32>, %[[C:.*]]: tensor<5x2x16xf32>, %[[Y0:.*]]: tensor<5x70xf32>
// CHECK-NOT: compress.
// CHECK: %[[LOOP:.*]] = scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[CARRIED:.*]] = %[[Y0]])
// CHECK: %[[BLOCK:.*]] = affine.apply #{{.*}}()[%[[I]]]
// CHECK: tensor.extract_slice %[[C]][%[[BLOCK]], 0, 0] [2, 2, 16]
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[CARRIED]][0, %[[I]]] [5, 32]
// CHECK: %[[SUM:.*]] = linalg.matmul {{.*}} ins(%[[X]], %{{.*}} : tensor<5x32xf32>, tensor<32x32xf32>) outs(%[[PART]] : tensor<5x32xf32>)
// CHECK: tensor.insert_slice %[[SUM]] into %[[CARRIED]]
// CHECK: tensor.extract_slice %[[C]][4, 0, 0] [1, 2, 16]
// CHECK: %[[LAST:.*]] = linalg.matmul {{.*}} ins(%[[X]], %{{.*}} : tensor<5x32xf32>, tensor<6x32xf32>)
// CHECK: tensor.insert_slice %[[LAST]] into %[[LOOP]][0, 64] [5, 6]
func.func @matmul(%x: tensor<5x32xf32>, %c: tensor<5x2x16xf32>, %y0: tensor<5x70xf32>) -> tensor<5x70xf32> {
  %w = compress.circulant %c : tensor<5x2x16xf32> -> tensor<70x32xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<5x32xf32>, tensor<70x32xf32>) outs(%y0 : tensor<5x70xf32>) -> tensor<5x70xf32>
  return %y : tensor<5x70xf32>
}

// The moves between weight and consumer are those of the slice; a basis for all rows is decoded before the loop.
// CHECK-LABEL: @behind_a_transpose
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4x7xi8>, tensor<4x7xf32>)
// CHECK: scf.for
// CHECK: tensor.extract_slice %{{.*}} [24, 4]
// CHECK: linalg.transpose ins(%{{.*}} : tensor<24x7xf32>) outs(%{{.*}} : tensor<7x24xf32>)
// CHECK: linalg.matmul ins(%{{.*}} : tensor<?x7xf32>, tensor<7x24xf32>) outs(%{{.*}} : tensor<?x24xf32>)
// CHECK-NOT: scf.for
// CHECK-NOT: compress.
func.func @behind_a_transpose(%x: tensor<?x7xf32>, %u: tensor<48x4xf32>, %codes: tensor<4x7xi8>, %s: tensor<1x1xf32>,
                              %y0: tensor<?x48xf32>) -> tensor<?x48xf32> {
  %v = compress.dequantize %codes, %s code(#compress.uniform<bits = 8>) : tensor<4x7xi8>, tensor<1x1xf32> -> tensor<4x7xf32>
  %w = compress.factorized %u, %v : tensor<48x4xf32>, tensor<4x7xf32> -> tensor<48x7xf32>
  %e = tensor.empty() : tensor<7x48xf32>
  %t = linalg.transpose ins(%w : tensor<48x7xf32>) outs(%e : tensor<7x48xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %t : tensor<?x7xf32>, tensor<7x48xf32>) outs(%y0 : tensor<?x48xf32>) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}

// An addition is no layer: the weight is expanded for it, and not for the matmul, which has its own slices.
// CHECK-LABEL: @other_user
// CHECK: linalg.add
// CHECK: scf.for
func.func @other_user(%x: tensor<5x64xf32>, %c: tensor<4x4x16xf32>, %y0: tensor<5x64xf32>) -> (tensor<64x64xf32>, tensor<5x64xf32>) {
  %w = compress.circulant %c order = [1, 0] : tensor<4x4x16xf32> -> tensor<64x64xf32>
  %e = tensor.empty() : tensor<64x64xf32>
  %sum = linalg.add ins(%w, %e : tensor<64x64xf32>, tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
  %y = linalg.matmul ins(%x, %w : tensor<5x64xf32>, tensor<64x64xf32>) outs(%y0 : tensor<5x64xf32>) -> tensor<5x64xf32>
  return %sum, %y : tensor<64x64xf32>, tensor<5x64xf32>
}

// Outputs that are made of several dimensions of the factors.
// CHECK-LABEL: @not_sliceable
// CHECK-NOT: scf.for
// CHECK: linalg.matmul
func.func @not_sliceable(%x: tensor<5x12xf32>, %c: tensor<12x4x3xf32>, %b: tensor<3x4xf32>, %y0: tensor<5x16xf32>) -> tensor<5x16xf32> {
  %w = compress.factorized %c, %b collapse = [[0], [1, 2]] expand = [[0], [1]] : tensor<12x4x3xf32>, tensor<3x4xf32> -> tensor<12x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<5x12xf32>, tensor<12x16xf32>) outs(%y0 : tensor<5x16xf32>) -> tensor<5x16xf32>
  return %y : tensor<5x16xf32>
}
