// RUN: compress-opt %s --convert-compress-reductions-to-affine | FileCheck %s
// RUN: compress-opt %s --convert-compress-reductions-to-affine=vector-lanes=4 | FileCheck %s --check-prefix=LANES
// RUN: not compress-opt %s --convert-compress-reductions-to-affine=vector-lanes=9223372036854775807 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-reductions-to-affine{vector-lanes=9223372036854775807}: expects a power of two from 1 to 256
// RUN: compress-opt %s --convert-compress-reductions-to-affine=vector-lanes=16 | FileCheck %s --check-prefix=MASKED

// The window's own tensor is never read, and the maximum is stored once.
// CHECK-LABEL: @pooling
// CHECK-SAME: %[[X:.*]]: memref<?x4x7x7xf32>, %[[WINDOW:.*]]: memref<3x4xf32>, %[[Y:.*]]: memref<?x4x3x4xf32>
// CHECK-COUNT-4: affine.for
// CHECK: %[[FIRST:.*]] = affine.load %[[Y]]
// CHECK: affine.for %{{.*}} = 0 to 3 iter_args(%{{.*}} = %[[FIRST]])
// CHECK: affine.for %{{.*}} = 0 to 4 iter_args
// CHECK-NOT: affine.load %[[WINDOW]]
// CHECK: affine.load %[[X]][%{{.*}}, %{{.*}}, %{{.*}} * 2 + %{{.*}}, %{{.*}} + %{{.*}}]
// CHECK: arith.maximumf
// CHECK: affine.store %{{.*}}, %[[Y]]
// CHECK-NOT: affine.store
// CHECK: return
func.func @pooling(%x: memref<?x4x7x7xf32>, %w: memref<3x4xf32>, %y: memref<?x4x3x4xf32>) {
  linalg.pooling_nchw_max {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<?x4x7x7xf32>, memref<3x4xf32>) outs(%y : memref<?x4x3x4xf32>)
  return
}

// A sum over the batch has no known extent.
// CHECK-LABEL: @dynamic
// CHECK: linalg.reduce
func.func @dynamic(%x: memref<?x4xf32>, %y: memref<4xf32>) {
  linalg.reduce ins(%x : memref<?x4xf32>) outs(%y : memref<4xf32>) dimensions = [0]
    (%a: f32, %b: f32) {
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    }
  return
}

// CHECK-LABEL: @elementwise
// CHECK: linalg.add
func.func @elementwise(%x: memref<4xf32>, %y: memref<4xf32>) {
  linalg.add ins(%x, %x : memref<4xf32>, memref<4xf32>) outs(%y : memref<4xf32>)
  return
}

