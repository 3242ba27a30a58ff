// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @fake_quantize_c1(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>, %z: tensor<4x1xi8>) {
  // expected-error @+1 {{expects zeros of element type i4, as the code says}}
  %w = compress.fake_quantize %x, %s, %z code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x1xi8> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c2(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>) {
  // expected-error @+1 {{expects a result of the type of input, extents at least 1}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @fake_quantize_c2_empty(%x: tensor<0x8xf32>, %s: tensor<1x1xf32>) {
  // expected-error @+1 {{expects a result of the type of input, extents at least 1}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) : tensor<0x8xf32>, tensor<1x1xf32> -> tensor<0x8xf32>
  return
}

// -----

func.func @fake_quantize_c3(%x: tensor<4x8xf32>, %s: tensor<4x1xf64>) {
  // expected-error @+1 {{expects scales and result of one element type}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4x1xf64> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c4(%x: tensor<4x8xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expects scales of rank 2, and zeros of their shape}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c4_zeros(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>, %z: tensor<1x1xi4>) {
  // expected-error @+1 {{expects scales of rank 2, and zeros of their shape}}
  %w = compress.fake_quantize %x, %s, %z code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4x1xf32>, tensor<1x1xi4> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c5(%x: tensor<4x8xf32>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) group = [1, 3] : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c6(%x: tensor<4x8xf32>, %s: tensor<4x3xf32>) {
  // expected-error @+1 {{expects extents of scales that divide those of}}
  %w = compress.fake_quantize %x, %s code(#compress.uniform<bits = 4>) : tensor<4x8xf32>, tensor<4x3xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c7(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>, %z: tensor<4x1xi2>) {
  // expected-error @+1 {{expects no zeros: the code has no zero point}}
  %w = compress.fake_quantize %x, %s, %z code(#compress.ternary) : tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x1xi2> -> tensor<4x8xf32>
  return
}
