// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,amx-int8,amx-bf16' | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni' | FileCheck %s --check-prefix=LANES

// LANES-NOT: amx.

// 2 x 2 tiles of 16 rows by 16 columns: one load for each product. The 20 words of the sum are one tile, and 4 words that are read with the
// 12 before them, whose weights are zero in a copy. Less than 16 rows are computed in lanes.
// CHECK-LABEL: @words
// CHECK-SAME: %[[X:.*]]: memref<?x20x4xi8>, %[[W:.*]]: memref<2x20x32x4xi8>, %[[Y:.*]]: memref<?x2x32xi32>
// CHECK-DAG: %[[ROWS:.*]] = memref.collapse_shape %[[X]] {{\[}}[0], [1, 2]]
// CHECK-DAG: %[[PANELS:.*]] = memref.collapse_shape %[[W]] {{\[}}[0], [1], [2, 3]]
// CHECK-DAG: %[[SUMS:.*]] = memref.alloc() {{.*}} : memref<32x32xi32>
// CHECK-DAG: %[[LAST:.*]] = memref.alloc() {{.*}} : memref<1x2x16x64xi8>
// CHECK: %[[FILLS:.*]] = arith.cmpi sge
// CHECK: scf.if %[[FILLS]]
// CHECK: affine.for %[[P:.*]] = 0 to 2
// CHECK: affine.for %[[STEP:.*]] = 12 to 16
// CHECK: affine.vector_load %[[PANELS]][%[[P]], %[[STEP]] + 4, 0] : memref<2x20x128xi8>, vector<64xi8>
// CHECK: affine.vector_store %{{.*}}, %[[LAST]][0, 0, %[[STEP]], 0]
// CHECK: affine.for %{{.*}} = 0 to {{.*}} step 32
// CHECK-COUNT-4: amx.tile_zero : !amx.tile<16x16xi32>
// CHECK: amx.tile_load %[[PANELS]]{{.*}} into !amx.tile<16x64xi8>
// CHECK: amx.tile_load %[[PANELS]]
// CHECK: amx.tile_load %[[ROWS]]
// CHECK-COUNT-2: amx.tile_muli %{{.*}} zext, %{{.*}}, %{{.*}} : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
// CHECK: amx.tile_load %[[ROWS]]
// CHECK-COUNT-2: amx.tile_muli
// CHECK-COUNT-2: amx.tile_load %[[LAST]]
// CHECK-COUNT-4: amx.tile_muli
// CHECK-COUNT-4: amx.tile_store %[[SUMS]]
// CHECK: } else {
// CHECK-NOT: amx
// CHECK: vpdpbusd
func.func @words(%x: memref<?x20x4xi8>, %w: memref<2x20x32x4xi8>, %y: memref<?x2x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, p, n, k, j) -> (m, k, j)>, affine_map<(m, p, n, k, j) -> (p, k, n, j)>,
                                   affine_map<(m, p, n, k, j) -> (m, p, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<?x20x4xi8>, memref<2x20x32x4xi8>) outs(%y : memref<?x2x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// 28 pixels of a row: a tile, and one that ends with the last pixel, of which the 12 new ones are stored. Rows of tiles are pixels, 128 bytes apart.
// CHECK-LABEL: @pixels
// CHECK-SAME: %[[X:.*]]: memref<10x30x32x4xi8>
// CHECK-DAG: %[[PIXELS:.*]] = memref.collapse_shape %[[X]]
// CHECK-DAG: %[[SUMS:.*]] = memref.alloc() {{.*}} : memref<32x32xi32>
// CHECK: affine.for %[[H:.*]] = 0 to 10
// CHECK: affine.for %[[T:.*]] = 0 to 3 iter_args
// CHECK: affine.for %[[K:.*]] = 0 to 2 iter_args
// CHECK: %[[STRIDE:.*]] = arith.constant 128 : index
// CHECK: amx.tile_load %[[PIXELS]]{{.*}}, %[[STRIDE]]
// CHECK: affine.for %{{.*}} = 0 to 16
// CHECK: affine.for %{{.*}} = 4 to 16
// CHECK: return
func.func @pixels(%x: memref<10x30x32x4xi8>, %w: memref<1x3x32x32x4xi8>, %y: memref<10x28x1x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(h, w, p, n, t, k, j) -> (h, w + t, k, j)>,
                                   affine_map<(h, w, p, n, t, k, j) -> (p, t, k, n, j)>,
                                   affine_map<(h, w, p, n, t, k, j) -> (h, w, p, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<10x30x32x4xi8>, memref<1x3x32x32x4xi8>) outs(%y : memref<10x28x1x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Sums that are added to what is there, where tiles of columns would overlap, and sums of less than 16 words: lanes.
// CHECK-LABEL: @added
// CHECK-NOT: amx.
// CHECK: vpdpbusd
// CHECK-LABEL: @short
// CHECK-NOT: amx.
// CHECK: vpdpbusd
func.func @added(%x: memref<32x16x4xi8>, %w: memref<16x40x4xi8>, %y: memref<32x40xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k, j) -> (m, k, j)>, affine_map<(m, n, k, j) -> (k, n, j)>,
                                   affine_map<(m, n, k, j) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<32x16x4xi8>, memref<16x40x4xi8>) outs(%y : memref<32x40xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}
func.func @short(%x: memref<32x15x4xi8>, %w: memref<15x32x4xi8>, %y: memref<32x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k, j) -> (m, k, j)>, affine_map<(m, n, k, j) -> (k, n, j)>,
                                   affine_map<(m, n, k, j) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<32x15x4xi8>, memref<15x32x4xi8>) outs(%y : memref<32x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Spectra in words of two bf16: a product for each frequency, part of the complex numbers, and panel.
// CHECK-LABEL: @spectra
// CHECK-SAME: %[[PLANES:.*]]: memref<4x32x20xf32>, %[[W:.*]]: memref<2x2x20x32xi32>, %[[Y:.*]]: memref<4x32x64xf32>
// CHECK: %[[WORDS:.*]] = memref.alloc() {{.*}} : memref<2x2x32x20xi32>
// CHECK: memref.expand_shape %[[Y]] {{\[}}[0, 1], [2], [3, 4]] output_shape [2, 2, 32, 2, 32]
// CHECK: memref.alloc() {{.*}} : memref<32x32xf32>
// CHECK: affine.for %[[F:.*]] = 0 to 2
// CHECK: affine.for %[[P:.*]] = 0 to 2
// CHECK: affine.for %[[PART:.*]] = 0 to 2
// CHECK: amx.tile_load %[[W]]{{.*}} : memref<2x2x20x32xi32> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_load %[[WORDS]]
// CHECK: amx.tile_mulf %{{.*}} : !amx.tile<16x32xbf16>, !amx.tile<16x32xbf16>, !amx.tile<16x16xf32>
// CHECK: return
func.func @spectra(%x: memref<4x32x20xf32>, %w: memref<2x2x20x32xi32>, %y: memref<4x32x64xf32>) {
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x32x20xf32>, memref<2x2x20x32xi32>) outs(%y : memref<4x32x64xf32>)
  return
}
