// Products of bytes. What sums start from: bias - zero point * sum of the weights.
// RUN: compress-opt %s --split-input-file --compress-multiply-bytes --cse | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-multiply-bytes --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --split-input-file --compress-multiply-bytes=rounds-activations=true --cse | FileCheck %s --check-prefix=ROUND

#id = affine_map<(d0, d1) -> (d0, d1)>

// Rows of the weight sum up to 1 + 2 - 3 + 4 = 4 and -128; bias 2 and -1 are 8 and -2 steps of 0.5 * (0.5, 1).
// CHECK-LABEL: func @matmul
// CHECK-SAME: %[[Q:.*]]: tensor<?x4xi8>
// CHECK-DAG: %[[START:.*]] = arith.constant dense<[-4, 382]> : tensor<2xi32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{.*}}1, 2, -3, 4], [-128, 0, 0, 0]{{.*}}> : tensor<1x1x2x4xi8>
// CHECK: %[[SPLIT:.*]] = tensor.expand_shape %[[START]]
// CHECK: %[[INIT:.*]] = linalg.broadcast ins(%[[SPLIT]]
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}} ins({{.*}}, %[[W]] : tensor<?x1x4xi8>, tensor<1x1x2x4xi8>) outs(%[[INIT]]
// CHECK: arith.extui
// CHECK: arith.extsi
// CHECK: arith.muli
// CHECK: arith.addi
// CHECK: %[[SCALES:.*]] = arith.constant dense<[2.500000e-01, 5.000000e-01]> : tensor<2xf32>
// CHECK: linalg.generic {{.*}} ins({{.*}}, %[[SCALES]] : tensor<?x2xi32>, tensor<2xf32>)
// CHECK: arith.sitofp
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: linalg.yield
// REMARK: {{.*}}multiply-bytes{{.*}}products of bytes with sums of 32 bits, activations as given: {{.*}} us predicted
func.func @matmul(%q: tensor<?x4xi8>) -> tensor<?x2xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x4xi8>
  %codes = arith.constant dense<[[1, 2, -3, 4], [-128, 0, 0, 0]]> : tensor<2x4xi8>
  %scales = arith.constant dense<[[0.5], [1.0]]> : tensor<2x1xf32>
  %bias = arith.constant dense<[2.0, -1.0]> : tensor<2xf32>
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<2x4xi8>, tensor<2x1xf32> -> tensor<2x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<?x4xi8>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %zero = arith.constant 3 : i32
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %moved = arith.subi %wide, %zero : i32
    %number = arith.sitofp %moved : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<?x4xf32>
  %o = tensor.empty(%n) : tensor<?x2xf32>
  %init = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%o : tensor<?x2xf32>) dimensions = [0]
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<?x4xf32>, tensor<2x4xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Codes with sign are moved up by 128, and their zero point too; it is what is padded. Three channels take a word with a weight of 0.
// CHECK-LABEL: func @conv
// CHECK: arith.constant dense<{{.*}}1, 1, 1, 0]{{.*}}> : tensor<1x1x1x1x1x4xi8>
// CHECK: %[[U:.*]] = linalg.generic
// CHECK: arith.xori
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[U]] : tensor<2x3x2x2xi8>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[ZERO:.*]] = arith.constant -125 : i8
// CHECK: tensor.pad %[[T]] low[0, 1, 1, 0] high[0, 1, 1, 0]
// CHECK: tensor.yield %[[ZERO]]
// CHECK: tensor.pad {{.*}} low[0, 0, 0, 0] high[0, 0, 0, 1]
// REMARK: products of bytes with sums
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @conv(%q: tensor<2x3x2x2xi8>) -> tensor<2x1x4x4xf32> {
  %codes = arith.constant dense<1> : tensor<1x3x1x1xi8>
  %scales = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %none = arith.constant 0.0 : f32
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<1x3x1x1xi8>, tensor<1x1x1x1xf32> -> tensor<1x3x1x1xf32>
  %e = tensor.empty() : tensor<2x3x2x2xf32>
  %x = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%q : tensor<2x3x2x2xi8>) outs(%e : tensor<2x3x2x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %zero = arith.constant 3 : i32
    %scale = arith.constant 0.5 : f32
    %wide = arith.extsi %in : i8 to i32
    %moved = arith.subi %wide, %zero : i32
    %number = arith.sitofp %moved : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<2x3x2x2xf32>
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %none : f32
  } : tensor<2x3x2x2xf32> to tensor<2x3x4x4xf32>
  %o = tensor.empty() : tensor<2x1x4x4xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<2x1x4x4xf32>) -> tensor<2x1x4x4xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%padded, %w : tensor<2x3x4x4xf32>, tensor<1x3x1x1xf32>) outs(%init : tensor<2x1x4x4xf32>) -> tensor<2x1x4x4xf32>
  return %y : tensor<2x1x4x4xf32>
}

// -----

