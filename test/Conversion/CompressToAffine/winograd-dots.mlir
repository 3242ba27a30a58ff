// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512vnni' | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16' | FileCheck %s --check-prefix=DIRECT
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8 extensions=avx512vnni,avx512vl' | FileCheck %s --check-prefix=DIRECT
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=8 extensions=avx2' | FileCheck %s --check-prefix=PAIRS

// 49 tiles of 4 x 4 results: their points are made once for all filters, the filters' of a panel 6 at a time from the bytes that
// are stored, and each is multiplied in tiles of 7. A result is what is left of 576 times it.
// CHECK-LABEL: @convolution
// CHECK-SAME: %[[X:.*]]: memref<?x30x30x16x4xi8>, %[[Y:.*]]: memref<?x28x28x1x32xi32>
// CHECK-DAG: %[[BYTES:.*]] = memref.collapse_shape %[[X]] {{\[}}[0], [1], [2], [3, 4]]
// CHECK-DAG: %[[POINTS:.*]] = memref.alloc() {{.*}} : memref<36x49x32xi32>
// CHECK-DAG: %[[FILTERS:.*]] = memref.alloc() {{.*}} : memref<6x32x32xi32>
// CHECK-DAG: %[[PRODUCTS:.*]] = memref.alloc() {{.*}} : memref<36x49x32xi32>
// CHECK: affine.for %[[N:.*]] = 0 to %
// CHECK: affine.for %[[H:.*]] = 0 to 28 step 4
// CHECK: affine.for %[[W:.*]] = 0 to 28 step 4
// CHECK: affine.vector_load %[[BYTES]][%[[N]], %[[H]] + 5, %[[W]] + 5, 0] : memref<?x30x30x64xi8>, vector<64xi8>
// CHECK: affine.vector_store %{{.*}}, %[[POINTS]][35, (%[[H]] floordiv 4) * 7 + %[[W]] floordiv 4, 16]
// CHECK: affine.for %[[WORD:.*]] = 0 to 16
// CHECK: affine.vector_store %{{.*}}, %[[FILTERS]][5, %[[WORD]] + 16, %{{.*}}]
// CHECK: affine.for %[[J:.*]] = 0 to 6
// CHECK: affine.for %[[T:.*]] = 0 to 49 step 7
// CHECK: affine.for %[[K:.*]] = 0 to 32 iter_args
// CHECK: affine.load %[[POINTS]][%[[J]], %[[T]] + 6, %[[K]]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
// CHECK: affine.vector_store %{{.*}}, %[[PRODUCTS]][%[[J]], %[[T]] + 6, 16]
// CHECK: affine.load %[[POINTS]][%{{.*}} + 30, %{{.*}}, %{{.*}}]
// CHECK: affine.vector_load %[[PRODUCTS]][35, {{.*}}]
// CHECK: %[[INVERSE:.*]] = arith.constant dense<954437177> : vector<16xi32>
// CHECK: %[[PRODUCT:.*]] = arith.muli %{{.*}}, %[[INVERSE]] : vector<16xi32>
// CHECK: %[[SIX:.*]] = arith.constant dense<6> : vector<16xi32>
// CHECK: arith.shrsi %[[PRODUCT]], %[[SIX]] : vector<16xi32>
// CHECK: affine.vector_store %{{.*}}, %[[Y]][%{{.*}}, %{{.*}} + 3, %{{.*}} + 3, 0, %{{.*}}]
// CHECK-NOT: vpdpbusd
// The same of AVX2, in tiles of 2: four vectors of filters and eight sums.
// PAIRS-LABEL: @convolution
// PAIRS-DAG: memref.alloc() {{.*}} : memref<36x49x32xi32>
// PAIRS: affine.for %{{.*}} = 0 to 48 step 2
// PAIRS: affine.for %{{.*}} = 0 to 32 iter_args
// PAIRS: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// PAIRS-NOT: pmadd.ub.sw
// PAIRS: return
// DIRECT-LABEL: @convolution
// DIRECT-NOT: vpdpwssd
#x = affine_map<(n, h, w, p, f, u, v, k, j) -> (n, h + u, w + v, k, j)>
#w = affine_map<(n, h, w, p, f, u, v, k, j) -> (p, u, v, k, f, j)>
#y = affine_map<(n, h, w, p, f, u, v, k, j) -> (n, h, w, p, f)>
memref.global "private" constant @small : memref<1x3x3x16x32x4xi8> = dense<-7>
func.func @convolution(%x: memref<?x30x30x16x4xi8>, %y: memref<?x28x28x1x32xi32>) {
  %w = memref.get_global @small : memref<1x3x3x16x32x4xi8>
  linalg.generic {indexing_maps = [#x, #w, #y],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<?x30x30x16x4xi8>, memref<1x3x3x16x32x4xi8>) outs(%y : memref<?x28x28x1x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// A sum may be 128 * 9 * 127 * 255, beyond 2^25.
// CHECK-LABEL: @too_large
// CHECK-NOT: vpdpwssd
// CHECK: vpdpbusd
memref.global "private" constant @large : memref<1x3x3x32x32x4xi8> = dense<127>
func.func @too_large(%x: memref<?x30x30x32x4xi8>, %y: memref<?x28x28x1x32xi32>) {
  %w = memref.get_global @large : memref<1x3x3x32x32x4xi8>
  linalg.generic {indexing_maps = [#x, #w, #y],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<?x30x30x32x4xi8>, memref<1x3x3x32x32x4xi8>) outs(%y : memref<?x28x28x1x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}

// Weights that are no constant have no bound.
// CHECK-LABEL: @unknown
// CHECK-NOT: vpdpwssd
// CHECK: vpdpbusd
func.func @unknown(%x: memref<?x30x30x16x4xi8>, %w: memref<1x3x3x16x32x4xi8>, %y: memref<?x28x28x1x32xi32>) {
  linalg.generic {indexing_maps = [#x, #w, #y],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<?x30x30x16x4xi8>, memref<1x3x3x16x32x4xi8>) outs(%y : memref<?x28x28x1x32xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %sum, %2 : i32
    linalg.yield %3 : i32
  }
  return
}
