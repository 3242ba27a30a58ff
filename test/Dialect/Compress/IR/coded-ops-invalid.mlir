// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @decode_c1(%c: tensor<4x8xi8>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects codes of element type i4}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] ins(%c, %s : tensor<4x8xi8>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c1_packed(%c: tensor<4x4xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects codes of element type i8}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] layout(<code_bits = 4>) ins(%c, %s : tensor<4x4xi4>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c2(%c: tensor<4x7xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects codes of the shape of init, as the layout stores it}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] ins(%c, %s : tensor<4x7xi4>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c2_packed(%c: tensor<4x8xi8>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects codes of the shape of init, as the layout stores it}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] layout(<code_bits = 4>) ins(%c, %s : tensor<4x8xi8>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c3(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 3] ins(%c, %s : tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c3_rank(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1] ins(%c, %s : tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c4(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>, %z: tensor<4x1xf32>) {
  // expected-error @+1 {{expects zeros of the shape of scales, and a code that takes zero points}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] ins(%c, %s, %z : tensor<4x8xi4>, tensor<4x2xf32>, tensor<4x1xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c4_code(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>, %z: tensor<4x2xf32>) {
  // expected-error @+1 {{expects zeros of the shape of scales, and a code that takes zero points}}
  %r = compress.decode code(#compress.pow2<bits = 4, min_exponent = 0>) group = [1, 4] ins(%c, %s, %z : tensor<4x8xi4>, tensor<4x2xf32>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c5(%c: tensor<4x8xi4>, %s: tensor<4x2xf64>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects operands of one element type}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] ins(%c, %s : tensor<4x8xi4>, tensor<4x2xf64>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c6(%c: tensor<4x2xi8>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a layout that packs 4 bits, and no more}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] layout(<code_bits = 2>) ins(%c, %s : tensor<4x2xi8>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @decode_c6_order(%c: tensor<4x4xi8>, %s: tensor<4x2xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a layout that packs 4 bits, and no more}}
  %r = compress.decode code(#compress.uniform<bits = 4>) group = [1, 4] layout(<order = [1, 0], code_bits = 4>) ins(%c, %s : tensor<4x4xi8>, tensor<4x2xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @coded_contract_c1(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects maps of input, codes and init over the same loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n) -> (n, m)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c1_count(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects maps of input, codes and init over the same loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c1_rank(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects maps of input, codes and init over the same loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c2(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects the maps of init and codes to select loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m + n, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c2_input(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects the maps of init and codes to select loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k floordiv 2)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c2_loops(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects the maps of init and codes to select loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k, l) -> (m, l)>, affine_map<(m, n, k, l) -> (n, k)>, affine_map<(m, n, k, l) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c3(%x: tensor<5x7xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects operands that agree on the extents of the loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x7xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c3_window(%x: tensor<6x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects operands that agree on the extents of the loops}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m * 2, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<6x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c4(%x: tensor<5x8xf32>, %c: tensor<4x8xi8>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects codes of element type i4}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi8>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c5(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [2, 4] ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c5_zeros(%x: tensor<5x8xf32>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>, %z: tensor<4x1xf32>) {
  // expected-error @+1 {{expects zeros of the shape of scales, and a code that takes zero points}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s, %z : tensor<5x8xf32>, tensor<4x8xi4>, tensor<4x2xf32>, tensor<4x1xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c6(%x: tensor<5x8xf64>, %c: tensor<4x8xi4>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects operands of one element type}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] ins(%x, %c, %s : tensor<5x8xf64>, tensor<4x8xi4>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c7(%x: tensor<5x8xf32>, %c: tensor<4x4xi8>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects a layout that packs 4 bits, and no more}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] layout(<tiles = [2, 2], code_bits = 4>) ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x4xi8>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @coded_contract_c7_innermost(%x: tensor<5x8xf32>, %c: tensor<4x4xi8>, %s: tensor<4x2xf32>, %i: tensor<5x4xf32>) {
  // expected-error @+1 {{expects packed codes whose innermost loop is one of init}}
  %r = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] code(#compress.uniform<bits = 4>) group = [1, 4] layout(<code_bits = 4>) ins(%x, %c, %s : tensor<5x8xf32>, tensor<4x4xi8>, tensor<4x2xf32>) outs(%i : tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @relayout_c1(%x: tensor<4x8xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a layout of one side, from or to}}
  %r = compress.relayout  ins(%x : tensor<4x8xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @relayout_c1_both(%x: tensor<4x8xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a layout of one side, from or to}}
  %r = compress.relayout from(#compress.layout<order = [1, 0]>) to(#compress.layout<order = [1, 0]>) ins(%x : tensor<4x8xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @relayout_c2(%x: tensor<4x8xf32>, %i: tensor<4x8xf32>) {
  // expected-error @+1 {{expects the stored side to be what the layout makes of}}
  %r = compress.relayout to(#compress.layout<order = [1, 0]>) ins(%x : tensor<4x8xf32>) outs(%i : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @relayout_c2_rank(%x: tensor<4x8xf32>, %i: tensor<8x4xf32>) {
  // expected-error @+1 {{expects the stored side to be what the layout makes of}}
  %r = compress.relayout from(#compress.layout<order = [1, 0, 2]>) ins(%x : tensor<4x8xf32>) outs(%i : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @relayout_c3(%x: tensor<4x8xf32>, %i: tensor<8x4xf64>) {
  // expected-error @+1 {{expects one element type, or codes of as many bits as the layout packs}}
  %r = compress.relayout to(#compress.layout<order = [1, 0]>) ins(%x : tensor<4x8xf32>) outs(%i : tensor<8x4xf64>) -> tensor<8x4xf64>
  return
}

// -----

func.func @relayout_c3_packed(%x: tensor<4x8xi8>, %i: tensor<4x4xi8>) {
  // expected-error @+1 {{expects one element type, or codes of as many bits as the layout packs}}
  %r = compress.relayout to(#compress.layout<code_bits = 4>) ins(%x : tensor<4x8xi8>) outs(%i : tensor<4x4xi8>) -> tensor<4x4xi8>
  return
}

// -----

func.func @coded_dot_c1(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects 2, 4 or 8 bits, and an offset that is a code, or 0 beside zeros or numbers, got 3 and 4}}
  compress.coded_dot bits = 3 offset = 4 ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c1_offset(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{got 4 and 16}}
  compress.coded_dot bits = 4 offset = 16 ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c1_zeros(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %z: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{or 0 beside zeros or numbers, got 4 and 8}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s, %z : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c2(%x: memref<3x32xf32>, %w: memref<1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects words of rank 4 and of static extents, at least 1, got 'memref<1x4x8xi32>'}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c2_dynamic(%x: memref<3x32xf32>, %w: memref<?x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects words of rank 4}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<?x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c2_empty(%x: memref<3x0xf32>, %w: memref<1x0x4x8xi32>, %s: memref<1x0x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects words of rank 4}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x0xf32>, memref<1x0x4x8xi32>, memref<1x0x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c3(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects scales, and zeros, of extents [1, S, 8], S a divisor of 1}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c3_zeros(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %z: memref<1x2x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects scales, and zeros, of extents [1, S, 8], S a divisor of 1}}
  compress.coded_dot bits = 4 offset = 0 ins(%x, %w, %s, %z : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>, memref<1x2x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c4_inputs(%x: memref<3x33xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{whose last extents are up to 32, in 1 groups, and up to 8, in 1 panels}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x33xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c4_empty_group(%x: memref<3x32xf32>, %w: memref<1x2x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{whose last extents are up to 64, in 2 groups, and up to 8, in 1 panels}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<1x2x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c4_rank(%x: memref<32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<8xf32>) {
  // expected-error @+1 {{expects input and init of one rank, at least 2}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<8xf32>)
  return
}

// -----

func.func @coded_dot_c4_batch(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{whose others agree}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @coded_dot_c4_outputs(%x: memref<3x32xf32>, %w: memref<2x1x4x8xi32>, %s: memref<2x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{up to 16, in 2 panels}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<2x1x4x8xi32>, memref<2x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c5(%x: memref<1x67108864xf32>, %w: memref<1x1x8388608x1xi32>, %s: memref<1x1x1xf32>, %i: memref<1x1xf32>) {
  // expected-error @+1 {{expects sums that fit 32 bits, got groups of 67108864}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<1x67108864xf32>, memref<1x1x8388608x1xi32>, memref<1x1x1xf32>) outs(%i : memref<1x1xf32>)
  return
}

// -----

func.func @coded_dot_c1_numbers(%x: memref<3x32xf32>, %w: memref<1x1x2x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{or 0 beside zeros or numbers, got 2 and 1}}
  compress.coded_dot bits = 2 offset = 1 numbers = [0, 1, 2, 4] ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x2x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c3_divides(%x: memref<3x96xf32>, %w: memref<1x3x4x8xi32>, %s: memref<1x2x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{of extents [1, S, 8], S a divisor of 3}}
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x96xf32>, memref<1x3x4x8xi32>, memref<1x2x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c7(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects a number for each code of 2 or 4 bits, which with 0 span at most 255, and no zeros beside them, got 4 that span 4}}
  compress.coded_dot bits = 4 offset = 0 numbers = [0, 1, 2, 4] ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c7_bits(%x: memref<3x32xf32>, %w: memref<1x1x8x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects a number for each code of 2 or 4 bits}}
  compress.coded_dot bits = 8 offset = 0 numbers = [0, 1, 2, 4] ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x8x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c7_span(%x: memref<3x32xf32>, %w: memref<1x1x2x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{got 4 that span 256}}
  compress.coded_dot bits = 2 offset = 0 numbers = [-128, 1, 2, 128] ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x2x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c7_positive(%x: memref<3x32xf32>, %w: memref<1x1x2x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{got 4 that span 256}}
  compress.coded_dot bits = 2 offset = 0 numbers = [256, 100, 200, 150] ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x2x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c7_zeros(%x: memref<3x32xf32>, %w: memref<1x1x2x8xi32>, %s: memref<1x1x8xf32>, %z: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{and no zeros beside them}}
  compress.coded_dot bits = 2 offset = 0 numbers = [0, 1, 2, 4] ins(%x, %w, %s, %z : memref<3x32xf32>, memref<1x1x2x8xi32>, memref<1x1x8xf32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>)
  return
}

// -----

func.func @coded_dot_c6(%x: memref<3x32xf32>, %w: memref<1x1x4x8xi32>, %s: memref<1x1x8xf32>, %i: memref<3x8xf32>) {
  // expected-error @+1 {{expects no result for an init that is a buffer}}
  %0 = compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<3x32xf32>, memref<1x1x4x8xi32>, memref<1x1x8xf32>) outs(%i : memref<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @unpack_rows_c1_mask(%v: memref<64xf32>, %m: memref<2x3xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{a mask of rows by whole pairs of bytes that hold a bit for each column}}
  compress.unpack_rows longest = 9 ins(%v, %m, %s : memref<64xf32>, memref<2x3xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c1_share(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<6xi32>, %i: memref<6x20xf32>) {
  // expected-error @+1 {{one for each 2 of these rows, at least 1, got 'memref<6x20xf32>' and 'memref<2x4xi8>'}}
  compress.unpack_rows longest = 9 share = 2 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<6xi32>) outs(%i : memref<6x20xf32>)
  return
}

// -----

func.func @unpack_rows_c1_columns(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x?xf32>) {
  // expected-error @+1 {{expects init of rows by a static number of columns}}
  compress.unpack_rows longest = 9 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x?xf32>)
  return
}

// -----

func.func @unpack_rows_c2(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<3xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{expects a start for each of the rows, got 'memref<3xi32>'}}
  compress.unpack_rows longest = 9 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<3xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c3_numbers(%v: memref<64xi8>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{bytes with a code and else of the element type of init, got 'memref<64xi8>'}}
  compress.unpack_rows longest = 9 ins(%v, %m, %s : memref<64xi8>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c3_codes(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{bytes with a code and else of the element type of init, got 'memref<64xf32>'}}
  compress.unpack_rows longest = 9 code(#compress.ternary) ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c4(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{expects from 1 to 20 entries in the longest row, got 21}}
  compress.unpack_rows longest = 21 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c5(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{expects a scale only beside a code}}
  compress.unpack_rows longest = 9 scale = 2.0 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>)
  return
}

// -----

func.func @unpack_rows_c6(%v: memref<64xf32>, %m: memref<2x4xi8>, %s: memref<2xi32>, %i: memref<2x20xf32>) {
  // expected-error @+1 {{expects no result for an init that is a buffer}}
  %0 = compress.unpack_rows longest = 9 ins(%v, %m, %s : memref<64xf32>, memref<2x4xi8>, memref<2xi32>) outs(%i : memref<2x20xf32>) -> tensor<2x20xf32>
  return
}
