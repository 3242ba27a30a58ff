// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: #compress.fit_circulant<k = 2>"}))' --remarks-filter='compress.*' --mlir-print-debuginfo 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="#compress.layout"}))' 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: error:

// The projection is the mean along each wrapped diagonal: (1 + 4) / 2 and (2 + 3) / 2.
// The error of [[1, 2], [3, 4]] against [[2.5, 2.5], [2.5, 2.5]] is sqrt(5), its norm sqrt(30): 0.408248.
// REMARK: relative error 0.408248, 16 bytes before, 8 bytes after
// CHECK-LABEL: @layers
func.func @layers(%x: tensor<3x2xf32>, %y0: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  // CHECK-DAG: %[[C:.*]] = arith.constant dense<2.500000e+00> : tensor<1x1x2xf32>
  // CHECK-DAG: compress.circulant %[[C]] order = [1, 0] : tensor<1x1x2xf32> -> tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x2xf32>, tensor<2x2xf32>) outs(%y0 : tensor<3x2xf32>) -> tensor<3x2xf32> loc("fc")
  // Not named, not touched.
  // CHECK: linalg.matmul ins(%{{.*}}, %[[V:.*]] : tensor<3x2xf32>, tensor<2x2xf32>){{.*}}loc(#[[OTHER:.*]])
  %v = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %z = linalg.matmul ins(%x, %v : tensor<3x2xf32>, tensor<2x2xf32>) outs(%y0 : tensor<3x2xf32>) -> tensor<3x2xf32> loc("other")
  return %y, %z : tensor<3x2xf32>, tensor<3x2xf32>
}

// A name that no layer has: said loudly.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="conv9: #compress.fit_circulant<k = 2>"}))' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: warning: compress-fit touched no weight: no layer named conv9
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: #compress.fit_circulant<k = 2>"}))' 2>&1 | FileCheck %s --check-prefix=SOME
// SOME-NOT: touched no weight

// Of several pairs, the one that touches nothing is named.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="fc: #compress.fit_ternary; conv9: #compress.fit_ternary;"}))' 2>&1 | FileCheck %s --check-prefix=PAIRS
// PAIRS-NOT: no layer named fc
// PAIRS: warning: compress-fit touched no weight: no layer named conv9
// PAIRS-NOT: no layer named fc
