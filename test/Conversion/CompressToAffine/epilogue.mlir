// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 --convert-compress-reductions-to-affine=vector-lanes=4 \
// RUN:   | FileCheck %s --check-prefix=REDUCED
// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s --check-prefix=PLAIN

// What fills a result and what changes it after are part of the one pass that writes it, which reads nothing of it. The
// scalar form, to which others are compared, leaves them.

#id = affine_map<(d0, d1) -> (d0, d1)>
#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#channel = affine_map<(d0, d1, d2, d3) -> (d1)>

// CHECK-LABEL: @bias_and_relu
// CHECK-SAME: %{{.*}}: memref<4x3x8xf32>, %[[BIAS:.*]]: memref<32xf32>
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK-NOT: linalg
// CHECK-NOT: load %[[Y]]
// CHECK: %[[START:.*]] = affine.vector_load %[[BIAS]][%{{.*}}] : memref<32xf32>, vector<4xf32>
// CHECK: %[[SUM:.*]] = arith.addf %[[START]], %{{.*}} : vector<4xf32>
// CHECK: %[[POSITIVE:.*]] = arith.maximumf %[[SUM]], %{{.*}} : vector<4xf32>
// CHECK: affine.vector_store %[[POSITIVE]], %[[Y]]
// CHECK-NOT: load %[[Y]]
// CHECK: return
// PLAIN-LABEL: @bias_and_relu
// PLAIN: linalg.broadcast
// PLAIN: linalg.generic
func.func @bias_and_relu(%s: memref<4x3x8xf32>, %bias: memref<32xf32>) -> memref<3x32xf32> {
  %zero = arith.constant 0.0 : f32
  %y = memref.alloc() : memref<3x32xf32>
  linalg.broadcast ins(%bias : memref<32xf32>) outs(%y : memref<3x32xf32>) dimensions = [0]
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : memref<3x32xf32>) outs(%y : memref<3x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  }
  return %y : memref<3x32xf32>
}

