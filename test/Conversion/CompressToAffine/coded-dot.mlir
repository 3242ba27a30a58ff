// A group of 32 inputs: two words of activations for each word of codes, of its low and of its high bits.
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni,avx512vl' | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8 extensions=avx2' | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8' | FileCheck %s --check-prefixes=CHECK,PLAIN
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
// VNNI: %[[SHIFTED:.*]] = arith.shrui %[[CODES]]
// VNNI: arith.andi %[[SHIFTED]]
// VNNI-COUNT-7: llvm.x86.avx512.vpdpbusd.512
// VNNI-NOT: vpdpbusd
// VNNI: arith.sitofp
// VNNI: vector.maskedstore %[[Y]]
// PAIRS: llvm.x86.avx2.pmadd.ub.sw
// PAIRS: llvm.x86.avx2.pmadd.wd
// PAIRS-NOT: arith.muli {{.*}} vector
// PLAIN-NOT: llvm.x86
// PLAIN: arith.muli {{.*}} : vector<8xi32>
// CHECK-NOT: compress.coded_dot
func.func @main(%x: memref<1x64xf32>, %w: memref<1x2x4x16xi32>, %s: memref<1x2x16xf32>, %y: memref<1x11xf32>) {
  compress.coded_dot bits = 4 offset = 8 ins(%x, %w, %s : memref<1x64xf32>, memref<1x2x4x16xi32>, memref<1x2x16xf32>) outs(%y : memref<1x11xf32>)
  return
}
