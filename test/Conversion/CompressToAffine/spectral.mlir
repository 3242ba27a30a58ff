// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 | FileCheck %s

// CHECK-DAG: #[[GAP:.*]] = affine_map<()[s0] -> (s0 * 4 + 16)>

// Lanes are out blocks: 2 vectors of 4 cover 7 of them, the last from 3 on, and 2 positions share them. The seventh row
// is a tile too. Slots 0 and 2 are real.
// CHECK-LABEL: @rows
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<4x7x5xf32>, %[[W:[a-z0-9]+]]: memref<4x5x7xf32>, %[[Y:[a-z0-9]+]]: memref<4x7x7xf32>
// CHECK: affine.vector_load %[[Y]][2, %[[ROW:.*]], 0] : memref<4x7x7xf32>, vector<4xf32>
// CHECK: affine.vector_load %[[Y]][2, %[[ROW]] + 1, 3] : memref<4x7x7xf32>, vector<4xf32>
// CHECK: %[[SUMS:.*]]:8 = affine.for %[[G:.*]] = 0 to 5 iter_args
// CHECK: affine.vector_load %[[W]][2, %[[G]], 0]
// CHECK: affine.vector_load %[[W]][3, %[[G]], 0]
// CHECK: affine.vector_load %[[W]][2, %[[G]], 3]
// CHECK: affine.load %[[X]][2, %[[ROW]] + 1, %[[G]]]
// CHECK-COUNT-16: math.fma %{{.*}} : vector<4xf32>
// CHECK-NOT: math.fma
// CHECK: affine.yield
func.func @rows(%x: memref<4x7x5xf32>, %w: memref<4x5x7xf32>, %y: memref<4x7x7xf32>) {
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<4x7x5xf32>, memref<4x5x7xf32>)
      outs(%y : memref<4x7x7xf32>)
  return
}

// Sums that start from zero are not read, nor are the zeros written.
// CHECK-LABEL: @zeros
// CHECK: %[[YS:.*]] = memref.alloc() : memref<1x2x4xf32>
// CHECK-NOT: linalg.fill
// CHECK-NOT: load %[[YS]]
// CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK: affine.for {{.*}} iter_args(%{{.*}} = %[[ZERO]]
// CHECK-NOT: load %[[YS]]
// CHECK: affine.vector_load %[[YS]]
// CHECK: return
func.func @zeros(%x: memref<1x2x3xf32>, %w: memref<1x3x4xf32>, %y: memref<2x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %ys = memref.alloc() : memref<1x2x4xf32>
  linalg.fill ins(%zero : f32) outs(%ys : memref<1x2x4xf32>)
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<1x2x3xf32>, memref<1x3x4xf32>)
      outs(%ys : memref<1x2x4xf32>)
  compress.rfft_transpose dim = 1 ins(%ys : memref<1x2x4xf32>) outs(%y : memref<2x4xf32>)
  return
}

// Slots a multiple of 1 KiB apart would share sets of a cache: a line of 16 numbers that nobody touches comes between.
// CHECK-LABEL: @apart
// CHECK-SAME: %[[N:[a-z0-9]+]]: index
// CHECK: %[[LENGTH:.*]] = affine.apply #[[GAP]]()[%[[N]]]
// CHECK: memref.alloc(%[[LENGTH]]) : memref<4x?xf32>
// CHECK: memref.expand_shape %{{.*}} output_shape [4, %[[N]], 4]
// CHECK: memref.alloc() : memref<1x272xf32>
// CHECK: memref.expand_shape %{{.*}} output_shape [1, 64, 4] : memref<1x256xf32, strided<[272, 1]>> into memref<1x64x4xf32, strided<[272, 4, 1]>>
// CHECK: memref.alloc() : memref<1x63x4xf32>
// CHECK: return
func.func @apart(%n: index, %x: memref<?x16xf32>, %u: memref<64x4xf32>, %v: memref<63x4xf32>) {
  %xs = memref.alloc(%n) : memref<4x?x4xf32>
  compress.rfft dim = 1 ins(%x : memref<?x16xf32>) outs(%xs : memref<4x?x4xf32>)
  compress.rfft_transpose dim = 1 ins(%xs : memref<4x?x4xf32>) outs(%x : memref<?x16xf32>)
  %us = memref.alloc() : memref<1x64x4xf32>
  compress.rfft dim = 1 ins(%u : memref<64x4xf32>) outs(%us : memref<1x64x4xf32>)
  compress.rfft_transpose dim = 1 ins(%us : memref<1x64x4xf32>) outs(%u : memref<64x4xf32>)
  %vs = memref.alloc() : memref<1x63x4xf32>
  compress.rfft dim = 1 ins(%v : memref<63x4xf32>) outs(%vs : memref<1x63x4xf32>)
  compress.rfft_transpose dim = 1 ins(%vs : memref<1x63x4xf32>) outs(%v : memref<63x4xf32>)
  return
}

