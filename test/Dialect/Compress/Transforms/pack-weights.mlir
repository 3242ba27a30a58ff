// RUN: compress-opt %s --compress-pack-weights --split-input-file --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// Transposed, so that outputs are innermost, and two codes to a byte, the first in its low half: -4 and 2 are 0x2c = 44.
// CHECK-LABEL: func.func @matmul
// CHECK: %[[CODES:.*]] = arith.constant dense<{{\[}}[96, 44, 15], [113, 61, 14]]> : tensor<2x3xi8>
// CHECK: %[[SCALES:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00]]> : tensor<1x5xf32>
// CHECK: compress.coded_contract maps = [#{{.*}}, #{{.*}}, #{{.*}}] code(#compress.uniform<bits = 4>) group = [2, 1] layout(<code_bits = 4>)
// CHECK-SAME: ins(%{{.*}}, %[[CODES]], %[[SCALES]] :
// REMARK: codes: 10 bytes before, 6 bytes after
func.func @matmul(%x: tensor<?x2xf32>, %y0: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %codes = arith.constant dense<[[0, 1], [6, 7], [-4, -3], [2, 3], [-1, -2]]> : tensor<5x2xi4>
  %s = arith.constant dense<[[1.0], [2.0], [3.0], [4.0], [5.0]]> : tensor<5x1xf32>
  %y = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                       affine_map<(m, n, k) -> (m, n)>]
      code(#compress.uniform<bits = 4>) group = [1, 2]
      ins(%x, %codes, %s : tensor<?x2xf32>, tensor<5x2xi4>, tensor<5x1xf32>) outs(%y0 : tensor<?x5xf32>) -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// -----

// Three bits take a field of four; a slice is taken of the packed constant.
// CHECK-LABEL: func.func @sliced
// CHECK: %[[CODES:.*]] = arith.constant dense<{{\[}}[33, 3], [84, 6]]> : tensor<2x2xi8>
// CHECK: %[[SLICE:.*]] = tensor.extract_slice %[[CODES]][%{{.*}}, 0] [1, 2] [1, 1]
// CHECK: compress.decode {{.*}} layout(<code_bits = 3>) ins(%[[SLICE]], %{{.*}} : tensor<1x2xi8>, tensor<1x1xf32>)
func.func @sliced(%at: index, %s: tensor<1x1xf32>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %codes = arith.constant dense<[[1, 2, 3], [-4, -3, -2]]> : tensor<2x3xi3>
  %slice = tensor.extract_slice %codes[%at, 0] [1, 3] [1, 1] : tensor<2x3xi3> to tensor<1x3xi3>
  %w = compress.decode code(#compress.uniform<bits = 3>) group = [1, 3] ins(%slice, %s : tensor<1x3xi3>, tensor<1x1xf32>)
      outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %w : tensor<1x3xf32>
}

// -----

// Codes that only the caller knows stay as they are.
// CHECK-LABEL: func.func @argument
// CHECK: compress.decode {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3xi4>, tensor<2x1xf32>)
// REMARK: codes stay as they are
func.func @argument(%codes: tensor<2x3xi4>, %s: tensor<2x1xf32>, %init: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = compress.decode code(#compress.uniform<bits = 4>) group = [1, 3] ins(%codes, %s : tensor<2x3xi4>, tensor<2x1xf32>)
      outs(%init : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %w : tensor<2x3xf32>
}
