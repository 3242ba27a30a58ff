// A product of two representations is two candidates for one op, of which the second was used after it was erased.
// RUN: compress-opt %s --compress-select | FileCheck %s
// RUN: compress-opt %s '--compress-expand=mode=tile tile-size=2' | FileCheck %s
// CHECK-LABEL: func.func @product
// CHECK-NOT: compress.factorized
// CHECK: return
func.func @product(%a: tensor<4x1xf32>, %b: tensor<1x6xf32>, %c: tensor<6x1xf32>, %d: tensor<1x8xf32>,
                   %y0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %x = compress.factorized %a, %b : tensor<4x1xf32>, tensor<1x6xf32> -> tensor<4x6xf32>
  %w = compress.factorized %c, %d : tensor<6x1xf32>, tensor<1x8xf32> -> tensor<6x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x6xf32>, tensor<6x8xf32>) outs(%y0 : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
