// Quantized types of upstream, read and expanded in a stock mlir-opt.
// REQUIRES: plugin
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-normalize-quant)' | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-normalize-quant,compress-expand,compress-fold-weights)' | FileCheck %s --check-prefix=FOLDED

// CHECK: compress.dequantize
// FOLDED{LITERAL}: dense<[[-5.000000e-01, 0.000000e+00], [2.500000e-01, 6.250000e-01]]> : tensor<2x2xf32>
func.func @main() -> tensor<2x2xf32> {
  %codes = arith.constant dense<[[0, 1], [2, 5]]> : tensor<2x2xi8>
  %q = quant.scast %codes : tensor<2x2xi8> to tensor<2x2x!quant.uniform<i8:f32:0, {0.5:1, 0.125}>>
  %w = quant.dcast %q : tensor<2x2x!quant.uniform<i8:f32:0, {0.5:1, 0.125}>> to tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}
