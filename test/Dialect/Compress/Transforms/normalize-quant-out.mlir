// What quantized types cannot say stays as it is.
// RUN: compress-opt %s --compress-normalize-quant=direction=out --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @other_codes
// CHECK: compress.dequantize
func.func @other_codes(%codes: tensor<4xi4>) -> tensor<4xf32> {
  %s = arith.constant dense<0.5> : tensor<1xf32>
  // expected-warning@below {{a quantized type has no such number code}}
  %w = compress.dequantize %codes, %s code(#compress.pow2<bits = 4, min_exponent = -8>) : tensor<4xi4>, tensor<1xf32> -> tensor<4xf32>
  return %w : tensor<4xf32>
}

// CHECK-LABEL: @trained_scales
// CHECK: compress.dequantize
func.func @trained_scales(%codes: tensor<4xi4>, %s: tensor<1xf32>) -> tensor<4xf32> {
  // expected-warning@below {{scales and zeros of a quantized type are constants}}
  %w = compress.dequantize %codes, %s code(#compress.uniform<bits = 4>) : tensor<4xi4>, tensor<1xf32> -> tensor<4xf32>
  return %w : tensor<4xf32>
}

// CHECK-LABEL: @ragged_groups
// CHECK: compress.dequantize
func.func @ragged_groups(%codes: tensor<5xi4>) -> tensor<5xf32> {
  %s = arith.constant dense<0.5> : tensor<2xf32>
  // expected-warning@below {{groups of a quantized type divide the extents}}
  %w = compress.dequantize %codes, %s code(#compress.uniform<bits = 4>) group = [3] : tensor<5xi4>, tensor<2xf32> -> tensor<5xf32>
  return %w : tensor<5xf32>
}

// CHECK-LABEL: @negative_scale
// CHECK: compress.dequantize
func.func @negative_scale(%codes: tensor<4xi4>) -> tensor<4xf32> {
  %s = arith.constant dense<-0.5> : tensor<1xf32>
  // expected-warning@below {{is left as it is: }}
  %w = compress.dequantize %codes, %s code(#compress.uniform<bits = 4>) : tensor<4xi4>, tensor<1xf32> -> tensor<4xf32>
  return %w : tensor<4xf32>
}
