// RUN: compress-opt %s --convert-compress-dense-to-affine=vector-lanes=8 | FileCheck %s
// RUN: compress-opt %s --convert-compress-dense-to-affine=vector-lanes=16 | FileCheck %s --check-prefix=WIDE
// RUN: not compress-opt %s --convert-compress-dense-to-affine=vector-lanes=0 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-dense-to-affine{vector-lanes=0}: expects a power of two from 1 to 256

// 20 outputs are vectors of 8 from 0, 8 and 12, all read before any is written. Batches of 4 rows, then the rest.
// CHECK-LABEL: @matmul
// CHECK-NOT: linalg.generic
// CHECK: affine.for %{{.*}} = 0 to #{{.*}} step 4
// CHECK-COUNT-11: affine.vector_load {{.*}}memref<?x20xf32>, vector<8xf32>
// CHECK: affine.vector_load %{{.*}}[%{{.*}} + 3, 12] : memref<?x20xf32>, vector<8xf32>
// CHECK: affine.for %{{.*}} = 0 to 5 iter_args
// CHECK-COUNT-12: math.fma %{{.*}} : vector<8xf32>
// CHECK: affine.for %{{.*}} = #{{.*}} to %{{.*}} {
// CHECK-COUNT-3: affine.vector_store {{.*}}memref<?x20xf32>, vector<8xf32>
func.func @matmul(%x: memref<?x5xf32>, %w: memref<5x20xf32>, %y: memref<?x20xf32>) {
  linalg.matmul ins(%x, %w : memref<?x5xf32>, memref<5x20xf32>) outs(%y : memref<?x20xf32>)
  return
}

// Lanes are pixels of a row, the tile is 4 of the filters, then the 2 that are left.
// CHECK-LABEL: @conv
// CHECK-NOT: linalg.conv
// CHECK: affine.for %{{.*}} = 0 to 3 iter_args
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-4: math.fma %{{.*}} : vector<8xf32>
// CHECK: affine.vector_store
func.func @conv(%x: memref<1x3x5x9xf32>, %w: memref<10x3x2x2xf32>, %y: memref<1x10x4x8xf32>) {
  linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x5x9xf32>, memref<10x3x2x2xf32>) outs(%y : memref<1x10x4x8xf32>)
  return
}

// Channels last: a tile of two vectors has 6 rows with 16 registers (12 sums, 2 loads, a broadcast), one vector 14 with 32. 56 pixels are 6 tiles of
// 6 and 4 of 5: a tile of the 2 that 9 tiles of 6 leave would have too few sums to hide the latency.
// CHECK-LABEL: @channels_last
// CHECK: affine.for %{{.*}} = 0 to 56 {
// CHECK: affine.for %{{.*}} = 0 to 36 step 6 {
// CHECK-COUNT-12: math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: math.fma
// CHECK: affine.for %{{.*}} = 36 to 56 step 5 {
// CHECK-COUNT-10: math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: math.fma
// WIDE-LABEL: @channels_last
// WIDE: affine.for %{{.*}} = 0 to 56 step 14 {
// WIDE-COUNT-14: math.fma %{{.*}} : vector<16xf32>
// WIDE-NOT: math.fma
// CHECK: return
// WIDE: return
func.func @channels_last(%x: memref<1x58x58x8xf32>, %w: memref<3x3x8x16xf32>, %y: memref<1x56x56x16xf32>) {
  linalg.conv_2d_nhwc_hwcf ins(%x, %w : memref<1x58x58x8xf32>, memref<3x3x8x16xf32>) outs(%y : memref<1x56x56x16xf32>)
  return
}

// Rows of 5 pixels are vectors from 0 and 1 in one tile; of wide vectors, one whose lanes from 5 on do not exist.
// CHECK-LABEL: @short_rows
// CHECK: affine.vector_load %{{.*}}[0, 0, %{{.*}}, 0] : memref<1x4x4x5xf32>, vector<4xf32>
// CHECK: affine.vector_load %{{.*}}[0, 0, %{{.*}}, 1] : memref<1x4x4x5xf32>, vector<4xf32>
// CHECK-COUNT-8: math.fma %{{.*}} : vector<4xf32>
// WIDE-LABEL: @short_rows
// WIDE: vector.constant_mask [5] : vector<8xi1>
// WIDE-COUNT-4: vector.maskedload {{.*}} : memref<1x4x4x5xf32>
// WIDE: vector.maskedload {{.*}} : memref<1x3x5x6xf32>
// WIDE-COUNT-4: math.fma %{{.*}} : vector<8xf32>
// WIDE-COUNT-4: vector.maskedstore
func.func @short_rows(%x: memref<1x3x5x6xf32>, %w: memref<4x3x2x2xf32>, %y: memref<1x4x4x5xf32>) {
  linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x5x6xf32>, memref<4x3x2x2xf32>) outs(%y : memref<1x4x4x5xf32>)
  return
}

