// RUN: compress-opt %s --convert-compress-copies-to-linalg | FileCheck %s

// CHECK-LABEL: @strided
// CHECK-SAME: %[[FROM:.*]]: memref<4x4xf32, strided<[8, 1]>>, %[[TO:.*]]: memref<4x4xf32>)
// CHECK-NOT: memref.copy
// CHECK: linalg.generic {{.*}}ins(%[[FROM]] : memref<4x4xf32, strided<[8, 1]>>) outs(%[[TO]] : memref<4x4xf32>)
func.func @strided(%a: memref<4x4xf32, strided<[8, 1]>>, %b: memref<4x4xf32>) {
  memref.copy %a, %b : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
  return
}

// CHECK-LABEL: @to_itself
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @to_itself(%a: memref<4x4xf32, strided<[8, 1]>>) {
  memref.copy %a, %a : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32, strided<[8, 1]>>
  return
}
