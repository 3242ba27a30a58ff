// Eight vectors of a single row leave no register for a second row: the rows of a tile were 0, and divided by.
// RUN: compress-opt %s --convert-compress-dense-to-affine=vector-lanes=8 | FileCheck %s
// CHECK: affine.for %{{.*}} = 0 to 16 iter_args
// CHECK-COUNT-8: math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: math.fma
func.func @row(%x: memref<16xf32>, %w: memref<16x64xf32>, %y: memref<64xf32>) {
  linalg.vecmat ins(%x, %w : memref<16xf32>, memref<16x64xf32>) outs(%y : memref<64xf32>)
  return
}
