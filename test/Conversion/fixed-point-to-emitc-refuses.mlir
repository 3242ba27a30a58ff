// RUN: compress-opt %s --split-input-file --verify-diagnostics --convert-compress-fixed-point-to-emitc

// What is not known is not printed.
func.func private @division(%x: i8, %y: i8) -> i8 {
  // expected-error @+1 {{cannot be printed as C++ for synthesis: 'arith.divsi' is nothing that convert-compress-to-fixed-point makes}}
  %q = arith.divsi %x, %y : i8
  return %q : i8
}

// -----

// expected-error @+1 {{type 'f32' has no C++ type for synthesis}}
func.func private @float(%x: f32) -> f32 {
  return %x : f32
}

// -----

// expected-error @+1 {{type 'memref<?xi8>' has no C++ type for synthesis}}
func.func private @dynamic_extent(%x: memref<?xi8>) {
  return
}

// -----

func.func private @shift_by_a_variable(%x: i8, %y: i8) -> i8 {
  // expected-error @+1 {{a shift to the right by no constant cannot be printed as C++ for synthesis}}
  %q = arith.shrsi %x, %y : i8
  return %q : i8
}

// -----

func.func private @division_in_a_place(%x: memref<8xi8>) {
  affine.for %i = 0 to 8 {
    // expected-error @+1 {{a place with a division cannot be printed as C++ for synthesis}}
    %0 = affine.load %x[%i floordiv 2] : memref<8xi8>
  }
  return
}

// -----

func.func private @bounds_that_vary(%x: memref<8xi8>) {
  affine.for %i = 0 to 8 {
    // expected-error @+1 {{expects constant bounds}}
    affine.for %j = 0 to affine_map<(d0) -> (d0)>(%i) {
      %0 = affine.load %x[%j] : memref<8xi8>
    }
  }
  return
}

// -----

// expected-error @+1 {{type 'i65' has no C++ type for synthesis}}
func.func private @wide(%x: i65) {
  return
}

// -----

// expected-error @+1 {{expects a constant of one dimension with its numbers}}
memref.global "private" @variable : memref<2xi8>

// -----

// One function cannot have a stream and an array as one parameter.
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %0 = hls.buffer depth 1 : memref<4xi8>
  %1 = hls.stream depth 3 : memref<4xi8>
  // expected-error @+1 {{has an array as operand 0, where another task of step 'copy' has a stream}}
  hls.task @copy ins(%x : memref<4xi8>) outs(%0 : memref<4xi8>)
  hls.task @copy ins(%0 : memref<4xi8>) outs(%1 : memref<4xi8>)
  hls.task @copy ins(%1 : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}
func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 4 {
    %0 = affine.load %x[%i] : memref<4xi8>
    affine.store %0, %y[%i] : memref<4xi8>
  }
  return
}
