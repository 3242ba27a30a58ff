// RUN: compress-opt %s --convert-compress-copies-to-linalg | FileCheck %s

// CHECK-LABEL: @strided
// CHECK-NOT: memref.copy
// CHECK: linalg.generic {{.*}}ins(%arg0 : memref<4x4xf32, strided<[8, 1]>>) outs(%arg1 : memref<4x4xf32>)
func.func @strided(%a: memref<4x4xf32, strided<[8, 1]>>, %b: memref<4x4xf32>) {
  memref.copy %a, %b : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
  return
}
