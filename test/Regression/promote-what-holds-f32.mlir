// An op that names f32 in an attribute, or reads the bits of one, kept it while its values became f64.
// RUN: compress-opt %s --compress-promote-to-f64 --split-input-file --verify-diagnostics

// expected-error @+1 {{compress-promote-to-f64: this op stays as it is when its values become f64}}
memref.global "private" constant @weight : memref<2xf32> = dense<1.0>
func.func @global() -> memref<2xf32> {
  %w = memref.get_global @weight : memref<2xf32>
  return %w : memref<2xf32>
}

// -----

func.func @bits(%x: f32) -> i32 {
  // expected-error @+1 {{compress-promote-to-f64: this op stays as it is when its values become f64}}
  %b = arith.bitcast %x : f32 to i32
  return %b : i32
}

// -----

func.func private @callee(f32) -> f32
func.func @reference() -> ((f32) -> f32) {
  // expected-error @+1 {{compress-promote-to-f64: this op stays as it is when its values become f64}}
  %f = func.constant @callee : (f32) -> f32
  return %f : (f32) -> f32
}

// -----

func.func @words(%xs: tensor<4x?x3xf32>, %ws: tensor<2x3x2xi32>, %zero: tensor<4x?x2xf32>) -> tensor<4x?x2xf32> {
  // expected-error @+1 {{compress-promote-to-f64: this op stays as it is when its values become f64}}
  %ys = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%xs, %ws : tensor<4x?x3xf32>, tensor<2x3x2xi32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
  return %ys : tensor<4x?x2xf32>
}
