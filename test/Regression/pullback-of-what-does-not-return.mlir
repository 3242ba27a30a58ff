// The pass took every terminator for a return.
// RUN: compress-opt %s --compress-pullback | FileCheck %s

// CHECK-LABEL: @unreachable
// CHECK-NOT: _pullback
func.func @unreachable(%x: tensor<4xf64>) -> tensor<4xf64> {
  llvm.unreachable
}
