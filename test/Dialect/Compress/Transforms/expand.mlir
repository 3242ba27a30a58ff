// RUN: compress-opt %s --compress-expand | FileCheck %s
// RUN: compress-opt %s --compress-expand --compress-fold-weights | FileCheck %s --check-prefix=FOLDED

// One block [1 2 3] is the matrix whose first column it is:
//   1 3 2
//   2 1 3
//   3 2 1
// CHECK-LABEL: @one_block
// FOLDED-LABEL: @one_block
func.func @one_block() -> tensor<3x3xf32> {
  // The skew form: no mod, no floordiv, so that the result may be tiled.
  // CHECK-NOT: mod
  // CHECK-NOT: floordiv
  // CHECK-NOT: compress.circulant
  // CHECK: tensor.expand_shape
  // FOLDED{LITERAL}: dense<[[1.000000e+00, 3.000000e+00, 2.000000e+00], [2.000000e+00, 1.000000e+00, 3.000000e+00], [3.000000e+00, 2.000000e+00, 1.000000e+00]]>
  %c = arith.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  %w = compress.circulant %c : tensor<1x1x3xf32> -> tensor<3x3xf32>
  return %w : tensor<3x3xf32>
}

// Cropped, and transposed by its order.
// FOLDED-LABEL: @cropped_and_transposed
func.func @cropped_and_transposed() -> tensor<3x2xf32> {
  // FOLDED{LITERAL}: dense<[[1.000000e+00, 2.000000e+00], [3.000000e+00, 1.000000e+00], [2.000000e+00, 3.000000e+00]]>
  %c = arith.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  %w = compress.circulant %c order = [1, 0] : tensor<1x1x3xf32> -> tensor<3x2xf32>
  return %w : tensor<3x2xf32>
}

// Slots of k = 2 are the sum and the difference: c = ((3 + 1) / 2, (3 - 1) / 2).
// FOLDED-LABEL: @spectrum
func.func @spectrum() -> tensor<2x2xf32> {
  // FOLDED{LITERAL}: dense<[[2.000000e+00, 1.000000e+00], [1.000000e+00, 2.000000e+00]]>
  %s = arith.constant dense<[[[3.0, 1.0]]]> : tensor<1x1x2xf32>
  %w = compress.circulant %s domain = spectrum : tensor<1x1x2xf32> -> tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}

// Parameters that are no constants expand as well.
// CHECK-LABEL: @of_an_argument
func.func @of_an_argument(%c: tensor<2x3x4x3x3xf64>) -> tensor<8x11x3x3xf64> {
  // CHECK-NOT: compress.circulant
  // CHECK: return %{{.*}} : tensor<8x11x3x3xf64>
  %w = compress.circulant %c : tensor<2x3x4x3x3xf64> -> tensor<8x11x3x3xf64>
  return %w : tensor<8x11x3x3xf64>
}
