// RUN: compress-opt %s --compress-multiply-bytes=rounds-activations=true --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: compress-opt %s --compress-multiply-bytes | FileCheck %s --check-prefix=GIVEN

// The largest weight of an output is 127 steps: of 0.5, then of 1. The first output's 0.2 is 0.4 of a step, and lost: 0.2 over the norm.
// CHECK-LABEL: func @dense
// CHECK: arith.constant dense<{{.*}}127, -2, 0, 4], [0, -127, 1, 0]{{.*}}> : tensor<1x1x1x1x2x4xi8>
// CHECK: arith.muli
// CHECK-NOT: linalg.conv_2d_nchw_fchw
// REMARK: loc("conv"): [Passed] multiply-bytes {{.*}}products of bytes with sums of 32 bits, activations rounded by the range of a sample
// REMARK: loc("conv"): [Passed] multiply-bytes {{.*}}weights in i8: relative error of the weights 1.41e-03; no calibration inputs, so that of the layer is not known
// GIVEN-LABEL: func @dense
// GIVEN: linalg.conv_2d_nchw_fchw
func.func @dense(%x: tensor<2x4x2x2xf32>) -> tensor<2x2x2x2xf32> {
  %w = arith.constant dense<[[[[63.5]], [[-1.0]], [[0.2]], [[2.0]]], [[[0.0]], [[-127.0]], [[1.0]], [[0.0]]]]> : tensor<2x4x1x1xf32>
  %none = arith.constant 0.0 : f32
  %o = tensor.empty() : tensor<2x2x2x2xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<2x4x2x2xf32>, tensor<2x4x1x1xf32>) outs(%init : tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32> loc("conv")
  return %y : tensor<2x2x2x2xf32>
}

// Three in channels do not fill a word; a product without windows is compress-narrow-weights' to round.
// CHECK-LABEL: func @stay
// CHECK: linalg.conv_2d_nchw_fchw
// CHECK: linalg.matmul
func.func @stay(%x: tensor<2x3x2x2xf32>, %z: tensor<2x4xf32>, %o: tensor<2x1x2x2xf32>, %p: tensor<2x1xf32>) -> (tensor<2x1x2x2xf32>, tensor<2x1xf32>) {
  %w = arith.constant dense<1.0> : tensor<1x3x1x1xf32>
  %v = arith.constant dense<1.0> : tensor<4x1xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<2x3x2x2xf32>, tensor<1x3x1x1xf32>) outs(%o : tensor<2x1x2x2xf32>) -> tensor<2x1x2x2xf32>
  %u = linalg.matmul ins(%z, %v : tensor<2x4xf32>, tensor<4x1xf32>) outs(%p : tensor<2x1xf32>) -> tensor<2x1xf32>
  return %y, %u : tensor<2x1x2x2xf32>, tensor<2x1xf32>
}
