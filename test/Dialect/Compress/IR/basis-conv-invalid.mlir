// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @basis_conv_c1(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi16>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects lists [entries] and counts [K, M, 2] of one type, scales [K, M] and basis [M, R, S], static and at least 1, got 'memref<30xi8>', 'memref<4x3x2xi16>'}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi16>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c1_rank(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x9xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects lists [entries]}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x9xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c1_dynamic(%x: memref<2x5x7x9xf32>, %l: memref<?xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects lists [entries]}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<?xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c2(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x1xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects two counts for each output and basis kernel, and a scale for each or for all, got 'memref<4x3x1xi8>'}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x1xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c2_scales(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x1xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects two counts for each}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x1xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c2_bases(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<2x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects two counts for each}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<2x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c3(%x: memref<2x5x7xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects input and init of rank 4, static but for the first extents, which agree, and init with 4 channels, got 'memref<2x5x7xf32>'}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c3_batch(%x: memref<3x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects input and init of rank 4}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<3x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c3_outputs(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x5x7x9xf32>) {
  // expected-error @+1 {{and init with 4 channels}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x5x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c3_dynamic(%x: memref<2x5x?x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{static but for the first extents}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x?x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c4(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects of rows and columns a padding of at least 0, strides and dilations of at least 1, got [1, -1], [1, 1] and [1, 1]}}
  compress.basis_conv padding = [1, -1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c4_count(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects of rows and columns a padding}}
  compress.basis_conv padding = [1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c4_strides(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{got [1, 1], [1, 0] and [1, 1]}}
  compress.basis_conv padding = [1, 1] strides = [1, 0] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c4_dilations(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{got [1, 1], [1, 1] and [1, 1, 1]}}
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>)
  return
}

// -----

func.func @basis_conv_c5(%x: memref<2x5x7x9xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %i: memref<2x4x7x9xf32>) {
  // expected-error @+1 {{expects no result for an init that is a buffer}}
  %0 = compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x9xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%i : memref<2x4x7x9xf32>) -> tensor<2x4x7x9xf32>
  return
}
