// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni' | FileCheck %s --check-prefixes=CHECK,DOT
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16' | FileCheck %s --check-prefixes=CHECK,SHIFT
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8 extensions=avx2' | FileCheck %s --check-prefix=WIDENED
// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s --check-prefix=LOOPS

// Four bytes of each row are a word, in all lanes; 16 columns of words are a vector. A tile is 8 rows.
// CHECK-LABEL: @words
// CHECK-SAME: %[[X:.*]]: memref<?x8x4xi8>, %[[W:.*]]: memref<2x8x32x4xi8>, %[[Y:.*]]: memref<?x2x32xi32>
// CHECK-DAG: %[[ROWS:.*]] = memref.collapse_shape %[[X]] {{\[}}[0], [1, 2]] : memref<?x8x4xi8> into memref<?x32xi8>
// CHECK-DAG: %[[PANELS:.*]] = memref.collapse_shape %[[W]] {{\[}}[0], [1], [2, 3]] : memref<2x8x32x4xi8> into memref<2x8x128xi8>
// CHECK: affine.for %[[P:.*]] = 0 to 2
// CHECK: affine.for %[[M:.*]] = 0 to {{.*}} step 8
// CHECK: affine.for %[[K:.*]] = 0 to 8 iter_args
// CHECK: affine.vector_load %[[ROWS]][%[[M]], %[[K]] * 4] : memref<?x32xi8>, vector<4xi8>
// CHECK: %[[BYTES:.*]] = affine.vector_load %[[PANELS]][%[[P]], %[[K]], 0] : memref<2x8x128xi8>, vector<64xi8>
// CHECK: %[[WORDS:.*]] = vector.bitcast %[[BYTES]] : vector<64xi8> to vector<16xi32>
// DOT-COUNT-16: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// DOT-NOT: arith.muli
// SHIFT: arith.shrsi
// SHIFT: arith.muli %{{.*}} : vector<16xi32>
// SHIFT-NOT: vpdpbusd
// With AVX2, bytes at even and at odd places as numbers of 16 bits, whose sums of two products never saturate. A panel of four vectors is two
// chunks, both of which use a block of it before the next one.
// WIDENED-LABEL: @words
// WIDENED: affine.for %[[P:.*]] = 0 to 2
// WIDENED-NOT: affine.for %{{.*}} = 0 to 2
// WIDENED: affine.for %{{.*}} = 0 to {{.*}} step 4
// WIDENED: %[[BYTES:.*]] = affine.vector_load %{{.*}}[%[[P]], %{{.*}}, 0] : memref<2x8x128xi8>, vector<32xi8>
// WIDENED: arith.andi %{{.*}} : vector<8xi32>
// WIDENED: arith.shrsi %{{.*}} : vector<16xi16>
// WIDENED: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// WIDENED: affine.vector_load %{{.*}}[%[[P]], %{{.*}}, 64] : memref<2x8x128xi8>, vector<32xi8>
// WIDENED-NOT: pmadd.ub.sw
// WIDENED-LABEL: @row
// LOOPS-LABEL: @words
// LOOPS: linalg.generic
func.func @words(%x: memref<?x8x4xi8>, %w: memref<2x8x32x4xi8>, %y: memref<?x2x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, p, n, k, j) -> (m, k, j)>, affine_map<(m, p, n, k, j) -> (p, k, n, j)>,
                                   affine_map<(m, p, n, k, j) -> (m, p, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<?x8x4xi8>, memref<2x8x32x4xi8>) outs(%y : memref<?x2x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// A convolution: the tile runs along the row, in even parts; all places use a panel before the next one, as it stays in a cache.
// CHECK-LABEL: @row
// CHECK: affine.for %[[P:.*]] = 0 to 2
// CHECK-NEXT: affine.for %[[H:.*]] = 0 to 10 {
// CHECK-NEXT: affine.for %[[W:.*]] = 0 to 10 step 5
// CHECK: affine.for %[[T:.*]] = 0 to 3 iter_args
// CHECK: affine.for %[[K:.*]] = 0 to 2 iter_args
// CHECK: affine.vector_load %{{.*}}[%[[H]], %[[W]] + %[[T]] + 4, %[[K]] * 4]
// CHECK: return
// LOOPS-LABEL: @row
func.func @row(%x: memref<10x12x2x4xi8>, %w: memref<2x3x2x32x4xi8>, %y: memref<10x10x2x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(h, w, p, n, t, k, j) -> (h, w + t, k, j)>,
                                   affine_map<(h, w, p, n, t, k, j) -> (p, t, k, n, j)>,
                                   affine_map<(h, w, p, n, t, k, j) -> (h, w, p, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<10x12x2x4xi8>, memref<2x3x2x32x4xi8>) outs(%y : memref<10x10x2x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Both factors with sign: the instruction multiplies bytes of which one has none.
// CHECK-LABEL: @both_with_sign
// CHECK: linalg.generic
func.func @both_with_sign(%x: memref<4x8x4xi8>, %w: memref<8x32x4xi8>, %y: memref<4x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k, j) -> (m, k, j)>, affine_map<(m, n, k, j) -> (k, n, j)>,
                                   affine_map<(m, n, k, j) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<4x8x4xi8>, memref<8x32x4xi8>) outs(%y : memref<4x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Bytes of a word that are not the last loop of both: no words.
// CHECK-LABEL: @no_words
// CHECK: linalg.generic
func.func @no_words(%x: memref<4x4x8xi8>, %w: memref<8x32x4xi8>, %y: memref<4x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k, j) -> (m, j, k)>, affine_map<(m, n, k, j) -> (k, n, j)>,
                                   affine_map<(m, n, k, j) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<4x4x8xi8>, memref<8x32x4xi8>) outs(%y : memref<4x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Channels with taps of their own are lanes of both factors, each byte widened to its sum. Four places are a tile, as they use the same taps.
// CHECK-LABEL: @channels
// CHECK-SAME: %[[X:.*]]: memref<?x6x32xi8>, %[[W:.*]]: memref<3x32xi8>, %[[Y:.*]]: memref<?x4x32xi32>
// CHECK: affine.for %[[M:.*]] = 0 to
// CHECK: affine.for %[[T:.*]] = 0 to 3 iter_args
// CHECK: %[[A:.*]] = affine.vector_load %[[X]][%[[M]], %[[T]], 0] : memref<?x6x32xi8>, vector<16xi8>
// CHECK: %[[B:.*]] = affine.vector_load %[[W]][%[[T]], 0] : memref<3x32xi8>, vector<16xi8>
// CHECK: arith.extui %[[A]] : vector<16xi8> to vector<16xi32>
// CHECK: arith.extsi %[[B]] : vector<16xi8> to vector<16xi32>
// CHECK: arith.muli
// CHECK: arith.addi
// CHECK: affine.vector_load %[[X]][%[[M]], %[[T]] + 3, 0]
// CHECK: arith.extsi %[[B]] : vector<16xi8> to vector<16xi32>
// CHECK: arith.muli
// CHECK: return
// LOOPS-LABEL: @channels
// LOOPS: linalg.generic
func.func @channels(%x: memref<?x6x32xi8>, %w: memref<3x32xi8>, %y: memref<?x4x32xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, p, c, t) -> (m, p + t, c)>, affine_map<(m, p, c, t) -> (t, c)>,
                                   affine_map<(m, p, c, t) -> (m, p, c)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x6x32xi8>, memref<3x32xi8>) outs(%y : memref<?x4x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}