// A bias over channels is the same at all pixels, whose rows are joined; another tensor's rows are joined as those of the
// result are.
// CHECK-LABEL: @residual_of_pixels
// CHECK-SAME: %[[S:.*]]: memref<4x1x2x3x5xf32>, %[[BIAS:.*]]: memref<8xf32>, %[[X:.*]]: memref<1x8x3x5xf32>
// CHECK: %[[ROWS:.*]] = memref.collapse_shape %[[X]] {{.*}} : memref<1x8x3x5xf32> into memref<1x8x15xf32>
// CHECK-NOT: linalg
// CHECK: affine.load %[[BIAS]][%[[B:.*]] * 4]
// CHECK: affine.vector_load %[[ROWS]][0, %[[B]] * 4, %{{.*}}] : memref<1x8x15xf32>, vector<4xf32>
// CHECK: return
func.func @residual_of_pixels(%s: memref<4x1x2x3x5xf32>, %bias: memref<8xf32>, %x: memref<1x8x3x5xf32>)
    -> memref<1x8x3x5xf32> {
  %y = memref.alloc() : memref<1x8x3x5xf32>
  linalg.broadcast ins(%bias : memref<8xf32>) outs(%y : memref<1x8x3x5xf32>) dimensions = [0, 2, 3]
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x1x2x3x5xf32>) outs(%y : memref<1x8x3x5xf32>)
  linalg.generic {indexing_maps = [#id4, #id4, #id4],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y, %x : memref<1x8x3x5xf32>, memref<1x8x3x5xf32>) outs(%y : memref<1x8x3x5xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return %y : memref<1x8x3x5xf32>
}

// Numbers of a block that a dynamic extent cuts short are stored, bias and all, where they exist.
// CHECK-LABEL: @cut_short
// CHECK-SAME: %{{.*}}: memref<2x?x3xf32>, %[[BIAS:.*]]: memref<3xf32>
// CHECK-NOT: linalg
// CHECK: %[[IS_INSIDE:.*]] = arith.cmpi slt
// CHECK: scf.if %[[IS_INSIDE]] {
// CHECK: %[[START:.*]] = vector.load %[[BIAS]]
// CHECK: %[[SUM:.*]] = arith.addf %[[START]]
// CHECK: %[[NEGATIVE:.*]] = arith.negf %[[SUM]]
// CHECK: vector.store %[[NEGATIVE]]
// CHECK: return
func.func @cut_short(%s: memref<2x?x3xf32>, %bias: memref<3xf32>, %n: index) -> memref<?x3xf32> {
  %y = memref.alloc(%n) : memref<?x3xf32>
  linalg.broadcast ins(%bias : memref<3xf32>) outs(%y : memref<?x3xf32>) dimensions = [0]
  compress.rfft_transpose accumulate dim = 0 ins(%s : memref<2x?x3xf32>) outs(%y : memref<?x3xf32>)
  linalg.negf ins(%y : memref<?x3xf32>) outs(%y : memref<?x3xf32>)
  return %y : memref<?x3xf32>
}

// REDUCED-LABEL: @pooling
// REDUCED-SAME: %[[X:.*]]: memref<1x1x4x8xf32>
// REDUCED: %[[LEAST:.*]] = arith.constant 0xFF800000
// REDUCED: %[[Y:.*]] = memref.alloc() : memref<1x1x2x4xf32>
// REDUCED-NOT: linalg
// REDUCED: %[[START:.*]] = vector.broadcast %[[LEAST]]
// REDUCED-COUNT-2: arith.maximumf
// REDUCED: arith.maximumf %[[START]], %{{.*}} : vector<4xf32>
// REDUCED: %[[MAX:.*]] = arith.maximumf
// REDUCED: %[[NEGATIVE:.*]] = arith.negf %[[MAX]] : vector<4xf32>
// REDUCED: affine.vector_store %[[NEGATIVE]], %[[Y]]
// REDUCED: return
func.func @pooling(%x: memref<1x1x4x8xf32>) -> memref<1x1x2x4xf32> {
  %least = arith.constant 0xFF800000 : f32
  %w = memref.alloc() : memref<2x2xf32>
  %y = memref.alloc() : memref<1x1x2x4xf32>
  linalg.fill ins(%least : f32) outs(%y : memref<1x1x2x4xf32>)
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x1x4x8xf32>, memref<2x2xf32>) outs(%y : memref<1x1x2x4xf32>)
  linalg.generic {indexing_maps = [#id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y : memref<1x1x2x4xf32>) outs(%y : memref<1x1x2x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return %y : memref<1x1x2x4xf32>
}

// Somebody reads the bias of the result, or the sums, as they are in between.
// CHECK-LABEL: @read_between
// CHECK: linalg.broadcast
// CHECK: linalg.copy
// CHECK: affine.vector_store
// CHECK: linalg.copy
// CHECK: linalg.exp
func.func @read_between(%s: memref<4x3x8xf32>, %bias: memref<32xf32>, %to: memref<3x32xf32>) -> memref<3x32xf32> {
  %y = memref.alloc() : memref<3x32xf32>
  linalg.broadcast ins(%bias : memref<32xf32>) outs(%y : memref<3x32xf32>) dimensions = [0]
  linalg.copy ins(%y : memref<3x32xf32>) outs(%to : memref<3x32xf32>)
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  %view = memref.collapse_shape %y [[0, 1]] : memref<3x32xf32> into memref<96xf32>
  %flat = memref.collapse_shape %to [[0, 1]] : memref<3x32xf32> into memref<96xf32>
  linalg.copy ins(%view : memref<96xf32>) outs(%flat : memref<96xf32>)
  linalg.exp ins(%y : memref<3x32xf32>) outs(%y : memref<3x32xf32>)
  return %y : memref<3x32xf32>
}

// The bias is another one before the sums are made, and so is the other operand of the addition after them, which somebody
// reads before it changes.
// CHECK-LABEL: @operand_changes
// CHECK: linalg.broadcast
// CHECK: linalg.fill
// CHECK: affine.vector_store
// CHECK: linalg.copy
// CHECK: linalg.fill
// CHECK: linalg.add
func.func @operand_changes(%s: memref<4x3x8xf32>, %to: memref<3x32xf32>) -> memref<3x32xf32> {
  %one = arith.constant 1.0 : f32
  %bias = memref.alloc() : memref<32xf32>
  %x = memref.alloc() : memref<3x32xf32>
  %y = memref.alloc() : memref<3x32xf32>
  linalg.broadcast ins(%bias : memref<32xf32>) outs(%y : memref<3x32xf32>) dimensions = [0]
  linalg.fill ins(%one : f32) outs(%bias : memref<32xf32>)
  compress.rfft_transpose accumulate dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  linalg.copy ins(%x : memref<3x32xf32>) outs(%to : memref<3x32xf32>)
  linalg.fill ins(%one : f32) outs(%x : memref<3x32xf32>)
  linalg.add ins(%y, %x : memref<3x32xf32>, memref<3x32xf32>) outs(%y : memref<3x32xf32>)
  return %y : memref<3x32xf32>
}

// A product of two scales, computed behind the sums, is needed by what changes them, and needs nothing of them: it is computed
// before, and its buffer is allocated there.
// CHECK-LABEL: @factor_behind
// CHECK-SAME: %{{.*}}: memref<4x3x8xf32>, %[[A:.*]]: memref<32xf32>, %[[B:.*]]: memref<32xf32>, %[[Z:.*]]: memref<3x32xf32>
// CHECK: %[[SCALES:.*]] = memref.alloc() : memref<32xf32>
// CHECK: linalg.mul ins(%[[A]], %[[B]] : memref<32xf32>, memref<32xf32>) outs(%[[SCALES]] : memref<32xf32>)
// CHECK: %[[SCALE:.*]] = affine.vector_load %[[SCALES]]
// CHECK: arith.mulf %{{.*}}, %[[SCALE]] : vector<4xf32>
// CHECK: affine.vector_store %{{.*}}, %[[Z]]
// CHECK-NOT: linalg
// CHECK: return
func.func @factor_behind(%s: memref<4x3x8xf32>, %a: memref<32xf32>, %b: memref<32xf32>,
                         %z: memref<3x32xf32> {compress.result}) {
  %y = memref.alloc() : memref<3x32xf32>
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  %scales = memref.alloc() : memref<32xf32>
  linalg.mul ins(%a, %b : memref<32xf32>, memref<32xf32>) outs(%scales : memref<32xf32>)
  linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> (d1)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %scales : memref<3x32xf32>, memref<32xf32>) outs(%z : memref<3x32xf32>) {
  ^bb0(%in: f32, %scale: f32, %out: f32):
    %0 = arith.mulf %in, %scale : f32
    linalg.yield %0 : f32
  }
  return
}

// Two arguments may be the same memory, where a number that is stored would be read as the other operand of a later one.
// CHECK-LABEL: @may_be_the_same
// CHECK: affine.vector_store
// CHECK: linalg.add
func.func @may_be_the_same(%s: memref<4x3x8xf32>, %x: memref<3x32xf32>, %y: memref<3x32xf32>) {
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  linalg.add ins(%y, %x : memref<3x32xf32>, memref<3x32xf32>) outs(%y : memref<3x32xf32>)
  return
}

// An activation may be another buffer, if nothing reads the sums as they are.
// CHECK-LABEL: @to_another_buffer
// CHECK: %[[Z:.*]] = memref.alloc() : memref<3x32xf32>
// CHECK: %[[Y:.*]] = memref.alloc() : memref<3x32xf32>
// CHECK-NOT: store %{{.*}}, %[[Y]]
// CHECK: %[[EXP:.*]] = math.exp %{{.*}} : vector<4xf32>
// CHECK: affine.vector_store %[[EXP]], %[[Z]]
// CHECK-NOT: linalg
// CHECK: return
func.func @to_another_buffer(%s: memref<4x3x8xf32>) -> memref<3x32xf32> {
  %z = memref.alloc() : memref<3x32xf32>
  %y = memref.alloc() : memref<3x32xf32>
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  linalg.exp ins(%y : memref<3x32xf32>) outs(%z : memref<3x32xf32>)
  return %z : memref<3x32xf32>
}

// CHECK-LABEL: @sums_are_read
// CHECK: affine.vector_store
// CHECK: linalg.exp
func.func @sums_are_read(%s: memref<4x3x8xf32>) -> (memref<3x32xf32>, memref<3x32xf32>) {
  %z = memref.alloc() : memref<3x32xf32>
  %y = memref.alloc() : memref<3x32xf32>
  compress.rfft_transpose dim = 1 ins(%s : memref<4x3x8xf32>) outs(%y : memref<3x32xf32>)
  linalg.exp ins(%y : memref<3x32xf32>) outs(%z : memref<3x32xf32>)
  return %y, %z : memref<3x32xf32>, memref<3x32xf32>
}

// What the sums are made of would be overwritten while it is read.
// REDUCED-LABEL: @other_is_an_operand
// REDUCED: affine.vector_store
// REDUCED: linalg.exp
func.func @other_is_an_operand() -> memref<4x4xf32> {
  %x = memref.alloc() : memref<4x4xf32>
  %y = memref.alloc() : memref<4x4xf32>
  linalg.generic {indexing_maps = [affine_map<(i, j, r) -> (i, r)>, affine_map<(i, j, r) -> (r, j)>,
                                   affine_map<(i, j, r) -> (i, j)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %x : memref<4x4xf32>, memref<4x4xf32>) outs(%y : memref<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.maximumf %sum, %product : f32
    linalg.yield %next : f32
  }
  linalg.exp ins(%y : memref<4x4xf32>) outs(%x : memref<4x4xf32>)
  return %x : memref<4x4xf32>
}
