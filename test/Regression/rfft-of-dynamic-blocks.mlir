// The number of blocks times the block size overflowed where the former is dynamic; the definition in linalg needs it.
// RUN: not compress-opt %s --convert-compress-to-linalg 2>&1 | FileCheck %s
// RUN: compress-opt %s --compress-to-affine | FileCheck %s --check-prefix=AFFINE

// CHECK: error: failed to legalize operation 'compress.rfft'
// AFFINE: affine.for
func.func @rfft(%x: tensor<3x17xf32>, %init: tensor<4x3x?xf32>) -> tensor<4x3x?xf32> {
  %0 = compress.rfft dim = 1 ins(%x : tensor<3x17xf32>) outs(%init : tensor<4x3x?xf32>) -> tensor<4x3x?xf32>
  return %0 : tensor<4x3x?xf32>
}