// A bias that is no multiple of the scale is added to the numbers. Groups with scales of their own stay.
// CHECK-LABEL: func @stays
// CHECK-NOT: arith.muli
// CHECK: compress.dequantize
// REMARK: stays f32: its weights have several scales for an output
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @stays(%q: tensor<2x4xi8>) -> tensor<2x2xf32> {
  %codes = arith.constant dense<1> : tensor<2x4xi8>
  %scales = arith.constant dense<[[0.5, 1.0], [1.0, 2.0]]> : tensor<2x2xf32>
  %none = arith.constant 0.0 : f32
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<2x4xi8>, tensor<2x2xf32> -> tensor<2x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<2x4xi8>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %number = arith.sitofp %wide : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<2x4xf32>
  %o = tensor.empty() : tensor<2x2xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<2x4xf32>, tensor<2x4xf32>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// A convolution of floats: over the range of each sample, with a zero point that leaves the loops.
// CHECK-LABEL: func @rounded
// CHECK: compress.dequantize
// CHECK: linalg.conv_2d_nchw_fchw
// ROUND-LABEL: func @rounded
// ROUND: linalg.reduce { arith.minimumf } ins({{.*}} : tensor<2x4x2x2xf32>) outs({{.*}} : tensor<2xf32>) dimensions = [1, 2, 3]
// ROUND: linalg.reduce { arith.maximumf }
// ROUND: arith.subf
// ROUND: arith.constant 2.550000e+02
// ROUND: arith.divf
// ROUND: math.roundeven
// ROUND: arith.extui
// ROUND: arith.muli
// ROUND: arith.constant dense<4> : tensor<1xi32>
// ROUND: arith.muli
// ROUND: arith.subi
// ROUND: arith.sitofp
func.func @rounded(%x: tensor<2x4x2x2xf32>) -> tensor<2x1x2x2xf32> {
  %codes = arith.constant dense<1> : tensor<1x4x1x1xi4>
  %scales = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %none = arith.constant 0.0 : f32
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 4>) : tensor<1x4x1x1xi4>, tensor<1x1x1x1xf32> -> tensor<1x4x1x1xf32>
  %o = tensor.empty() : tensor<2x1x2x2xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<2x1x2x2xf32>) -> tensor<2x1x2x2xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<2x4x2x2xf32>, tensor<1x4x1x1xf32>) outs(%init : tensor<2x1x2x2xf32>) -> tensor<2x1x2x2xf32>
  return %y : tensor<2x1x2x2xf32>
}

// -----

// Each of three channels has two taps of its own: -1 and 2 times those of the first. Sums of weights are 3, -3 and 6, the zero point is 3, and
// biases of 1 are 4 steps of 0.5 * 0.5. Channels are last.
// CHECK-LABEL: func @depthwise
// CHECK-DAG: arith.constant dense<[-5, 13, -14]> : tensor<3xi32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{.*}}1, -1, 2], [2, -2, 4]{{.*}}> : tensor<1x2x3xi8>
// CHECK: %[[T:.*]] = linalg.transpose ins(%{{.*}} : tensor<?x3x1x4xi8>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[X:.*]] = tensor.pad %[[T]] low[0, 0, 1, 0] high[0, 0, 1, 0]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK-SAME: ins(%[[X]], %[[W]] : tensor<?x1x6x3xi8>, tensor<1x2x3xi8>) outs(%{{.*}} : tensor<?x1x5x3xi32>)
// CHECK: linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
// REMARK: products of bytes with sums
#channels = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @depthwise(%q: tensor<?x3x1x4xi8>) -> tensor<?x3x1x5xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x3x1x4xi8>
  %codes = arith.constant dense<[[[[1, 2]]], [[[-1, -2]]], [[[2, 4]]]]> : tensor<3x1x1x2xi8>
  %scales = arith.constant dense<0.5> : tensor<3x1x1x1xf32>
  %bias = arith.constant dense<1.0> : tensor<3xf32>
  %none = arith.constant 0.0 : f32
  %d = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<3x1x1x2xi8>, tensor<3x1x1x1xf32> -> tensor<3x1x1x2xf32>
  %w = tensor.collapse_shape %d [[0, 1], [2], [3]] : tensor<3x1x1x2xf32> into tensor<3x1x2xf32>
  %e = tensor.empty(%n) : tensor<?x3x1x4xf32>
  %x = linalg.generic {indexing_maps = [#channels, #channels], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%q : tensor<?x3x1x4xi8>) outs(%e : tensor<?x3x1x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %zero = arith.constant 3 : i32
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %moved = arith.subi %wide, %zero : i32
    %number = arith.sitofp %moved : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<?x3x1x4xf32>
  %padded = tensor.pad %x low[0, 0, 0, 1] high[0, 0, 0, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %none : f32
  } : tensor<?x3x1x4xf32> to tensor<?x3x1x6xf32>
  %o = tensor.empty(%n) : tensor<?x3x1x5xf32>
  %init = linalg.broadcast ins(%bias : tensor<3xf32>) outs(%o : tensor<?x3x1x5xf32>) dimensions = [0, 2, 3]
  %y = linalg.depthwise_conv_2d_nchw_chw ins(%padded, %w : tensor<?x3x1x6xf32>, tensor<3x1x2xf32>) outs(%init : tensor<?x3x1x5xf32>) -> tensor<?x3x1x5xf32>
  return %y : tensor<?x3x1x5xf32>
}
