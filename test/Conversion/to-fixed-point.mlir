// RUN: compress-opt %s --split-input-file --convert-compress-to-fixed-point | FileCheck %s
// RUN: compress-opt %s --split-input-file --convert-compress-to-fixed-point=guard-bits=0 | FileCheck %s --check-prefix=TIGHT
// RUN: not compress-opt %s --split-input-file --convert-compress-to-fixed-point=weight-bits=1 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-to-fixed-point{weight-bits=1}: expects 2 to 16

// The input, up to 1, has 6 bits behind the point; the weights, up to 1/2, have 7: 1/2 is 64. A product has 8 + 8 bits, a
// sum of 3 has two more, and 13 bits behind the point, of which a result up to 2 in 16 bits keeps all 13.
// CHECK: func.func private @[[ROUND:saturate_i19_by_0_to_i16]](
// CHECK: memref.global "private" constant @[[W:.*_weights]] : memref<6xi8> = dense<[64, -32, 16, 0, 64, 127]> {compress.fraction = 7
// A bias stands in the unit of a product: 1/4 is 2048 of 2^-13.
// CHECK: memref.global "private" constant @[[B:.*_bias]] : memref<2xi14> = dense<[2048, -8192]> {compress.fraction = 13
// CHECK: func.func private @[[STEP:.*_accumulate]](%[[X:.*]]: memref<3xi8> {compress.fraction = 6 : i64}, %[[Y:.*]]: memref<2xi16> {compress.fraction = 13 : i64, compress.result})
// CHECK: affine.for %[[O:.*]] = 0 to 2 {
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i18
// CHECK: %[[SUM:.*]] = affine.for %[[I:.*]] = 0 to 3 iter_args(%[[OLD:.*]] = %[[ZERO]]) -> (i18) {
// CHECK: %[[XI:.*]] = affine.load %[[X]][%[[I]]]
// CHECK: %[[WI:.*]] = affine.load %{{.*}}[%[[O]] * 3 + %[[I]]]
// CHECK: %[[A:.*]] = arith.extsi %[[XI]] : i8 to i16
// CHECK: %[[C:.*]] = arith.extsi %[[WI]] : i8 to i16
// CHECK: %[[P:.*]] = arith.muli %[[A]], %[[C]] : i16
// CHECK: arith.extsi %[[P]] : i16 to i18
// CHECK: arith.addi %[[OLD]], %{{.*}} : i18
// CHECK: arith.addi %{{.*}} : i19
// CHECK: %[[R:.*]] = func.call @[[ROUND]](
// CHECK: affine.store %[[R]], %[[Y]][%[[O]]]
// CHECK: func.func @main(%{{.*}}: memref<3xi8> {compress.fraction = 6 : i64, compress.shape = array<i64: 1, 3>}, %{{.*}}: memref<2xi16> {compress.fraction = 13 : i64, compress.result, compress.shape = array<i64: 1, 2>})
func.func @main(%x: tensor<1x3xf32> {compress.range = array<f64: -1.0, 1.0>}) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[0.5, -0.25, 0.125], [0.0, 0.5, 0.9921875]]> : tensor<2x3xf32>
  %bias = arith.constant dense<[0.25, -1.0]> : tensor<2xf32>
  %e = tensor.empty() : tensor<1x2xf32>
  %b = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%e : tensor<1x2xf32>) dimensions = [0]
  %y = linalg.matmul indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
    {compress.range = array<f64: -2.0, 2.0>} ins(%x, %w : tensor<1x3xf32>, tensor<2x3xf32>) outs(%b : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// Half to even: two shifted bits, to which almost a half is added, and a half where the number is odd.
// CHECK-LABEL: func.func private @saturate_i10_by_2_to_i8(
// CHECK-SAME: %[[X:.*]]: i10) -> i8 {
// CHECK: %[[WIDE:.*]] = arith.extsi %[[X]] : i10 to i11
// CHECK: %[[FLOOR:.*]] = arith.shrsi %[[WIDE]], %{{.*}} : i11
// CHECK: %[[ODD:.*]] = arith.andi %[[FLOOR]], %{{.*}} : i11
// CHECK: %[[ONE:.*]] = arith.constant 1 : i11
// CHECK: %[[HALF:.*]] = arith.addi %[[ONE]], %[[ODD]] : i11
// CHECK: %[[UP:.*]] = arith.addi %[[WIDE]], %[[HALF]] : i11
// CHECK: %[[Q:.*]] = arith.shrsi %[[UP]], %{{.*}} : i11
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: arith.trunci %{{.*}} : i11 to i8

// A transform of 4 numbers: one stage of sums of 9 bits, one of 10, no product; the spectrum, up to 4, has 4 bits behind the
// point, two less than the input.
// CHECK: func.func private @[[TRANSFORM:.*_transform]](%[[IN:.*]]: memref<8xi8> {compress.fraction = 6 : i64}, %{{.*}}: memref<8xi8> {compress.fraction = 4 : i64, compress.result})
// CHECK: affine.for %[[BLOCK:.*]] = 0 to 2 {
// CHECK: affine.load %[[IN]][%[[BLOCK]] * 4]
// CHECK: arith.addi %{{.*}} : i9
// CHECK: arith.addi %{{.*}} : i10
// CHECK-NOT: arith.muli
// CHECK: return
// Accumulated spectra have 8 guard bits more than spectra.
// CHECK: func.func private @{{.*}}_accumulate(%{{.*}}: memref<8xi8> {{.*}}, %{{.*}}: memref<4xi16> {compress.fraction = 13 : i64, compress.result})
// CHECK: func.func private @{{.*}}_inverse(%{{.*}}: memref<4xi16>
// Without them, each stage is rounded to 8 bits.
// TIGHT: func.func private @round_i9_by_1_to_i8(
// TIGHT: func.func private @{{.*}}_accumulate(%{{.*}}: memref<8xi8> {{.*}}, %{{.*}}: memref<4xi8> {compress.fraction = 5 : i64, compress.result})
func.func @main(%x: tensor<1x8xf32> {compress.range = array<f64: -1.0, 1.0>}) -> tensor<1x4xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<0.25> : tensor<4x2x1xf32>
  %i = tensor.empty() : tensor<4x1x2xf32>
  %xs = compress.rfft dim = 1 {compress.range = array<f64: -4.0, 4.0>} ins(%x : tensor<1x8xf32>) outs(%i : tensor<4x1x2xf32>) -> tensor<4x1x2xf32>
  %e = tensor.empty() : tensor<4x1x1xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x1x1xf32>) -> tensor<4x1x1xf32>
  %ys = compress.spectral_matmul in_dim = 1 out_dim = 1 {compress.range = array<f64: -2.0, 2.0>}
    ins(%xs, %w : tensor<4x1x2xf32>, tensor<4x2x1xf32>) outs(%f : tensor<4x1x1xf32>) -> tensor<4x1x1xf32>
  %o = tensor.empty() : tensor<1x4xf32>
  %y = compress.rfft_transpose dim = 1 {compress.range = array<f64: -4.0, 4.0>} ins(%ys : tensor<4x1x1xf32>) outs(%o : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// Maxima and relu keep the format, and the range that counts is what comes out of them: up to 3, not down to -100.
// CHECK-LABEL: func.func private @{{.*}}_pool(
// CHECK: %[[LOWEST:.*]] = arith.constant -128 : i8
// CHECK: arith.maxsi
// CHECK: func.func private @{{.*}}_relu(%{{.*}}: memref<4xi8> {compress.fraction = 5 : i64}
// CHECK: arith.maxsi
// The result of the network has 16 bits, 8 of which are new.
// CHECK: func.func private @{{.*}}_copy(%{{.*}}: memref<4xi8> {{.*}}, %{{.*}}: memref<4xi16> {compress.fraction = 13 : i64
// CHECK: func.call @saturate_i8_by_m8_to_i16(
// CHECK: func.func @main(%{{.*}}: memref<16xi8> {compress.fraction = 5 : i64
func.func @main(%x: tensor<1x1x4x4xf32> {compress.range = array<f64: -100.0, 3.0>}) -> tensor<1x4xf32> {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant dense<1.0> : tensor<1x1x1x1xf32>
  %e = tensor.empty() : tensor<1x1x2x2xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %p = linalg.pooling_nchw_max {strides = dense<2> : vector<2xi64>} ins(%x, %window : tensor<1x1x4x4xf32>, tensor<2x2xf32>)
    outs(%f : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%p : tensor<1x1x2x2xf32>) outs(%e : tensor<1x1x2x2xf32>)
      attrs = {compress.range = array<f64: 0.0, 3.0>} {
  ^bb0(%in: f32, %out: f32):
    %c = arith.cmpf olt, %in, %zero : f32
    %s = arith.select %c, %zero, %in : f32
    linalg.yield %s : f32
  } -> tensor<1x1x2x2xf32>
  %y = tensor.collapse_shape %r [[0], [1, 2, 3]] {compress.range = array<f64: 0.0, 3.0>} : tensor<1x1x2x2xf32> into tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
