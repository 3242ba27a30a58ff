// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,amx-int8' | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni' | FileCheck %s --check-prefix=LANES

// LANES-NOT: amx.

// Groups of 32 inputs: 8 words, and 8 words of zeros by which the activations of the next group are multiplied; behind the last one there are 8
// words more. Codes become bytes once for all rows; tiles of signed activations by codes without sign; less than 16 rows are computed in lanes.
// CHECK-LABEL: @half_deep
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<2x2x4x32xi32>, %[[S:.*]]: memref<2x2x32xf32>, %[[Y:.*]]: memref<?x64xf32>
// CHECK: %[[WORDS:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x24xi32>
// CHECK: %[[SCALES:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x2xf32>
// CHECK: %[[STARTS:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x2xi32>
// CHECK: %[[BYTES:.*]] = memref.alloc() {{.*}} : memref<16x32xi32>
// CHECK: %[[SUMS:.*]] = memref.alloc() {{.*}} : memref<32x32xi32>
// CHECK: affine.for %[[ROW:.*]] = 8 to 16
// CHECK: affine.vector_store %{{.*}}, %[[BYTES]][%[[ROW]]
// CHECK: arith.cmpi sge
// CHECK: scf.if
// CHECK: affine.for %[[P:.*]] = 0 to 2
// CHECK: affine.for %[[G:.*]] = 0 to 2
// CHECK: affine.for %[[WORD:.*]] = 0 to 4
// CHECK: affine.vector_load %[[W]][%[[P]], %[[G]], %[[WORD]], 0]
// CHECK: affine.vector_store %{{.*}}, %[[BYTES]][%[[WORD]] * 2, 0]
// CHECK: affine.vector_store %{{.*}}, %[[BYTES]][%[[WORD]] * 2 + 1, 0]
// CHECK: affine.for %{{.*}} = 0 to {{.*}} step 32
// CHECK-COUNT-4: amx.tile_zero : !amx.tile<16x16xi32>
// CHECK-COUNT-2: amx.tile_load %[[BYTES]]
// CHECK: amx.tile_load %[[WORDS]]
// CHECK-COUNT-2: amx.tile_muli %{{[^ ]*}}, %{{[^ ]*}} zext, %{{.*}} : !amx.tile<16x64xi8>
// CHECK: amx.tile_load %[[WORDS]]
// CHECK-COUNT-2: amx.tile_muli
// CHECK-COUNT-4: amx.tile_store %[[SUMS]]
// CHECK: affine.for %{{.*}} = 0 to 16
// CHECK: affine.load %[[SCALES]]
// CHECK: affine.load %[[STARTS]]
// CHECK: arith.addi {{.*}} : vector<16xi32>
// CHECK: arith.sitofp
// CHECK: affine.vector_load %[[Y]]
// CHECK: affine.vector_store %{{.*}}, %[[Y]]
// CHECK: } else {
// CHECK-NOT: amx
// CHECK: vpdpbusd
// CHECK-LABEL: @zero_points
func.func @half_deep(%x: memref<?x64xf32>, %w: memref<2x2x4x32xi32>, %s: memref<2x2x32xf32>, %y: memref<?x64xf32>) {
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<?x64xf32>, memref<2x2x4x32xi32>, memref<2x2x32xf32>) outs(%y : memref<?x64xf32>)
  return
}

// Groups of 128, two steps of a tile each and no zeros. 20 rows: the last 4 are computed with 12 before them, and stored alone. Of the second
// panel, 3 outputs exist, in one vector under a mask. Sums start from zero, and zero points are subtracted after.
// CHECK-SAME: %[[X:.*]]: memref<20x128xf32>, %[[W:.*]]: memref<2x1x16x32xi32>, %[[S:.*]]: memref<2x1x32xf32>, %[[Z:.*]]: memref<2x1x32xf32>, %[[Y:.*]]: memref<20x35xf32>
// CHECK: %[[WORDS:.*]] = memref.alloc() {{.*}} : memref<20x32xi32>
// CHECK: %[[BYTES:.*]] = memref.alloc() {{.*}} : memref<32x32xi32>
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-4: amx.tile_muli
// CHECK: affine.for %{{.*}} = 0 to 16
// CHECK: affine.for %{{.*}} = 12 to 16
// CHECK: affine.for %{{.*}} = 0 to 2 iter_args
// CHECK-COUNT-2: amx.tile_muli
// CHECK-NOT: amx.tile_muli
// CHECK: math.fma
// CHECK: vector.maskedload %[[Y]]
// CHECK: vector.maskedstore %[[Y]]
// CHECK-LABEL: @few_rows
func.func @zero_points(%x: memref<20x128xf32>, %w: memref<2x1x16x32xi32>, %s: memref<2x1x32xf32>, %z: memref<2x1x32xf32>, %y: memref<20x35xf32>) {
  compress.coded_dot bits = 4 offset = 0 ins(%x, %w, %s, %z : memref<20x128xf32>, memref<2x1x16x32xi32>, memref<2x1x32xf32>, memref<2x1x32xf32>) outs(%y : memref<20x35xf32>)
  return
}

// Less than 16 rows, known when compiled.
// CHECK-NOT: amx
func.func @few_rows(%x: memref<15x64xf32>, %w: memref<1x1x8x32xi32>, %s: memref<1x1x32xf32>, %y: memref<15x32xf32>) {
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<15x64xf32>, memref<1x1x8x32xi32>, memref<1x1x32xf32>) outs(%y : memref<15x32xf32>)
  return
}
