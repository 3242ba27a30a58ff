// A vector of 8 read on behind the end of a panel of 4 out blocks, which is another frequency's place.
// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=8 | FileCheck %s
// CHECK-NOT: memref<3x2x7x4xi32>, vector<8xi32>
// CHECK: affine.vector_load %{{.*}} : memref<3x2x7x4xi32>, vector<4xi32>
func.func @words(%x: memref<5x5x7xf32>, %w: memref<3x2x7x4xi32>, %y: memref<5x5x8xf32>) {
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<5x5x7xf32>, memref<3x2x7x4xi32>) outs(%y : memref<5x5x8xf32>)
  return
}
