// The shape of a view was read before it was filled: a destination that is a slice, with strides and an offset, crashed the pass.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-sink-reshapes))' | FileCheck %s
// CHECK: memref.expand_shape %{{.*}} {{\[}}[0], [1, 2]] output_shape [1, 2, 4] : memref<1x8xf32, strided<[16, 1], offset: ?>>
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : memref<1x2x4xf32>) outs(%{{.*}} : memref<1x2x4xf32, strided<[16, 4, 1], offset: ?>>)
func.func @main(%x: memref<1x2x4x3xf32>, %y: memref<?x16xf32>, %i: index) {
  %sums = memref.alloc() : memref<1x2x4xf32>
  linalg.generic {indexing_maps = [affine_map<(m, p, q, k) -> (m, p, q, k)>, affine_map<(m, p, q, k) -> (m, p, q)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : memref<1x2x4x3xf32>) outs(%sums : memref<1x2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %a, %o : f32
    linalg.yield %0 : f32
  }
  %merged = memref.collapse_shape %sums [[0], [1, 2]] : memref<1x2x4xf32> into memref<1x8xf32>
  %slice = memref.subview %y[%i, 0] [1, 8] [1, 1] : memref<?x16xf32> to memref<1x8xf32, strided<[16, 1], offset: ?>>
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%merged : memref<1x8xf32>) outs(%slice : memref<1x8xf32, strided<[16, 1], offset: ?>>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}
