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
