// Four bits in the place of 32: an eighth of the bytes, and more time to decode them than floats take to read.

// RUN: compress-opt %s --compress-select --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=TIME
// RUN: compress-opt %s --compress-select=objective=bytes --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=BYTES
// RUN: compress-opt %s --compress-to-affine=objective=bytes | FileCheck %s --check-prefix=PIPELINE
// RUN: not compress-opt %s --compress-select=objective=speed 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// TIME: [Missed] select {{.*}}expanded to dense: the {{.*}} form does not pay
// TIME-LABEL: @small
// TIME: linalg.matmul
// 32 x 64 codes of 4 bits and a scale: 1024 + 4 bytes.
// BYTES: [Passed] select {{.*}} 1028 weight bytes{{.*}}dense: {{.*}} 8192 weight bytes
// A circulant weight of k = 1 has as many bytes as the dense one.
// BYTES: [Missed] select {{.*}}compress.circulant: expanded to dense: the spectral form does not pay
// BYTES-LABEL: @small
// BYTES-NOT: linalg.matmul
// BYTES-LABEL: @alike
// Two codes in a byte.
// PIPELINE: memref.global {{.*}} : memref<32x32xi8>
// UNKNOWN: error: compress-select{objective=speed}: expects time or bytes

func.func @small(%x: tensor<1x32xf32>) -> tensor<1x64xf32> {
  %c = arith.constant dense<3> : tensor<32x64xi4>
  %s = arith.constant dense<0.5> : tensor<1x1xf32>
  %w = compress.dequantize %c, %s code(#compress.pow2<bits = 4, min_exponent = -7, zero = true>)
      : tensor<32x64xi4>, tensor<1x1xf32> -> tensor<32x64xf32>
  %zero = arith.constant dense<0.0> : tensor<1x64xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x32xf32>, tensor<32x64xf32>) outs(%zero : tensor<1x64xf32>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}

func.func @alike(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %c = arith.constant dense<2.0> : tensor<4x4x1xf32>
  %w = compress.circulant %c : tensor<4x4x1xf32> -> tensor<4x4xf32>
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x4xf32>, tensor<4x4xf32>) outs(%zero : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
