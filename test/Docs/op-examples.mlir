// The examples of the ops' descriptions, run as they stand there (tools/dev/check-house.py checks that all are here).
// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --compress-expand --compress-to-affine | FileCheck %s --check-prefix=AFFINE

// CHECK-COUNT-2: compress.circulant
// CHECK-COUNT-2: compress.dequantize
// CHECK-COUNT-2: compress.fake_quantize
// CHECK-COUNT-3: compress.factorized
// CHECK: compress.unpack
// CHECK: compress.rfft
// CHECK: compress.rfft_transpose
// CHECK: compress.spectral_matmul
// CHECK: compress.spectral_conv
// CHECK: compress.spectral_dot
// CHECK: compress.decode
// CHECK: compress.coded_contract
// CHECK: compress.coded_dot
// CHECK: compress.unpack_rows
// CHECK: compress.basis_dot
// CHECK: compress.basis_conv
// CHECK: compress.relayout
// AFFINE-COUNT-18: func.func
// AFFINE-NOT: compress.spectral
func.func @circulant(%c: tensor<2x3x4xf32>) -> tensor<8x10xf32> {
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x10xf32>
  return %w : tensor<8x10xf32>
}

func.func @circulant_kernel(%s: tensor<2x1x8x3x3xf32>) -> tensor<3x3x8x16xf32> {
  %kernel = compress.circulant %s domain = spectrum order = [3, 2, 0, 1]
      : tensor<2x1x8x3x3xf32> -> tensor<3x3x8x16xf32>
  return %kernel : tensor<3x3x8x16xf32>
}

func.func @dequantize(%codes: tensor<64x128xi4>, %scales: tensor<64x4xf32>, %codes8: tensor<16x33xi8>,
                      %scales1: tensor<16x2xf32>, %zeros: tensor<16x2xi8>) -> (tensor<64x128xf32>, tensor<16x33xf32>) {
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 4>)
      : tensor<64x128xi4>, tensor<64x4xf32> -> tensor<64x128xf32>
  %v = compress.dequantize %codes8, %scales1, %zeros code(#compress.uniform<bits = 8, unsigned_codes = true>) group = [1, 32]
      : tensor<16x33xi8>, tensor<16x2xf32>, tensor<16x2xi8> -> tensor<16x33xf32>
  return %w, %v : tensor<64x128xf32>, tensor<16x33xf32>
}

