// Three rows that a tile of four leaves over were a tile of two and one of one, whose three sums wait for one another:
// a batch of 3 took 1.6 times as long as one of 4.
//
// RUN: compress-opt %s --convert-compress-dense-to-affine=vector-lanes=8 | FileCheck %s

// CHECK-DAG: #[[FOURS:.*]] = affine_map<()[s0] -> ((s0 floordiv 4) * 4)>
// CHECK-DAG: #[[AFTER_FOURS:.*]] = affine_map<()[s0] -> (s0 - s0 mod 4)>
// CHECK-DAG: #[[AFTER_THREE:.*]] = affine_map<()[s0] -> (s0 - (s0 mod 4) mod 3)>
// CHECK-DAG: #[[AFTER_TWO:.*]] = affine_map<()[s0] -> (s0 - ((s0 mod 4) mod 3) mod 2)>

// CHECK-LABEL: func @product
func.func @product(%x: memref<?x16xf32>, %w: memref<16x24xf32>, %y: memref<?x24xf32>) {
  // CHECK: affine.for %{{.*}} = 0 to #[[FOURS]]()[%{{.*}}] step 4
  // CHECK: affine.for %{{.*}} = #[[AFTER_FOURS]]()[%{{.*}}] to #[[AFTER_THREE]]()[%{{.*}}] step 3
  // CHECK: affine.for %{{.*}} = #[[AFTER_THREE]]()[%{{.*}}] to #[[AFTER_TWO]]()[%{{.*}}] step 2
  // CHECK: affine.for %{{.*}} = #[[AFTER_TWO]]()[%{{.*}}] to %{{.*}} {
  linalg.matmul ins(%x, %w : memref<?x16xf32>, memref<16x24xf32>) outs(%y : memref<?x24xf32>)
  return
}
