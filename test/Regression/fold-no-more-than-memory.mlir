// 2^40 numbers take a few characters of text: no pass may write them out. They stay what they were.
// RUN: compress-opt %s --compress-fold-weights | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="#compress.fit_circulant<k = 8>"}))' | FileCheck %s --check-prefix=FIT

// CHECK-LABEL: @transpose_of_a_splat
// CHECK: linalg.transpose
// FIT-LABEL: @transpose_of_a_splat
func.func @transpose_of_a_splat() -> tensor<1048576x1048576xf32> {
  %w = arith.constant dense<1.0> : tensor<1048576x1048576xf32>
  %e = tensor.empty() : tensor<1048576x1048576xf32>
  %t = linalg.transpose ins(%w : tensor<1048576x1048576xf32>) outs(%e : tensor<1048576x1048576xf32>) permutation = [1, 0]
  return %t : tensor<1048576x1048576xf32>
}

// CHECK-LABEL: @product
// CHECK: linalg.matmul
// FIT-LABEL: @product
// FIT-NOT: compress.circulant
func.func @product(%x: tensor<2x1048576xf32>, %y0: tensor<2x1048576xf32>) -> tensor<2x1048576xf32> {
  %w = arith.constant dense<1.0> : tensor<1048576x1048576xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x1048576xf32>, tensor<1048576x1048576xf32>) outs(%y0 : tensor<2x1048576xf32>) -> tensor<2x1048576xf32>
  return %y : tensor<2x1048576xf32>
}
