// RUN: compress-opt %s --convert-compress-tiles-to-loops | FileCheck %s

// The tile's extent is no symbol of an affine loop.
// CHECK-LABEL: @tile
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[SIZE:.*]] = affine.min
// CHECK: scf.for %[[J:.*]] = %{{.*}} to %[[SIZE]]
// CHECK: memref.load
// CHECK: math.exp
// CHECK: memref.store
func.func @tile(%x: memref<10xf32>, %y: memref<10xf32>) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c10 = arith.constant 10 : index
  scf.for %i = %c0 to %c10 step %c3 {
    %size = affine.min affine_map<(d0) -> (-d0 + 10, 3)>(%i)
    %in = memref.subview %x[%i] [%size] [1] : memref<10xf32> to memref<?xf32, strided<[1], offset: ?>>
    %out = memref.subview %y[%i] [%size] [1] : memref<10xf32> to memref<?xf32, strided<[1], offset: ?>>
    linalg.exp ins(%in : memref<?xf32, strided<[1], offset: ?>>) outs(%out : memref<?xf32, strided<[1], offset: ?>>)
  }
  return
}

// The batch is one; so are static extents of a tile.
// CHECK-LABEL: @symbols
// CHECK-COUNT-2: linalg.exp
func.func @symbols(%x: memref<?xf32>, %y: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c9 = arith.constant 9 : index
  linalg.exp ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  scf.for %i = %c0 to %c9 step %c3 {
    %in = memref.subview %x[%i] [3] [1] : memref<?xf32> to memref<3xf32, strided<[1], offset: ?>>
    %out = memref.subview %y[%i] [3] [1] : memref<?xf32> to memref<3xf32, strided<[1], offset: ?>>
    linalg.exp ins(%in : memref<3xf32, strided<[1], offset: ?>>) outs(%out : memref<3xf32, strided<[1], offset: ?>>)
  }
  return
}
