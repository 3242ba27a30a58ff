// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @factorized_c1(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects a batch below the ranks of coefficients and basis}}
  %w = compress.factorized %c, %b batch = 2 : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c1_negative(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects a batch below the ranks of coefficients and basis}}
  %w = compress.factorized %c, %b batch = -1 : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c1_empty(%c: tensor<4x0xf32>, %b: tensor<0x5xf32>) {
  // expected-error @+1 {{expects a batch below the ranks of coefficients and basis, extents at least 1}}
  %w = compress.factorized %c, %b : tensor<4x0xf32>, tensor<0x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c2(%c: tensor<4x2x3xf32>, %b: tensor<2x3x5xf32>) {
  // expected-error @+1 {{expects batch extent 0 of basis to be 4 or 1, got 2}}
  %w = compress.factorized %c, %b batch = 1 : tensor<4x2x3xf32>, tensor<2x3x5xf32> -> tensor<4x2x5xf32>
  return
}

// -----

func.func @factorized_c3(%c: tensor<4x3xf32>, %b: tensor<2x5xf32>) {
  // expected-error @+1 {{expects as many basis entries as coefficients are contracted, got 2 and 3}}
  %w = compress.factorized %c, %b : tensor<4x3xf32>, tensor<2x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c4(%c: tensor<4x3xf32>, %b: tensor<3x5xf64>) {
  // expected-error @+1 {{expects operands and result of one element type}}
  %w = compress.factorized %c, %b : tensor<4x3xf32>, tensor<3x5xf64> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c5(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects collapse and expand with as many groups}}
  %w = compress.factorized %c, %b collapse = [[0], [1]] expand = [[0, 1]] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c5_sequence(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{that list 2 and 2 dimensions in sequence}}
  %w = compress.factorized %c, %b collapse = [[1], [0]] expand = [[0], [1]] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c5_empty(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{that list 2 and 2 dimensions in sequence}}
  %w = compress.factorized %c, %b collapse = [[0], [], [1]] expand = [[0], [1], []] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}

// -----

func.func @factorized_c5_rank(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects collapse and expand with as many groups}}
  %w = compress.factorized %c, %b : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5x1xf32>
  return
}

// -----

func.func @factorized_c6(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects the product to hold the result}}
  %w = compress.factorized %c, %b collapse = [[0, 1]] expand = [[0, 1]] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<7x3xf32>
  return
}

// -----

func.func @factorized_c6_crop(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects the product to hold the result}}
  %w = compress.factorized %c, %b : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @factorized_c7(%c: tensor<4x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects order to be a permutation of the result}}
  %w = compress.factorized %c, %b order = [0, 0] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return
}
