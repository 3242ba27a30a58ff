// The expressed type within a quantized one stayed f32 while results became f64.
// RUN: not compress-opt %s --compress-promote-to-f64 2>&1 | FileCheck %s
// RUN: compress-opt %s --compress-normalize-quant --compress-promote-to-f64 | FileCheck %s --check-prefix=NORMALIZED

// CHECK: error: compress-promote-to-f64: this op stays as it is when its values become f64
// NORMALIZED: compress.dequantize {{.*}} -> tensor<2x3xf64>
func.func @per_tensor(%v: tensor<2x3xi8>) -> tensor<2x3xf32> {
  %0 = quant.scast %v : tensor<2x3xi8> to tensor<2x3x!quant.uniform<i8:f32, 5.000000e-01>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 5.000000e-01>> to tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
