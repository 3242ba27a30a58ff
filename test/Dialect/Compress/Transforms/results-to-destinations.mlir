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

// A fill on which two layers are computed is repeated; one that takes back a slice of itself, as padding does, is not.
// CHECK-LABEL: func.func @layers_on_one_destination
// CHECK-DAG: %[[PADDED:.*]] = linalg.fill {{.*}} -> tensor<5x5xf32>
// CHECK: %[[ROWS:.*]] = tensor.extract_slice %[[PADDED]]
// CHECK: %[[X:.*]] = tensor.insert_slice %{{.*}} into %[[PADDED]]
// CHECK: %[[SHARED:.*]] = linalg.fill {{.*}} -> tensor<5x7xf32>
// CHECK: %[[OWN:.*]] = linalg.fill {{.*}} -> tensor<5x7xf32>
// CHECK: linalg.matmul ins(%[[X]], {{.*}}) outs(%[[OWN]]
// CHECK: linalg.matmul {{.*}} outs(%[[SHARED]]
func.func @layers_on_one_destination(%x: tensor<3x5xf32>, %w: tensor<5x7xf32>, %v: tensor<7x7xf32>) -> tensor<5x7xf32> {
  %zero = arith.constant 0.0 : f32
  %pe = tensor.empty() : tensor<5x5xf32>
  %p = linalg.fill ins(%zero : f32) outs(%pe : tensor<5x5xf32>) -> tensor<5x5xf32>
  %rows = tensor.extract_slice %p[1, 0] [3, 5] [1, 1] : tensor<5x5xf32> to tensor<3x5xf32>
  %exp = linalg.exp ins(%x : tensor<3x5xf32>) outs(%rows : tensor<3x5xf32>) -> tensor<3x5xf32>
  %padded = tensor.insert_slice %exp into %p[1, 0] [3, 5] [1, 1] : tensor<3x5xf32> into tensor<5x5xf32>
  %e = tensor.empty() : tensor<5x7xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %a = linalg.matmul ins(%padded, %w : tensor<5x5xf32>, tensor<5x7xf32>) outs(%f : tensor<5x7xf32>) -> tensor<5x7xf32>
  %b = linalg.matmul ins(%a, %v : tensor<5x7xf32>, tensor<7x7xf32>) outs(%f : tensor<5x7xf32>) -> tensor<5x7xf32>
  %c = math.exp %b : tensor<5x7xf32>
  return %c : tensor<5x7xf32>
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
