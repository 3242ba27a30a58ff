// One slice of 70 rows of 2 numbers, of which a panel of 16 outputs keeps at most 8: one word of codes, of two words of activations.
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,avx512vl,avx512bw,avx512vbmi,avx512vbmi2' | FileCheck %s --check-prefixes=CHECK,COMPRESS
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8' | FileCheck %s --check-prefixes=CHECK,BYTEWISE
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8 extensions=avx2,ssse3' | FileCheck %s --check-prefixes=CHECK,EIGHTS
// Masks 0, 1, 2, 3: no place, 0, 1, 0 and 1.
// EIGHTS: memref.global "private" constant @compress_shuffles : memref<256x8xi8> = dense<"0x{{8080808080808080008080808080808001808080808080800001808080808080}}
// CHECK-LABEL: @main
// CHECK-SAME: %[[X:.*]]: memref<1x140xf32>, %[[W:.*]]: memref<1x1x1x1x16xi32>, %[[M:.*]]: memref<1x1x4xi32>, %[[T:.*]]: memref<1x1x1x16xi32>, %[[B:.*]]: memref<1x1x1x2x16xf32>, %[[Y:.*]]: memref<1x16xf32>
// Columns of two chunks of 64 rows.
// CHECK: %[[PLANES:.*]] = memref.alloc() {{.*}} : memref<1x1x2x128xi8>
// CHECK: %[[SCALES:.*]] = memref.alloc() {{.*}} : memref<1x1xf32>
// CHECK: arith.trunci
// CHECK: %[[ALL:.*]] = affine.vector_load %{{.*}}[%{{.*}} * 128] : memref<256xi8>, vector<128xi8>
// CHECK: vector.shuffle %[[ALL]], %[[ALL]] [0, 2, 4,
// CHECK: vector.shuffle %[[ALL]], %[[ALL]] [1, 3, 5,
// 8 bytes in a chunk of 64, and one more for the last store.
// CHECK: %[[PACKED:.*]] = memref.alloc() {{.*}} : memref<1x2x128xi8>
// What the mask keeps.
// COMPRESS: affine.for %[[CHUNK:.*]] = 0 to 2 iter_args(%{{.*}}) -> (index)
// COMPRESS: affine.vector_load %[[M]][0, 0, %[[CHUNK]] * 2] : memref<1x1x4xi32>, vector<2xi32>
// COMPRESS: affine.vector_load %[[PLANES]][0, 0, 0, %[[CHUNK]] * 64]
// COMPRESS: llvm.call_intrinsic "llvm.x86.avx512.mask.compress.v64i8"
// COMPRESS: affine.vector_load %[[PLANES]][0, 0, 1, %[[CHUNK]] * 64]
// COMPRESS: math.ctpop
// BYTEWISE: affine.for %{{.*}} = 0 to 4 iter_args
// BYTEWISE: affine.for %{{.*}} = 0 to 32 iter_args
// BYTEWISE-NOT: mask.compress
// Without that instruction, 8 bytes of each column by the shuffle that the mask of their rows has in a table.
// EIGHTS: %[[TABLE:.*]] = memref.get_global @compress_shuffles : memref<256x8xi8>
// EIGHTS: affine.for %{{.*}} = 0 to 4 iter_args
// EIGHTS: vector.load %[[TABLE]][%{{.*}}, %{{.*}}] : memref<256x8xi8>, vector<8xi8>
// EIGHTS-COUNT-2: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
// EIGHTS: math.ctpop
// COMPRESS: affine.vector_load %[[T]][
// One word of codes, decoded once, times two columns.
// COMPRESS-DAG: affine.vector_load %[[PACKED]][0, 0, 0] : memref<1x2x128xi8>, vector<4xi8>
// COMPRESS-DAG: affine.vector_load %[[PACKED]][0, 1, 4] : memref<1x2x128xi8>, vector<4xi8>
// COMPRESS: affine.vector_load %[[W]]
// COMPRESS-COUNT-4: llvm.x86.avx512.vpdpbusd.512
// COMPRESS-NOT: vpdpbusd
// The basis of each sum, then the scale.
// COMPRESS-COUNT-2: affine.vector_load %[[B]]
// COMPRESS: affine.vector_store %{{.*}}, %[[Y]]
// CHECK-NOT: compress.basis_dot
func.func @main(%x: memref<1x140xf32>, %w: memref<1x1x1x1x16xi32>, %m: memref<1x1x4xi32>, %t: memref<1x1x1x16xi32>, %b: memref<1x1x1x2x16xf32>, %y: memref<1x16xf32>) {
  compress.basis_dot bits = 4 numbers = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7] rows = 70 ins(%x, %w, %m, %t, %b : memref<1x140xf32>, memref<1x1x1x1x16xi32>, memref<1x1x4xi32>, memref<1x1x1x16xi32>, memref<1x1x1x2x16xf32>) outs(%y : memref<1x16xf32>)
  return
}
