// A group of 32 inputs: two words of activations for each word of codes, of its low and of its high bits.
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,avx512vl' | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=8 extensions=avx2' | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=8' | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,avx512vl,avx512bw,avx512vbmi' | FileCheck %s --check-prefixes=CHECK,VBMI
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,avx512bw' | FileCheck %s --check-prefixes=CHECK,SHUFFLES
// RUN: compress-opt %s --split-input-file --convert-compress-to-affine='vector-lanes=4 extensions=ssse3' | FileCheck %s --check-prefixes=CHECK,SSSE3
// CHECK-LABEL: @main
// VNNI-SAME: %[[X:.*]]: memref<1x64xf32>, %[[W:.*]]: memref<1x2x4x16xi32>, %[[S:.*]]: memref<1x2x16xf32>, %[[Y:.*]]: memref<1x11xf32>
// Rounding: a scale, bytes, and what the sum of a group starts from.
// VNNI: %[[WORDS:.*]] = memref.alloc() {{.*}} : memref<1x16xi32>
// VNNI: %[[SCALES:.*]] = memref.alloc() {{.*}} : memref<1x2xf32>
// VNNI: %[[STARTS:.*]] = memref.alloc() {{.*}} : memref<1x2xi32>
// VNNI: vector.reduction <maxsi>
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// VNNI: affine.store %{{.*}}, %[[STARTS]]
// The 11 outputs of the panel that exist are read and written under a mask.
// VNNI: vector.maskedload %[[Y]]
// VNNI: affine.for %[[G:.*]] = 0 to 2 iter_args
// VNNI: %[[START:.*]] = affine.load %[[STARTS]]
// VNNI: %[[DOT:.*]] = vector.broadcast %[[START]] : i32 to vector<16xi32>
// VNNI: %[[CODES:.*]] = affine.vector_load %[[W]]
// VNNI: %[[LOW:.*]] = arith.andi %[[CODES]]
// VNNI: %[[BYTES:.*]] = vector.bitcast %[[LOW]] : vector<16xi32> to vector<64xi8>
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%[[DOT]], %[[BYTES]], %{{.*}})
// The high bits have a sum of their own, 16 times as large, and no shift.
// VNNI: %[[PLACE:.*]] = arith.constant dense<-252645136> : vector<16xi32>
// VNNI: arith.andi %[[CODES]], %[[PLACE]]
// VNNI-COUNT-7: llvm.x86.avx512.vpdpbusd.512
// VNNI-NOT: vpdpbusd
// VNNI: %[[FOUR:.*]] = arith.constant dense<4> : vector<16xi32>
// VNNI: arith.shrsi %{{.*}}, %[[FOUR]]
// VNNI: arith.sitofp
// VNNI: vector.maskedstore %[[Y]]
// PAIRS: llvm.x86.avx2.pmadd.ub.sw
// PAIRS: llvm.x86.avx2.pmadd.wd
// Two products of 4 bits by 8 fit 16 bits only where they are: these are shifted.
// PAIRS: arith.shrui %{{.*}} : vector<8xi32>
// PAIRS-NOT: arith.muli {{.*}} vector
// PLAIN-NOT: llvm.x86
// PLAIN: arith.muli {{.*}} : vector<8xi32>
// CHECK-NOT: compress.coded_dot
func.func @main(%x: memref<1x64xf32>, %w: memref<1x2x4x16xi32>, %s: memref<1x2x16xf32>, %y: memref<1x11xf32>) {
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<1x64xf32>, memref<1x2x4x16xi32>, memref<1x2x16xf32>) outs(%y : memref<1x11xf32>)
  return
}

// -----

// Powers of two: bytes of a table, 64 added; sums start from -64 times those of the activations. Of 40 inputs, the last 8 begin a group of 32.
// CHECK-LABEL: @powers
// VNNI: %[[PADDED:.*]] = memref.alloc() {{.*}} : memref<3x32xf32>
// VNNI: affine.vector_store %{{.*}}, %[[PADDED]][%{{.*}}, 0] : memref<3x32xf32>, vector<8xf32>
// VNNI: affine.vector_store %{{.*}}, %[[PADDED]][%{{.*}}, 8] : memref<3x32xf32>, vector<16xf32>
// VNNI: affine.vector_store %{{.*}}, %[[PADDED]][%{{.*}}, 24] : memref<3x32xf32>, vector<8xf32>
// VNNI: arith.constant -64 : i32
// VBMI: %[[BY:.*]] = arith.constant dense<[64, 65, 66, 68, 72, 80, 96, -128, 64, 63, 62, 60, 56, 48, 32, 0, 64, 65,{{.*}}]> : vector<64xi8>
// VBMI: llvm.call_intrinsic "llvm.x86.avx512.permvar.qi.512"(%[[BY]], %{{.*}})
// VBMI-NOT: arith.andi {{.*}} : vector<16xi32>
// SHUFFLES: arith.andi {{.*}} : vector<16xi32>
// SHUFFLES: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"
// PAIRS: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// PAIRS: llvm.x86.avx2.pmadd.ub.sw
// SSSE3: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
// PLAIN-COUNT-15: arith.select %{{.*}} : vector<32xi1>, vector<32xi8>
// CHECK-NOT: compress.coded_dot
func.func @powers(%x: memref<3x40xf32>, %w: memref<1x2x4x16xi32>, %s: memref<1x1x16xf32>, %y: memref<3x16xf32>) {
  compress.coded_dot bits = 4 offset = 0 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64]
      ins(%x, %w, %s : memref<3x40xf32>, memref<1x2x4x16xi32>, memref<1x1x16xf32>) outs(%y : memref<3x16xf32>)
  return
}

// -----

// 2 bits: four fields in place, 1, 4, 16 and 64 times as large; in the products of pairs they do not fit.
// CHECK-LABEL: @ternary
// VNNI-DAG: arith.constant dense<50529027> : vector<16xi32>
// VNNI-DAG: arith.constant dense<202116108> : vector<16xi32>
// VNNI-DAG: arith.constant dense<808464432> : vector<16xi32>
// VNNI-DAG: arith.constant dense<-1061109568> : vector<16xi32>
// VNNI-DAG: arith.shrsi
// PAIRS: arith.shrui %{{.*}} : vector<8xi32>
// PAIRS: llvm.x86.avx2.pmadd.ub.sw
// CHECK-NOT: compress.coded_dot
func.func @ternary(%x: memref<1x64xf32>, %w: memref<1x1x4x16xi32>, %s: memref<1x1x16xf32>, %y: memref<1x16xf32>) {
  compress.coded_dot bits = 2 offset = 2 ins(%x, %w, %s : memref<1x64xf32>, memref<1x1x4x16xi32>, memref<1x1x16xf32>) outs(%y : memref<1x16xf32>)
  return
}
