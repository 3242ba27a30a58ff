// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-results-to-destinations))' | FileCheck %s

// CHECK-LABEL: func.func @main(%{{.*}}: tensor<?x4xf32> {bufferization.writable = false, compress.name = "x"},
// CHECK-SAME: %[[OUT:.*]]: memref<?x4xf32> {compress.name = "y", compress.result})
func.func @main(%x: tensor<?x4xf32> {compress.name = "x"}) -> (tensor<?x4xf32> {compress.name = "y"}) {
  // CHECK: %[[Y:.*]] = math.exp
  // CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[OUT]]
  // CHECK: return{{$}}
  %y = math.exp %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Private functions keep their results.
// CHECK-LABEL: func.func private @helper(%{{.*}}: tensor<4xf32>) -> tensor<4xf32>
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// Each result has destinations of its own: computed on one, the second would be computed in the first one's buffer.
// CHECK-LABEL: func.func @results_on_one_destination
// CHECK: %[[FILL_B:.*]] = linalg.fill
// CHECK: %[[FILL_A:.*]] = linalg.fill
// CHECK: linalg.matmul {{.*}} outs(%[[FILL_A]]
// CHECK: %[[B:.*]] = linalg.matmul {{.*}} outs(%[[FILL_B]]
// CHECK: %[[COPY:.*]] = bufferization.alloc_tensor() copy(%[[B]])
// CHECK: %[[C:.*]] = linalg.matmul {{.*}} outs(%[[COPY]]
// CHECK: bufferization.materialize_in_destination %[[C]] in restrict writable %{{.*}}
func.func @results_on_one_destination(%x: tensor<3x4xf32>, %w: tensor<4x5xf32>) -> (tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x5xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3x5xf32>) -> tensor<3x5xf32>
  %a = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%f : tensor<3x5xf32>) -> tensor<3x5xf32>
  %b = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%f : tensor<3x5xf32>) -> tensor<3x5xf32>
  %c = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%b : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %c, %a, %b : tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>
}
