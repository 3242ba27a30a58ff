// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fuse-transposes),canonicalize,cse)' | FileCheck %s

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#sum = affine_map<(a, b, c, d, e) -> (a, b, c, d)>

// What is rounded, transposed and padded is rounded to its place between the padding.
// CHECK-DAG: #[[TURNED:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK-DAG: #[[IDENTITY:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func.func @round_and_pad(
// CHECK-SAME: %[[X:.*]]: tensor<?x4x5x6xf32>
// CHECK: %[[AROUND:.*]] = linalg.fill ins(%{{.*}} : i8) outs(%{{.*}} : tensor<?x7x8x4xi8>)
// CHECK: %[[PLACE:.*]] = tensor.extract_slice %[[AROUND]][0, 1, 1, 0] [%{{.*}}, 5, 6, 4]
// CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[TURNED]], #[[IDENTITY]]]
// CHECK-SAME: ins(%[[X]] : tensor<?x4x5x6xf32>) outs(%[[PLACE]] : tensor<?x5x6x4xi8>)
// CHECK: arith.fptosi
// CHECK: %[[R:.*]] = tensor.insert_slice %[[Y]] into %[[AROUND]][0, 1, 1, 0]
// CHECK-NOT: tensor.pad
// CHECK: return %[[R]]
func.func @round_and_pad(%x: tensor<?x4x5x6xf32>) -> tensor<?x7x8x4xi8> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant -128 : i8
  %n = tensor.dim %x, %c0 : tensor<?x4x5x6xf32>
  %first = tensor.empty(%n) : tensor<?x4x5x6xi8>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<?x4x5x6xf32>) outs(%first : tensor<?x4x5x6xi8>) {
  ^bb0(%a: f32, %o: i8):
    %i = arith.fptosi %a : f32 to i8
    linalg.yield %i : i8
  } -> tensor<?x4x5x6xi8>
  %last = tensor.empty(%n) : tensor<?x5x6x4xi8>
  %t = linalg.transpose ins(%q : tensor<?x4x5x6xi8>) outs(%last : tensor<?x5x6x4xi8>) permutation = [0, 2, 3, 1]
  %p = tensor.pad %t low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : i8
  } : tensor<?x5x6x4xi8> to tensor<?x7x8x4xi8>
  return %p : tensor<?x7x8x4xi8>
}

// What a sum is rounded to stays with the sum; what decodes it afterwards reads it transposed. A factor per channel keeps its channel.
// CHECK-LABEL: func.func @sum(
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} "reduction"
// CHECK: %[[ROUNDED:.*]] = linalg.generic {indexing_maps = [#[[IDENTITY]], #[[IDENTITY]]]
// CHECK-NOT: linalg.transpose
// CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}, #[[IDENTITY]]]
// CHECK-SAME: ins(%[[ROUNDED]], %{{.*}} : tensor<1x5x6x4xi8>, tensor<4xf32>)
// CHECK: return %[[Y]] : tensor<1x4x5x6xf32>
func.func @sum(%x: tensor<1x5x6x4x3xi32>, %s: tensor<4xf32>) -> tensor<1x4x5x6xf32> {
  %zero = arith.constant 0 : i32
  %i32 = tensor.empty() : tensor<1x5x6x4xi32>
  %i8 = tensor.empty() : tensor<1x5x6x4xi8>
  %t8 = tensor.empty() : tensor<1x4x5x6xi8>
  %f32 = tensor.empty() : tensor<1x4x5x6xf32>
  %start = linalg.fill ins(%zero : i32) outs(%i32 : tensor<1x5x6x4xi32>) -> tensor<1x5x6x4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b, c, d, e) -> (a, b, c, d, e)>, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x5x6x4x3xi32>) outs(%start : tensor<1x5x6x4xi32>) {
  ^bb0(%a: i32, %o: i32):
    %m = arith.addi %a, %o : i32
    linalg.yield %m : i32
  } -> tensor<1x5x6x4xi32>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y : tensor<1x5x6x4xi32>) outs(%i8 : tensor<1x5x6x4xi8>) {
  ^bb0(%a: i32, %o: i8):
    %m = arith.trunci %a : i32 to i8
    linalg.yield %m : i8
  } -> tensor<1x5x6x4xi8>
  %t = linalg.transpose ins(%q : tensor<1x5x6x4xi8>) outs(%t8 : tensor<1x4x5x6xi8>) permutation = [0, 3, 1, 2]
  %d = linalg.generic {indexing_maps = [#id, affine_map<(a, b, c, d) -> (b)>, #id],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t, %s : tensor<1x4x5x6xi8>, tensor<4xf32>) outs(%f32 : tensor<1x4x5x6xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x4x5x6xf32>
  return %d : tensor<1x4x5x6xf32>
}

// Two users, and two operands of the full shape: transposes stay.
// CHECK-LABEL: func.func @stays(
// CHECK-COUNT-2: linalg.transpose
func.func @stays(%x: tensor<4x5xf32>, %y: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %e = tensor.empty() : tensor<5x4xf32>
  %a = linalg.transpose ins(%x : tensor<4x5xf32>) outs(%e : tensor<5x4xf32>) permutation = [1, 0]
  %f = tensor.empty() : tensor<4x5xf32>
  %b = linalg.add ins(%x, %x : tensor<4x5xf32>, tensor<4x5xf32>) outs(%f : tensor<4x5xf32>) -> tensor<4x5xf32>
  %c = linalg.transpose ins(%b : tensor<4x5xf32>) outs(%e : tensor<5x4xf32>) permutation = [1, 0]
  %d = linalg.add ins(%a, %y : tensor<5x4xf32>, tensor<5x4xf32>) outs(%e : tensor<5x4xf32>) -> tensor<5x4xf32>
  return %c, %d : tensor<5x4xf32>, tensor<5x4xf32>
}

// A padding that crops holds less than what is computed.
// CHECK-LABEL: func.func @crops(
// CHECK: tensor.pad
func.func @crops(%x: tensor<4x5xf32>) -> tensor<6x3xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x5xf32>
  %a = linalg.exp ins(%x : tensor<4x5xf32>) outs(%e : tensor<4x5xf32>) -> tensor<4x5xf32>
  %p = tensor.pad %a low[1, -1] high[1, -1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x5xf32> to tensor<6x3xf32>
  return %p : tensor<6x3xf32>
}
