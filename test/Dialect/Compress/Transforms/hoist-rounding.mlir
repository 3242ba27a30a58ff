// Between codes of one scale nothing is a float.
// RUN: compress-opt %s --split-input-file --compress-hoist-rounding --canonicalize --cse | FileCheck %s

#id3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// CHECK-LABEL: func @maxima
// CHECK-SAME: %[[Q:.*]]: tensor<?x2x4x4xi8>
// CHECK-DAG: %[[LOWEST:.*]] = arith.constant -128 : i8
// CHECK: %[[P:.*]] = tensor.pad %[[Q]] low[0, 0, 1, 1] high[0, 0, 1, 1]
// CHECK: tensor.yield %[[LOWEST]] : i8
// CHECK: linalg.fill ins(%[[LOWEST]] : i8)
// CHECK: %[[M:.*]] = linalg.generic {{.*}} ins(%[[P]], {{.*}})
// CHECK: arith.maxsi
// CHECK: %[[R:.*]] = tensor.collapse_shape %[[M]] {{.*}} : tensor<?x2x3x3xi8> into tensor<?x2x9xi8>
// CHECK-NOT: f32
// CHECK: return %[[R]] : tensor<?x2x9xi8>
func.func @maxima(%q: tensor<?x2x4x4xi8>) -> tensor<?x2x9xi8> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x2x4x4xi8>
  %lowest = arith.constant 0xFF800000 : f32
  %e = tensor.empty(%n) : tensor<?x2x4x4xf32>
  %x = linalg.generic {indexing_maps = [#id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%q : tensor<?x2x4x4xi8>) outs(%e : tensor<?x2x4x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %zero = arith.constant 3 : i32
    %scale = arith.constant 0.5 : f32
    %wide = arith.extsi %in : i8 to i32
    %moved = arith.subi %wide, %zero : i32
    %number = arith.sitofp %moved : i32 to f32
    %y = arith.mulf %number, %scale : f32
    linalg.yield %y : f32
  } -> tensor<?x2x4x4xf32>
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %lowest : f32
  } : tensor<?x2x4x4xf32> to tensor<?x2x6x6xf32>
  %o = tensor.empty(%n) : tensor<?x2x3x3xf32>
  %f = linalg.fill ins(%lowest : f32) outs(%o : tensor<?x2x3x3xf32>) -> tensor<?x2x3x3xf32>
  %frame = tensor.empty() : tensor<2x2xf32>
  %m = linalg.pooling_nchw_max {strides = dense<2> : vector<2xi64>} ins(%p, %frame : tensor<?x2x6x6xf32>, tensor<2x2xf32>)
    outs(%f : tensor<?x2x3x3xf32>) -> tensor<?x2x3x3xf32>
  %r = tensor.collapse_shape %m [[0], [1], [2, 3]] : tensor<?x2x3x3xf32> into tensor<?x2x9xf32>
  %t = tensor.empty(%n) : tensor<?x2x9xi8>
  %y = linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%r : tensor<?x2x9xf32>) outs(%t : tensor<?x2x9xi8>) {
  ^bb0(%in: f32, %out: i8):
    %scale = arith.constant 0.5 : f32
    %zero = arith.constant 3.0 : f32
    %low = arith.constant -128.0 : f32
    %high = arith.constant 127.0 : f32
    %ratio = arith.divf %in, %scale : f32
    %rounded = math.roundeven %ratio : f32
    %moved = arith.addf %rounded, %zero : f32
    %under = arith.cmpf ult, %moved, %low : f32
    %a = arith.select %under, %low, %moved : f32
    %over = arith.cmpf ogt, %a, %high : f32
    %b = arith.select %over, %high, %a : f32
    %wide = arith.fptosi %b : f32 to i32
    %code = arith.trunci %wide : i32 to i8
    linalg.yield %code : i8
  } -> tensor<?x2x9xi8>
  return %y : tensor<?x2x9xi8>
}

// -----

// What something else reads stays in floats: it would be computed twice.
// CHECK-LABEL: func @used_twice
// CHECK: linalg.transpose {{.*}} tensor<3x2xf32>
// CHECK: math.roundeven
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @used_twice(%x: tensor<2x3xf32>) -> (tensor<3x2xi8>, tensor<3x2xf32>) {
  %e = tensor.empty() : tensor<3x2xf32>
  %x0 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  %o = tensor.empty() : tensor<3x2xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x0 : tensor<3x2xf32>) outs(%o : tensor<3x2xi8>) {
  ^bb0(%in: f32, %out: i8):
    %scale = arith.constant 0.5 : f32
    %low = arith.constant 0.0 : f32
    %high = arith.constant 255.0 : f32
    %ratio = arith.divf %in, %scale : f32
    %rounded = math.roundeven %ratio : f32
    %under = arith.cmpf ult, %rounded, %low : f32
    %a = arith.select %under, %low, %rounded : f32
    %over = arith.cmpf ogt, %a, %high : f32
    %b = arith.select %over, %high, %a : f32
    %wide = arith.fptosi %b : f32 to i32
    %code = arith.trunci %wide : i32 to i8
    linalg.yield %code : i8
  } -> tensor<3x2xi8>
  return %y, %x0 : tensor<3x2xi8>, tensor<3x2xf32>
}