// Another fill than of zeros stays, and so does one that somebody else reads.
// CHECK-LABEL: @not_zeros
// CHECK: linalg.fill
// CHECK: linalg.fill
// CHECK: return
func.func @not_zeros(%x: memref<1x2x3xf32>, %w: memref<1x3x4xf32>, %z: memref<1x2x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %ys = memref.alloc() : memref<1x2x4xf32>
  linalg.fill ins(%one : f32) outs(%ys : memref<1x2x4xf32>)
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<1x2x3xf32>, memref<1x3x4xf32>)
      outs(%ys : memref<1x2x4xf32>)
  %us = memref.alloc() : memref<1x2x4xf32>
  linalg.fill ins(%zero : f32) outs(%us : memref<1x2x4xf32>)
  linalg.copy ins(%us : memref<1x2x4xf32>) outs(%z : memref<1x2x4xf32>)
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<1x2x3xf32>, memref<1x3x4xf32>)
      outs(%us : memref<1x2x4xf32>)
  linalg.add ins(%ys, %us : memref<1x2x4xf32>, memref<1x2x4xf32>) outs(%z : memref<1x2x4xf32>)
  return
}

// Rows of 3 in rows of 5: the result takes the row length of its padded input, and lanes run across rows. (3 - 1) * 5
// + 3 = 13 positions are vectors from 0, 4, 8 and, the last one, 9.
// CHECK-LABEL: @flat
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<1x2x3x5x5xf32>, %[[W:[a-z0-9]+]]: memref<1x3x3x3x2xf32>
// CHECK: %[[LONG:.*]] = memref.alloc() : memref<1x2x2x3x5xf32>
// CHECK: %[[SHORT:.*]] = memref.subview %[[LONG]]
// CHECK: %[[XF:.*]] = memref.collapse_shape %[[X]]
// CHECK: %[[YF:.*]] = memref.collapse_shape %[[LONG]]
// CHECK: affine.vector_load %[[XF]][0, %{{.*}}, %[[IN:.*]], %[[TH:.*]] * 5 + %[[TW:.*]] + 4]
// CHECK: affine.vector_store %{{.*}}, %[[YF]][0, %{{.*}}, 1, 4] : memref<1x2x2x15xf32>, vector<4xf32>
// CHECK: affine.vector_store %{{.*}}, %[[YF]][0, %{{.*}}, 1, 9] : memref<1x2x2x15xf32>, vector<4xf32>
func.func @flat(%x: memref<1x2x3x5x5xf32>, %w: memref<1x3x3x3x2xf32>, %y: memref<2x2x3x3xf32>) {
  %zero = arith.constant 0.0 : f32
  %ys = memref.alloc() : memref<1x2x2x3x3xf32>
  linalg.fill ins(%zero : f32) outs(%ys : memref<1x2x2x3x3xf32>)
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
      ins(%x, %w : memref<1x2x3x5x5xf32>, memref<1x3x3x3x2xf32>) outs(%ys : memref<1x2x2x3x3xf32>)
  compress.rfft_transpose dim = 1 ins(%ys : memref<1x2x2x3x3xf32>) outs(%y : memref<2x2x3x3xf32>)
  return
}

// What is added to stays where it is: rows of 7 are vectors from 0 and 3, both read before either is written.
// CHECK-LABEL: @overlap
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<1x1x2x7x7xf32>)
// CHECK-NOT: collapse_shape
// CHECK: affine.vector_load %[[Y]][0, 0, 0, %{{.*}}, 0]
// CHECK: affine.vector_load %[[Y]][0, 0, 0, %{{.*}}, 3]
// CHECK: affine.vector_store %{{.*}}, %[[Y]][0, 0, 0, %{{.*}}, 0]
// CHECK: affine.vector_store %{{.*}}, %[[Y]][0, 0, 0, %{{.*}}, 3]
// CHECK: return
func.func @overlap(%x: memref<1x1x3x9x9xf32>, %w: memref<1x3x3x3x2xf32>, %y: memref<1x1x2x7x7xf32>) {
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
      ins(%x, %w : memref<1x1x3x9x9xf32>, memref<1x3x3x3x2xf32>) outs(%y : memref<1x1x2x7x7xf32>)
  return
}

