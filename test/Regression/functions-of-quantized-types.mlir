// RUN: compress-opt %s --split-input-file --verify-diagnostics --compress-to-affine

// Found by the fuzzer: bufferization made memrefs of these types, which cannot be read again.

// expected-error @+1 {{'func.func' op has 'tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>' after packing, whose elements no buffer can hold}}
func.func private @declared(tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>) -> tensor<4xf32>

// -----

// expected-error @+1 {{whose elements no buffer can hold}}
func.func @defined(%x: tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>) -> tensor<4x!quant.uniform<i8:f32, 5.000000e-01>> {
  return %x : tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>
}
