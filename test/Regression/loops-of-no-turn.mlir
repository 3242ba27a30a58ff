// An extent of 0 has no turn; a loop of one turn is written without a loop.
// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s
// CHECK-LABEL: @empty_rows
// CHECK: affine.for %{{.*}} = 0 to 0
func.func @empty_rows(%x: memref<0x4xf32>, %y: memref<4x0x1xf32>) {
  compress.rfft dim = 1 ins(%x : memref<0x4xf32>) outs(%y : memref<4x0x1xf32>)
  return
}
