// Nothing of the dialect, and no map that tiling would get wrong.
// RUN: compress-opt %s --convert-compress-to-linalg | FileCheck %s --implicit-check-not='compress.' --implicit-check-not=' mod ' --implicit-check-not=floordiv
// RUN: compress-opt %s --convert-compress-to-linalg --compress-fold-weights | FileCheck %s --check-prefix=FOLDED
// RUN: not compress-opt %S/../CompressToAffine/rfft.mlir --convert-compress-to-linalg 2>&1 | FileCheck %s --check-prefix=BUFFERS

// BUFFERS: error: 'compress.rfft' op is on buffers: run convert-compress-to-linalg before bufferization

// The transform of (1, 2, 3, 6) is 12, then (1 + 3) - (2 + 6) = -4, then 1 - 3 = -2 and 6 - 2 = 4: slots Re 0, Re 2, Re 1, Im 1.
// FOLDED-LABEL: @known_transform
// FOLDED{LITERAL}: dense<[[1.200000e+01], [-4.000000e+00], [-2.000000e+00], [4.000000e+00]]> : tensor<4x1xf32>
func.func @known_transform() -> tensor<4x1xf32> {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 6.0]> : tensor<4xf32>
  %e = tensor.empty() : tensor<4x1xf32>
  %s = compress.rfft dim = 0 ins(%x : tensor<4xf32>) outs(%e : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %s : tensor<4x1xf32>
}

// Ten numbers are three blocks of 4; the last two of the last one are zero.
// CHECK-LABEL: func.func @rfft(
// CHECK-SAME: %[[X:.*]]: tensor<?x10xf32>, %[[INIT:.*]]: tensor<4x?x3xf32>
// CHECK: %[[PADDED:.*]] = tensor.insert_slice %[[X]] into %{{.*}} : tensor<?x10xf32> into tensor<?x12xf32>
// CHECK: %[[BLOCKS:.*]] = tensor.expand_shape %[[PADDED]] {{.*}} : tensor<?x12xf32> into tensor<?x3x4xf32>
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} outs(%[[INIT]]
// CHECK: %[[BASIS:.*]] = arith.constant dense<{{.*}}> : tensor<4x4xf32>
// CHECK: linalg.generic {{.*}} ins(%[[BASIS]], %[[BLOCKS]] : tensor<4x4xf32>, tensor<?x3x4xf32>) outs(%[[ZERO]]
func.func @rfft(%x: tensor<?x10xf32>, %i: tensor<4x?x3xf32>) -> tensor<4x?x3xf32> {
  %s = compress.rfft dim = 1 ins(%x : tensor<?x10xf32>) outs(%i : tensor<4x?x3xf32>) -> tensor<4x?x3xf32>
  return %s : tensor<4x?x3xf32>
}

// CHECK-LABEL: func.func @rfft_transpose_accumulates(
// CHECK-SAME: %{{.*}}: tensor<4x?x3xf32>, %[[INIT:.*]]: tensor<?x10xf32>
// CHECK: linalg.generic
// CHECK: tensor.collapse_shape
// CHECK: %[[CROPPED:.*]] = tensor.extract_slice
// CHECK: linalg.add ins(%[[INIT]], %[[CROPPED]]
func.func @rfft_transpose_accumulates(%s: tensor<4x?x3xf32>, %y0: tensor<?x10xf32>) -> tensor<?x10xf32> {
  %y = compress.rfft_transpose accumulate dim = 1 ins(%s : tensor<4x?x3xf32>) outs(%y0 : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}

// Slots 0 and 2 are real; the pair is one op of four inputs.
// CHECK-LABEL: func.func @spectral_conv(
// CHECK: linalg.generic {{.*}}"reduction", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<2x2x3x2xf32>, tensor<2x?x3x9xf32>) outs(%{{.*}} : tensor<2x?x2x4xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>, tensor<1x?x3x9xf32>, tensor<1x?x3x9xf32>)
// CHECK: tensor.insert_slice {{.*}} [2, 1, 1, 1]
func.func @spectral_conv(%x: tensor<4x?x3x9xf32>, %w: tensor<4x2x3x2xf32>, %y0: tensor<4x?x2x4xf32>) -> tensor<4x?x2x4xf32> {
  %y = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [2] dilations = [1]
      ins(%x, %w : tensor<4x?x3x9xf32>, tensor<4x2x3x2xf32>) outs(%y0 : tensor<4x?x2x4xf32>) -> tensor<4x?x2x4xf32>
  return %y : tensor<4x?x2x4xf32>
}

// One slot is all real.
// CHECK-LABEL: func.func @spectral_matmul_of_one_slot(
// CHECK-COUNT-1: linalg.generic
// CHECK: return
func.func @spectral_matmul_of_one_slot(%x: tensor<1x5x3xf64>, %w: tensor<1x3x2xf64>, %y0: tensor<1x5x2xf64>) -> tensor<1x5x2xf64> {
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<1x5x3xf64>, tensor<1x3x2xf64>)
      outs(%y0 : tensor<1x5x2xf64>) -> tensor<1x5x2xf64>
  return %y : tensor<1x5x2xf64>
}

// Panels are put together first.
// CHECK-LABEL: func.func @spectral_matmul_in_panels(
// CHECK-SAME: %{{.*}}: tensor<1x5x3xf64>, %[[W:.*]]: tensor<1x4x3x2xf64>
// CHECK: %[[SWAPPED:.*]] = linalg.transpose ins(%[[W]] : tensor<1x4x3x2xf64>) outs(%{{.*}} : tensor<1x3x4x2xf64>) permutation = [0, 2, 1, 3]
// CHECK: tensor.collapse_shape %[[SWAPPED]] {{\[}}[0], [1], [2, 3]] : tensor<1x3x4x2xf64> into tensor<1x3x8xf64>
// CHECK: return
func.func @spectral_matmul_in_panels(%x: tensor<1x5x3xf64>, %w: tensor<1x4x3x2xf64>, %y0: tensor<1x5x8xf64>) -> tensor<1x5x8xf64> {
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<1x5x3xf64>, tensor<1x4x3x2xf64>)
      outs(%y0 : tensor<1x5x8xf64>) -> tensor<1x5x8xf64>
  return %y : tensor<1x5x8xf64>
}

