// Each scheme on a weight whose fit is known by hand; the layers are named by scheme.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="uniform: #compress.fit_uniform<bits = 4>; ranges: #compress.fit_uniform<bits = 4, symmetric = false, per_tensor = true>; pow2: #compress.fit_pow2<bits = 4>; ternary: #compress.fit_ternary; codebook: #compress.fit_codebook<bits = 1>; low_rank: #compress.fit_low_rank<rank = 1>; refused: #compress.fit_low_rank<rank = 2>; escalate: #compress.fit_escalate<bases = 1>; rows: #compress.fit_packed; columns: #compress.fit_packed<pattern = columns, values = #compress.fit_ternary>; none: #compress.fit_packed<pattern = elements>; smartdeal: #compress.fit_smartdeal<theta = 0.0, basis = #compress.fit_uniform<bits = 8>>"}))' --remarks-filter='compress.*' --mlir-disable-threading 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="a: #compress.ternary"}))' 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fit{schemes="[: #compress.fit_ternary"}))' 2>&1 | FileCheck %s --check-prefix=GLOB

// BAD: error: compress-fit{schemes}: column 4: expects a scheme attribute
// GLOB: error: compress-fit{schemes}: column 1:

!x = tensor<3x2xf32>

// One scale per output, which is a column here: 7 is code 7 of scale 1, -14 code -7 of scale 2.
// REMARK: compress.dequantize: relative error 0.000000, 16 bytes before, 10 bytes after
// CHECK-LABEL: @uniform
func.func @uniform(%x: !x, %y0: !x) -> !x {
  // CHECK-DAG: %[[CODES:.*]] = arith.constant dense<{{\[\[}}7, -7], [3, 1]]> : tensor<2x2xi4>
  // CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
  // CHECK: compress.dequantize %[[CODES]], %[[SCALES]] code(#compress.uniform<bits = 4>) :
  %w = arith.constant dense<[[7.0, -14.0], [3.0, 2.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("uniform")
  return %y : !x
}

// From 0 to 15 are 16 integers: scale 1, and 0 is code -8.
// CHECK-LABEL: @ranges
func.func @ranges(%x: !x, %y0: !x) -> !x {
  // CHECK-DAG: arith.constant dense<{{\[\[}}7, -8], [-5, -3]]> : tensor<2x2xi4>
  // CHECK-DAG: arith.constant dense<-8> : tensor<1x1xi4>
  // CHECK-DAG: arith.constant dense<1.000000e+00> : tensor<1x1xf32>
  // CHECK: compress.dequantize {{.*}} : tensor<2x2xi4>, tensor<1x1xf32>, tensor<1x1xi4> -> tensor<2x2xf32>
  %w = arith.constant dense<[[15.0, 0.0], [3.0, 5.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("ranges")
  return %y : !x
}

// Seven powers that end at 1/2: m = 7 is 1/2, m = 6 with sign is 8 + 6, which is -2 in four bits.
// CHECK-LABEL: @pow2
func.func @pow2(%x: !x, %y0: !x) -> !x {
  // CHECK-DAG: arith.constant dense<{{\[\[}}7, -2], [0, 5]]> : tensor<2x2xi4>
  // CHECK: compress.dequantize {{.*}} code(#compress.pow2<bits = 4, min_exponent = -7, zero = true>)
  %w = arith.constant dense<[[0.5, -0.25], [0.0, 0.125]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("pow2")
  return %y : !x
}

// The mean is 1.25, the threshold 0.875, and the mean of 1, 2 and 1.5 is 1.5.
// CHECK-LABEL: @ternary
func.func @ternary(%x: !x, %y0: !x) -> !x {
  // CHECK-DAG: arith.constant dense<{{\[\[}}1, -1], [0, 1]]> : tensor<2x2xi2>
  // CHECK-DAG: arith.constant dense<1.500000e+00> : tensor<1x1xf32>
  // CHECK: compress.dequantize {{.*}} code(#compress.ternary)
  %w = arith.constant dense<[[1.0, -2.0], [0.5, 1.5]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("ternary")
  return %y : !x
}

// Means of {1, 2} and {9, 10}.
// CHECK-LABEL: @codebook
func.func @codebook(%x: !x, %y0: !x) -> !x {
  // CHECK-DAG: arith.constant dense<{{\[\[}}false, true], [true, false]]> : tensor<2x2xi1>
  // CHECK: compress.dequantize {{.*}} code(#compress.codebook<[1.500000e+00, 9.500000e+00]>)
  %w = arith.constant dense<[[1.0, 9.0], [10.0, 2.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("codebook")
  return %y : !x
}

// The out dimension is the second one. Every row is a multiple of (0.6, 0, 0.8).
// REMARK: compress.factorized: relative error 0.000000, 36 bytes before, 24 bytes after
// CHECK-LABEL: @low_rank
func.func @low_rank(%x: tensor<3x3xf32>, %y0: tensor<3x3xf32>) -> tensor<3x3xf32> {
  // CHECK: compress.factorized {{.*}} order = [1, 0] : tensor<3x1xf32>, tensor<1x3xf32> -> tensor<3x3xf32>
  %w = arith.constant dense<[[3.0, 0.0, 4.0], [6.0, 0.0, 8.0], [-3.0, 0.0, -4.0]]> : tensor<3x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x3xf32>, tensor<3x3xf32>) outs(%y0 : tensor<3x3xf32>) -> tensor<3x3xf32> loc("low_rank")
  return %y : tensor<3x3xf32>
}

// REMARK: not fitted: rank 2 of a 3 x 3 matrix takes 12 numbers, the dense one 9
// CHECK-LABEL: @refused
func.func @refused(%x: tensor<3x3xf32>, %y0: tensor<3x3xf32>) -> tensor<3x3xf32> {
  // CHECK-NOT: compress.
  // CHECK: linalg.matmul
  %w = arith.constant dense<[[3.0, 0.0, 4.0], [6.0, 0.0, 8.0], [-3.0, 0.0, -4.0]]> : tensor<3x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x3xf32>, tensor<3x3xf32>) outs(%y0 : tensor<3x3xf32>) -> tensor<3x3xf32> loc("refused")
  return %y : tensor<3x3xf32>
}

// Both kernels are multiples of (0.6, 0.8).
// CHECK-LABEL: @escalate
func.func @escalate(%x: tensor<1x1x4x4xf32>, %y0: tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32> {
  // CHECK-DAG: %[[C:.*]] = arith.constant dense<{{\[\[\[}}5.000000e+00]], {{\[\[}}-1.000000e+01]]]> : tensor<2x1x1xf32>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<{{\[\[\[}}6.000000e-01, 8.000000e-01]]]> : tensor<1x1x2xf32>
  // CHECK: compress.factorized %[[C]], %[[B]] : tensor<2x1x1xf32>, tensor<1x1x2xf32> -> tensor<2x1x1x2xf32>
  %w = arith.constant dense<[[[[3.0, 4.0]]], [[[-6.0, -8.0]]]]> : tensor<2x1x1x2xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x1x4x4xf32>, tensor<2x1x1x2xf32>) outs(%y0 : tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32> loc("escalate")
  return %y : tensor<1x2x4x3xf32>
}

// A row of the logical matrix is an output, a column here.
// CHECK-LABEL: @rows
func.func @rows(%x: !x, %y0: !x) -> !x {
  // CHECK: %[[V:.*]] = arith.constant dense<{{\[\[\[}}1.000000e+00], [2.000000e+00]]]> : tensor<1x2x1xf32>
  // CHECK: compress.unpack %[[V]] mask = dense<{{\[\[}}true, false]]> : tensor<1x2xi1> : tensor<1x2x1xf32> -> tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 0.0], [2.0, 0.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("rows")
  return %y : !x
}

// Input 0 is not read; what is left is fitted by the nested scheme.
// CHECK-LABEL: @columns
func.func @columns(%x: !x, %y0: !x) -> !x {
  // CHECK: %[[V:.*]] = compress.dequantize {{.*}} code(#compress.ternary) : tensor<1x1x2xi2>, tensor<1x1x1xf32> -> tensor<1x1x2xf32>
  // CHECK: compress.unpack %[[V]] mask = dense<{{\[\[}}false], [true]]> : tensor<2x1xi1>
  %w = arith.constant dense<[[0.0, 0.0], [2.0, -2.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("columns")
  return %y : !x
}

// REMARK: not fitted: none of its elements is zero
// CHECK-LABEL: @none
func.func @none(%x: !x, %y0: !x) -> !x {
  // CHECK-NOT: compress.
  // CHECK: linalg.matmul
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : !x, tensor<2x2xf32>) outs(%y0 : !x) -> !x loc("none")
  return %y : !x
}

// Powers of two already: the basis is the identity. 4 inputs are two rows of 3, the last two places of which are padding.
// REMARK: 1 of 1 slices reached an unchanged code; most iterations 2, restarts 0
// REMARK: compress.factorized of compress.dequantize: relative error 0.0
// CHECK-LABEL: @smartdeal
func.func @smartdeal(%x: tensor<3x4xf32>, %y0: tensor<3x1xf32>) -> tensor<3x1xf32> {
  // CHECK: %[[C:.*]] = compress.dequantize {{.*}} code(#compress.pow2<bits = 4, min_exponent = -7, zero = true>) : tensor<1x1x2x3xi4>
  // CHECK: %[[B:.*]] = compress.dequantize {{.*}} code(#compress.uniform<bits = 8>) : tensor<1x1x3x3xi8>, tensor<1x1x1x1xf32>
  // CHECK: compress.factorized %[[C]], %[[B]] batch = 2 collapse = {{\[\[}}0], [1, 2, 3]] expand = {{\[\[}}0], [1]] order = [1, 0]
  // CHECK-SAME: tensor<1x1x2x3xf32>, tensor<1x1x3x3xf32> -> tensor<4x1xf32>
  %w = arith.constant dense<[[0.5], [-0.25], [0.5], [0.125]]> : tensor<4x1xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y0 : tensor<3x1xf32>) -> tensor<3x1xf32> loc("smartdeal")
  return %y : tensor<3x1xf32>
}
