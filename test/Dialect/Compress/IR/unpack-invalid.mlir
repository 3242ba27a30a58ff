// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @unpack_c1(%v: tensor<2x4x1xf32>) {
  // expected-error @+1 {{expects a dense i1 mask of rank 2, of at most 2^28 entries, whose extents divide}}
  %w = compress.unpack %v mask = dense<[[true, false, true]]> : tensor<1x3xi1> : tensor<2x4x1xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @unpack_c1_large(%v: tensor<1099511627776x1x1xf32>) {
  // expected-error @+1 {{expects a dense i1 mask of rank 2, of at most 2^28 entries, whose extents divide}}
  %w = compress.unpack %v mask = dense<true> : tensor<1048576x1048576xi1> : tensor<1099511627776x1x1xf32> -> tensor<1048576x1048576xf32>
  return
}

// -----

func.func @unpack_c1_rank(%v: tensor<1x4x2xf32>) {
  // expected-error @+1 {{expects a dense i1 mask of rank 2, of at most 2^28 entries, whose extents divide}}
  %w = compress.unpack %v mask = dense<[true, false]> : tensor<2xi1> : tensor<1x4x2xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @unpack_c1_type(%v: tensor<1x4x2xf32>) {
  // expected-error @+1 {{expects a dense i1 mask of rank 2, of at most 2^28 entries, whose extents divide}}
  %w = compress.unpack %v mask = dense<[[1, 0]]> : tensor<1x2xi8> : tensor<1x4x2xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @unpack_c2(%v: tensor<1x4x1xf32>) {
  // expected-error @+1 {{expects values of shape [2, 4, 1], a box per set entry}}
  %w = compress.unpack %v mask = dense<[[true, false, true]]> : tensor<1x3xi1> : tensor<1x4x1xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @unpack_c2_none(%v: tensor<0x4x1xf32>) {
  // expected-error @+1 {{a box per set entry, at least one}}
  %w = compress.unpack %v mask = dense<false> : tensor<1x3xi1> : tensor<0x4x1xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @unpack_c3(%v: tensor<2x4x1xf64>) {
  // expected-error @+1 {{expects values and result of one element type}}
  %w = compress.unpack %v mask = dense<[[true, false, true]]> : tensor<1x3xi1> : tensor<2x4x1xf64> -> tensor<4x3xf32>
  return
}
