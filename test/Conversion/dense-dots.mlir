// A weight of outputs by inputs that is no constant: lanes run along the sum, whose last 5 numbers are loaded under a mask.
// RUN: compress-opt %s --convert-compress-dense-to-affine=vector-lanes=16 | FileCheck %s
// CHECK-LABEL: @rows_by_rows
// CHECK-SAME: %[[X:.*]]: memref<?x37xf32>, %[[W:.*]]: memref<6x37xf32>, %[[Y:.*]]: memref<?x6xf32>
// CHECK: affine.for
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-8: affine.vector_load
// CHECK-COUNT-16: math.fma
// CHECK-COUNT-8: vector.maskedload
// CHECK-COUNT-16: math.fma
// CHECK-COUNT-16: vector.reduction <add>
func.func @rows_by_rows(%x: memref<?x37xf32>, %w: memref<6x37xf32>, %y: memref<?x6xf32>) {
  linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : memref<?x37xf32>, memref<6x37xf32>) outs(%y : memref<?x6xf32>)
  return
}

// A sum shorter than a vector stays a loop of scalars.
// CHECK-LABEL: @short
// CHECK: linalg.matmul
func.func @short(%x: memref<4x7xf32>, %w: memref<6x7xf32>, %y: memref<4x6xf32>) {
  linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : memref<4x7xf32>, memref<6x7xf32>) outs(%y : memref<4x6xf32>)
  return
}
