// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=bf16 | FileCheck %s --check-prefix=BF16
// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=i8 | FileCheck %s --check-prefix=I8
// RUN: compress-opt %s --split-input-file --compress-narrow-weights | FileCheck %s --check-prefix=F32
// RUN: not compress-opt %s --split-input-file --compress-narrow-weights=precision=f16 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: compress-narrow-weights{precision=f16}: expects f32, bf16 or i8

// Slots 0 and 1 are both real, and share a word: 127 is 0x42FE, -2 is 0xC000 as bf16; 0xC00042FE is -1073724674. As bytes with
// scale 1 they are 0x7F and 0xFE; 0xFE7F is 65151, and -128 * (127 - 2) is -16000.
// F32: compress.spectral_matmul
// BF16-LABEL: @two_slots
// BF16-SAME: %[[X:.*]]: tensor<2x?x1xf32>, %[[INIT:.*]]: tensor<2x?x1xf32>
// BF16: %[[W:.*]] = arith.constant dense<-1073724674> : tensor<1x1x1xi32>
// BF16: compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = [] ins(%[[X]], %[[W]] : {{.*}}) outs(%[[INIT]]
// I8-LABEL: @two_slots
// I8: %[[W:.*]] = arith.constant dense<65151> : tensor<1x1x1xi32>
// I8: %[[SCALES:.*]] = arith.constant dense<1.000000e+00> : tensor<1x1xf32>
// I8: %[[OFFSETS:.*]] = arith.constant dense<-16000> : tensor<1x1xi32>
// I8: compress.spectral_dot i8 {{.*}} scaling(%[[SCALES]], %[[OFFSETS]] : tensor<1x1xf32>, tensor<1x1xi32>)
func.func @two_slots(%x: tensor<2x?x1xf32>, %init: tensor<2x?x1xf32>) -> tensor<2x?x1xf32> {
  %w = arith.constant dense<[[[127.0]], [[-2.0]]]> : tensor<2x1x1xf32>
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<2x?x1xf32>, tensor<2x1x1xf32>) outs(%init : tensor<2x?x1xf32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}

// -----

// Of three slots the first is alone: word 0 has a zero beside it. Each word of bytes has blocks g and g + 2 of three, so that the
// second has one that does not exist. All scales are 1: the largest number of each frequency is 127. Sums: 127 + 1 + 3 = 131 and
// 127 + 4 + 2 + 5 + 3 + 6 = 147, so that offsets are -16768 and -18816.
// Bytes of frequency 0: 127, 0, 3, 0 = 0x0003007F = 196735 and 1, 0, 0, 0 = 1; of frequency 1: 127, 4, 3, 6 = 0x0603047F =
// 100861055 and 2, 5, 0, 0 = 0x0502 = 1282.
// I8-LABEL: @three_slots
// I8{LITERAL}: dense<[[[196735], [1]], [[100861055], [1282]]]> : tensor<2x2x1xi32>
// I8{LITERAL}: dense<1.000000e+00> : tensor<2x1xf32>
// I8{LITERAL}: dense<[[-16768], [-18816]]> : tensor<2x1xi32>
func.func @three_slots(%x: tensor<3x?x3xf32>, %init: tensor<3x?x1xf32>) -> tensor<3x?x1xf32> {
  %w = arith.constant dense<[[[127.0], [1.0], [3.0]], [[127.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]> : tensor<3x3x1xf32>
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<3x?x3xf32>, tensor<3x3x1xf32>) outs(%init : tensor<3x?x1xf32>) -> tensor<3x?x1xf32>
  return %y : tensor<3x?x1xf32>
}

// -----

// What is beside a layer that is narrowed stays.
// BF16-LABEL: @dense_beside
// BF16: linalg.matmul
// BF16: compress.spectral_dot bf16
func.func @dense_beside(%x: tensor<2x4xf32>, %xs: tensor<2x?x1xf32>, %i: tensor<2x4xf32>, %init: tensor<2x?x1xf32>) -> (tensor<2x4xf32>, tensor<2x?x1xf32>) {
  %d = arith.constant dense<1.0> : tensor<4x4xf32>
  %w = arith.constant dense<[[[127.0]], [[-2.0]]]> : tensor<2x1x1xf32>
  %m = linalg.matmul ins(%x, %d : tensor<2x4xf32>, tensor<4x4xf32>) outs(%i : tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%xs, %w : tensor<2x?x1xf32>, tensor<2x1x1xf32>) outs(%init : tensor<2x?x1xf32>) -> tensor<2x?x1xf32>
  return %m, %y : tensor<2x4xf32>, tensor<2x?x1xf32>
}