// Weights in panels of 16 out blocks: four vectors of 4, of one row both slots of a pair; a step of the sum is next to the one before.
// CHECK-LABEL: @panels
// CHECK-SAME: %{{[a-z0-9]+}}: memref<4x1x5xf32>, %[[W:[a-z0-9]+]]: memref<4x2x5x16xf32>
// CHECK: affine.vector_load %[[W]][1, %{{.*}}]
// CHECK: affine.for %[[O:.*]] = 0 to 32 step 16
// CHECK: affine.for %[[G:.*]] = 0 to 5 iter_args
// CHECK: affine.vector_load %[[W]][2, %[[O]] floordiv 16, %[[G]], %[[O]] mod 16] : memref<4x2x5x16xf32>, vector<4xf32>
// CHECK: affine.vector_load %[[W]][3, %[[O]] floordiv 16, %[[G]], %[[O]] mod 16] : memref<4x2x5x16xf32>, vector<4xf32>
// CHECK: affine.vector_load %[[W]][2, (%[[O]] + 4) floordiv 16, %[[G]], (%[[O]] + 4) mod 16] : memref<4x2x5x16xf32>, vector<4xf32>
func.func @panels(%x: memref<4x1x5xf32>, %w: memref<4x2x5x16xf32>, %y: memref<4x1x32xf32>) {
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<4x1x5xf32>, memref<4x2x5x16xf32>)
      outs(%y : memref<4x1x32xf32>)
  return
}

// A row of one vector leaves registers for twice the out blocks that two vectors would: five are a tile of three and one
// of two, whose sums are independent.
// CHECK-LABEL: func @few_pixels
// CHECK: %{{.*}}:5 = affine.for %{{.*}} = 0 to 2 iter_args
// CHECK: %{{.*}}:6 = affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-12: math.fma
// CHECK-NOT: math.fma
// CHECK: %{{.*}}:4 = affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-8: math.fma
// CHECK-NOT: math.fma
func.func @few_pixels(%x: memref<4x2x6x6xf32>, %w: memref<4x3x3x2x5xf32>, %y: memref<4x5x4x4xf32>) {
  compress.spectral_conv in_dim = 0 out_dim = 0 strides = [1, 1] dilations = [1, 1] ins(%x, %w : memref<4x2x6x6xf32>, memref<4x3x3x2x5xf32>) outs(%y : memref<4x5x4x4xf32>)
  return
}

// A single vector of out blocks: four sums of in blocks in turn, each for both parts, which do not wait for each other.
// CHECK-LABEL: func @in_turn
// CHECK-SAME: %{{.*}}: memref<4x1x8xf32>, %[[W:.*]]: memref<4x8x4xf32>, %[[Y:.*]]: memref<4x1x4xf32>
// CHECK: %[[R:.*]]:4 = affine.for %{{.*}} = 0 to 2 iter_args
// CHECK: %[[C:.*]]:8 = affine.for %[[G:.*]] = 0 to 2 iter_args
// CHECK: affine.vector_load %[[W]][3, %[[G]] * 4 + 3, 0] : memref<4x8x4xf32>, vector<4xf32>
// CHECK: affine.yield
// CHECK: %[[A:.*]] = arith.addf %[[C]]#0, %[[C]]#4
// CHECK: %[[B:.*]] = arith.addf %[[C]]#2, %[[C]]#6
// CHECK: %[[SUM:.*]] = arith.addf %[[A]], %[[B]]
// CHECK: affine.vector_store %[[SUM]], %[[Y]]
func.func @in_turn(%x: memref<4x1x8xf32>, %w: memref<4x8x4xf32>, %y: memref<4x1x4xf32>) {
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : memref<4x1x8xf32>, memref<4x8x4xf32>) outs(%y : memref<4x1x4xf32>)
  return
}
