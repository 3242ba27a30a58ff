// RUN: compress-opt %s --compress-pullback --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-pullback=with-value --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=VALUE

// The scales of codes inside of a circulant weight: each op hands the gradient to the next one; codes have none.
// CHECK-LABEL: func.func @spectra_of_codes
// CHECK-LABEL: func.func @spectra_of_codes_pullback
// CHECK-SAME: (%{{.*}}: tensor<5x8xf32> {compress.name = "x"}, %[[SCALES:.*]]: tensor<1x1x4xf32>, %[[DY:.*]]: tensor<5x4xf32> {compress.name = "gradient"})
// CHECK-SAME: -> (tensor<5x8xf32> {compress.name = "x_gradient"}, tensor<1x1x4xf32>)
// CHECK: %[[CODES:.*]] = arith.constant dense<1> : tensor<1x2x4xi4>
// CHECK: linalg.generic {{.*}} ins(%[[DY]], %{{.*}} : tensor<5x4xf32>, tensor<8x4xf32>) outs(%{{.*}} : tensor<5x8xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[DY]], %{{.*}} : tensor<5x4xf32>, tensor<5x8xf32>) outs(%{{.*}} : tensor<8x4xf32>)
// CHECK: compress.rfft
// CHECK: linalg.generic {{.*}} ins(%[[CODES]], %{{.*}} : tensor<1x2x4xi4>, tensor<1x2x4xf32>)
// CHECK: return %{{.*}}, %{{.*}} : tensor<5x8xf32>, tensor<1x1x4xf32>
// VALUE-LABEL: func.func @spectra_of_codes_pullback
// VALUE-SAME: -> (tensor<5x4xf32> {compress.name = "y"}, tensor<5x8xf32> {compress.name = "x_gradient"}, tensor<1x1x4xf32>)
func.func @spectra_of_codes(%x: tensor<5x8xf32> {compress.name = "x"}, %scales: tensor<1x1x4xf32>)
    -> (tensor<5x4xf32> {compress.name = "y"}) {
  %codes = arith.constant dense<1> : tensor<1x2x4xi4>
  %c = compress.dequantize %codes, %scales code(#compress.uniform<bits = 4>)
      : tensor<1x2x4xi4>, tensor<1x1x4xf32> -> tensor<1x2x4xf32>
  %w = compress.circulant %c domain = spectrum order = [1, 0] : tensor<1x2x4xf32> -> tensor<8x4xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x4xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<5x4xf32>) -> tensor<5x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<5x8xf32>, tensor<8x4xf32>) outs(%y0 : tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// -----

// What is used twice gets the sum; what is not used gets zeros; private functions and integers are left alone.
// CHECK-LABEL: func.func @sum_of_both_pullback
// CHECK-SAME: (%{{.*}}: tensor<3xf32>, %{{.*}}: tensor<?xf32>, %{{.*}}: tensor<3xi8>, %[[DY:.*]]: tensor<3xf32> {{.*}}) -> (tensor<3xf32>, tensor<?xf32>)
// CHECK: linalg.add
// CHECK-NOT: @helper_pullback
func.func @sum_of_both(%x: tensor<3xf32>, %unused: tensor<?xf32>, %codes: tensor<3xi8>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  %y = linalg.mul ins(%x, %x : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func private @helper(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}

// -----

func.func private @elsewhere(tensor<3xf32>) -> tensor<3xf32>
func.func @calls_another_function(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{'func.call' op compress-pullback: the gradient of this op is not known: it is neither linear algebra on tensors nor an op that implements DifferentiableOpInterface}}
  %y = call @elsewhere(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @takes_a_logarithm(%x: tensor<3xf32>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  // expected-error @+1 {{'linalg.log' op compress-pullback: the gradient of this op is not known: the gradient of math.log in its body is not known}}
  %y = linalg.log ins(%x : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @takes_the_largest(%x: tensor<3x4xf32>, %least: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{it combines numbers with its destination otherwise than by a sum}}
  %y = linalg.reduce { arith.maximumf } ins(%x : tensor<3x4xf32>) outs(%least : tensor<3xf32>) dimensions = [1]
  return %y : tensor<3xf32>
}

// -----

// expected-error @+1 {{there is a symbol @taken_pullback already; rename it}}
func.func @taken(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func private @taken_pullback()

// -----

func.func @reads_a_table(%values: tensor<4xf32>, %places: tensor<8xindex>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  // expected-error @+1 {{its body reads a tensor that depends on an argument; run compress-pullback before weights are expanded}}
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%places : tensor<8xindex>) outs(%e : tensor<8xf32>) {
  ^bb0(%p: index, %out: f32):
    %v = tensor.extract %values[%p] : tensor<4xf32>
    linalg.yield %v : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// The batch may be dynamic; zeros are scattered where a stride skips pixels, and taps are reversed.
// CHECK-LABEL: func.func @strided_convolution_pullback
// CHECK: arith.subi
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 2] [%{{.*}}, 2, 3] [1, 1, 2] : tensor<?x2x3xf32> into tensor<?x2x9xf32>
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?x4x7xf32>)
func.func @strided_convolution(%x: tensor<?x4x7xf32>, %w: tensor<2x4x3xf32>, %y0: tensor<?x2x3xf32>) -> tensor<?x2x3xf32> {
  %y = linalg.conv_1d_ncw_fcw {strides = dense<2> : tensor<1xi64>, dilations = dense<1> : tensor<1xi64>}
      ins(%x, %w : tensor<?x4x7xf32>, tensor<2x4x3xf32>) outs(%y0 : tensor<?x2x3xf32>) -> tensor<?x2x3xf32>
  return %y : tensor<?x2x3xf32>
}
