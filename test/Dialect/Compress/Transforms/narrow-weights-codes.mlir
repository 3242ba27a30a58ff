// Codes stay what they are; activations are rounded when the layer runs.
// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=i8 | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-narrow-weights=precision=i8 --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --split-input-file --compress-narrow-weights | FileCheck %s --check-prefix=F32
// RUN: compress-opt %s --split-input-file --compress-narrow-weights='precision=i8 vector-lanes=2' | FileCheck %s --check-prefix=PANELS

// A group of 8: two words of activations, inputs 0, 2, 4, 6 and 1, 3, 5, 7. The codes plus 8 of inputs 0 to 7 are 9, 0, 10, 8, 8, 11, 8, 15 from
// 1, -8, 2, 0, 0, 3, 0, 7: bytes 0x09, 0x8A, 0xB8, 0xF8 from the lowest, the odd inputs in their high bits. 0xF8B88A09 is -122123767.
// Relative error of the rounding: sqrt(2 ln 16 / 12) / 127 = 5.35e-03.
// REMARK: [Passed] narrow-weights {{.*}}activations rounded to i8 by groups of 8, the weights stay codes of 4 bits: {{.*}} 5.35e-03
// CHECK-LABEL: @one_group
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[INIT:.*]]: tensor<?x1xf32>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<5.000000e-01> : tensor<1x1x1xf32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<-122123767> : tensor<1x1x1x1xi32>
// CHECK: compress.coded_dot bits = 4 offset = 8 ins(%[[X]], %[[W]], %[[S]] : {{.*}}) outs(%[[INIT]]
// F32-LABEL: @one_group
// F32: compress.coded_contract
// PANELS-LABEL: @one_group
// PANELS: dense<{{\[\[\[\[}}-122123767, 0]]]]> : tensor<1x1x1x2xi32>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @one_group(%x: tensor<?x8xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %codes = arith.constant dense<[[1, -8, 2, 0, 0, 3, 0, 7]]> : tensor<1x8xi4>
  %scales = arith.constant dense<0.5> : tensor<1x1xf32>
  %y = compress.coded_contract maps = [#x, #w, #y] code(#compress.uniform<bits = 4>) group = [1, 8]
      ins(%x, %codes, %scales : tensor<?x8xf32>, tensor<1x8xi4>, tensor<1x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Inputs before outputs, and a layer that asks for it by itself. Zero points have the 8 of the codes, too. Panels of two vectors of two.
// CHECK-LABEL: @transposed_with_zeros
// F32-LABEL: @transposed_with_zeros
// F32: compress.coded_dot bits = 4 offset = 0
// PANELS-LABEL: @transposed_with_zeros
// PANELS-DAG: %[[W:.*]] = arith.constant dense<{{.*}}> : tensor<2x2x1x4xi32>
// PANELS-DAG: %[[Z:.*]] = arith.constant dense<{{\[\[\[}}9.000000e+00, 1.000000e+01, 1.100000e+01, 1.200000e+01], [1.400000e+01, 1.500000e+01, 7.000000e+00, 6.000000e+00]], {{\[\[}}1.300000e+01, 0.000000e+00, 0.000000e+00, 0.000000e+00], [5.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]]]> : tensor<2x2x4xf32>
// PANELS: compress.coded_dot bits = 4 offset = 0 ins(%{{.*}}, %[[W]], %{{.*}}, %[[Z]] :
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @transposed_with_zeros(%x: tensor<?x16xf32>, %init: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %codes = arith.constant dense<1> : tensor<16x5xi4>
  %scales = arith.constant dense<1.0> : tensor<2x5xf32>
  %zeros = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, -1.0, -2.0, -3.0]]> : tensor<2x5xf32>
  %y = compress.coded_contract maps = [#x, #w, #y] code(#compress.uniform<bits = 4>) group = [8, 1] {compress.rounds_activations}
      ins(%x, %codes, %scales, %zeros : tensor<?x16xf32>, tensor<16x5xi4>, tensor<2x5xf32>, tensor<2x5xf32>) outs(%init : tensor<?x5xf32>) -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// -----

// Groups of 12 do not fill words of 8 codes. The layer that asks for it says why it stays, and so with i8.
// REMARK: [Missed] narrow-weights {{.*}}activations stay f32: groups of 12 of its 24 inputs are not whole words
// CHECK-LABEL: @odd_groups
// CHECK: compress.coded_contract
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @odd_groups(%x: tensor<?x24xf32>, %init: tensor<?x2xf32>, %x2: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %codes = arith.constant dense<1> : tensor<2x24xi4>
  %scales = arith.constant dense<1.0> : tensor<2x2xf32>
  %y = compress.coded_contract maps = [#x, #w, #y] code(#compress.uniform<bits = 4>) group = [1, 12]
      ins(%x, %codes, %scales : tensor<?x24xf32>, tensor<2x24xi4>, tensor<2x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  %other = arith.constant dense<1> : tensor<2x8xi4>
  %one = arith.constant dense<1.0> : tensor<2x1xf32>
  %z = compress.coded_contract maps = [#x, #w, #y] code(#compress.uniform<bits = 4>) group = [1, 8]
      ins(%x2, %other, %one : tensor<?x8xf32>, tensor<2x8xi4>, tensor<2x1xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// Each code is its number plus 2, ternary ones with two's complement, too: 3 is -1 + 2 in all 16 places, which are -1. Powers of two are looked
// up: eight times code 5, for -2 * 2^-3, whose unit goes to the scale. Those of -2^7 to 2^7 fit no byte.
// CHECK-LABEL: @other_codes
// CHECK-DAG: %[[P:.*]] = arith.constant dense<1431655765> : tensor<2x1x2x1xi32>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<1.250000e-01> : tensor<2x1x1xf32>
// CHECK-DAG: compress.coded_dot bits = 2 offset = 2
// CHECK-DAG: compress.coded_dot bits = 4 offset = 0 numbers = [1, 2, 4, 8, -1, -2, -4, -8, 0, 0, 0, 0, 0, 0, 0, 0] ins(%{{.*}}, %[[P]], %[[S]] :
// CHECK: compress.coded_contract {{.*}} code(#compress.pow2<bits = 4, min_exponent = -3>)
// REMARK: [Missed] narrow-weights {{.*}}activations stay f32: the numbers of its codes are no bytes times one number
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @other_codes(%x: tensor<?x16xf32>, %init: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %one = arith.constant dense<1.0> : tensor<2x1xf32>
  %ternary = arith.constant dense<-1> : tensor<2x16xi2>
  %a = compress.coded_contract maps = [#x, #w, #y] code(#compress.ternary) group = [1, 16]
      ins(%x, %ternary, %one : tensor<?x16xf32>, tensor<2x16xi2>, tensor<2x1xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  %powers = arith.constant dense<-3> : tensor<2x16xi3>
  %b = compress.coded_contract maps = [#x, #w, #y] code(#compress.pow2<bits = 3, min_exponent = -3>) group = [1, 16]
      ins(%x, %powers, %one : tensor<?x16xf32>, tensor<2x16xi3>, tensor<2x1xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  %many = arith.constant dense<1> : tensor<2x16xi4>
  %c = compress.coded_contract maps = [#x, #w, #y] code(#compress.pow2<bits = 4, min_exponent = -3>) group = [1, 16]
      ins(%x, %many, %one : tensor<?x16xf32>, tensor<2x16xi4>, tensor<2x1xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %a, %b, %c : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// One scale for 300 inputs: two groups of 150, in 152 places.
// REMARK: [Passed] narrow-weights {{.*}}activations rounded to i8 by groups of 152
// CHECK-LABEL: @long_rows
// CHECK: compress.coded_dot bits = 4 offset = 8 ins({{.*}} : tensor<?x300xf32>, tensor<1x2x19x1xi32>, tensor<1x1x1xf32>)
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @long_rows(%x: tensor<?x300xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %codes = arith.constant dense<1> : tensor<1x300xi4>
  %scale = arith.constant dense<1.0> : tensor<1x1xf32>
  %y = compress.coded_contract maps = [#x, #w, #y] code(#compress.uniform<bits = 4>) group = [1, 300]
      ins(%x, %codes, %scale : tensor<?x300xf32>, tensor<1x300xi4>, tensor<1x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
