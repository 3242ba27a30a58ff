// Layers of bytes that stay in floats, each with its reason.
// RUN: compress-opt %s --split-input-file --compress-multiply-bytes | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-multiply-bytes --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not compress-opt %s --split-input-file --compress-multiply-bytes=machine=none 2>&1 | FileCheck %s --check-prefix=MACHINE

// MACHINE: error: compress-multiply-bytes{machine=none}:

#id = affine_map<(d0, d1) -> (d0, d1)>
// 100 - -100 needs 9 bits.
// REMARK: stays f32: 8 bits with sign do not hold its weights minus their zero points
// CHECK-LABEL: func @zero_points
// CHECK-NOT: arith.muli
// CHECK: linalg.matmul
func.func @zero_points(%q: tensor<3x4xi8>) -> tensor<3x2xf32> {
  %codes = arith.constant dense<100> : tensor<2x4xi8>
  %scales = arith.constant dense<0.5> : tensor<2x1xf32>
  %zeros = arith.constant dense<-100> : tensor<2x1xi8>
  %none = arith.constant 0.0 : f32
  %w = compress.dequantize %codes, %scales, %zeros code(#compress.uniform<bits = 8>) : tensor<2x4xi8>, tensor<2x1xf32>, tensor<2x1xi8> -> tensor<2x4xf32>
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<3x4xi8>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %number = arith.sitofp %wide : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<3x4xf32>
  %o = tensor.empty() : tensor<3x2xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<3x4xf32>, tensor<2x4xf32>) outs(%init : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// 70,000 products of 255 and -128 are beyond 2^31.
#id = affine_map<(d0, d1) -> (d0, d1)>
// REMARK: stays f32: its sums do not fit 32 bits
// CHECK-LABEL: func @long
// CHECK-NOT: arith.muli
// CHECK: linalg.matmul
func.func @long(%q: tensor<3x70000xi8>) -> tensor<3x2xf32> {
  %codes = arith.constant dense<-128> : tensor<2x70000xi8>
  %scales = arith.constant dense<0.5> : tensor<2x1xf32>
  %none = arith.constant 0.0 : f32
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<2x70000xi8>, tensor<2x1xf32> -> tensor<2x70000xf32>
  %e = tensor.empty() : tensor<3x70000xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<3x70000xi8>) outs(%e : tensor<3x70000xf32>) {
  ^bb0(%in: i8, %out: f32):
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %number = arith.sitofp %wide : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<3x70000xf32>
  %o = tensor.empty() : tensor<3x2xf32>
  %init = linalg.fill ins(%none : f32) outs(%o : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<3x70000xf32>, tensor<2x70000xf32>) outs(%init : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// A group of its own for each channel.
#id = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>
// REMARK: stays f32: its weights have other dimensions than out, in and taps
// CHECK-LABEL: func @grouped
// CHECK-NOT: arith.muli
// CHECK: linalg.conv_2d_ngchw_gfchw
func.func @grouped(%q: tensor<1x4x1x5x5xi8>, %init: tensor<1x4x1x3x3xf32>) -> tensor<1x4x1x3x3xf32> {
  %codes = arith.constant dense<1> : tensor<4x1x1x3x3xi8>
  %scales = arith.constant dense<0.5> : tensor<4x1x1x1x1xf32>
  %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 8>) : tensor<4x1x1x3x3xi8>, tensor<4x1x1x1x1xf32> -> tensor<4x1x1x3x3xf32>
  %e = tensor.empty() : tensor<1x4x1x5x5xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]}
    ins(%q : tensor<1x4x1x5x5xi8>) outs(%e : tensor<1x4x1x5x5xf32>) {
  ^bb0(%in: i8, %out: f32):
    %scale = arith.constant 0.5 : f32
    %wide = arith.extui %in : i8 to i32
    %number = arith.sitofp %wide : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<1x4x1x5x5xf32>
  %y = linalg.conv_2d_ngchw_gfchw ins(%x, %w : tensor<1x4x1x5x5xf32>, tensor<4x1x1x3x3xf32>) outs(%init : tensor<1x4x1x3x3xf32>) -> tensor<1x4x1x3x3xf32>
  return %y : tensor<1x4x1x3x3xf32>
}
