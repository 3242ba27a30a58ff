// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-sink-reshapes))' | FileCheck %s

#id = affine_map<(m, n) -> (m, n)>

// Both ops behind the sums compute in panels: in place of the first one's buffer there is one in panels, and the caller's is seen
// so. A factor per column has its dimension split like the columns.
// CHECK-LABEL: func.func @rounded(
// CHECK-SAME: %[[X:.*]]: memref<?x2x4x3xi32>, %[[S:.*]]: memref<8xf32>, %[[Y:.*]]: memref<?x8xi8>
// CHECK-DAG: %[[OUT:.*]] = memref.expand_shape %[[Y]] {{\[}}[0], [1, 2]] output_shape [%{{.*}}, 2, 4] : memref<?x8xi8> into memref<?x2x4xi8>
// CHECK-DAG: %[[FACTORS:.*]] = memref.expand_shape %[[S]] {{\[}}[0, 1]] output_shape [2, 4] : memref<8xf32> into memref<2x4xf32>
// CHECK-DAG: %[[SUMS:.*]] = memref.alloc(%{{.*}}) : memref<?x2x4xi32>
// CHECK: linalg.generic {{.*}} outs(%[[SUMS]] : memref<?x2x4xi32>)
// CHECK-NOT: memref.collapse_shape %[[SUMS]]
// CHECK: %[[FLOATS:.*]] = memref.alloc(%{{.*}}) : memref<?x2x4xf32>
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]], %[[FACTORS]] : memref<?x2x4xi32>, memref<2x4xf32>) outs(%[[FLOATS]] : memref<?x2x4xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[FLOATS]] : memref<?x2x4xf32>) outs(%[[OUT]] : memref<?x2x4xi8>)
func.func @rounded(%x: memref<?x2x4x3xi32>, %s: memref<8xf32>, %y: memref<?x8xi8>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x2x4x3xi32>
  %sums = memref.alloc(%n) : memref<?x2x4xi32>
  linalg.generic {indexing_maps = [affine_map<(m, p, q, k) -> (m, p, q, k)>, affine_map<(m, p, q, k) -> (m, p, q)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : memref<?x2x4x3xi32>) outs(%sums : memref<?x2x4xi32>) {
  ^bb0(%a: i32, %o: i32):
    %0 = arith.addi %a, %o : i32
    linalg.yield %0 : i32
  }
  %merged = memref.collapse_shape %sums [[0], [1, 2]] : memref<?x2x4xi32> into memref<?x8xi32>
  %floats = memref.alloc(%n) : memref<?x8xf32>
  linalg.generic {indexing_maps = [#id, affine_map<(m, n) -> (n)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%merged, %s : memref<?x8xi32>, memref<8xf32>) outs(%floats : memref<?x8xf32>) {
  ^bb0(%a: i32, %b: f32, %o: f32):
    %0 = arith.sitofp %a : i32 to f32
    %1 = arith.mulf %0, %b : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%floats : memref<?x8xf32>) outs(%y : memref<?x8xi8>) {
  ^bb0(%a: f32, %o: i8):
    %0 = arith.fptosi %a : f32 to i8
    linalg.yield %0 : i8
  }
  return
}

// No sum is reshaped; and a dynamic dimension is merged, which says nothing of what it was.
// CHECK-LABEL: func.func @no_sums(
// CHECK: linalg.generic {{.*}} : memref<8xi32>
func.func @no_sums(%x: memref<2x4xi32>, %y: memref<8xi32>) {
  %merged = memref.collapse_shape %x [[0, 1]] : memref<2x4xi32> into memref<8xi32>
  linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]}
      ins(%merged : memref<8xi32>) outs(%y : memref<8xi32>) {
  ^bb0(%a: i32, %o: i32):
    linalg.yield %a : i32
  }
  return
}

// CHECK-LABEL: func.func @dynamic(
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : memref<?xi32>)
func.func @dynamic(%x: memref<?x4x3xi32>, %sums: memref<?x4xi32>, %y: memref<?xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, n, k)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : memref<?x4x3xi32>) outs(%sums : memref<?x4xi32>) {
  ^bb0(%a: i32, %o: i32):
    %0 = arith.addi %a, %o : i32
    linalg.yield %0 : i32
  }
  %merged = memref.collapse_shape %sums [[0, 1]] : memref<?x4xi32> into memref<?xi32>
  linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]}
      ins(%merged : memref<?xi32>) outs(%y : memref<?xi32>) {
  ^bb0(%a: i32, %o: i32):
    linalg.yield %a : i32
  }
  return
}

// A product of groups writes to a buffer with channels split: the buffer is that, from the bias in it to the ReLU behind it.
// CHECK-LABEL: func.func @groups(
// CHECK-SAME: %[[X:.*]]: memref<1x4x1x5x7xf32>, %[[W:.*]]: memref<4x1x1x3x3xf32>, %[[BIAS:.*]]: memref<4xf32>, %[[Y:.*]]: memref<1x4x3x5xf32>
// CHECK-DAG: %[[OUT:.*]] = memref.expand_shape %[[Y]] {{\[}}[0], [1], [2, 3], [4]]
// CHECK-DAG: %[[SUMS:.*]] = memref.alloc() : memref<1x4x1x3x5xf32>
// CHECK: linalg.generic {{.*}} ins(%[[BIAS]] : memref<4xf32>) outs(%[[SUMS]] : memref<1x4x1x3x5xf32>)
// CHECK: linalg.conv_2d_ngchw_gfchw {{.*}} outs(%[[SUMS]] : memref<1x4x1x3x5xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]] : memref<1x4x1x3x5xf32>) outs(%[[OUT]] : memref<1x4x1x3x5xf32>)
func.func @groups(%x: memref<1x4x1x5x7xf32>, %w: memref<4x1x1x3x3xf32>, %bias: memref<4xf32>, %y: memref<1x4x3x5xf32>) {
  %zero = arith.constant 0.0 : f32
  %all = memref.alloc() : memref<1x4x3x5xf32>
  linalg.broadcast ins(%bias : memref<4xf32>) outs(%all : memref<1x4x3x5xf32>) dimensions = [0, 2, 3]
  %sums = memref.expand_shape %all [[0], [1], [2, 3], [4]] output_shape [1, 4, 1, 3, 5] : memref<1x4x3x5xf32> into memref<1x4x1x3x5xf32>
  linalg.conv_2d_ngchw_gfchw ins(%x, %w : memref<1x4x1x5x7xf32>, memref<4x1x1x3x3xf32>) outs(%sums : memref<1x4x1x3x5xf32>)
  linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%all : memref<1x4x3x5xf32>) outs(%y : memref<1x4x3x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.maximumf %a, %zero : f32
    linalg.yield %0 : f32
  }
  return
}
