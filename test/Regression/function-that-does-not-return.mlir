// A function may end in another terminator than func.return.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-results-to-destinations))' | FileCheck %s
// CHECK-LABEL: func.func @unreachable(%{{.*}}: tensor<4xf32>) -> tensor<4xf32>
func.func @unreachable(%x: tensor<4xf32>) -> tensor<4xf32> {
  llvm.unreachable
}
