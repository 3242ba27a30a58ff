// RUN: compress-opt %s --compress-normalize-quant --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-normalize-quant 2>/dev/null | compress-opt --compress-normalize-quant=direction=out | FileCheck %s --check-prefix=OUT

// OUT-NOT: compress.dequantize

// One scale, no zero point.
// CHECK-LABEL: @per_tensor
// CHECK-SAME: %[[CODES:.*]]: tensor<2x4xi8>
// CHECK: %[[SCALES:.*]] = arith.constant dense<5.000000e-01> : tensor<1x1xf32>
// CHECK: compress.dequantize %[[CODES]], %[[SCALES]] code(#compress.uniform<bits = 8>) : tensor<2x4xi8>, tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NOT: quant.
// OUT-LABEL: @per_tensor
// OUT: quant.scast %{{.*}} : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8:f32, 5.000000e-01>>
// OUT: quant.dcast
func.func @per_tensor(%codes: tensor<2x4xi8>) -> tensor<2x4xf32> {
  %q = quant.scast %codes : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8:f32, 0.5>>
  %w = quant.dcast %q : tensor<2x4x!quant.uniform<i8:f32, 0.5>> to tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// Unsigned codes and zero points: 200 is the bits of -56. The bounds are kept.
// CHECK-LABEL: @unsigned_with_bounds
// CHECK: arith.constant dense<-56> : tensor<1x1xi8>
// CHECK: compress.dequantize {{.*}} code(#compress.uniform<bits = 8, unsigned_codes = true>) {compress.storage_range = array<i64: 1, 254>}
// OUT-LABEL: @unsigned_with_bounds
// OUT: quant.scast %{{.*}} : tensor<2x4xi8> to tensor<2x4x!quant.uniform<u8<1:254>:f32, 2.500000e-01:200>>
func.func @unsigned_with_bounds(%codes: tensor<2x4xi8>) -> tensor<2x4xf32> {
  %q = quant.scast %codes : tensor<2x4xi8> to tensor<2x4x!quant.uniform<u8<1:254>:f32, 0.25:200>>
  %w = quant.dcast %q : tensor<2x4x!quant.uniform<u8<1:254>:f32, 0.25:200>> to tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// CHECK-LABEL: @per_axis
// CHECK-DAG: arith.constant dense<{{\[\[}}5.000000e-01], [2.500000e-01]]> : tensor<2x1xf64>
// CHECK-DAG: arith.constant dense<{{\[\[}}1], [-2]]> : tensor<2x1xi4>
// CHECK: compress.dequantize {{.*}} code(#compress.uniform<bits = 4>) : tensor<2x4xi4>, tensor<2x1xf64>, tensor<2x1xi4> -> tensor<2x4xf64>
// OUT-LABEL: @per_axis
// OUT: to tensor<2x4x!quant.uniform<i4:f64:0, {5.000000e-01:1,2.500000e-01:-2}>>
func.func @per_axis(%codes: tensor<2x4xi4>) -> tensor<2x4xf64> {
  %q = quant.scast %codes : tensor<2x4xi4> to tensor<2x4x!quant.uniform<i4:f64:0, {0.5:1, 0.25:-2}>>
  %w = quant.dcast %q : tensor<2x4x!quant.uniform<i4:f64:0, {0.5:1, 0.25:-2}>> to tensor<2x4xf64>
  return %w : tensor<2x4xf64>
}

// Blocks of 1 x 2.
// CHECK-LABEL: @per_block
// CHECK-DAG: arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: arith.constant dense<{{\[\[}}0, 1], [-9, 3]]> : tensor<2x2xi8>
// CHECK: compress.dequantize {{.*}} : tensor<2x4xi8>, tensor<2x2xf32>, tensor<2x2xi8> -> tensor<2x4xf32>
// OUT-LABEL: @per_block
// OUT: !quant.uniform<i8:f32:{0:1, 1:2}, {{\{\{}}1.000000e+00, 2.000000e+00:1}, {3.000000e+00:-9, 4.000000e+00:3}}>
func.func @per_block(%codes: tensor<2x4xi8>) -> tensor<2x4xf32> {
  %q = quant.scast %codes : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8:f32:{0:1, 1:2}, {{1.0, 2.0:1}, {3.0:-9, 4.0:3}}>>
  %w = quant.dcast %q : tensor<2x4x!quant.uniform<i8:f32:{0:1, 1:2}, {{1.0, 2.0:1}, {3.0:-9, 4.0:3}}>> to tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// What has no counterpart stays, and says why.
// CHECK-LABEL: @activations
// CHECK-COUNT-5: quant.dcast
func.func @activations(%dynamic: tensor<?xi8>, %wide: tensor<4xi16>, %half: tensor<4xi8>, %none: tensor<4x!quant.uniform<i8:f32, 0.5>>,
                       %zero: tensor<4xi8>)
    -> (tensor<?xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>) {
  %0 = quant.scast %dynamic : tensor<?xi8> to tensor<?x!quant.uniform<i8:f32, 0.5>>
  // expected-warning@below {{is left as it is: expects a tensor of static shape}}
  %1 = quant.dcast %0 : tensor<?x!quant.uniform<i8:f32, 0.5>> to tensor<?xf32>
  %2 = quant.scast %wide : tensor<4xi16> to tensor<4x!quant.uniform<i16:f32, 0.5>>
  // expected-warning@below {{expects stored integers of 2 to 8 bits}}
  %3 = quant.dcast %2 : tensor<4x!quant.uniform<i16:f32, 0.5>> to tensor<4xf32>
  %4 = quant.scast %half : tensor<4xi8> to tensor<4x!quant.uniform<i8:f16, 0.5>>
  // expected-warning@below {{expects an expressed type of f32 or f64}}
  %5 = quant.dcast %4 : tensor<4x!quant.uniform<i8:f16, 0.5>> to tensor<4xf16>
  // expected-warning@below {{its operand is no quant.scast}}
  %6 = quant.dcast %none : tensor<4x!quant.uniform<i8:f32, 0.5>> to tensor<4xf32>
  %7 = quant.scast %zero : tensor<4xi8> to tensor<4x!quant.uniform<i8:f32, 0.5:300>>
  // expected-warning@below {{a zero point is no stored integer}}
  %8 = quant.dcast %7 : tensor<4x!quant.uniform<i8:f32, 0.5:300>> to tensor<4xf32>
  return %1, %3, %5, %6, %8 : tensor<?xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>
}