func.func @fake_quantize(%x: tensor<64x128xf32>, %scales: tensor<64x4xf32>, %x1: tensor<16x33xf32>, %scales1: tensor<16x2xf32>,
                         %zeros: tensor<16x2xi8>) -> (tensor<64x128xf32>, tensor<16x33xf32>) {
  %w = compress.fake_quantize %x, %scales code(#compress.uniform<bits = 4>)
      : tensor<64x128xf32>, tensor<64x4xf32> -> tensor<64x128xf32>
  %v = compress.fake_quantize %x1, %scales1, %zeros code(#compress.uniform<bits = 8, unsigned_codes = true>) group = [1, 32]
      : tensor<16x33xf32>, tensor<16x2xf32>, tensor<16x2xi8> -> tensor<16x33xf32>
  return %w, %v : tensor<64x128xf32>, tensor<16x33xf32>
}

func.func @factorized(%u: tensor<64x4xf32>, %v: tensor<4x96xf32>, %c: tensor<8x16x4xf32>, %b: tensor<4x3x3xf32>,
                      %d: tensor<8x2x26x3xf32>, %e: tensor<8x2x3x3xf32>)
    -> (tensor<64x96xf32>, tensor<8x16x3x3xf32>, tensor<8x16x3x3xf32>) {
  %lowrank = compress.factorized %u, %v : tensor<64x4xf32>, tensor<4x96xf32> -> tensor<64x96xf32>
  %kernel = compress.factorized %c, %b : tensor<8x16x4xf32>, tensor<4x3x3xf32> -> tensor<8x16x3x3xf32>
  %slices = compress.factorized %d, %e batch = 2 collapse = [[0], [1, 2], [3]] expand = [[0], [1, 2], [3]]
      : tensor<8x2x26x3xf32>, tensor<8x2x3x3xf32> -> tensor<8x16x3x3xf32>
  return %lowrank, %kernel, %slices : tensor<64x96xf32>, tensor<8x16x3x3xf32>, tensor<8x16x3x3xf32>
}

func.func @unpack(%values: tensor<2x4x1xf32>) -> tensor<4x3xf32> {
  %w = compress.unpack %values mask = dense<[[true, false, true]]> : tensor<1x3xi1>
      : tensor<2x4x1xf32> -> tensor<4x3xf32>
  return %w : tensor<4x3xf32>
}

func.func @rfft(%x: tensor<?x10xf32>, %i: tensor<4x?x3xf32>) -> tensor<4x?x3xf32> {
  %xs = compress.rfft dim = 1 ins(%x : tensor<?x10xf32>) outs(%i : tensor<4x?x3xf32>) -> tensor<4x?x3xf32>
  return %xs : tensor<4x?x3xf32>
}

func.func @rfft_transpose(%ys: tensor<4x?x3xf32>, %b: tensor<?x10xf32>) -> tensor<?x10xf32> {
  %y = compress.rfft_transpose accumulate dim = 1 ins(%ys : tensor<4x?x3xf32>) outs(%b : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}

func.func @spectral_matmul(%xs: tensor<4x?x3xf32>, %ws: tensor<4x3x2xf32>, %zero: tensor<4x?x2xf32>) -> tensor<4x?x2xf32> {
  %ys = compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%xs, %ws : tensor<4x?x3xf32>, tensor<4x3x2xf32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
  return %ys : tensor<4x?x2xf32>
}

func.func @spectral_conv(%xs: tensor<4x?x3x12x12xf32>, %ws: tensor<4x5x5x3x2xf32>, %zero: tensor<4x?x2x8x8xf32>) -> tensor<4x?x2x8x8xf32> {
  %ys = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
      ins(%xs, %ws : tensor<4x?x3x12x12xf32>, tensor<4x5x5x3x2xf32>) outs(%zero : tensor<4x?x2x8x8xf32>) -> tensor<4x?x2x8x8xf32>
  return %ys : tensor<4x?x2x8x8xf32>
}

func.func @spectral_dot(%xs: tensor<4x?x3xf32>, %ws: tensor<2x3x2xi32>, %zero: tensor<4x?x2xf32>) -> tensor<4x?x2xf32> {
  %ys = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%xs, %ws : tensor<4x?x3xf32>, tensor<2x3x2xi32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
  return %ys : tensor<4x?x2xf32>
}

func.func @decode(%codes: tensor<8x96xi2>, %scales: tensor<8x1xf32>, %init: tensor<8x96xf32>) -> tensor<8x96xf32> {
  %numbers = compress.decode code(#compress.ternary) group = [1, 96] ins(%codes, %scales : tensor<8x96xi2>, tensor<8x1xf32>)
        outs(%init : tensor<8x96xf32>) -> tensor<8x96xf32>
  return %numbers : tensor<8x96xf32>
}

func.func @coded_contract(%x: tensor<?x128xf32>, %codes: tensor<64x128xi4>, %scales: tensor<64x4xf32>, %y0: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                         affine_map<(m, n, k) -> (m, n)>]
        code(#compress.uniform<bits = 4>) group = [1, 32]
        ins(%x, %codes, %scales : tensor<?x128xf32>, tensor<64x128xi4>, tensor<64x4xf32>) outs(%y0 : tensor<?x64xf32>)
        -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

func.func @coded_dot(%x: tensor<?x128xf32>, %words: tensor<2x4x4x32xi32>, %scales: tensor<2x4x32xf32>, %powers: tensor<2x1x16x32xi32>, %scale: tensor<2x1x32xf32>,
    %y0: tensor<?x50xf32>) -> (tensor<?x50xf32>, tensor<?x50xf32>) {
  %y = compress.coded_dot bits = 4 offset = 8
        ins(%x, %words, %scales : tensor<?x128xf32>, tensor<2x4x4x32xi32>, tensor<2x4x32xf32>) outs(%y0 : tensor<?x50xf32>)
        -> tensor<?x50xf32>
  %z = compress.coded_dot bits = 4 offset = 0 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64]
        ins(%x, %powers, %scale : tensor<?x128xf32>, tensor<2x1x16x32xi32>, tensor<2x1x32xf32>) outs(%y0 : tensor<?x50xf32>)
        -> tensor<?x50xf32>
  return %y, %z : tensor<?x50xf32>, tensor<?x50xf32>
}

func.func @unpack_rows(%values: tensor<700xi8>, %mask: tensor<32x12xi8>, %starts: tensor<32xi32>, %init: tensor<32x90xf32>) -> tensor<32x90xf32> {
  %w = compress.unpack_rows longest = 20 code(#compress.pow2<bits = 4, min_exponent = -3, zero = false>)
        ins(%values, %mask, %starts : tensor<700xi8>, tensor<32x12xi8>, tensor<32xi32>) outs(%init : tensor<32x90xf32>)
        -> tensor<32x90xf32>
  return %w : tensor<32x90xf32>
}

func.func @basis_dot(%x: tensor<?x240xf32>, %words: tensor<2x2x3x3x32xi32>, %mask: tensor<2x2x2xi32>, %starts: tensor<2x2x3x32xi32>,
    %basis: tensor<2x2x3x3x32xf32>, %y0: tensor<?x50xf32>) -> tensor<?x50xf32> {
  %y = compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40
        ins(%x, %words, %mask, %starts, %basis : tensor<?x240xf32>, tensor<2x2x3x3x32xi32>, tensor<2x2x2xi32>, tensor<2x2x3x32xi32>,
        tensor<2x2x3x3x32xf32>)
        outs(%y0 : tensor<?x50xf32>) -> tensor<?x50xf32>
  return %y : tensor<?x50xf32>
}

func.func @basis_conv(%x: tensor<?x20x7x9xf32>, %lists: tensor<300xi8>, %counts: tensor<16x4x2xi8>, %scales: tensor<16x4xf32>,
    %basis: tensor<4x3x3xf32>, %y0: tensor<?x16x7x9xf32>) -> tensor<?x16x7x9xf32> {
  %y = compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1]
        ins(%x, %lists, %counts, %scales, %basis : tensor<?x20x7x9xf32>, tensor<300xi8>, tensor<16x4x2xi8>, tensor<16x4xf32>,
        tensor<4x3x3xf32>)
        outs(%y0 : tensor<?x16x7x9xf32>) -> tensor<?x16x7x9xf32>
  return %y : tensor<?x16x7x9xf32>
}

func.func @relayout(%w: tensor<30x8xf32>, %stored: tensor<1x30x16xf32>) -> tensor<1x30x16xf32> {
  %tiled = compress.relayout to(#compress.layout<order = [1, 0], tiles = [16, 1]>) ins(%w : tensor<30x8xf32>)
        outs(%stored : tensor<1x30x16xf32>) -> tensor<1x30x16xf32>
  return %tiled : tensor<1x30x16xf32>
}
