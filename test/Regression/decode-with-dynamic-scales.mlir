// How many scales there are is not known, though codes and groups say it.
// RUN: not compress-opt %s --convert-compress-to-linalg 2>&1 | FileCheck %s

// CHECK: error: failed to legalize operation 'compress.decode'
func.func @scales(%codes: tensor<4x8xi4>, %scales: tensor<4x?xf32>, %init: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = compress.decode code(#compress.uniform<bits = 4>) group = [1, 3] ins(%codes, %scales : tensor<4x8xi4>, tensor<4x?xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
