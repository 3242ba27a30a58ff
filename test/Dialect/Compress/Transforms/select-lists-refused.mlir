// Layers that lists of channels do not compute: the two products of order B are offered, the lists are not.
// RUN: not compress-opt %s --split-input-file --compress-select='force=lists' 2>&1 | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-select='force=order_b' | FileCheck %s --check-prefix=PRODUCTS
// CHECK-COUNT-3: error: compress-select{force=lists}: this layer has no form 'lists'
// CHECK-NOT: error
// PRODUCTS-NOT: compress.basis_conv
// PRODUCTS-COUNT-3: scf.for

// Channels last.
func.func @channels_last(%x: tensor<?x5x5x2xf32>, %init: tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32> {
  %c = arith.constant dense<1.0> : tensor<3x2x1xf32>
  %basis = arith.constant dense<1.0> : tensor<1x3x3xf32>
  %w = compress.factorized %c, %basis order = [3, 2, 0, 1] : tensor<3x2x1xf32>, tensor<1x3x3xf32> -> tensor<3x3x2x3xf32>
  %y = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<?x5x5x2xf32>, tensor<3x3x2x3xf32>) outs(%init : tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32>
  return %y : tensor<?x3x3x3xf32>
}

// -----

// Two magnitudes of one output and basis kernel.
func.func @magnitudes(%x: tensor<?x2x5x5xf32>, %init: tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32> {
  %c = arith.constant dense<[[[1.0], [1.0]], [[1.0], [2.0]], [[1.0], [1.0]]]> : tensor<3x2x1xf32>
  %basis = arith.constant dense<1.0> : tensor<1x3x3xf32>
  %w = compress.factorized %c, %basis : tensor<3x2x1xf32>, tensor<1x3x3xf32> -> tensor<3x2x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<?x2x5x5xf32>, tensor<3x2x3x3xf32>) outs(%init : tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32>
  return %y : tensor<?x3x3x3xf32>
}

// -----

// Coefficients that are not known.
func.func @arguments(%x: tensor<?x2x5x5xf32>, %c: tensor<3x2x1xf32>, %init: tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32> {
  %basis = arith.constant dense<1.0> : tensor<1x3x3xf32>
  %w = compress.factorized %c, %basis : tensor<3x2x1xf32>, tensor<1x3x3xf32> -> tensor<3x2x3x3xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<?x2x5x5xf32>, tensor<3x2x3x3xf32>) outs(%init : tensor<?x3x3x3xf32>) -> tensor<?x3x3x3xf32>
  return %y : tensor<?x3x3x3xf32>
}
