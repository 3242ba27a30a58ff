// An argument got compress.result twice, which no parser takes.
// RUN: compress-opt %s --compress-results-to-destinations | FileCheck %s

// CHECK: func.func @marked(%{{.*}}: tensor<4xf32> {{.*}}, %{{.*}}: memref<4xf32> {compress.name = "y", compress.result}) {
func.func @marked(%x: tensor<4xf32>) -> (tensor<4xf32> {compress.name = "y", compress.result = 1 : i64}) {
  return %x : tensor<4xf32>
}
