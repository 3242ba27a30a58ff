// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 --canonicalize | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine --canonicalize | FileCheck %s --check-prefix=PLAIN

// Slots that a transpose makes innermost are transposed in registers, 4 x 4, on both sides: planes are never made. Lanes are
// rows; what is left of them is done in scalars.
// CHECK-LABEL: @rows
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %[[Y:.*]]: memref<?x4xf32>
// CHECK-NOT: memref.alloc
// CHECK-NOT: linalg
// CHECK: affine.for %[[R:.*]] = 0 to #{{.*}} step 4 {
// CHECK: affine.vector_load %[[X]][%[[R]], 0] : memref<?x4xf32>, vector<4xf32>
// CHECK: affine.vector_load %[[X]][%[[R]] + 3, 0] : memref<?x4xf32>, vector<4xf32>
// CHECK: vector.shuffle
// CHECK: arith.addf %{{.*}} : vector<4xf32>
// CHECK: vector.shuffle
// CHECK-COUNT-4: affine.vector_store %{{.*}}, %{{.*}} vector<4xf32>
// CHECK: affine.for %{{.*}} = #{{.*}} to %{{.*}} {
// CHECK-COUNT-4: affine.store
// CHECK: return
// PLAIN-LABEL: @rows
// PLAIN: memref.alloc
// PLAIN: linalg.transpose
func.func @rows(%x: memref<?x4xf32>, %y: memref<?x4xf32> {compress.result}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x4xf32>
  %s = memref.alloc(%n) : memref<4x?x1xf32>
  compress.rfft dim = 1 ins(%x : memref<?x4xf32>) outs(%s : memref<4x?x1xf32>)
  %f = memref.collapse_shape %s [[0], [1, 2]] : memref<4x?x1xf32> into memref<4x?xf32>
  linalg.transpose ins(%f : memref<4x?xf32>) outs(%y : memref<?x4xf32>) permutation = [1, 0]
  return
}

// Blocks of one row are lanes, too, and other dimensions may change places.
// CHECK-LABEL: @blocks
// CHECK-SAME: %{{.*}}: memref<3x32xf32>, %[[Y:.*]]: memref<8x3x4xf32>
// CHECK-NOT: linalg
// CHECK: %[[ROWS:.*]] = memref.transpose %[[Y]] (d0, d1, d2) -> (d1, d0, d2)
// CHECK: affine.vector_store %{{.*}}, %[[ROWS]][%{{.*}}, %{{.*}}, 0] {{.*}} vector<4xf32>
func.func @blocks(%x: memref<3x32xf32>, %y: memref<8x3x4xf32> {compress.result}) {
  %s = memref.alloc() : memref<4x3x8xf32>
  compress.rfft dim = 1 ins(%x : memref<3x32xf32>) outs(%s : memref<4x3x8xf32>)
  linalg.transpose ins(%s : memref<4x3x8xf32>) outs(%y : memref<8x3x4xf32>) permutation = [2, 1, 0]
  return
}

// Another op reads the planes.
// CHECK-LABEL: @planes_are_read
// CHECK: linalg.transpose
func.func @planes_are_read(%x: memref<3x32xf32>, %y: memref<3x8x4xf32> {compress.result}) -> memref<4x3x8xf32> {
  %s = memref.alloc() : memref<4x3x8xf32>
  compress.rfft dim = 1 ins(%x : memref<3x32xf32>) outs(%s : memref<4x3x8xf32>)
  linalg.transpose ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x8x4xf32>) permutation = [1, 2, 0]
  return %s : memref<4x3x8xf32>
}

// The result is another thing until then.
// CHECK-LABEL: @result_is_read
// CHECK: linalg.copy
// CHECK: linalg.transpose
func.func @result_is_read(%x: memref<3x32xf32>, %z: memref<3x8x4xf32>, %y: memref<3x8x4xf32> {compress.result}) {
  %s = memref.alloc() : memref<4x3x8xf32>
  compress.rfft dim = 1 ins(%x : memref<3x32xf32>) outs(%s : memref<4x3x8xf32>)
  linalg.copy ins(%y : memref<3x8x4xf32>) outs(%z : memref<3x8x4xf32>)
  linalg.transpose ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x8x4xf32>) permutation = [1, 2, 0]
  return
}

// Two arguments may be the same memory, of which numbers that are not read yet would be written.
// CHECK-LABEL: @may_be_the_same
// CHECK: linalg.transpose
func.func @may_be_the_same(%x: memref<3x32xf32>, %y: memref<3x8x4xf32>) {
  %s = memref.alloc() : memref<4x3x8xf32>
  compress.rfft dim = 1 ins(%x : memref<3x32xf32>) outs(%s : memref<4x3x8xf32>)
  linalg.transpose ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x8x4xf32>) permutation = [1, 2, 0]
  return
}

// Of rows that are longer than registers hold, lines of the next four are asked for between the operations: what is read, and
// what is written.
// CHECK-LABEL: @next_rows
// CHECK-SAME: %[[X:.*]]: memref<?x8xf32>, %[[Y:.*]]: memref<?x8xf32>
// CHECK: %[[ROWS:.*]] = memref.expand_shape %[[Y]]
// CHECK: affine.for %{{.*}} = 0 to #{{.*}} step 4 {
// CHECK: memref.prefetch %[[X]][%{{.*}}, %{{.*}}], read
// CHECK: memref.prefetch %[[ROWS]][%{{.*}}, %{{.*}}, %{{.*}}], write
// CHECK: arith.addf %{{.*}} : vector<4xf32>
// CHECK-COUNT-3: memref.prefetch %[[ROWS]]{{.*}}, write
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @next_rows(%x: memref<?x8xf32>, %y: memref<?x8xf32> {compress.result}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x8xf32>
  %s = memref.alloc(%n) : memref<8x?x1xf32>
  compress.rfft dim = 1 ins(%x : memref<?x8xf32>) outs(%s : memref<8x?x1xf32>)
  %f = memref.collapse_shape %s [[0], [1, 2]] : memref<8x?x1xf32> into memref<8x?xf32>
  linalg.transpose ins(%f : memref<8x?xf32>) outs(%y : memref<?x8xf32>) permutation = [1, 0]
  return
}
