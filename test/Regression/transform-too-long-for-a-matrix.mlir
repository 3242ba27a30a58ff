// The definition of a transform multiplies by its matrix, of the square of its points in numbers.
// RUN: compress-opt %s --convert-compress-to-linalg --split-input-file --verify-diagnostics -o /dev/null

func.func @rfft(%x: tensor<3x?xf32>, %y: tensor<4294967296x3x5xf32>) -> tensor<4294967296x3x5xf32> {
  // expected-error @+2 {{'compress.rfft' op is a transform of 4294967296 points: its matrix is written out for at most 4096}}
  // expected-error @+1 {{failed to legalize operation 'compress.rfft'}}
  %0 = compress.rfft dim = 1 ins(%x : tensor<3x?xf32>) outs(%y : tensor<4294967296x3x5xf32>) -> tensor<4294967296x3x5xf32>
  return %0 : tensor<4294967296x3x5xf32>
}

// -----

func.func @rfft_transpose(%x: tensor<4097x1xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+2 {{'compress.rfft_transpose' op is a transform of 4097 points: its matrix is written out for at most 4096}}
  // expected-error @+1 {{failed to legalize operation 'compress.rfft_transpose'}}
  %0 = compress.rfft_transpose dim = 0 ins(%x : tensor<4097x1xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
