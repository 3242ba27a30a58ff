// RUN: compress-opt %s --compress-drop-dead-channels --remarks-filter='compress.*' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

#rows = affine_map<(d0, d1) -> (d0, d1)>
#unit = affine_map<(d0, d1) -> (d1)>
#all = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map = affine_map<(d0, d1, d2, d3) -> (d1)>

// Filter 1 is zero, so that unit 1 is max(0, 2) = 2, and adds 2 * (10, 20) to the bias (5, 6). So is filter 3; its unit is
// max(0, -7) = 0 and adds nothing. Unit 2 is read by zeros alone. 4 * (2 * 4 + 4 + 4 * 2) bytes are 80, 4 * (2 + 1 + 2) are 20.
// REMARK: [Passed] drop-dead-channels | Category:compress | Function=chain | {{.*}}"3 of 4 channels dropped, 2 constant and 1 not read: 80 bytes before, 20 after"{{.*}}bytes_after=20, bytes_before=80, channels_dropped=3
// CHECK-LABEL: @chain
func.func @chain(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // CHECK-DAG: %[[W1:.*]] = arith.constant dense<{{\[}}[1.000000e+00], [5.000000e+00]]> : tensor<2x1xf32>
  // CHECK-DAG: %[[B1:.*]] = arith.constant dense<1.000000e+00> : tensor<1xf32>
  // CHECK-DAG: %[[W2:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
  // CHECK: %[[I1:.*]] = linalg.broadcast ins(%[[B1]]
  // CHECK: linalg.matmul ins(%{{.*}}, %[[W1]] : tensor<3x2xf32>, tensor<2x1xf32>) outs(%[[I1]]
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<3x1xf32>) outs(%{{.*}} : tensor<3x1xf32>)
  // CHECK: %[[B2:.*]] = arith.constant dense<[2.500000e+01, 4.600000e+01]> : tensor<2xf32>
  // CHECK: %[[I2:.*]] = linalg.broadcast ins(%[[B2]]
  // CHECK: linalg.matmul ins(%{{.*}}, %[[W2]] : tensor<3x1xf32>, tensor<1x2xf32>) outs(%[[I2]]
  %w1 = arith.constant dense<[[1.0, 0.0, 3.0, 0.0], [5.0, 0.0, 7.0, 0.0]]> : tensor<2x4xf32>
  %b1 = arith.constant dense<[1.0, 2.0, 3.0, -7.0]> : tensor<4xf32>
  %w2 = arith.constant dense<[[1.0, 2.0], [10.0, 20.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %b2 = arith.constant dense<[5.0, 6.0]> : tensor<2xf32>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<3x4xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<4xf32>) outs(%e1 : tensor<3x4xf32>) dimensions = [0]
  %h = linalg.matmul ins(%x, %w1 : tensor<3x2xf32>, tensor<2x4xf32>) outs(%i1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %a = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<3x4xf32>) outs(%e1 : tensor<3x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %less = arith.cmpf olt, %in, %zero : f32
    %most = arith.select %less, %zero, %in : f32
    linalg.yield %most : f32
  } -> tensor<3x4xf32>
  %e2 = tensor.empty() : tensor<3x2xf32>
  %i2 = linalg.broadcast ins(%b2 : tensor<2xf32>) outs(%e2 : tensor<3x2xf32>) dimensions = [0]
  %y = linalg.matmul ins(%a, %w2 : tensor<3x4xf32>, tensor<4x2xf32>) outs(%i2 : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// Normalisation y = (h - mean) * scale + shift, with other numbers for each unit: unit 0 is (2 - 1) * 3 + 4 = 7, and 7 * 5 = 35
// is what a fill with 1 gets.
// CHECK-LABEL: @normalisation
func.func @normalisation(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  // CHECK-DAG: arith.constant dense<2.000000e+00> : tensor<1xf32>
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>)
  // CHECK: arith.constant dense<3.600000e+01> : tensor<1xf32>
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x1xf32>)
  %w1 = arith.constant dense<[[0.0, 3.0], [0.0, 4.0]]> : tensor<2x2xf32>
  %b1 = arith.constant dense<[2.0, 9.0]> : tensor<2xf32>
  %mean = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %scale = arith.constant dense<[3.0, 2.0]> : tensor<2xf32>
  %shift = arith.constant dense<[4.0, 2.0]> : tensor<2xf32>
  %w2 = arith.constant dense<[[5.0], [6.0]]> : tensor<2x1xf32>
  %one = arith.constant 1.0 : f32
  %e1 = tensor.empty() : tensor<3x2xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<2xf32>) outs(%e1 : tensor<3x2xf32>) dimensions = [0]
  %h = linalg.matmul ins(%x, %w1 : tensor<3x2xf32>, tensor<2x2xf32>) outs(%i1 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %n = linalg.generic {indexing_maps = [#rows, #unit, #unit, #unit, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%h, %mean, %scale, %shift : tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) outs(%e1 : tensor<3x2xf32>) {
  ^bb0(%in: f32, %m: f32, %s: f32, %t: f32, %out: f32):
    %centred = arith.subf %in, %m : f32
    %scaled = arith.mulf %centred, %s : f32
    %shifted = arith.addf %scaled, %t : f32
    linalg.yield %shifted : f32
  } -> tensor<3x2xf32>
  %e2 = tensor.empty() : tensor<3x1xf32>
  %i2 = linalg.fill ins(%one : f32) outs(%e2 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.matmul ins(%n, %w2 : tensor<3x2xf32>, tensor<2x1xf32>) outs(%i2 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// Map 1 is 3 after the convolution, its maximum 3, its sum over 2 x 2 windows 12; flattened, channel 1 is features 4 to 7,
// which unit 0 weighs with 1 + 1 + 1 + 1 and unit 1 with 0 + 1 + 2 + 3: 48 and 72 are added to 100 and 200.
// REMARK: Function=pool_and_flatten | {{.*}}"1 of 2 channels dropped, 1 constant and 0 not read
// CHECK-LABEL: @pool_and_flatten
func.func @pool_and_flatten(%x: tensor<1x1x6x6xf32>) -> tensor<1x2xf32> {
  // CHECK-DAG: arith.constant dense<{{.*}}1.000000e+01, 1.100000e+01, 1.200000e+01, 1.300000e+01], [1.400000e+01, 1.500000e+01, 1.600000e+01, 1.700000e+01{{.*}}> : tensor<2x4xf32>
  // CHECK: linalg.conv_2d_nchw_fchw {{.*}} -> tensor<1x1x6x6xf32>
  // CHECK: linalg.pooling_nchw_max {{.*}} -> tensor<1x1x3x3xf32>
  // CHECK: linalg.pooling_nchw_sum {{.*}} -> tensor<1x1x2x2xf32>
  // CHECK: tensor.collapse_shape {{.*}} : tensor<1x1x2x2xf32> into tensor<1x4xf32>
  // CHECK: arith.constant dense<[1.480000e+02, 2.720000e+02]> : tensor<2xf32>
  // CHECK: linalg.matmul
  %w1 = arith.constant dense<[[[[2.0]]], [[[0.0]]]]> : tensor<2x1x1x1xf32>
  %b1 = arith.constant dense<[7.0, 3.0]> : tensor<2xf32>
  %w2 = arith.constant dense<[[10.0, 11.0, 12.0, 13.0, 1.0, 1.0, 1.0, 1.0], [14.0, 15.0, 16.0, 17.0, 0.0, 1.0, 2.0, 3.0]]> : tensor<2x8xf32>
  %b2 = arith.constant dense<[100.0, 200.0]> : tensor<2xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %frame = tensor.empty() : tensor<2x2xf32>
  %e1 = tensor.empty() : tensor<1x2x6x6xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<2xf32>) outs(%e1 : tensor<1x2x6x6xf32>) dimensions = [0, 2, 3]
  %h = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x1x6x6xf32>, tensor<2x1x1x1xf32>) outs(%i1 : tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %e2 = tensor.empty() : tensor<1x2x3x3xf32>
  %f2 = linalg.fill ins(%lowest : f32) outs(%e2 : tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %m = linalg.pooling_nchw_max {strides = dense<2> : vector<2xi64>} ins(%h, %frame : tensor<1x2x6x6xf32>, tensor<2x2xf32>) outs(%f2 : tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %e3 = tensor.empty() : tensor<1x2x2x2xf32>
  %f3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %s = linalg.pooling_nchw_sum ins(%m, %frame : tensor<1x2x3x3xf32>, tensor<2x2xf32>) outs(%f3 : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %flat = tensor.collapse_shape %s [[0], [1, 2, 3]] : tensor<1x2x2x2xf32> into tensor<1x8xf32>
  %e4 = tensor.empty() : tensor<1x2xf32>
  %i4 = linalg.broadcast ins(%b2 : tensor<2xf32>) outs(%e4 : tensor<1x2xf32>) dimensions = [0]
  %y = linalg.matmul indexing_maps = [affine_map<(a, b, c) -> (a, c)>, affine_map<(a, b, c) -> (b, c)>, affine_map<(a, b, c) -> (a, b)>]
      ins(%flat, %w2 : tensor<1x8xf32>, tensor<2x8xf32>) outs(%i4 : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// A skip: what is added to map n is tied to map n. Map 0 is 2 + 3 in both branches, read with the taps 1 + 2: 15 is added.
// Map 1 is zero filters in one branch only, and varies.
// REMARK: [Passed] drop-dead-channels | {{.*}}Function=skip | {{.*}}"1 of 3 channels dropped, 1 constant and 0 not read: 72 bytes before, 48 after"
// REMARK: [Missed] drop-dead-channels | {{.*}}Function=skip | {{.*}}1 zero filters and 0 channels that it does not read stay: what reads it sees no constant
// CHECK-LABEL: @skip
func.func @skip(%x: tensor<1x1x5x5xf32>) -> tensor<1x1x4x5xf32> {
  // CHECK-DAG: arith.constant dense<[3.000000e+00, 1.000000e+00]> : tensor<2xf32>
  // CHECK-DAG: arith.constant dense<{{.*}}3.000000e+00], [4.000000e+00]{{.*}}5.000000e+00], [6.000000e+00]{{.*}}> : tensor<1x2x2x1xf32>
  // CHECK-COUNT-2: linalg.conv_2d_nchw_fchw {{.*}} -> tensor<1x2x5x5xf32>
  // CHECK: linalg.add ins(%{{.*}}, %{{.*}} : tensor<1x2x5x5xf32>, tensor<1x2x5x5xf32>)
  // CHECK: arith.constant dense<1.500000e+01> : tensor<1xf32>
  // CHECK: linalg.conv_2d_nchw_fchw {{.*}} tensor<1x2x2x1xf32>)
  %w1 = arith.constant dense<[[[[0.0]]], [[[0.0]]], [[[7.0]]]]> : tensor<3x1x1x1xf32>
  %b1 = arith.constant dense<[2.0, 3.0, 1.0]> : tensor<3xf32>
  %w2 = arith.constant dense<[[[[0.0]]], [[[5.0]]], [[[8.0]]]]> : tensor<3x1x1x1xf32>
  %b2 = arith.constant dense<[3.0, 4.0, 9.0]> : tensor<3xf32>
  %w3 = arith.constant dense<[[[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]]> : tensor<1x3x2x1xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x3x5x5xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<3xf32>) outs(%e : tensor<1x3x5x5xf32>) dimensions = [0, 2, 3]
  %i2 = linalg.broadcast ins(%b2 : tensor<3xf32>) outs(%e : tensor<1x3x5x5xf32>) dimensions = [0, 2, 3]
  %l = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x1x5x5xf32>, tensor<3x1x1x1xf32>) outs(%i1 : tensor<1x3x5x5xf32>) -> tensor<1x3x5x5xf32>
  %r = linalg.conv_2d_nchw_fchw ins(%x, %w2 : tensor<1x1x5x5xf32>, tensor<3x1x1x1xf32>) outs(%i2 : tensor<1x3x5x5xf32>) -> tensor<1x3x5x5xf32>
  %s = linalg.add ins(%l, %r : tensor<1x3x5x5xf32>, tensor<1x3x5x5xf32>) outs(%e : tensor<1x3x5x5xf32>) -> tensor<1x3x5x5xf32>
  %e3 = tensor.empty() : tensor<1x1x4x5xf32>
  %i3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<1x1x4x5xf32>) -> tensor<1x1x4x5xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%s, %w3 : tensor<1x3x5x5xf32>, tensor<1x3x2x1xf32>) outs(%i3 : tensor<1x1x4x5xf32>) -> tensor<1x1x4x5xf32>
  return %y : tensor<1x1x4x5xf32>
}

// Around a map of 2 zeros are padded: it is no constant any more, and stays. A map of 0 is one with its border, and goes.
// REMARK: [Passed] drop-dead-channels | {{.*}}Function=padding | {{.*}}"1 of 3 channels dropped
// REMARK: [Missed] drop-dead-channels | {{.*}}Function=padding | {{.*}}1 zero filters and 0 channels that it does not read stay: what reads it sees no constant
// CHECK-LABEL: @padding
func.func @padding(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32> {
  // CHECK-DAG: arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  // CHECK-DAG: arith.constant dense<{{.*}}5.000000e+00{{.*}}6.000000e+00{{.*}}> : tensor<1x2x1x1xf32>
  // CHECK: tensor.pad
  // CHECK: tensor<1x2x4x4xf32> to tensor<1x2x6x6xf32>
  %w1 = arith.constant dense<[[[[3.0]]], [[[0.0]]], [[[0.0]]]]> : tensor<3x1x1x1xf32>
  %b1 = arith.constant dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
  %w2 = arith.constant dense<[[[[5.0]], [[6.0]], [[7.0]]]]> : tensor<1x3x1x1xf32>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<1x3x4x4xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<3xf32>) outs(%e1 : tensor<1x3x4x4xf32>) dimensions = [0, 2, 3]
  %h = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x1x4x4xf32>, tensor<3x1x1x1xf32>) outs(%i1 : tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %p = tensor.pad %h low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x3x4x4xf32> to tensor<1x3x6x6xf32>
  %e2 = tensor.empty() : tensor<1x1x6x6xf32>
  %i2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<1x1x6x6xf32>) -> tensor<1x1x6x6xf32>
  %y = linalg.conv_2d_nchw_fchw ins(%p, %w2 : tensor<1x3x6x6xf32>, tensor<1x3x1x1xf32>) outs(%i2 : tensor<1x1x6x6xf32>) -> tensor<1x1x6x6xf32>
  return %y : tensor<1x1x6x6xf32>
}

// Backwards: nothing reads unit 1 of the second layer, which alone read unit 0 of the first. Forwards: unit 2 of the second layer
// reads only unit 2 of the first, which is 3, so that it is 1 + 3 * 2 = 7 and adds 7 * 4; then nothing reads that of the first.
// The first layer's units take 4 * (3 + 3 + 3 * 3) bytes, the second's 4 * (3 + 3 + 3) of what is left. That both share a
// destination does not tie them.
// REMARK: Function=both_ways | {{.*}}"2 of 3 channels dropped, 0 constant and 2 not read: 60 bytes before, 20 after"
// REMARK: Function=both_ways | {{.*}}"2 of 3 channels dropped, 1 constant and 1 not read: 36 bytes before, 12 after"
// CHECK-LABEL: @both_ways
func.func @both_ways(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  // CHECK-DAG: arith.constant dense<6.000000e+00> : tensor<1x1xf32>
  // CHECK-DAG: arith.constant dense<7.000000e+00> : tensor<1x1xf32>
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x1xf32>)
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x1xf32>)
  // CHECK: arith.constant dense<2.800000e+01> : tensor<1xf32>
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x1xf32>)
  %w1 = arith.constant dense<[[5.0, 6.0, 0.0]]> : tensor<1x3xf32>
  %b1 = arith.constant dense<[0.0, 0.0, 3.0]> : tensor<3xf32>
  %w2 = arith.constant dense<[[0.0, 1.0, 0.0], [7.0, 0.0, 0.0], [0.0, 8.0, 2.0]]> : tensor<3x3xf32>
  %b2 = arith.constant dense<1.0> : tensor<3xf32>
  %w3 = arith.constant dense<[[9.0], [0.0], [4.0]]> : tensor<3x1xf32>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<3x3xf32>
  %i1 = linalg.broadcast ins(%b1 : tensor<3xf32>) outs(%e1 : tensor<3x3xf32>) dimensions = [0]
  %h1 = linalg.matmul ins(%x, %w1 : tensor<3x1xf32>, tensor<1x3xf32>) outs(%i1 : tensor<3x3xf32>) -> tensor<3x3xf32>
  %i2 = linalg.broadcast ins(%b2 : tensor<3xf32>) outs(%e1 : tensor<3x3xf32>) dimensions = [0]
  %h2 = linalg.matmul ins(%h1, %w2 : tensor<3x3xf32>, tensor<3x3xf32>) outs(%i2 : tensor<3x3xf32>) -> tensor<3x3xf32>
  %e3 = tensor.empty() : tensor<3x1xf32>
  %i3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.matmul ins(%h2, %w3 : tensor<3x3xf32>, tensor<3x1xf32>) outs(%i3 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// Joined tensors: unit 1 of the second part is number 3 of the whole. It is 4, and adds 4 * 13 to an init that is an argument.
// CHECK-LABEL: @joined
// CHECK-SAME: %[[Y0:[a-z0-9]+]]: tensor<3x1xf32>) ->
func.func @joined(%x: tensor<3x1xf32>, %y0: tensor<3x1xf32>) -> tensor<3x1xf32> {
  // CHECK-DAG: arith.constant dense<{{\[}}[1.000000e+01], [1.100000e+01], [1.200000e+01]]> : tensor<3x1xf32>
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [3, 2] [1, 1] : tensor<3x2xf32> into tensor<3x3xf32>
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 2] [3, 1] [1, 1] : tensor<3x1xf32> into tensor<3x3xf32>
  // CHECK: %[[GAIN:.*]] = arith.constant dense<5.200000e+01> : tensor<1xf32>
  // CHECK: %[[INIT:.*]] = linalg.generic {{.*}} ins(%[[GAIN]] : tensor<1xf32>) outs(%[[Y0]] : tensor<3x1xf32>)
  // CHECK: arith.addf
  // CHECK: linalg.matmul ins({{.*}}) outs(%[[INIT]]
  %w1 = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w2 = arith.constant dense<[[3.0, 0.0]]> : tensor<1x2xf32>
  %four = arith.constant 4.0 : f32
  %w3 = arith.constant dense<[[10.0], [11.0], [12.0], [13.0]]> : tensor<4x1xf32>
  %e1 = tensor.empty() : tensor<3x2xf32>
  %i1 = linalg.fill ins(%four : f32) outs(%e1 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %h1 = linalg.matmul ins(%x, %w1 : tensor<3x1xf32>, tensor<1x2xf32>) outs(%i1 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %h2 = linalg.matmul ins(%x, %w2 : tensor<3x1xf32>, tensor<1x2xf32>) outs(%i1 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %e2 = tensor.empty() : tensor<3x4xf32>
  %s1 = tensor.insert_slice %h1 into %e2[0, 0] [3, 2] [1, 1] : tensor<3x2xf32> into tensor<3x4xf32>
  %s2 = tensor.insert_slice %h2 into %s1[0, 2] [3, 2] [1, 1] : tensor<3x2xf32> into tensor<3x4xf32>
  %y = linalg.matmul ins(%s2, %w3 : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y0 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}
