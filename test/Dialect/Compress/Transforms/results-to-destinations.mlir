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
