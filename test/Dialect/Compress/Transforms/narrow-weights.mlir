// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=bf16 | FileCheck %s --check-prefix=BF16
// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=i8 | FileCheck %s --check-prefix=I8
// RUN: compress-opt %s --split-input-file --compress-narrow-weights='precision=bf16 vector-lanes=4' | FileCheck %s --check-prefix=PANELS
// RUN: compress-opt %s --split-input-file --compress-narrow-weights | FileCheck %s --check-prefix=F32
// RUN: not compress-opt %s --split-input-file --compress-narrow-weights=precision=f16 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: compress-narrow-weights{precision=f16}: expects f32, bf16, i8 or auto

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

// A dense product is one of blocks of one number. Of five in channels a word of bytes has the first of two and those 2, 4 and 6 after
// it. Both scales are 1. Outputs 0: 127, 2, 4, 0 = 0x0004027F = 262783 and 1, 3, 0, 0 = 0x0301 = 769; sum 137. Outputs 1: -127 is
// 0x81; 0x818181 = 8487297 and 0x8181 = 33153; sum -635.
// I8-LABEL: @dense
// I8-SAME: %[[X:.*]]: tensor<?x5xf32>, %[[INIT:.*]]: tensor<?x2xf32>
// I8-DAG{LITERAL}: dense<[[[262783, 8487297], [769, 33153]]]> : tensor<1x2x2xi32>
// I8-DAG{LITERAL}: dense<[[-17536, 81280]]> : tensor<1x2xi32>
// I8-DAG: %[[XS:.*]] = tensor.expand_shape %[[X]] {{.*}} : tensor<?x5xf32> into tensor<1x?x5xf32>
// I8-DAG: %[[IS:.*]] = tensor.expand_shape %[[INIT]] {{.*}} : tensor<?x2xf32> into tensor<1x?x2xf32>
// I8: %[[Y:.*]] = compress.spectral_dot i8 in_dim = 1 out_dim = 1 strides = [] dilations = [] ins(%[[XS]], {{.*}}) scaling({{.*}}) outs(%[[IS]]
// I8: tensor.collapse_shape %[[Y]] {{.*}} : tensor<1x?x2xf32> into tensor<?x2xf32>
// BF16-LABEL: @dense
// BF16: compress.spectral_dot bf16 {{.*}} tensor<1x3x2xi32>
func.func @dense(%x: tensor<?x5xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[127.0, -127.0], [1.0, -127.0], [2.0, -127.0], [3.0, -127.0], [4.0, -127.0]]> : tensor<5x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x5xf32>, tensor<5x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// With lanes, words of eight outputs are stored in two panels of four. As bf16, 1.0 is 0x3F80 = 16256, and each next power of two is
// 0x80 = 128 more; all other numbers are zero.
// PANELS-LABEL: @panels
// PANELS{LITERAL}: dense<[[[[16256, 16384, 16512, 16640], [0, 0, 0, 0]], [[16768, 16896, 17024, 17152], [0, 0, 0, 0]]]]> : tensor<1x2x2x4xi32>
// PANELS: compress.spectral_dot bf16
// BF16-LABEL: @panels
// BF16: compress.spectral_dot bf16 {{.*}} tensor<1x2x8xi32>
func.func @panels(%x: tensor<?x4xf32>, %init: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<4x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x8xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Where lanes are pixels, a panel has the outputs of a tile: eight.
// PANELS-LABEL: @panels_of_pixels
// PANELS: compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [2, 1] dilations = [1, 3] {{.*}} tensor<1x3x2x3x2x8xi32>
// BF16-LABEL: @panels_of_pixels
// BF16: compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [2, 1] dilations = [1, 3] {{.*}} tensor<1x2x3x2x24xi32>
func.func @panels_of_pixels(%x: tensor<?x4x9x9xf32>, %init: tensor<?x24x4x3xf32>) -> tensor<?x24x4x3xf32> {
  %w = arith.constant dense<1.0> : tensor<24x4x2x3xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<[1, 3]> : tensor<2xi64>}
      ins(%x, %w : tensor<?x4x9x9xf32>, tensor<24x4x2x3xf32>) outs(%init : tensor<?x24x4x3xf32>) -> tensor<?x24x4x3xf32>
  return %y : tensor<?x24x4x3xf32>
}

// -----

// What is beside a layer that is narrowed stays: of one in channel, three quarters of each word would be zero.
// I8-LABEL: @dense_beside
// I8: linalg.matmul
// I8: compress.spectral_dot i8
func.func @dense_beside(%x: tensor<2x1xf32>, %xs: tensor<2x?x1xf32>, %i: tensor<2x4xf32>, %init: tensor<2x?x1xf32>) -> (tensor<2x4xf32>, tensor<2x?x1xf32>) {
  %d = arith.constant dense<1.0> : tensor<1x4xf32>
  %w = arith.constant dense<[[[127.0]], [[-2.0]]]> : tensor<2x1x1xf32>
  %m = linalg.matmul ins(%x, %d : tensor<2x1xf32>, tensor<1x4xf32>) outs(%i : tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%xs, %w : tensor<2x?x1xf32>, tensor<2x1x1xf32>) outs(%init : tensor<2x?x1xf32>) -> tensor<2x?x1xf32>
  return %m, %y : tensor<2x4xf32>, tensor<2x?x1xf32>
}
