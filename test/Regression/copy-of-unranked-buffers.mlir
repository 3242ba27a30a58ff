// A copy of unranked buffers has no loops to become: it stays.
// RUN: compress-opt %s --convert-compress-copies-to-linalg | FileCheck %s
// CHECK: memref.copy
func.func @copy(%x: memref<*xf32>, %y: memref<*xf32>) {
  memref.copy %x, %y : memref<*xf32> to memref<*xf32>
  return
}
