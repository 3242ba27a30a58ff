// RUN: compress-opt %s --convert-compress-to-affine=vector-lanes=4 | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=4 extensions=avx512bf16,avx512vl' | FileCheck %s --check-prefix=DOT

// Without dot products of bf16, words of weights become f32 where they are loaded, and the activation is as it is. The
// real slots 0 and 1 are in the low and the high half of the first frequency's words, pairs in both halves.
// CHECK-LABEL: @pairs
// CHECK-SAME: %[[X:.*]]: memref<4x1x5xf32>, %[[W:.*]]: memref<2x5x8xi32>, %[[Y:.*]]: memref<4x1x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: affine.for %[[G:.*]] = 0 to 5 iter_args
// CHECK: %[[WORD:.*]] = affine.vector_load %[[W]][0, %[[G]], 0]
// CHECK: %[[LOW:.*]] = arith.shli %[[WORD]], %{{.*}} : vector<4xi32>
// CHECK: arith.bitcast %[[LOW]] : vector<4xi32> to vector<4xf32>
// CHECK-NOT: arith.andi
// CHECK: affine.load %[[X]][0, 0, %[[G]]]
// CHECK: affine.for %[[G:.*]] = 0 to 5 iter_args
// CHECK: %[[WORD:.*]] = affine.vector_load %[[W]][0, %[[G]], 0]
// CHECK-NOT: arith.shli
// CHECK: %[[HIGH:.*]] = arith.andi %[[WORD]], %{{.*}} : vector<4xi32>
// CHECK: arith.bitcast %[[HIGH]] : vector<4xi32> to vector<4xf32>
// CHECK: affine.load %[[X]][1, 0, %[[G]]]
// CHECK: affine.for %[[G:.*]] = 0 to 5 iter_args
// CHECK: %[[WORD:.*]] = affine.vector_load %[[W]][1, %[[G]], 0]
// CHECK: arith.shli %[[WORD]]
// CHECK: arith.andi %[[WORD]]
// CHECK: affine.load %[[X]][2, 0, %[[G]]]
// CHECK: affine.load %[[X]][3, 0, %[[G]]]

// The processor multiplies words: those of the activation are made.
// DOT-LABEL: @pairs
// DOT: memref.alloc() {{.*}} : memref<2x2x1x5xi32>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.128"
func.func @pairs(%x: memref<4x1x5xf32>, %w: memref<2x5x8xi32>, %y: memref<4x1x8xf32>) {
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x5xf32>, memref<2x5x8xi32>) outs(%y : memref<4x1x8xf32>)
  return
}

// Dense weights: block g and block g + 4 in a word; of seven, the last word has but one.
// CHECK-LABEL: @dense
// CHECK-SAME: %[[X:.*]]: memref<1x1x7xf32>, %[[W:.*]]: memref<1x4x8xi32>, %[[Y:.*]]: memref<1x1x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: affine.for %[[G:.*]] = 0 to 3 iter_args
// CHECK: affine.vector_load %[[W]][0, %[[G]], 0]
// CHECK: arith.shli
// CHECK: affine.load %[[X]][0, 0, %[[G]]]
// CHECK: arith.andi
// CHECK: affine.load %[[X]][0, 0, %[[G]] + 4]
// CHECK: affine.yield
// CHECK: %[[LAST:.*]] = affine.vector_load %[[W]][0, 3, 0]
// CHECK: arith.shli %[[LAST]]
// CHECK: affine.load %[[X]][0, 0, 3]
// CHECK-NOT: affine.load
// CHECK: return
func.func @dense(%x: memref<1x1x7xf32>, %w: memref<1x4x8xi32>, %y: memref<1x1x8xf32>) {
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<1x1x7xf32>, memref<1x4x8xi32>) outs(%y : memref<1x1x8xf32>)
  return
}
