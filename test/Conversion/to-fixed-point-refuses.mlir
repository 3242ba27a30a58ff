// RUN: compress-opt %s --split-input-file --verify-diagnostics --convert-compress-to-fixed-point

// expected-error @+1 {{the range of its input is not known: expects an attribute compress.range = array<f64: low, high>, which calibration writes}}
func.func @range_of_input_unknown(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  return %x : tensor<1x4xf32>
}

// -----

// expected-error @+1 {{the range of its input is not known}}
func.func @range_of_input_not_finite(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 0x7FF0000000000000>}) -> tensor<1x4xf32> {
  return %x : tensor<1x4xf32>
}

// -----

// expected-error @+1 {{expects a function of one block that returns}}
func.func @does_not_return(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 1.0>}) {
  llvm.unreachable
}

// -----

// expected-error @+1 {{expects static float tensors in and out (compress-compile --batch 1), not 'tensor<?x4xf32>'}}
func.func @dynamic_batch(%x: tensor<?x4xf32> {compress.range = array<f64: 0.0, 1.0>}) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// -----

func.func @no_fixed_point_form(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 1.0>}) -> tensor<1x4xf32> {
  %e = tensor.empty() : tensor<1x4xf32>
  // expected-error @+1 {{has no fixed-point form: it is no product with constant weights, pooling, relu, sum or factor; supported layers are listed in docs/HLS.md ('linalg.exp')}}
  %y = linalg.exp {compress.range = array<f64: 0.0, 3.0>} ins(%x : tensor<1x4xf32>) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

#x = affine_map<(d0, d1, d2) -> (d0, d2)>
#w = affine_map<(d0, d1, d2) -> (d2, d1)>
#y = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @weights_are_no_constants(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 1.0>},
                                    %w: tensor<4x4xf32> {compress.range = array<f64: 0.0, 1.0>}) -> tensor<1x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-error @+1 {{has no fixed-point form: its weights are no constants}}
  %y = linalg.matmul indexing_maps = [#x, #w, #y] {compress.range = array<f64: 0.0, 4.0>}
    ins(%x, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%f : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

#x = affine_map<(d0, d1, d2) -> (d0, d2)>
#w = affine_map<(d0, d1, d2) -> (d2, d1)>
#y = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @sum_of_activations(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 1.0>}) -> tensor<1x4xf32> {
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  // expected-error @+1 {{has no fixed-point form: what its sum starts from is no constant; sums of activations are not supported}}
  %y = linalg.matmul indexing_maps = [#x, #w, #y] {compress.range = array<f64: 0.0, 4.0>}
    ins(%x, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%x : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// A range of 1e-30 has a format of more than a hundred bits behind the point, to which no number of 8 bits reaches.
#x = affine_map<(d0, d1, d2) -> (d0, d2)>
#w = affine_map<(d0, d1, d2) -> (d2, d1)>
#y = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @range_beyond_widths(%x: tensor<1x4xf32> {compress.range = array<f64: 0.0, 1.0>}) -> tensor<1x4xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<1x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-error @+1 {{a number of more than 62 bits is needed on the way: choose smaller widths, or look whether its range is right}}
  %y = linalg.matmul indexing_maps = [#x, #w, #y] {compress.range = array<f64: 0.0, 1.0e-30>}
    ins(%x, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%f : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
