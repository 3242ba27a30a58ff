// RUN: compress-opt %s --compress-shrink-constants --split-input-file | FileCheck %s

// All of -0.0, 1.5, 65504 and 2^-24 are f16.
// CHECK-LABEL: func.func @halves
// CHECK: %[[HALF:.*]] = memref.get_global @half : memref<4xf16>
// CHECK: %[[X:.*]] = affine.load %[[HALF]][1] : memref<4xf16>
// CHECK: %[[B:.*]] = arith.bitcast %[[X]] : f16 to i16
// CHECK: arith.extui %[[B]] : i16 to i32
// CHECK-NOT: extf
// CHECK: affine.vector_load %[[HALF]][0] : memref<4xf16>, vector<4xf16>
// CHECK: memref.global "private" constant @half : memref<4xf16> = dense<[-0.000000e+00, 1.500000e+00, 6.550400e+04, 5.960460e-08]>
memref.global "private" constant @half : memref<4xf32> = dense<[-0.0, 1.5, 65504.0, 5.9604644775390625e-08]>
func.func @halves() -> (f32, vector<4xf32>) {
  %h = memref.get_global @half : memref<4xf32>
  %x = affine.load %h[1] : memref<4xf32>
  %v = affine.vector_load %h[0] : memref<4xf32>, vector<4xf32>
  return %x, %v : f32, vector<4xf32>
}

// -----

// A number below all f16 (2^-25), one of more bits, one that is too large, and a buffer that is more than loaded from stay.
// CHECK: @small : memref<1xf32>
// CHECK: @fine : memref<1xf32>
// CHECK: @large : memref<1xf32>
// CHECK: @copied : memref<1xf32>
// CHECK: @written : memref<1xf32>
memref.global "private" constant @small : memref<1xf32> = dense<2.98023223876953125e-08>
memref.global "private" constant @fine : memref<1xf32> = dense<1.00048828125>
memref.global "private" constant @large : memref<1xf32> = dense<65536.0>
memref.global "private" constant @copied : memref<1xf32> = dense<1.0>
memref.global "private" @written : memref<1xf32> = dense<1.0>
func.func @stays(%y: memref<1xf32>) -> (f32, f32, f32, f32) {
  %c0 = arith.constant 0 : index
  %a = memref.get_global @small : memref<1xf32>
  %b = memref.get_global @fine : memref<1xf32>
  %c = memref.get_global @large : memref<1xf32>
  %d = memref.get_global @copied : memref<1xf32>
  %e = memref.get_global @written : memref<1xf32>
  memref.copy %d, %y : memref<1xf32> to memref<1xf32>
  %0 = memref.load %a[%c0] : memref<1xf32>
  %1 = memref.load %b[%c0] : memref<1xf32>
  %2 = memref.load %c[%c0] : memref<1xf32>
  %3 = memref.load %e[%c0] : memref<1xf32>
  return %0, %1, %2, %3 : f32, f32, f32, f32
}

// -----

// Integers: unsigned where none is negative. A view is one of narrower numbers.
// CHECK-LABEL: func.func @integers
// CHECK: %[[S:.*]] = memref.get_global @starts : memref<4xi8>
// CHECK: %[[V:.*]] = memref.subview %[[S]][%{{.*}}] [2] [1] : memref<4xi8> to memref<2xi8, strided<[1], offset: ?>>
// CHECK: %[[L:.*]] = vector.load %[[V]][%{{.*}}] : memref<2xi8, strided<[1], offset: ?>>, vector<2xi8>
// CHECK: arith.extui %[[L]] : vector<2xi8> to vector<2xi32>
// CHECK: arith.extui %{{.*}} : i16 to i32
// CHECK: arith.extsi %{{.*}} : i8 to i32
// CHECK: @starts : memref<4xi8> = dense<[0, 7, 9, -1]>
// CHECK: @far : memref<2xi16> = dense<[0, -1]>
// CHECK: @signed : memref<2xi8> = dense<[-128, 127]>
// CHECK: @wide : memref<2xi32>
memref.global "private" constant @starts : memref<4xi32> = dense<[0, 7, 9, 255]>
memref.global "private" constant @far : memref<2xi32> = dense<[0, 65535]>
memref.global "private" constant @signed : memref<2xi32> = dense<[-128, 127]>
memref.global "private" constant @wide : memref<2xi32> = dense<[-1, 65535]>
func.func @integers(%i: index) -> (vector<2xi32>, i32, i32, i32) {
  %s = memref.get_global @starts : memref<4xi32>
  %v = memref.subview %s[%i] [2] [1] : memref<4xi32> to memref<2xi32, strided<[1], offset: ?>>
  %c0 = arith.constant 0 : index
  %l = vector.load %v[%c0] : memref<2xi32, strided<[1], offset: ?>>, vector<2xi32>
  %f = memref.get_global @far : memref<2xi32>
  %0 = memref.load %f[%i] : memref<2xi32>
  %g = memref.get_global @signed : memref<2xi32>
  %1 = memref.load %g[%i] : memref<2xi32>
  %w = memref.get_global @wide : memref<2xi32>
  %2 = memref.load %w[%i] : memref<2xi32>
  return %l, %0, %1, %2 : vector<2xi32>, i32, i32, i32
}

// -----

// What is shorter than 1 KiB is aligned as its numbers are, and stands behind what is not.
// CHECK: @long : memref<256xi32> = {{.*}} {alignment = 64 : i64}
// CHECK: return
// CHECK: @short : memref<255xi32> = {{.*}} {alignment = 4 : i64}
// CHECK: @bytes : memref<2xi8> = {{.*}} {alignment = 1 : i64}
memref.global "private" constant @short : memref<255xi32> = dense<65536> {alignment = 64 : i64}
memref.global "private" constant @bytes : memref<2xi32> = dense<1> {alignment = 64 : i64}
memref.global "private" constant @long : memref<256xi32> = dense<65536> {alignment = 64 : i64}
func.func @aligned(%i: index) -> (i32, i32, i32) {
  %s = memref.get_global @short : memref<255xi32>
  %b = memref.get_global @bytes : memref<2xi32>
  %l = memref.get_global @long : memref<256xi32>
  %0 = memref.load %s[%i] : memref<255xi32>
  %1 = memref.load %b[%i] : memref<2xi32>
  %2 = memref.load %l[%i] : memref<256xi32>
  return %0, %1, %2 : i32, i32, i32
}
