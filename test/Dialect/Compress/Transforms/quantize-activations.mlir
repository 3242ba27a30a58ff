// 0 is in the range: scale = (3 - -0.825) / 255 = 0.015, zero = 0.825 / 0.015 = 55.
// RUN: compress-opt %s --split-input-file --compress-quantize-activations --verify-diagnostics | FileCheck %s
// RUN: not compress-opt %s --split-input-file --compress-quantize-activations --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: func @layers
// CHECK: arith.divf %in, %[[SCALE:.*]] : f32
// CHECK: math.roundeven
// CHECK: arith.trunci
// CHECK: arith.extui
// CHECK: arith.subi
// CHECK: %[[D:.*]] = {{.*}}
// CHECK: linalg.matmul {{.*}}compress.input_scale = array<f64: 0.01{{.*}}, 5.500000e+01>
// REMARK: activations of 8 bits: scale {{1.5.*}}, zero point 55
// Codes of a table are no bytes.
// CHECK: linalg.matmul
// CHECK-NOT: compress.input_range
// REMARK: activations stay f32: the numbers of its code are no bytes times one number
func.func @layers(%x: tensor<2x4xf32>, %init: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %codes = arith.constant dense<1> : tensor<4x2xi8>
  %entries = arith.constant dense<1> : tensor<4x2xi1>
  %scales = arith.constant dense<0.5> : tensor<1x2xf32>
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<4x2xi8>, tensor<1x2xf32> -> tensor<4x2xf32>
  %v = compress.dequantize %entries, %scales code(#compress.codebook<[0.7123456, 1.0]>) : tensor<4x2xi1>, tensor<1x2xf32> -> tensor<4x2xf32>
  %y = linalg.matmul {compress.input_range = array<f64: -0.825, 3.0>} ins(%x, %w : tensor<2x4xf32>, tensor<4x2xf32>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  %z = linalg.matmul {compress.input_range = array<f64: 0.0, 1.0>} ins(%x, %v : tensor<2x4xf32>, tensor<4x2xf32>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y, %z : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

func.func @no_range(%x: tensor<2x4xf32>, %init: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %codes = arith.constant dense<1> : tensor<4x2xi8>
  %scales = arith.constant dense<0.5> : tensor<1x2xf32>
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<4x2xi8>, tensor<1x2xf32> -> tensor<4x2xf32>
  // expected-error @below {{expects compress.input_range = array<f64: low, high>, low <= high}}
  %y = linalg.matmul {compress.input_range = array<f64: 1.0, 0.0>} ins(%x, %w : tensor<2x4xf32>, tensor<4x2xf32>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