// With a stride of 2, the even pixels of a vector are followed by the odd ones of another: 0, 2, 3 + 1, 3 + 3.
// CHECK-LABEL: @conv_with_stride
// CHECK-SAME: %[[X:.*]]: memref<1x3x5x9xf32>, %[[W:.*]]: memref
// CHECK: affine.for %[[ROW:.*]] = 0 to 2
// CHECK: affine.for %[[IN:.*]] = 0 to 3
// CHECK: affine.for %[[I:.*]] = 0 to 2
// CHECK: affine.for %[[J:.*]] = 0 to 2
// CHECK: %[[FIRST:.*]] = affine.vector_load %[[X]][0, %[[IN]], %[[ROW]] * 2 + %[[I]], %[[J]]] : {{.*}}, vector<4xf32>
// CHECK: %[[LAST:.*]] = affine.vector_load %[[X]][0, %[[IN]], %[[ROW]] * 2 + %[[I]], %[[J]] + 3] : {{.*}}, vector<4xf32>
// CHECK: vector.shuffle %[[FIRST]], %[[LAST]] [0, 2, 5, 7]
func.func @conv_with_stride(%x: memref<1x3x5x9xf32>, %w: memref<4x3x2x2xf32>, %y: memref<1x4x2x4xf32>) {
  linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x5x9xf32>, memref<4x3x2x2xf32>) outs(%y : memref<1x4x2x4xf32>)
  return
}

// With larger ones there are no lanes.
// CHECK-LABEL: @conv_with_stride_3
// CHECK: linalg.conv_2d_nchw_fchw
func.func @conv_with_stride_3(%x: memref<1x3x8x11xf32>, %w: memref<4x3x2x2xf32>, %y: memref<1x4x3x4xf32>) {
  linalg.conv_2d_nchw_fchw {strides = dense<3> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x8x11xf32>, memref<4x3x2x2xf32>) outs(%y : memref<1x4x3x4xf32>)
  return
}

// A maximum is no multiply-add.
// CHECK-LABEL: @pooling
// CHECK: linalg.pooling_nchw_max
func.func @pooling(%x: memref<1x3x4x4xf32>, %w: memref<2x2xf32>, %y: memref<1x3x2x2xf32>) {
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x4x4xf32>, memref<2x2xf32>) outs(%y : memref<1x3x2x2xf32>)
  return
}

// Weights in panels of 48 outputs, of which the last has 4. A block of 256 steps of the sum serves all rows; in it, groups of 8
// steps ask for lines of the next block: the first tile of rows for the first 32 steps, and so on. The sum of 556 has 2 blocks,
// and one of 5 groups and 4 steps. A single row reads each line once, and asks for none.
// WIDE-LABEL: @panels
// WIDE-SAME: %{{.*}}: memref<?x556xf32>, %[[W:.*]]: memref<3x556x48xf32>, %[[Y:.*]]: memref<?x100xf32>
// WIDE: affine.for %[[P:.*]] = 0 to 2 {
// WIDE: affine.for %[[B:.*]] = 0 to 512 step 256 {
// WIDE: affine.for %[[M:.*]] = 0 to #{{.*}} step 8 {
// WIDE-COUNT-24: affine.vector_load %[[Y]]{{.*}} vector<16xf32>
// WIDE: affine.for %{{.*}} = 0 to 32 iter_args
// WIDE-COUNT-3: memref.prefetch %[[W]]{{.*}} read, locality<2>, data
// WIDE: affine.for %{{.*}} = 0 to 8 iter_args
// WIDE-COUNT-24: math.fma {{.*}} vector<16xf32>
// WIDE-COUNT-24: affine.vector_store %{{.*}}, %[[Y]]
// WIDE: affine.for %{{.*}} = #{{.*}} to %{{.*}} {
// WIDE-COUNT-3: affine.vector_load %[[Y]]{{.*}} vector<16xf32>
// WIDE-NOT: memref.prefetch
// WIDE: affine.for %{{.*}} = 0 to 32 iter_args
// WIDE-NOT: memref.prefetch
// WIDE: affine.for %{{.*}} = 0 to #{{.*}} step 8 {
// WIDE: affine.for %{{.*}} = 0 to 5 iter_args
// WIDE: affine.for %{{.*}} = 0 to 8 iter_args
// WIDE: affine.for %{{.*}} = 0 to 4 iter_args
// WIDE: affine.for %{{.*}} = 0 to 512 step 256 {
// WIDE: affine.vector_load %[[Y]][%{{.*}}, 96] : memref<?x100xf32>, vector<4xf32>
// WIDE: affine.vector_load %[[W]][2, %{{.*}}, 0] : memref<3x556x48xf32>, vector<4xf32>
// CHECK-LABEL: @panels
// CHECK-NOT: linalg.generic
func.func @panels(%x: memref<?x556xf32>, %w: memref<3x556x48xf32>, %y: memref<?x100xf32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n floordiv 48, k, n mod 48)>,
                                   affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x556xf32>, memref<3x556x48xf32>) outs(%y : memref<?x100xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = arith.mulf %a, %b : f32
    %e = arith.addf %c, %d : f32
    linalg.yield %e : f32
  }
  return
}
