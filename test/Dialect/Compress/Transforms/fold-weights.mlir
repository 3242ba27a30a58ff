// RUN: compress-opt %s --compress-fold-weights --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// REMARK: [Analysis] fold-weights {{.*}} bytes before, {{.*}} bytes after

// The transform of (1, 2, 3, 6) is 12, then (1 + 3) - (2 + 6) = -4, then 1 - 3 = -2 and 6 - 2 = 4: slots Re 0, Re 2, Re 1, Im 1.
// CHECK-LABEL: @spectra
func.func @spectra() -> tensor<4x1xf32> {
  // CHECK{LITERAL}: dense<[[1.200000e+01], [-4.000000e+00], [-2.000000e+00], [4.000000e+00]]> : tensor<4x1xf32>
  // CHECK-NOT: compress.rfft
  %x = arith.constant dense<[1.0, 2.0, 3.0, 6.0]> : tensor<4xf32>
  %e = tensor.empty() : tensor<4x1xf32>
  %s = compress.rfft dim = 0 ins(%x : tensor<4xf32>) outs(%e : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %s : tensor<4x1xf32>
}

// The transpose of the transform, of those slots after their scales 1/4, 1/4, 1/2, 1/2, is the vector again.
// CHECK-LABEL: @inverse
func.func @inverse() -> tensor<4xf32> {
  // CHECK: dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 6.000000e+00]> : tensor<4xf32>
  %s = arith.constant dense<[[3.0], [-1.0], [-1.0], [2.0]]> : tensor<4x1xf32>
  %e = tensor.empty() : tensor<4xf32>
  %x = compress.rfft_transpose dim = 0 ins(%s : tensor<4x1xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// A bias for each sample is not stored for each sample.
// CHECK-LABEL: @bias
func.func @bias() -> tensor<64x4xf32> {
  // CHECK: linalg.broadcast
  %b = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %e = tensor.empty() : tensor<64x4xf32>
  %y = linalg.broadcast ins(%b : tensor<4xf32>) outs(%e : tensor<64x4xf32>) dimensions = [0]
  return %y : tensor<64x4xf32>
}

// Nor is one for each pixel, behind a reshape as a grouped convolution starts from it; what is copied is a weight still.
// CHECK-LABEL: @bias_of_groups
func.func @bias_of_groups() -> tensor<1x2x2x5xf32> {
  // CHECK: %[[B:.*]] = arith.constant dense<[1.000000e+00, 3.000000e+00, 2.000000e+00, 4.000000e+00]> : tensor<4xf32>
  // CHECK-NOT: linalg.transpose
  // CHECK: linalg.broadcast ins(%[[B]]
  // CHECK: tensor.expand_shape
  %b = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %t0 = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%b : tensor<2x2xf32>) outs(%t0 : tensor<2x2xf32>) permutation = [1, 0]
  %c = tensor.collapse_shape %t [[0, 1]] : tensor<2x2xf32> into tensor<4xf32>
  %e = tensor.empty() : tensor<1x4x5xf32>
  %y = linalg.broadcast ins(%c : tensor<4xf32>) outs(%e : tensor<1x4x5xf32>) dimensions = [0, 2]
  %g = tensor.expand_shape %y [[0], [1, 2], [3]] output_shape [1, 2, 2, 5] : tensor<1x4x5xf32> into tensor<1x2x2x5xf32>
  return %g : tensor<1x2x2x5xf32>
}

// Nor the part of it that a tile of a layer starts from.
// CHECK-LABEL: @bias_of_tile
func.func @bias_of_tile() -> tensor<2x4x5xf32> {
  // CHECK: linalg.broadcast
  // CHECK: tensor.extract_slice
  %b = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %e = tensor.empty() : tensor<2x4x5xf32>
  %y = linalg.broadcast ins(%b : tensor<4xf32>) outs(%e : tensor<2x4x5xf32>) dimensions = [0, 2]
  %s = tensor.extract_slice %y[0, 0, 0] [2, 4, 5] [1, 1, 1] : tensor<2x4x5xf32> to tensor<2x4x5xf32>
  return %s : tensor<2x4x5xf32>
}

// What depends on an argument stays.
// CHECK-LABEL: @activation
func.func @activation(%x: tensor<4xf32>) -> tensor<4x1xf32> {
  // CHECK: compress.rfft
  %e = tensor.empty() : tensor<4x1xf32>
  %s = compress.rfft dim = 0 ins(%x : tensor<4xf32>) outs(%e : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %s : tensor<4x1xf32>
}
