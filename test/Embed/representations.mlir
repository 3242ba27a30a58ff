// A layer of every representation, and of every composition that the project speaks of.

func.func @circulant(%x: tensor<5x512xf32>, %c: tensor<32x32x16xf32>, %y: tensor<5x512xf32>) -> tensor<5x512xf32> {
  %w = compress.circulant %c order = [1, 0] : tensor<32x32x16xf32> -> tensor<512x512xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x512xf32>, tensor<512x512xf32>) outs(%y : tensor<5x512xf32>) -> tensor<5x512xf32>
  return %0 : tensor<5x512xf32>
}

func.func @coded_spectra(%x: tensor<5x512xf32>, %v: tensor<32x32x16xi8>, %s: tensor<1x1x16xf32>, %y: tensor<5x512xf32>) -> tensor<5x512xf32> {
  %c = compress.dequantize %v, %s code(#compress.uniform<bits = 8>) : tensor<32x32x16xi8>, tensor<1x1x16xf32> -> tensor<32x32x16xf32>
  %w = compress.circulant %c domain = spectrum order = [1, 0] : tensor<32x32x16xf32> -> tensor<512x512xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x512xf32>, tensor<512x512xf32>) outs(%y : tensor<5x512xf32>) -> tensor<5x512xf32>
  return %0 : tensor<5x512xf32>
}

func.func @uniform(%x: tensor<1x256xf32>, %v: tensor<256x256xi4>, %s: tensor<16x256xf32>, %z: tensor<16x256xi4>, %y: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %w = compress.dequantize %v, %s, %z code(#compress.uniform<bits = 4>) group = [16, 1] : tensor<256x256xi4>, tensor<16x256xf32>, tensor<16x256xi4> -> tensor<256x256xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x256xf32>, tensor<256x256xf32>) outs(%y : tensor<1x256xf32>) -> tensor<1x256xf32> loc("coded_layer")
  return %0 : tensor<1x256xf32>
}

func.func @codebook(%x: tensor<5x32xf32>, %v: tensor<32x32xi2>, %s: tensor<1x1xf32>, %y: tensor<5x32xf32>) -> tensor<5x32xf32> {
  %w = compress.dequantize %v, %s code(#compress.codebook<[-1.0, -0.25, 0.25, 1.0]>) : tensor<32x32xi2>, tensor<1x1xf32> -> tensor<32x32xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y : tensor<5x32xf32>) -> tensor<5x32xf32>
  return %0 : tensor<5x32xf32>
}

func.func @low_rank(%x: tensor<64x32xf32>, %a: tensor<32x4xf32>, %b: tensor<4x32xf32>, %y: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %w = compress.factorized %a, %b : tensor<32x4xf32>, tensor<4x32xf32> -> tensor<32x32xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<64x32xf32>, tensor<32x32xf32>) outs(%y : tensor<64x32xf32>) -> tensor<64x32xf32>
  return %0 : tensor<64x32xf32>
}

// ESCALATE with ternary coefficients.
func.func @escalate(%x: tensor<1x8x10x10xf32>, %v: tensor<16x8x4xi2>, %s: tensor<16x1x1xf32>, %b: tensor<4x3x3xf32>, %y: tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> {
  %c = compress.dequantize %v, %s code(#compress.ternary) : tensor<16x8x4xi2>, tensor<16x1x1xf32> -> tensor<16x8x4xf32>
  %w = compress.factorized %c, %b : tensor<16x8x4xf32>, tensor<4x3x3xf32> -> tensor<16x8x3x3xf32>
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x8x10x10xf32>, tensor<16x8x3x3xf32>) outs(%y : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
  return %0 : tensor<1x16x8x8xf32>
}

// Power-of-two codes of the rows that are left.
func.func @unpack(%x: tensor<5x32xf32>, %v: tensor<2x8x32xi4>, %s: tensor<1x1x1xf32>, %y: tensor<5x32xf32>) -> tensor<5x32xf32> {
  %p = compress.dequantize %v, %s code(#compress.pow2<bits = 4, min_exponent = -7, zero = true>) : tensor<2x8x32xi4>, tensor<1x1x1xf32> -> tensor<2x8x32xf32>
  %w = compress.unpack %p mask = dense<[[true], [false], [true], [false]]> : tensor<4x1xi1> : tensor<2x8x32xf32> -> tensor<32x32xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y : tensor<5x32xf32>) -> tensor<5x32xf32>
  return %0 : tensor<5x32xf32>
}

func.func @fake_quantize(%w: tensor<32x32xf32>, %s: tensor<1x1xf32>) -> tensor<32x32xf32> {
  %0 = compress.fake_quantize %w, %s code(#compress.uniform<bits = 8>) : tensor<32x32xf32>, tensor<1x1xf32> -> tensor<32x32xf32>
  return %0 : tensor<32x32xf32>
}
