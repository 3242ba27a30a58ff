// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @basis_dot_c1(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects 2 or 4 bits, and for each code of them a number from -128 to 127, got 3 bits and [0, 1, 2, 3, 4, 5, 6, 7]}}
  compress.basis_dot bits = 3 numbers = [0, 1, 2, 3, 4, 5, 6, 7] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c1_few_numbers(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{got 4 bits and [1, 2]}}
  compress.basis_dot bits = 4 numbers = [1, 2] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c1_most(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{got 2 bits and [0, 1, 2, 128]}}
  compress.basis_dot bits = 2 numbers = [0, 1, 2, 128] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c1_least(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{got 2 bits and [-129, 1, 2, 3]}}
  compress.basis_dot bits = 2 numbers = [-129, 1, 2, 3] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c2(%x: memref<3x240xf32>, %w: memref<2x2x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects words [panels, S, P, R, W], mask [panels, S, M], starts [panels, S, R, W] and basis [panels, S, R, J, W], static and at least 1, got 'memref<2x2x3x32xi32>'}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c2_slices(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x3x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects words [panels, S, P, R, W]}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x3x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c2_r(%x: memref<3x240xf32>, %w: memref<2x2x3x2x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects words [panels, S, P, R, W]}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x2x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c2_starts(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x16xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects words [panels, S, P, R, W]}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x16xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c2_dynamic(%x: memref<3x240xf32>, %w: memref<2x2x?x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects words [panels, S, P, R, W]}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x?x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c3(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x1xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects at least 1 row, and words of a mask for each 32, in pairs, got 40 rows}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x1xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c3_rows(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects at least 1 row}}
  compress.basis_dot bits = 2 numbers = [0, 1, 2, -1] rows = 0 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c4_inputs(%x: memref<3x241xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{whose last extents are up to 240, in 2 slices, and up to 64, in 2 panels}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x241xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c4_outputs(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x32xf32>) {
  // expected-error @+1 {{and up to 64, in 2 panels}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x32xf32>)
  return
}

// -----

func.func @basis_dot_c4_batch(%x: memref<2x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{whose others agree}}
  compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<2x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>)
  return
}

// -----

func.func @basis_dot_c5(%x: memref<1x70000xf32>, %w: memref<1x1x1x1x1xi32>, %m: memref<1x1x2188xi32>, %t: memref<1x1x1x1xi32>, %b: memref<1x1x1x1x1xf32>, %i: memref<1x1xf32>) {
  // expected-error @+1 {{expects sums that fit 32 bits, got slices of 70000 rows}}
  compress.basis_dot bits = 2 numbers = [0, 1, 2, -1] rows = 70000 ins(%x, %w, %m, %t, %b : memref<1x70000xf32>, memref<1x1x1x1x1xi32>, memref<1x1x2188xi32>, memref<1x1x1x1xi32>, memref<1x1x1x1x1xf32>) outs(%i : memref<1x1xf32>)
  return
}

// -----

func.func @basis_dot_c6(%x: memref<3x240xf32>, %w: memref<2x2x3x3x32xi32>, %m: memref<2x2x2xi32>, %t: memref<2x2x3x32xi32>, %b: memref<2x2x3x3x32xf32>, %i: memref<3x50xf32>) {
  // expected-error @+1 {{expects no result for an init that is a buffer}}
  %0 = compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40 ins(%x, %w, %m, %t, %b : memref<3x240xf32>, memref<2x2x3x3x32xi32>, memref<2x2x2xi32>, memref<2x2x3x32xi32>, memref<2x2x3x3x32xf32>) outs(%i : memref<3x50xf32>) -> tensor<3x50xf32>
  return
}
