// Consumers of weights in unusual forms, and constants that weights are folded from.

func.func @repeated_dims(%x: tensor<8x8xf32>, %c: tensor<2x2x4xf32>, %y0: tensor<8xf32>) -> tensor<8xf32> {
  %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, i)>, affine_map<(i, j) -> (i)>],
                       iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

func.func @index_and_constants(%c: tensor<2x2x4xf32>, %y0: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %two = arith.constant 2.0 : f32
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, i)>], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<8x8xf32>) outs(%y0 : tensor<8x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 0 : index
    %k = arith.index_cast %i : index to i32
    %f = arith.sitofp %k : i32 to f32
    %m = arith.mulf %a, %f : f32
    %n = arith.mulf %m, %two : f32
    linalg.yield %n : f32
  } -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

func.func @conv_forms(%x: tensor<1x9x9x8xf32>, %c: tensor<2x2x4x3x3xf32>, %y0: tensor<1x7x7x8xf32>) -> tensor<1x7x7x8xf32> {
  %w = compress.circulant %c order = [3, 2, 0, 1] : tensor<2x2x4x3x3xf32> -> tensor<3x3x8x8xf32>
  %y = linalg.conv_2d_nhwc_hwcf {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x9x9x8xf32>, tensor<3x3x8x8xf32>) outs(%y0 : tensor<1x7x7x8xf32>) -> tensor<1x7x7x8xf32>
  return %y : tensor<1x7x7x8xf32>
}

// -----

func.func @strided_conv(%x: tensor<?x8x9x9xf32>, %c: tensor<2x2x4x3x3xf32>, %y0: tensor<?x8x3x3xf32>) -> tensor<?x8x3x3xf32> {
  %w = compress.circulant %c : tensor<2x2x4x3x3xf32> -> tensor<8x8x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<2> : tensor<2xi64>}
      ins(%x, %w : tensor<?x8x9x9xf32>, tensor<8x8x3x3xf32>) outs(%y0 : tensor<?x8x3x3xf32>) -> tensor<?x8x3x3xf32>
  return %y : tensor<?x8x3x3xf32>
}

// -----

func.func @vectors(%x: tensor<8xf32>, %c: tensor<2x2x4xf32>, %y0: tensor<8xf32>, %d: tensor<f32>) -> (tensor<8xf32>, tensor<f32>) {
  %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %y = linalg.matvec ins(%w, %x : tensor<8x8xf32>, tensor<8xf32>) outs(%y0 : tensor<8xf32>) -> tensor<8xf32>
  %z = linalg.vecmat ins(%y, %w : tensor<8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<8xf32>) -> tensor<8xf32>
  %s = linalg.dot ins(%y, %z : tensor<8xf32>, tensor<8xf32>) outs(%d : tensor<f32>) -> tensor<f32>
  return %z, %s : tensor<8xf32>, tensor<f32>
}

// -----

func.func @batches(%x: tensor<2x4x8xf32>, %c: tensor<2x2x4xf32>, %y0: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %e = tensor.expand_shape %w [[0, 1], [2]] output_shape [1, 8, 8] : tensor<8x8xf32> into tensor<1x8x8xf32>
  %b0 = tensor.empty() : tensor<2x8x8xf32>
  %f = tensor.collapse_shape %e [[0, 1], [2]] : tensor<1x8x8xf32> into tensor<8x8xf32>
  %b = linalg.broadcast ins(%f : tensor<8x8xf32>) outs(%b0 : tensor<2x8x8xf32>) dimensions = [0]
  %y = linalg.batch_matmul ins(%x, %b : tensor<2x4x8xf32>, tensor<2x8x8xf32>) outs(%y0 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %y : tensor<2x4x8xf32>
}

// -----

// Constants of every kind that a weight is folded from or fitted to.
func.func @constants(%x: tensor<3x4xf32>, %y0: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<4x4xf32>, tensor<2x8xf32>, tensor<2x2xf32>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], [0x7FC00000, 0x7F800000, -0.0, 1.0e-40], [1.0, 1.0, 1.0, 1.0]]> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %t = linalg.transpose ins(%w : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %t : tensor<3x4xf32>, tensor<4x4xf32>) outs(%y0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %z = linalg.matmul ins(%y, %w : tensor<3x4xf32>, tensor<4x4xf32>) outs(%y0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %f = tensor.collapse_shape %t [[0, 1]] : tensor<4x4xf32> into tensor<16xf32>
  %g = tensor.expand_shape %f [[0, 1]] output_shape [2, 8] : tensor<16xf32> into tensor<2x8xf32>
  %s = tensor.extract_slice %w[1, 1] [2, 2] [1, 2] : tensor<4x4xf32> to tensor<2x2xf32>
  %i = tensor.insert_slice %s into %t[0, 0] [2, 2] [2, 1] : tensor<2x2xf32> into tensor<4x4xf32>
  return %z, %i, %g, %s : tensor<3x4xf32>, tensor<4x4xf32>, tensor<2x8xf32>, tensor<2x2xf32>
}

// -----

func.func @resource_and_splat(%x: tensor<3x4xf32>, %y0: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<4x4xf64>) {
  %w = arith.constant dense_resource<weight> : tensor<4x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x4xf32>) outs(%y0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %c = arith.constant dense<0.5> : tensor<2x2x2xf64>
  %v = compress.circulant %c domain = spectrum : tensor<2x2x2xf64> -> tensor<4x4xf64>
  return %y, %v : tensor<3x4xf32>, tensor<4x4xf64>
}
{-#
  dialect_resources: {
    builtin: {
      weight: "0x400000000000803F0000004000004040000080400000A0400000C0400000E04000000041000010410000204100003041000040410000504100006041000070410000803F"
    }
  }
#-}

// -----

func.func @transposed_maps(%x: tensor<4x3xf32>, %c: tensor<1x1x4xf32>, %y0: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %w = compress.circulant %c : tensor<1x1x4xf32> -> tensor<4x4xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<4x3xf32>, tensor<4x4xf32>) outs(%y0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
