// RUN: compress-opt %s --compress-drop-dead-channels --remarks-filter-missed='compress.*' -o %t.out 2>%t
// RUN: FileCheck %s < %t
// RUN: compress-opt %s -o %t.in
// RUN: diff %t.in %t.out

// What stays as it is, each with the reason.

// CHECK: Function=result | {{.*}}1 zero filters and 0 channels that it does not read stay: it reaches a result of the function
func.func @result(%x: tensor<3x2xf32>, %e: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<3x2xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %w = arith.constant dense<[[1.0, 0.0], [2.0, 0.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x2xf32>, tensor<2x2xf32>) outs(%i0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK: Function=argument | {{.*}}0 zero filters and 1 channels that it does not read stay: it reaches an argument of the function
func.func @argument(%x: tensor<3x2xf32>, %e: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<[[1.0, 3.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x2xf32>, tensor<2x2xf32>) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// Every unit is dead; a layer keeps one.
// CHECK: Function=last | {{.*}}1 zero filters and 0 channels that it does not read stay: it is the last one
func.func @last(%x: tensor<3x2xf32>, %e: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = arith.constant dense<0.0> : tensor<2x1xf32>
  %w2 = arith.constant dense<5.0> : tensor<1x1xf32>
  %e0 = tensor.empty() : tensor<3x1xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %h = linalg.matmul ins(%x, %w1 : tensor<3x2xf32>, tensor<2x1xf32>) outs(%i0 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.matmul ins(%h, %w2 : tensor<3x1xf32>, tensor<1x1xf32>) outs(%e : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// CHECK: Function=representation | {{.*}}1 zero filters and 0 channels that it does not read stay: 'compress.circulant' uses it, which is left alone
func.func @representation(%x: tensor<3x1xf32>, %c: tensor<1x1x2xf32>, %e: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = arith.constant dense<[[1.0, 0.0]]> : tensor<1x2xf32>
  %w2 = compress.circulant %c : tensor<1x1x2xf32> -> tensor<2x2xf32>
  %e0 = tensor.empty() : tensor<3x2xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %h = linalg.matmul ins(%x, %w1 : tensor<3x1xf32>, tensor<1x2xf32>) outs(%i0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.matmul ins(%h, %w2 : tensor<3x2xf32>, tensor<2x2xf32>) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK: Function=sum | {{.*}}1 zero filters and 0 channels that it does not read stay: 'linalg.reduce' sums over it, and has no dense constant weight of one group
func.func @sum(%x: tensor<3x1xf32>, %e: tensor<3xf32>) -> tensor<3xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = arith.constant dense<[[1.0, 0.0]]> : tensor<1x2xf32>
  %e0 = tensor.empty() : tensor<3x2xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %h = linalg.matmul ins(%x, %w1 : tensor<3x1xf32>, tensor<1x2xf32>) outs(%i0 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.reduce { arith.addf } ins(%h : tensor<3x2xf32>) outs(%e : tensor<3xf32>) dimensions = [1]
  return %y : tensor<3xf32>
}

// Two groups of two channels: a group cannot lose one alone.
// CHECK: Function=grouped | {{.*}}1 zero filters and 0 channels that it does not read stay: what reads it sees no constant, as it is padded with another number, combined with others, or in a group
func.func @grouped(%x: tensor<1x1x3x3xf32>, %e: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = arith.constant dense<[[[[1.0]]], [[[0.0]]], [[[3.0]]], [[[4.0]]]]> : tensor<4x1x1x1xf32>
  %w2 = arith.constant dense<1.0> : tensor<2x1x2x1x1xf32>
  %w3 = arith.constant dense<1.0> : tensor<1x2x1x1xf32>
  %e0 = tensor.empty() : tensor<1x4x3x3xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
  %h = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x1x3x3xf32>, tensor<4x1x1x1xf32>) outs(%i0 : tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
  %g = tensor.expand_shape %h [[0], [1, 2], [3], [4]] output_shape [1, 2, 2, 3, 3] : tensor<1x4x3x3xf32> into tensor<1x2x2x3x3xf32>
  %e1 = tensor.empty() : tensor<1x2x1x3x3xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x2x1x3x3xf32>) -> tensor<1x2x1x3x3xf32>
  %d = linalg.conv_2d_ngchw_gfchw ins(%g, %w2 : tensor<1x2x2x3x3xf32>, tensor<2x1x2x1x1xf32>) outs(%i1 : tensor<1x2x1x3x3xf32>) -> tensor<1x2x1x3x3xf32>
  %c = tensor.collapse_shape %d [[0], [1, 2], [3], [4]] : tensor<1x2x1x3x3xf32> into tensor<1x2x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%c, %w3 : tensor<1x2x3x3xf32>, tensor<1x2x1x1xf32>) outs(%e : tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %y : tensor<1x1x3x3xf32>
}

// CHECK: no channel is dropped: the function has branches
func.func @branches(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  cf.br ^bb1
^bb1:
  return %x : tensor<3x2xf32>
}
