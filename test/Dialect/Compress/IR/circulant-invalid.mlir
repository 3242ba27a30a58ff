// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @circulant_c1(%c: tensor<3x4xf32>) {
  // expected-error @+1 {{expects params of shape p x q x k x taps… with extents of at least 1}}
  %w = compress.circulant %c : tensor<3x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @circulant_c1_empty(%c: tensor<2x0x4xf32>) {
  // expected-error @+1 {{expects params of shape p x q x k x taps… with extents of at least 1}}
  %w = compress.circulant %c : tensor<2x0x4xf32> -> tensor<8x1xf32>
  return
}

// -----

func.func @circulant_c2(%c: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects a result of rank 2 (out, in and 0 tap dimensions)}}
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x12x1xf32>
  return
}

// -----

func.func @circulant_c3(%c: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects params and result of one element type, got 'f32' and 'f64'}}
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x12xf64>
  return
}

// -----

func.func @circulant_c4(%c: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects order to be a permutation of the result's 2 dimensions, got [0, 0]}}
  %w = compress.circulant %c order = [0, 0] : tensor<2x3x4xf32> -> tensor<8x12xf32>
  return
}

// -----

func.func @circulant_c5(%c: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects an out extent that 2 blocks of 4 cover, 5 to 8, got 4}}
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<4x12xf32>
  return
}

// -----

func.func @circulant_c6(%c: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects an in extent that 3 blocks of 4 cover, 9 to 12, got 13}}
  %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x13xf32>
  return
}

// -----

func.func @circulant_c7(%c: tensor<2x3x4x3x3xf32>) {
  // expected-error @+1 {{expects tap dimension 1 of extent 3, got 5}}
  %w = compress.circulant %c : tensor<2x3x4x3x3xf32> -> tensor<8x12x3x5xf32>
  return
}

// -----

// expected-error @+1 {{expects a block size k of at least 1, got 0}}
func.func private @fit_circulant_c1() attributes {scheme = #compress.fit_circulant<k = 0>}

// -----

func.func @circulant_c8(%c: tensor<1x1x4611686018427387904xf32>) {
  // expected-error @+1 {{expects blocks whose dense meaning has fewer than 2^62 numbers, got 'tensor<1x1x4611686018427387904xf32>'}}
  %w = compress.circulant %c : tensor<1x1x4611686018427387904xf32> -> tensor<4611686018427387904x4611686018427387904xf32>
  return
}
