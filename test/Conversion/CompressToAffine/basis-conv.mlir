// 40 columns, padded by 1: a tile of 32 lanes gives 30 outputs, another one the last 10. Two rows of it are summed at a time, the last of 7 alone.
// RUN: compress-opt %s --convert-compress-to-affine='vector-lanes=16' | FileCheck %s 
// RUN: sed s/@main/@rounded/ %s | sed 's/dilations = \[1, 1\]/dilations = [1, 1] rounded/' | compress-opt --convert-compress-to-affine='vector-lanes=16' | FileCheck %s --check-prefix=ROUNDED
// CHECK-LABEL: @main
// CHECK-SAME: %[[X:.*]]: memref<2x5x7x40xf32>, %[[L:.*]]: memref<30xi8>, %[[C:.*]]: memref<4x3x2xi8>, %[[S:.*]]: memref<4x3xf32>, %[[B:.*]]: memref<3x3x3xf32>, %[[Y:.*]]: memref<2x4x7x40xf32>
// CHECK: %[[TILE:.*]] = memref.alloc() {{.*}} : memref<5x64xf32>
// CHECK: affine.for %[[N:.*]] = 0 to 2
// CHECK: affine.for %[[H:.*]] = 0 to 6 step 2
// The first tile begins with a zero, and 31 columns behind it.
// CHECK: affine.for %[[CHANNEL:.*]] = 0 to 5
// CHECK: affine.vector_store %{{.*}}, %[[TILE]][%[[CHANNEL]], 0]{{.*}} vector<32xf32>
// CHECK: affine.vector_load %[[X]][%[[N]], %[[CHANNEL]], %[[H]], 0]{{.*}} vector<16xf32>
// CHECK: affine.vector_store %{{.*}}, %[[TILE]][%[[CHANNEL]], 1]{{.*}} vector<16xf32>
// CHECK: memref.prefetch %[[X]]
// CHECK: vector.maskedload %[[X]]
// CHECK: affine.for %[[CHANNEL1:.*]] = 0 to 5
// CHECK: affine.vector_load %[[X]][%[[N]], %[[CHANNEL1]], %[[H]] + 1, 0]
// CHECK: affine.for %[[K:.*]] = 0 to 4 iter_args(%{{.*}} = %{{.*}}) -> (index)
// Two rows add to four.
// CHECK: affine.for %[[M:.*]] = 0 to 3 iter_args(%{{.*}}) -> (index, vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xf32>)
// Four entries of the plus list, read at once, then one at a time; then those of the minus list.
// CHECK: affine.load %[[C]][%[[K]], %[[M]], 0]
// CHECK: scf.for %[[I:[^ ]*]] =
// CHECK: %[[E:.*]] = vector.load %[[L]][%[[I]]] : memref<30xi8>, vector<4xi8>
// CHECK: vector.bitcast %[[E]] : vector<4xi8> to vector<1xi32>
// CHECK: %[[CH:.*]] = arith.index_castui %{{.*}} : i32 to index
// CHECK-COUNT-3: arith.shrui
// CHECK: vector.load %[[TILE]][%[[CH]], %{{.*}}] : memref<5x64xf32>, vector<64xf32>
// CHECK: arith.addf
// CHECK: scf.for
// CHECK: memref.load %[[L]]
// CHECK-NOT: arith.mulf
// CHECK: affine.load %[[C]][%[[K]], %[[M]], 1]
// CHECK-NOT: arith.mulf
// CHECK: arith.subf
// CHECK-NOT: arith.mulf
// CHECK: vector.extract_strided_slice {{.*}} : vector<64xf32> to vector<32xf32>
// CHECK: vector.extract_strided_slice {{.*}}offsets = [32]
// T stays in registers: scaled, and moved by one and two lanes.
// CHECK: affine.load %[[S]][%[[K]], %[[M]]]
// CHECK: affine.load %[[B]][%[[M]], 0, 0]
// CHECK: math.fma
// CHECK: vector.shuffle {{.*}} [1, 2, 3,
// CHECK: vector.shuffle {{.*}} [2, 3, 4,
// Four rows of the result, as far as they exist.
// CHECK: arith.cmpi ult
// CHECK: scf.if
// CHECK: vector.load %[[Y]]
// CHECK: vector.store %{{.*}}, %[[Y]]
// CHECK: vector.maskedstore %[[Y]]
// CHECK-COUNT-3: scf.if
// The last row.
// CHECK: affine.vector_load %[[X]][%{{.*}}, %{{.*}}, 6, 0]
// CHECK: affine.for %{{.*}} = 0 to 3 iter_args(%{{.*}}) -> (index, vector<32xf32>, vector<32xf32>, vector<32xf32>)
// CHECK-NOT: compress.basis_conv
// ROUNDED-LABEL: @rounded
// ROUNDED: memref.alloc() {{.*}} : memref<5x64xi16>
// The scale of a row: its largest magnitude over all channels.
// ROUNDED: affine.for {{.*}} = 0 to 6 step 2
// ROUNDED: affine.for {{.*}} = 0 to 5 iter_args
// ROUNDED: arith.maxsi
// ROUNDED: vector.reduction <maxsi>
// ROUNDED: arith.trunci {{.*}} : vector<16xi32> to vector<16xi16>
// ROUNDED: arith.addi {{.*}} : vector<64xi16>
// ROUNDED: arith.subi {{.*}} : vector<64xi16>
// ROUNDED: arith.sitofp {{.*}} : vector<32xi16> to vector<32xf32>
func.func @main(%x: memref<2x5x7x40xf32>, %l: memref<30xi8>, %c: memref<4x3x2xi8>, %s: memref<4x3xf32>, %b: memref<3x3x3xf32>, %y: memref<2x4x7x40xf32>) {
  compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1] ins(%x, %l, %c, %s, %b : memref<2x5x7x40xf32>, memref<30xi8>, memref<4x3x2xi8>, memref<4x3xf32>, memref<3x3x3xf32>) outs(%y : memref<2x4x7x40xf32>)
  return
}
