// Rules by layer names: patterns, short names and what they stand for.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="conv*: none; fc?, last: int8; default: circulant(2); [g-h]{1,2}: ternary;"}))' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="int8"}))' | FileCheck %s --check-prefix=ALL

!x = tensor<3x2xf32>

// One scale per output, 127 times which is the largest magnitude of the column.
// CHECK-LABEL: @layers
// ALL-LABEL: @layers
func.func @layers(%x: !x, %y0: !x) -> (!x, !x, !x, !x, !x) {
  %w = arith.constant dense<[[127.0, 0.0], [3.0, -254.0]]> : tensor<2x2xf32>
  // CHECK: %[[CODES:.*]] = arith.constant dense<{{\[\[}}127, 0], [3, -127]]> : tensor<2x2xi8>
  // CHECK: %[[SCALES:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
  // CHECK: %[[FC:.*]] = compress.dequantize %[[CODES]], %[[SCALES]] code(#compress.uniform<bits = 8>)
  // CHECK: linalg.matmul ins(%{{.*}}, %[[FC]] :
  // ALL-COUNT-5: code(#compress.uniform<bits = 8>)
  %a = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("fc1")
  // `?` is one character: `fc` alone is left to the default, wherever that is written.
  %v = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  // CHECK: %[[DEFAULT:.*]] = compress.circulant %{{.*}} order = [1, 0] : tensor<1x1x2xf32> -> tensor<2x2xf32>
  // CHECK: linalg.matmul ins(%{{.*}}, %[[DEFAULT]] :
  %b = linalg.matmul ins(%x, %v : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("fc")
  // CHECK: %[[NONE:.*]] = arith.constant dense<{{\[\[}}5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00]]>
  // CHECK: linalg.matmul ins(%{{.*}}, %[[NONE]] :
  %u = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %c = linalg.matmul ins(%x, %u : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("conv/Conv_3")
  %t = arith.constant dense<[[1.0, -1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  // CHECK: %[[TERNARY:.*]] = compress.dequantize {{.*}} code(#compress.ternary)
  // CHECK: linalg.matmul ins(%{{.*}}, %[[TERNARY]] :
  %d = linalg.matmul ins(%x, %t : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("h2")
  %s = arith.constant dense<[[2.0, 3.0], [4.0, 5.0]]> : tensor<2x2xf32>
  %e = linalg.matmul ins(%x, %s : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("last")
  return %a, %b, %c, %d, %e : !x, !x, !x, !x, !x
}

// What is wrong is said at its column, with what may be there.
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: int8; conv: escalat(4)"}))' 2>&1 | FileCheck %s --check-prefix=NAME --match-full-lines --strict-whitespace
//      NAME:{{.*}}error: compress-fit{schemes}: column 17: no scheme is called 'escalat'; there are circulant(k), codebook(bits), escalate(bases, sparsity, energy, threshold, balanced), int4(group, search), int8(group, search), lowrank(energy, rank), none, pow2(bits, terms), smartdeal(sparsity, theta, bits, rows, mask, share), structured(pattern, sparsity, threshold, vector), ternary(sparsity, threshold, balanced)
// NAME-NEXT:  fc: int8; conv: escalat(4)
// NAME-NEXT:                  ^
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: smartdeal(sparsity=1.5)"}))' 2>&1 | FileCheck %s --check-prefix=RANGE --match-full-lines --strict-whitespace
//      RANGE:{{.*}}column 24: 'sparsity' is a number, 0 to less than 1, not '1.5'
// RANGE-NEXT:  fc: smartdeal(sparsity=1.5)
// RANGE-NEXT:                         ^
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="pow2(bitz=4)"}))' 2>&1 | FileCheck %s --check-prefix=KNOB
// KNOB: column 6: 'pow2' has no 'bitz'; it takes 'bits', 'terms'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="structured(row)"}))' 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: column 12: 'pattern' is one of 'rows', 'columns', 'taps', 'vectors', 'elements', not 'row'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="int4(group=16, 3)"}))' 2>&1 | FileCheck %s --check-prefix=ORDER
// ORDER: column 16: expects 'name=value' here; 'int4' takes 'group', 'search'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="int4(16, group=8)"}))' 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: column 16: 'group' is given twice
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="escalate(sparsity=0.5)"}))' 2>&1 | FileCheck %s --check-prefix=NEITHER
// NEITHER: column 1: escalate({{.*}}) expects one of 'bases' and 'energy'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="smartdeal(0.5, theta=0.1)"}))' 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: column 1: smartdeal({{.*}}) expects 'sparsity' or 'theta', not both
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="smartdeal(share=32)"}))' 2>&1 | FileCheck %s --check-prefix=SHARE
// SHARE: column 1: smartdeal({{.*}}) expects 'sparsity', and no 'mask', where outputs 'share' rows
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc int8"}))' 2>&1 | FileCheck %s --check-prefix=COLON
// COLON: column 1: no scheme is called 'fc'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: int8 conv: int4"}))' 2>&1 | FileCheck %s --check-prefix=NEXT
// NEXT: column 10: expects ';' and a further rule, or the end
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc, : int8"}))' 2>&1 | FileCheck %s --check-prefix=PATTERN
// PATTERN: column 5: expects a pattern over layer names, such as 'conv*', or 'default'
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="a: none(3)"}))' 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: column 8: 'none' takes no arguments
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit))' 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: column 1: expects a scheme; there are
