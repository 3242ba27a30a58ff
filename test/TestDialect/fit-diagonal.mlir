// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="#test_compress.fit_diagonal"}))' --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// Its short name is known as soon as its dialect is loaded, here by an attribute of the function.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="default: diagonal"}))' | FileCheck %s

// The error of keeping (1, 4) of [[1, 2], [3, 4]] is sqrt(4 + 9), its norm sqrt(30): 0.658281.
// REMARK: test_compress.diagonal: relative error 0.658281, 16 bytes before, 8 bytes after
// CHECK: arith.constant dense<[1.000000e+00, 4.000000e+00]> : tensor<2xf32>
// CHECK: test_compress.diagonal %{{.*}} : tensor<2xf32> -> tensor<2x2xf32>
func.func @layer(%x: tensor<3x2xf32>, %y0: tensor<3x2xf32>) -> tensor<3x2xf32> attributes {test.loads = #test_compress.fit_diagonal} {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x2xf32>, tensor<2x2xf32>) outs(%y0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
