// RUN: compress-opt %s --convert-compress-transposes-to-affine=vector-lanes=4 | FileCheck %s
// RUN: compress-opt %s --convert-compress-transposes-to-affine | FileCheck %s --check-prefix=LOOPS
// RUN: not compress-opt %s --convert-compress-transposes-to-affine=vector-lanes=3 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-transposes-to-affine{vector-lanes=3}: expects a power of two from 1 to 256

// Rounded before the transpose, which then moves bytes: 4 vectors, 8 shuffles. Of 6 rows the last 4 overlap the first.
// CHECK-LABEL: @round
// CHECK-SAME: %[[X:.*]]: memref<?x8x6xf32>, %[[Y:.*]]: memref<?x6x8xi8>
// CHECK: affine.for %[[N:.*]] = 0 to
// CHECK: affine.for %[[C:.*]] = 0 to 8 step 4
// CHECK: affine.vector_load %[[X]][%[[N]], %[[C]], 0] : memref<?x8x6xf32>, vector<4xf32>
// CHECK: arith.fptosi %{{.*}} : vector<4xf32> to vector<4xi8>
// CHECK: affine.vector_load %[[X]][%[[N]], %[[C]] + 3, 0]
// CHECK-COUNT-8: vector.shuffle {{.*}} : vector<4xi8>, vector<4xi8>
// CHECK: affine.vector_store %{{.*}}, %[[Y]][%[[N]], 0, %[[C]]] : memref<?x6x8xi8>, vector<4xi8>
// CHECK: affine.vector_store %{{.*}}, %[[Y]][%[[N]], 3, %[[C]]]
// CHECK: affine.for %[[C:.*]] = 0 to 8 step 4
// CHECK: affine.vector_load %[[X]][%[[N]], %[[C]], 2]
// CHECK: affine.vector_store %{{.*}}, %[[Y]][%[[N]], 5, %[[C]]]
// LOOPS-LABEL: @round
// LOOPS: linalg.generic
func.func @round(%x: memref<?x8x6xf32>, %y: memref<?x6x8xi8> {compress.result}) {
  linalg.generic {indexing_maps = [affine_map<(n, w, c) -> (n, c, w)>, affine_map<(n, w, c) -> (n, w, c)>],
                  iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<?x8x6xf32>) outs(%y : memref<?x6x8xi8>) {
  ^bb0(%a: f32, %o: i8):
    %i = arith.fptosi %a : f32 to i8
    linalg.yield %i : i8
  }
  return
}

// Numbers get longer: they do so after the transpose, where a factor of each channel is one number, and one of each column a vector.
// CHECK-LABEL: @scale
// CHECK-SAME: %[[X:.*]]: memref<4x4xi8>, %[[S:.*]]: memref<4xf32>, %[[T:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4x4xf32>
// CHECK-COUNT-4: affine.vector_load %[[X]]
// CHECK-COUNT-8: vector.shuffle {{.*}} : vector<4xi8>, vector<4xi8>
// CHECK: %[[FACTOR:.*]] = affine.load %[[S]][0]
// CHECK: vector.broadcast %[[FACTOR]]
// CHECK: affine.vector_load %[[T]][0] : memref<4xf32>, vector<4xf32>
// CHECK: arith.sitofp
// CHECK: affine.vector_store %{{.*}}, %[[Y]][0, 0]
// CHECK: affine.load %[[S]][1]
func.func @scale(%x: memref<4x4xi8>, %s: memref<4xf32>, %t: memref<4xf32>, %y: memref<4x4xf32> {compress.result}) {
  linalg.generic {indexing_maps = [affine_map<(c, w) -> (w, c)>, affine_map<(c, w) -> (c)>, affine_map<(c, w) -> (w)>,
                                   affine_map<(c, w) -> (c, w)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %s, %t : memref<4x4xi8>, memref<4xf32>, memref<4xf32>) outs(%y : memref<4x4xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %g = arith.mulf %f, %b : f32
    %h = arith.mulf %g, %c : f32
    linalg.yield %h : f32
  }
  return
}

// A narrow matrix, one whose rows stay rows, one that reads itself, and two operands that are both transposed: left to loops.
// CHECK-LABEL: @narrow
// CHECK: linalg.transpose
func.func @narrow(%x: memref<8x3xf32>, %y: memref<3x8xf32>) {
  linalg.transpose ins(%x : memref<8x3xf32>) outs(%y : memref<3x8xf32>) permutation = [1, 0]
  return
}

// CHECK-LABEL: @rows
// CHECK: linalg.transpose
func.func @rows(%x: memref<8x5x4xf32>, %y: memref<5x8x4xf32>) {
  linalg.transpose ins(%x : memref<8x5x4xf32>) outs(%y : memref<5x8x4xf32>) permutation = [1, 0, 2]
  return
}

// CHECK-LABEL: @itself
// CHECK: linalg.transpose
func.func @itself(%x: memref<8x8xf32>) {
  linalg.transpose ins(%x : memref<8x8xf32>) outs(%x : memref<8x8xf32>) permutation = [1, 0]
  return
}

// CHECK-LABEL: @two
// CHECK: linalg.generic
func.func @two(%a: memref<8x8xf32>, %b: memref<8x8xf32>, %y: memref<8x8xf32> {compress.result}) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%y : memref<8x8xf32>) {
  ^bb0(%x: f32, %z: f32, %o: f32):
    %s = arith.addf %x, %z : f32
    linalg.yield %s : f32
  }
  return
}
