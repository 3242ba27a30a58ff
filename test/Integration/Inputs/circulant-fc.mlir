// A fully connected layer of one sample: 6 x 8 blocks of 64, q = 8 and p = 6.
func.func @main(%x: tensor<1x512xf32> {compress.name = "x"})
    -> (tensor<1x384xf32> {compress.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x384xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<1x384xf32>) -> tensor<1x384xf32>
  %k = arith.constant dense<0.125> : tensor<6x8x64xf32>
  %w = compress.circulant %k order = [1, 0] : tensor<6x8x64xf32> -> tensor<512x384xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x512xf32>, tensor<512x384xf32>) outs(%y0 : tensor<1x384xf32>) -> tensor<1x384xf32>
  return %y : tensor<1x384xf32>
}
