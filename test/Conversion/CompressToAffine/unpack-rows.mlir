// 20 columns: one vector of 16, and 4 lanes of another. 9 entries of a row are decoded in one vector.
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16 extensions=avx512f' | FileCheck %s --check-prefixes=CHECK,LOOKUP
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16' | FileCheck %s --check-prefixes=CHECK,ARITHMETIC
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=1' | FileCheck %s --check-prefix=SCALAR
// CHECK-LABEL: @main
// CHECK-SAME: %[[V:.*]]: memref<64xi8>, %[[M:.*]]: memref<2x4xi8>, %[[S:.*]]: memref<2xi32>, %[[Y:.*]]: memref<2x20xf32>
// CHECK: %[[ENTRIES:.*]] = memref.alloc() {{.*}} : memref<16xf32>
// CHECK: affine.for %[[R:.*]] = 0 to 2
// CHECK: affine.load %[[S]][%[[R]]]
// CHECK: vector.load %[[V]]{{.*}} : memref<64xi8>, vector<8xi8>
// CHECK: vector.shuffle {{.*}} [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]
// The table of a register has scaled numbers: 2^-3 and 2^-2 doubled, and their negatives from code 8 on.
// LOOKUP: arith.constant dense<[2.500000e-01, 5.000000e-01, 1.000000e+00, 2.000000e+00, 4.000000e+00, 8.000000e+00, 1.600000e+01, 3.200000e+01, -2.500000e-01,
// LOOKUP: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"
// ARITHMETIC: arith.shli
// ARITHMETIC-NOT: llvm.call_intrinsic
// CHECK: affine.vector_store %{{.*}}, %[[ENTRIES]]
// CHECK: affine.vector_load %[[M]][%[[R]], 0]{{.*}} vector<2xi8>
// CHECK: vector.expandload %[[ENTRIES]]
// CHECK: affine.vector_store %{{.*}}, %[[Y]][%[[R]], 0]
// CHECK: %[[TAKEN:.*]] = math.ctpop
// CHECK: affine.vector_load %[[M]][%[[R]], 2]{{.*}} vector<2xi8>
// CHECK: vector.expandload %[[ENTRIES]]
// CHECK: vector.maskedstore %[[Y]]
// SCALAR-LABEL: @main
// SCALAR-NOT: vector
// SCALAR: arith.select
func.func @main(%v: memref<64xi8>, %m: memref<2x4xi8>, %s: memref<2xi32>, %y: memref<2x20xf32>) {
  compress.unpack_rows longest = 9 code(#compress.pow2<bits = 4, min_exponent = -3, zero = false>) scale = 2.0
      ins(%v, %m, %s : memref<64xi8>, memref<2x4xi8>, memref<2xi32>) outs(%y : memref<2x20xf32>)
  return
}

// Two rows have the bits of one row of the mask.
// CHECK-LABEL: @shared
// CHECK: affine.load %{{.*}}[%[[R:.*]]] : memref<4xi32>
// CHECK: affine.vector_load %{{.*}}[%[[R]] floordiv 2, 0]{{.*}} vector<2xi8>
// SCALAR-LABEL: @shared
// SCALAR: affine.load %{{.*}}[%{{.*}} floordiv 2, %{{.*}} floordiv 8]
func.func @shared(%v: memref<64xi8>, %m: memref<2x4xi8>, %s: memref<4xi32>, %y: memref<4x20xf32>) {
  compress.unpack_rows longest = 9 share = 2 code(#compress.pow2<bits = 4, min_exponent = -3, zero = false>)
      ins(%v, %m, %s : memref<64xi8>, memref<2x4xi8>, memref<4xi32>) outs(%y : memref<4x20xf32>)
  return
}