// Of representations, the meaning; of a spectrum, with the transform that it includes.
// CHECK-LABEL: func.func @circulant_of_a_spectrum_of_codes(
// CHECK: return
func.func @circulant_of_a_spectrum_of_codes(%q: tensor<2x3x4xi4>, %s: tensor<1x1x4xf32>) -> tensor<7x11xf32> {
  %p = compress.dequantize %q, %s code(#compress.uniform<bits = 4>) : tensor<2x3x4xi4>, tensor<1x1x4xf32> -> tensor<2x3x4xf32>
  %w = compress.circulant %p domain = spectrum : tensor<2x3x4xf32> -> tensor<7x11xf32>
  return %w : tensor<7x11xf32>
}

// Codes are decoded, each with the scale of its group of 3, of which the last has one code; then multiplied.
// CHECK-LABEL: func.func @coded_contract(
// CHECK: linalg.broadcast {{.*}} outs(%{{.*}} : tensor<4x3x3xf32>)
// CHECK: tensor.extract_slice {{.*}} : tensor<4x9xf32> to tensor<4x7xf32>
// CHECK: %[[W:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x7xi4>, tensor<4x7xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[W]] : tensor<?x7xf32>, tensor<4x7xf32>) outs(%{{.*}} : tensor<?x4xf32>)
func.func @coded_contract(%x: tensor<?x7xf32>, %codes: tensor<4x7xi4>, %scales: tensor<4x3xf32>, %y0: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    code(#compress.uniform<bits = 4>) group = [1, 3]
    ins(%x, %codes, %scales : tensor<?x7xf32>, tensor<4x7xi4>, tensor<4x3xf32>) outs(%y0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
