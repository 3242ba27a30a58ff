// ESCALATE's two orders (MICRO 2021): operations and bytes of both and of the dense layer are said, one is picked, and
// can be overridden. C = 8, K = 16, M = 4, 3x3, 10x10 to 8x8:
//   A  C M R S H W + K C M H W             = 18432 + 32768
//   B  K M C (H + 2) (W + 2) + K M R S H W = 51200 + 36864
//   dense  K C R S H W = 73728;  bytes: 2 bits for each of K C M codes, K scales, M R S numbers
// RUN: compress-opt %s --compress-select --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-select=force=conv=order_a | FileCheck %s --check-prefix=A
// RUN: compress-opt %s --compress-select=force=conv=order_b | FileCheck %s --check-prefix=B

// REMARK: [Passed] select {{.*}}compress.factorized: order_a: {{.*}} 51200 multiplies, 336 weight bytes, {{[^;]*}};{{.*}} order_b: {{.*}} 88064 multiplies, 336 weight bytes, {{[^;]*}};{{.*}} dense: {{.*}} 73728 multiplies, 4608 weight bytes

// Of A the first stage has all of C x M; of B a loop over K holds M maps.
// A-LABEL: @escalate
// A-NOT: scf.for
// A: tensor<1x8x4x8x8xf32>
// B-LABEL: @escalate
// B-NOT: tensor<1x16x4x10x10xf32>
// B: tensor<1x1x4x10x10xf32>
func.func @escalate(%x: tensor<1x8x10x10xf32>, %v: tensor<16x8x4xi2>, %s: tensor<16x1x1xf32>, %b: tensor<4x3x3xf32>,
                    %y: tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> {
  %c = compress.dequantize %v, %s code(#compress.ternary) : tensor<16x8x4xi2>, tensor<16x1x1xf32> -> tensor<16x8x4xf32>
  %w = compress.factorized %c, %b : tensor<16x8x4xf32>, tensor<4x3x3xf32> -> tensor<16x8x3x3xf32>
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x8x10x10xf32>, tensor<16x8x3x3xf32>)
       outs(%y : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> loc("conv")
  return %0 : tensor<1x16x8x8xf32>
}
