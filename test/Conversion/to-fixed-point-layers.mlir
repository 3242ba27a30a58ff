// RUN: compress-opt %s --convert-compress-to-fixed-point='layers="fc[1]: weight-bits=6 activation-bits=12; default: weight-bits=10; x: activation-bits=4"' | FileCheck %s
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: weight-bits=17"' 2>&1 | FileCheck %s --check-prefix=MOST
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: wait-bits=6"' 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: weight-bits 6"' 2>&1 | FileCheck %s --check-prefix=EQUALS
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: weight-bits=6 weight-bits=7"' 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: result-bits=20"' 2>&1 | FileCheck %s --check-prefix=RESULT
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="weight-bits=6; default: weight-bits=7"' 2>&1 | FileCheck %s --check-prefix=DEFAULT
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1:"' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not compress-opt %s --convert-compress-to-fixed-point='layers="fc1: zeros=all"' 2>&1 | FileCheck %s --check-prefix=ZEROS
// RUN: compress-opt %s --convert-compress-to-fixed-point='layers="conv*: weight-bits=6"' 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: compress-opt %s --convert-compress-to-fixed-point='layers="fc*: weight-bits=7; fc2: weight-bits=6"' 2>&1 | FileCheck %s --check-prefix=FIRST
// MOST: {layers}, column 18: 'weight-bits' expects 2 to 16, not '17'
// MOST-NEXT: fc1: weight-bits=17
// MOST-NEXT:                  ^
// NAME: column 6: there is no 'wait-bits'; expects activation-bits, weight-bits, spectrum-bits, guard-bits, result-bits or zeros
// EQUALS: column 18: expects '=' behind 'weight-bits'
// TWICE: column 20: 'weight-bits' is given twice
// RESULT: column 6: 'result-bits' is of the whole network: say it without layers, or for 'default'
// DEFAULT: column 16: there are two rules for 'default'
// NONE: column 5: expects a width, such as 'weight-bits=6'
// ZEROS: column 12: 'zeros' expects codes, skip or auto, not 'all'
// UNUSED: warning: convert-compress-to-fixed-point{layers}: no layer or input named conv* has widths of its own, or a rule before it has them
// FIRST: warning: {{.*}} named fc2 has

// The largest weights, 0.5 and -1.5, have 6 bits with 5 behind the point and 10 bits with 8: 0.5 would be 16 of 31, and more bits behind the point would make 32 of it.
// CHECK-DAG: memref.global "private" constant @fc1_weights : memref<4xi6> = dense<[16, 12, -16, 4]> {compress.fraction = 5 : i64}
// CHECK-DAG: memref.global "private" constant @fc2_weights : memref<4xi10> = dense<[256, 64, -384, 128]> {compress.fraction = 8 : i64}
// The input has 4 bits; what fc1 writes, with relu behind it, 12; the result 16, as ever.
// CHECK-DAG: func.func private @fc1_accumulate(%{{.*}}: memref<2xi4> {{.*}}, %{{.*}}: memref<2xi12>
// CHECK-DAG: func.func private @fc2_accumulate(%{{.*}}: memref<2xi12> {{.*}}, %{{.*}}: memref<2xi16>
#x = affine_map<(d0, d1, d2) -> (d0, d2)>
#w = affine_map<(d0, d1, d2) -> (d1, d2)>
#y = affine_map<(d0, d1, d2) -> (d0, d1)>
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<1x2xf32> {compress.name = "x", compress.range = array<f64: -1.0, 1.0>}) -> (tensor<1x2xf32> {compress.name = "y"}) {
  %w1 = arith.constant dense<[[0.5, 0.375], [-0.5, 0.125]]> : tensor<2x2xf32>
  %w2 = arith.constant dense<[[1.0, 0.25], [-1.5, 0.5]]> : tensor<2x2xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2xf32>
  %b = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
  %h = linalg.matmul indexing_maps = [#x, #w, #y] {compress.range = array<f64: -1.0, 1.0>}
    ins(%x, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%b : tensor<1x2xf32>) -> tensor<1x2xf32> loc("fc1")
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<1x2xf32>) outs(%e : tensor<1x2xf32>) attrs = {compress.range = array<f64: 0.0, 1.0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x2xf32> loc("relu")
  %y = linalg.matmul indexing_maps = [#x, #w, #y] {compress.range = array<f64: -2.0, 2.0>}
    ins(%r, %w2 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%b : tensor<1x2xf32>) -> tensor<1x2xf32> loc("fc2")
  return %y : tensor<1x2xf32>
}
