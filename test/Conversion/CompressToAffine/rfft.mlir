// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 | FileCheck %s --check-prefix=LANES
// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=16 | FileCheck %s --check-prefix=WIDE
// RUN: not compress-opt %s --convert-compress-to-affine=vector-lanes=3 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-to-affine{vector-lanes=3}: expects a power of two from 1 to 256

// A transform of 4 points has 6 additions and no multiplication: 2 k lg k - 4k + 6 = 6. One is a sign here.
// CHECK-LABEL: @rfft
// CHECK-SAME: %[[X:.*]]: memref<3x8xf32>, %{{.*}}: memref<4x3x2xf32>
// CHECK: affine.for %[[B:.*]] = 0 to 3
// CHECK: affine.for %[[G:.*]] = 0 to 2
// CHECK: affine.load %[[X]][%[[B]], %[[G]] * 4]
// CHECK: affine.load %[[X]][%[[B]], %[[G]] * 4 + 2]
// CHECK-NOT: arith.mulf
// CHECK: return
func.func @rfft(%x: memref<3x8xf32>, %s: memref<4x3x2xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x8xf32>) outs(%s : memref<4x3x2xf32>)
  return
}

// 7 numbers are two blocks of 4, the last number of which is not read: it is zero.
// CHECK-LABEL: @pads_inside
// CHECK-SAME: %[[X:.*]]: memref<3x7xf32>
// CHECK-NOT: affine.load %[[X]][%{{.*}}, 7]
// CHECK: return
func.func @pads_inside(%x: memref<3x7xf32>, %s: memref<4x3x2xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x7xf32>) outs(%s : memref<4x3x2xf32>)
  return
}

// Lanes are pixels of a channel-first activation, rows joined.
// LANES-LABEL: @pixels
// LANES: affine.vector_load %{{.*}} : memref<1x8x40xf32>, vector<4xf32>
// LANES: arith.addf %{{.*}} : vector<4xf32>
// LANES: affine.vector_store {{.*}} : memref<4x1x2x40xf32>, vector<4xf32>
func.func @pixels(%x: memref<1x8x5x8xf32>, %s: memref<4x1x2x5x8xf32>) {
  compress.rfft dim = 1 ins(%x : memref<1x8x5x8xf32>) outs(%s : memref<4x1x2x5x8xf32>)
  return
}

// Lanes are blocks where the transformed dimension is innermost: 4 x 4 numbers are transposed in registers. Of 6 blocks
// the last 4 are a group too: two are computed twice.
// LANES-LABEL: @blocks
// LANES-SAME: %[[X:.*]]: memref<3x24xf32>, %[[PLANES:.*]]: memref<4x3x6xf32>
// LANES: affine.for %[[B:.*]] = 0 to 3
// LANES: affine.vector_load %[[X]][%[[B]], 0] : memref<3x24xf32>, vector<4xf32>
// LANES: affine.vector_load %[[X]][%[[B]], 12] : memref<3x24xf32>, vector<4xf32>
// LANES-COUNT-8: vector.shuffle
// LANES: affine.vector_store %{{.*}}, %[[PLANES]][0, %[[B]], 0] : memref<4x3x6xf32>, vector<4xf32>
// LANES: affine.vector_load %[[X]][%[[B]], 8] : memref<3x24xf32>, vector<4xf32>
// LANES: affine.vector_store %{{.*}}, %[[PLANES]][0, %[[B]], 2] : memref<4x3x6xf32>, vector<4xf32>
// LANES: return
func.func @blocks(%x: memref<3x24xf32>, %s: memref<4x3x6xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x24xf32>) outs(%s : memref<4x3x6xf32>)
  return
}

// Longer ones go through a tile on the stack, one for both transforms and outside of all loops.
// LANES-LABEL: @tiles
// LANES-NEXT: %[[TILE:.*]] = memref.alloca() {alignment = 64 : i64, compress.scratch} : memref<8x4xf32>
// LANES-NOT: memref.alloca
// LANES: affine.for %[[B:.*]] = 0 to 2
// LANES: affine.for %[[T:.*]] = 0 to 8 step 4
// LANES: affine.vector_store %{{.*}}, %[[TILE]][%[[T]], 0] : memref<8x4xf32>, vector<4xf32>
// LANES: affine.vector_load %[[TILE]][0, 0] : memref<8x4xf32>, vector<4xf32>
// LANES: affine.vector_store %{{.*}}, %[[TILE]][0, 0]
// LANES: affine.for %[[T1:.*]] = 0 to 8 step 4
// LANES: affine.vector_load %[[TILE]][%[[T1]] + 3, 0]
// LANES: affine.vector_store %{{.*}} : memref<2x32xf32>, vector<4xf32>
// LANES: return
func.func @tiles(%x: memref<2x32xf32>, %s: memref<8x2x4xf32>, %y: memref<2x32xf32>) {
  compress.rfft dim = 1 ins(%x : memref<2x32xf32>) outs(%s : memref<8x2x4xf32>)
  compress.rfft_transpose dim = 1 ins(%s : memref<8x2x4xf32>) outs(%y : memref<2x32xf32>)
  return
}

// What adds to its destination computes no block twice: 6 blocks are 4 and 2.
// LANES-LABEL: @adds_once
// LANES: affine.vector_store %{{.*}} : memref<3x24xf32>, vector<4xf32>
// LANES: affine.vector_load %{{.*}}[1, %{{.*}}, 4] : memref<4x3x6xf32>, vector<2xf32>
// LANES: return
func.func @adds_once(%s: memref<4x3x6xf32>, %y: memref<3x24xf32>) {
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x6xf32>) outs(%y : memref<3x24xf32>)
  return
}

