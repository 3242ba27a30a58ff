// RUN: compress-opt %s --compress-load-scalar-operands | FileCheck %s

// CHECK-LABEL: @scale
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>, %[[S:.*]]: memref<f32>, %[[Y:.*]]: memref<4x8xi8> {compress.result})
// CHECK: %[[NUMBER:.*]] = memref.load %[[S]][] : memref<f32>
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[NUMBER]] : memref<4x8xf32>, f32) outs(%[[Y]] : memref<4x8xi8>)
func.func @scale(%x: memref<4x8xf32>, %s: memref<f32>, %y: memref<4x8xi8> {compress.result}) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<4x8xf32>, memref<f32>) outs(%y : memref<4x8xi8>) {
  ^bb0(%a: f32, %b: f32, %o: i8):
    %m = arith.mulf %a, %b : f32
    %i = arith.fptosi %m : f32 to i8
    linalg.yield %i : i8
  }
  return
}

// Arguments may be in one buffer, which the op would change; and an op without loops reads it once.
// CHECK-LABEL: @may_be_written
// CHECK-NOT: memref.load
// CHECK: return
func.func @may_be_written(%s: memref<f32>, %y: memref<4xf32>, %t: memref<f32> {compress.result}) {
  linalg.generic {indexing_maps = [affine_map<(i) -> ()>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%s : memref<f32>) outs(%y : memref<4xf32>) {
  ^bb0(%b: f32, %o: f32):
    linalg.yield %b : f32
  }
  linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []}
      ins(%s : memref<f32>) outs(%t : memref<f32>) {
  ^bb0(%b: f32, %o: f32):
    linalg.yield %b : f32
  }
  return
}
