// The examples of the attributes' descriptions, run as they stand there (tools/dev/check-house.py checks that all are here).
// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s

// CHECK-DAG: fit_circulant = #compress.fit_circulant<k = 64>
// CHECK-DAG: pow2 = #compress.pow2<bits = 4, min_exponent = -8, zero = true>
// CHECK-DAG: codebook = #compress.codebook<[-1.000000e+00, -2.500000e-01, 2.500000e-01, 1.000000e+00]>
// CHECK-DAG: layout = #compress.layout<order = [1, 0], tiles = [16, 1]>
// CHECK-DAG: fit_escalate = #compress.fit_escalate<bases = 4, coefficients = #compress.fit_ternary<axes = 0, 2>>
func.func private @examples() attributes {
  uniform = #compress.uniform<bits = 4>,
  uniform_2 = #compress.uniform<bits = 8, unsigned_codes = true>,
  pow2 = #compress.pow2<bits = 4, min_exponent = -8, zero = true>,
  ternary = #compress.ternary,
  codebook = #compress.codebook<[-1.0, -0.25, 0.25, 1.0]>,
  layout = #compress.layout<order = [1, 0], tiles = [16, 1]>,
  layout_2 = #compress.layout<code_bits = 4>,
  fit_circulant = #compress.fit_circulant<k = 64>,
  fit_low_rank = #compress.fit_low_rank<energy = 0.95>,
  fit_uniform = #compress.fit_uniform<bits = 4, group = 32>,
  fit_pow2 = #compress.fit_pow2<bits = 4, zero = true>,
  fit_ternary = #compress.fit_ternary<threshold = 0.7, axes = 0, 2>,
  fit_codebook = #compress.fit_codebook<bits = 4>,
  fit_smartdeal = #compress.fit_smartdeal<theta = 0.02, basis = #compress.fit_uniform<bits = 8>>,
  fit_escalate = #compress.fit_escalate<bases = 4, coefficients = #compress.fit_ternary<axes = 0, 2>>,
  fit_packed = #compress.fit_packed<pattern = columns, values = #compress.fit_pow2<bits = 4>>
}