// Lanes are positions. A window of 2 x 2 that moves by 2 is no loop: the maxima of 8 numbers of its two rows, and then of the even and the odd ones.
// Of 6 positions the last 2 are a shorter vector; or all are one of 8 of which 6 exist, and every other number of 12 is the even ones of a
// vector, and the odd ones of another that ends where the row may end.
// LANES-LABEL: @every_other
// LANES-SAME: %[[X:.*]]: memref<?x4x6x12xf32>, %{{.*}}, %[[Y:.*]]: memref<?x4x3x6xf32>
// LANES: affine.for %[[OH:.*]] = 0 to 3
// LANES: %[[START:.*]] = affine.vector_load %[[Y]]
// LANES: %[[A:.*]] = affine.vector_load %[[X]][%{{.*}}, %{{.*}}, %[[OH]] * 2, 0] {{.*}} vector<4xf32>
// LANES: %[[B:.*]] = affine.vector_load %[[X]][%{{.*}}, %{{.*}}, %[[OH]] * 2, 4] {{.*}} vector<4xf32>
// LANES: %[[C:.*]] = affine.vector_load %[[X]][%{{.*}}, %{{.*}}, %[[OH]] * 2 + 1, 0] {{.*}} vector<4xf32>
// LANES: %[[AC:.*]] = arith.maximumf %[[A]], %[[C]] fastmath<nsz> : vector<4xf32>
// LANES: %[[D:.*]] = affine.vector_load %[[X]][%{{.*}}, %{{.*}}, %[[OH]] * 2 + 1, 4] {{.*}} vector<4xf32>
// LANES: %[[BD:.*]] = arith.maximumf %[[B]], %[[D]] fastmath<nsz> : vector<4xf32>
// LANES: %[[EVEN:.*]] = vector.shuffle %[[AC]], %[[BD]] [0, 2, 4, 6]
// LANES: %[[FIRST:.*]] = arith.maximumf %[[START]], %[[EVEN]]
// LANES: %[[ODD:.*]] = vector.shuffle %[[AC]], %[[BD]] [1, 3, 5, 7]
// LANES: arith.maximumf %[[FIRST]], %[[ODD]]
// LANES: affine.vector_load %[[X]][{{.*}}, 8] {{.*}} vector<2xf32>
// LANES: affine.vector_load %[[X]][{{.*}}, 10] {{.*}} vector<2xf32>
// LANES: return
// MASKED-LABEL: @every_other
// MASKED: vector.constant_mask [6] : vector<8xi1>
// MASKED: %[[FIRST:.*]] = vector.maskedload
// MASKED: %[[A:.*]] = vector.maskedload
// MASKED: %[[B:.*]] = vector.maskedload
// MASKED: vector.shuffle %[[A]], %[[B]] [0, 2, 4, 9, 11, 13, 0, 0]
// MASKED: arith.maximumf %[[FIRST]]
// MASKED: vector.maskedstore
func.func @every_other(%x: memref<?x4x6x12xf32>, %w: memref<2x2xf32>, %y: memref<?x4x3x6xf32>) {
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<?x4x6x12xf32>, memref<2x2xf32>) outs(%y : memref<?x4x3x6xf32>)
  return
}

// A sum over rows: what is the same in all lanes is copied to them.
// LANES-LABEL: @weighted
// LANES: %[[F:.*]] = affine.load %{{.*}} : memref<3xf32>
// LANES: vector.broadcast %[[F]] : f32 to vector<4xf32>
// LANES: arith.mulf %{{.*}} : vector<4xf32>
// LANES: vector.broadcast %{{.*}} : f32 to vector<4xf32>
// LANES: arith.addf %{{.*}} : vector<4xf32>
func.func @weighted(%x: memref<3x4xf32>, %f: memref<3xf32>, %y: memref<4xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x, %f : memref<3x4xf32>, memref<3xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %half = arith.constant 0.5 : f32
    %product = arith.mulf %a, %b : f32
    %scaled = arith.mulf %product, %half : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  }
  return
}

// The largest of many rows: four vectors take turns, as each waits for its own last step; of a short window it is one.
// LANES-LABEL: @columns
// LANES: affine.for %{{.*}} = 0 to 32 step 16
// LANES: affine.for %{{.*}} = 0 to 10 iter_args
// LANES: arith.maximumf {{.*}} : vector<16xf32>
// LANES: affine.for %{{.*}} = 0 to 32 step 4
// LANES-COUNT-3: arith.maximumf {{.*}} : vector<4xf32>
// LANES: return
func.func @columns(%x: memref<10x32xf32>, %few: memref<3x32xf32>, %y: memref<32xf32>, %z: memref<32xf32>) {
  linalg.reduce ins(%x : memref<10x32xf32>) outs(%y : memref<32xf32>) dimensions = [0]
    (%a: f32, %b: f32) {
      %s = arith.maximumf %a, %b : f32
      linalg.yield %s : f32
    }
  linalg.reduce ins(%few : memref<3x32xf32>) outs(%z : memref<32xf32>) dimensions = [0]
    (%a: f32, %b: f32) {
      %s = arith.maximumf %a, %b : f32
      linalg.yield %s : f32
    }
  return
}
