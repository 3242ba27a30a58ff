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

// -----

// Tiles of a loop that begin with a whole byte: two codes to a byte, so that the place is halved.
// CHECK: #[[HALF:.*]] = affine_map<(d0) -> (d0 floordiv 2)>
// CHECK-LABEL: func.func @tiles
// CHECK: %[[CODES:.*]] = arith.constant dense<{{\[}}[16, 50, 84, 6]]> : tensor<1x4xi8>
// CHECK: scf.for %[[I:.*]] = %{{.*}} to
// CHECK: %[[AT:.*]] = affine.apply #[[HALF]](%[[I]])
// CHECK: tensor.extract_slice %[[CODES]][0, %[[AT]]] [1, 1] [1, 1] : tensor<1x4xi8> to tensor<1x1xi8>
// CHECK: compress.decode {{.*}} layout(<code_bits = 4>)
// REMARK: codes: 7 bytes before, 4 bytes after
func.func @tiles(%y0: tensor<1x7xf32>) -> tensor<1x7xf32> {
  %codes = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6]]> : tensor<1x7xi4>
  %s = arith.constant dense<1.0> : tensor<1x1xf32>
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c6 = arith.constant 6 : index
  %y = scf.for %i = %c0 to %c6 step %c2 iter_args(%a = %y0) -> tensor<1x7xf32> {
    %part = tensor.extract_slice %codes[0, %i] [1, 2] [1, 1] : tensor<1x7xi4> to tensor<1x2xi4>
    %e = tensor.empty() : tensor<1x2xf32>
    %d = compress.decode code(#compress.uniform<bits = 4>) group = [1, 2] ins(%part, %s : tensor<1x2xi4>, tensor<1x1xf32>) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
    %n = tensor.insert_slice %d into %a[0, %i] [1, 2] [1, 1] : tensor<1x2xf32> into tensor<1x7xf32>
    scf.yield %n : tensor<1x7xf32>
  }
  return %y : tensor<1x7xf32>
}

// -----

// A tile that begins within a byte is not of whole bytes.
// CHECK-LABEL: func.func @within
// CHECK: tensor<1x7xi4>
// REMARK: codes stay as they are: they are no constant, or sliced within a byte of the dimension that is packed
func.func @within() -> tensor<1x2xf32> {
  %codes = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6]]> : tensor<1x7xi4>
  %s = arith.constant dense<1.0> : tensor<1x1xf32>
  %part = tensor.extract_slice %codes[0, 3] [1, 2] [1, 1] : tensor<1x7xi4> to tensor<1x2xi4>
  %e = tensor.empty() : tensor<1x2xf32>
  %d = compress.decode code(#compress.uniform<bits = 4>) group = [1, 2] ins(%part, %s : tensor<1x2xi4>, tensor<1x1xf32>) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %d : tensor<1x2xf32>
}
