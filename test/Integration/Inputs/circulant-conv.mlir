// A convolution of one sample: q = 2 blocks of 8 channels on 9 x 7 pixels, p = 3 on 4 x 3 (stride 2, padding of one on the left).
func.func @main(%x: tensor<1x16x9x7xf32> {compress.name = "x"}) -> (tensor<1x24x4x3xf32> {compress.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 0, 1] high[0, 0, 0, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x16x9x7xf32> to tensor<1x16x9x8xf32>
  %e = tensor.empty() : tensor<1x24x4x3xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<1x24x4x3xf32>) -> tensor<1x24x4x3xf32>
  %c = arith.constant dense<0.125> : tensor<3x2x8x3x3xf32>
  %w = compress.circulant %c : tensor<3x2x8x3x3xf32> -> tensor<24x16x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%p, %w : tensor<1x16x9x8xf32>, tensor<24x16x3x3xf32>) outs(%y0 : tensor<1x24x4x3xf32>) -> tensor<1x24x4x3xf32>
  return %y : tensor<1x24x4x3xf32>
}