// Rows of 5 pixels in rows of 7 are no vector; where vectors are wide, masks cost nothing: lanes from 5 on do not exist.
// LANES-LABEL: @short_rows
// LANES: affine.vector_load %{{.*}}[0, %{{.*}}, %{{.*}}, 0] : memref<1x4x5x5xf32>, vector<4xf32>
// LANES: affine.vector_load %{{.*}}[0, %{{.*}}, %{{.*}}, 1] : memref<1x4x5x5xf32>, vector<4xf32>
// WIDE-LABEL: @short_rows
// WIDE: %[[MASK:.*]] = vector.constant_mask [5] : vector<8xi1>
// WIDE: vector.maskedload %{{.*}} : memref<1x4x5x5xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// WIDE: vector.maskedstore %{{.*}}, vector<8xi1>, vector<8xf32>
// WIDE: return
func.func @short_rows(%x: memref<1x4x5x5xf32>, %s: memref<2x1x2x7x7xf32>) {
  %inner = memref.subview %s[0, 0, 0, 1, 1] [2, 1, 2, 5, 5] [1, 1, 1, 1, 1]
      : memref<2x1x2x7x7xf32> to memref<2x1x2x5x5xf32, strided<[98, 98, 49, 7, 1], offset: 8>>
  compress.rfft dim = 1 ins(%x : memref<1x4x5x5xf32>)
      outs(%inner : memref<2x1x2x5x5xf32, strided<[98, 98, 49, 7, 1], offset: 8>>)
  return
}

// CHECK-LABEL: @accumulates
// CHECK-SAME: %{{.*}}: memref<4x3x2xf32>, %[[Y:.*]]: memref<3x8xf32>
// CHECK: affine.load %[[Y]]
// CHECK: arith.addf
// CHECK: affine.store %{{.*}}, %[[Y]]
func.func @accumulates(%s: memref<4x3x2xf32>, %y: memref<3x8xf32>) {
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x2xf32>) outs(%y : memref<3x8xf32>)
  return
}

// Without `accumulate` the destination is not read.
// CHECK-LABEL: @overwrites
// CHECK-SAME: %{{.*}}: memref<4x3x2xf32>, %[[Y:.*]]: memref<3x8xf32>
// CHECK-NOT: affine.load %[[Y]]
// CHECK: return
func.func @overwrites(%s: memref<4x3x2xf32>, %y: memref<3x8xf32>) {
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x2xf32>) outs(%y : memref<3x8xf32>)
  return
}

// Of a dynamic extent the whole blocks are code as above; one more block, if there is one, reads zero beyond it.
// CHECK-LABEL: @masks_last_block
// CHECK-SAME: (%[[X:.*]]: memref<3x?xf32>, %[[PLANES:.*]]: memref<4x3x?xf32>)
// CHECK: affine.for %{{.*}} = 0 to 3
// CHECK: affine.for %{{.*}} = 0 to #[[WHOLE:[a-z0-9]+]]()[%{{.*}}]
// CHECK-NOT: arith.select
// CHECK: affine.for %{{.*}} = #[[WHOLE]]()[%{{.*}}] to
// CHECK: arith.minsi
// CHECK: %[[NUMBER:.*]] = memref.load %[[X]]
// CHECK: arith.select %{{.*}}, %[[NUMBER]], %{{.*}}
// CHECK: memref.store %{{.*}}, %[[PLANES]]
func.func @masks_last_block(%x: memref<3x?xf32>, %s: memref<4x3x?xf32>) {
  compress.rfft dim = 1 ins(%x : memref<3x?xf32>) outs(%s : memref<4x3x?xf32>)
  return
}

// Nothing beyond it is written.
// CHECK-LABEL: @guards_last_block
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<3x?xf32>)
// CHECK: affine.for
// CHECK: affine.store
// CHECK: affine.for
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt
// CHECK: scf.if %[[INSIDE]]
// CHECK: memref.store %{{.*}}, %[[Y]]
func.func @guards_last_block(%s: memref<4x3x?xf32>, %y: memref<3x?xf32>) {
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x?xf32>) outs(%y : memref<3x?xf32>)
  return
}

// The extent of a tile, which depends on the index of an scf.for, is no affine symbol.
// CHECK-LABEL: @tile
// CHECK: scf.for
// CHECK: affine.for %{{.*}} = 0 to 3
// CHECK: scf.for
// CHECK: memref.load
func.func @tile(%x: memref<3x18xf32>, %s: memref<4x3x5xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  scf.for %j = %c0 to %c5 step %c2 {
    %blocks = affine.min affine_map<(d0) -> (-d0 + 5, 2)>(%j)
    %start = affine.apply affine_map<(d0) -> (d0 * 4)>(%j)
    %n = affine.min affine_map<(d0) -> (-d0 * 4 + 18, 8)>(%j)
    %xt = memref.subview %x[0, %start] [3, %n] [1, 1] : memref<3x18xf32> to memref<3x?xf32, strided<[18, 1], offset: ?>>
    %st = memref.subview %s[0, 0, %j] [4, 3, %blocks] [1, 1, 1] : memref<4x3x5xf32> to memref<4x3x?xf32, strided<[15, 5, 1], offset: ?>>
    compress.rfft dim = 1 ins(%xt : memref<3x?xf32, strided<[18, 1], offset: ?>>) outs(%st : memref<4x3x?xf32, strided<[15, 5, 1], offset: ?>>)
  }
  return
}
