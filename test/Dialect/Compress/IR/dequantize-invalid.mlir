// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @dequantize_c1(%c: tensor<4x8xi8>, %s: tensor<4x1xf32>) {
  // expected-error @+1 {{expects codes and zeros of element type i4, as the code says}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<4x8xi8>, tensor<4x1xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c1_zeros(%c: tensor<4x8xi4>, %s: tensor<4x1xf32>, %z: tensor<4x1xi8>) {
  // expected-error @+1 {{expects codes and zeros of element type i4, as the code says}}
  %w = compress.dequantize %c, %s, %z code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4x1xf32>, tensor<4x1xi8> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c2(%c: tensor<4x8xi4>, %s: tensor<4x1xf32>) {
  // expected-error @+1 {{expects a result of the shape of codes, extents at least 1}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4x1xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @dequantize_c2_empty(%c: tensor<0x8xi4>, %s: tensor<1x1xf32>) {
  // expected-error @+1 {{expects a result of the shape of codes, extents at least 1}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<0x8xi4>, tensor<1x1xf32> -> tensor<0x8xf32>
  return
}

// -----

func.func @dequantize_c3(%c: tensor<4x8xi4>, %s: tensor<4x1xf64>) {
  // expected-error @+1 {{expects scales and result of one element type}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4x1xf64> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c4(%c: tensor<4x8xi4>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expects scales of rank 2, and zeros of their shape}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c4_zeros(%c: tensor<4x8xi4>, %s: tensor<4x1xf32>, %z: tensor<4x8xi4>) {
  // expected-error @+1 {{expects scales of rank 2, and zeros of their shape}}
  %w = compress.dequantize %c, %s, %z code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4x1xf32>, tensor<4x8xi4> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c5(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) group = [1, 3] : tensor<4x8xi4>, tensor<4x2xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c5_rank(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) group = [4] : tensor<4x8xi4>, tensor<4x2xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c5_zero(%c: tensor<4x8xi4>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expects a group size of at least 1 per dimension, and as many scales as groups}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) group = [0, 4] : tensor<4x8xi4>, tensor<4x2xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c6(%c: tensor<4x8xi4>, %s: tensor<4x3xf32>) {
  // expected-error @+1 {{expects extents of scales that divide those of}}
  %w = compress.dequantize %c, %s code(#compress.uniform<bits = 4>) : tensor<4x8xi4>, tensor<4x3xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c7(%c: tensor<4x8xi2>, %s: tensor<4x1xf32>, %z: tensor<4x1xi2>) {
  // expected-error @+1 {{expects no zeros: the code has no zero point}}
  %w = compress.dequantize %c, %s, %z code(#compress.ternary) : tensor<4x8xi2>, tensor<4x1xf32>, tensor<4x1xi2> -> tensor<4x8xf32>
  return
}
