// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-propagate-layouts),canonicalize,cse)' | FileCheck %s

// A quantized residual block: what two convolutions with channels last have between them and beside them. Between them all is
// computed with channels last, and the block has a transpose of bytes where it begins and one where it ends.
// CHECK-LABEL: func.func @residual_block(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x5x6xi8>
// CHECK: %[[IN:.*]] = linalg.transpose ins(%[[X]] : tensor<1x4x5x6xi8>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK-NOT: linalg.transpose
// CHECK: %[[C0:.*]] = call @convolution(%[[IN]])
// CHECK-NOT: linalg.transpose
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[C0]] : tensor<1x5x6x4xi8>)
// CHECK-NOT: linalg.transpose
// CHECK: %[[C1:.*]] = call @convolution(%[[R]])
// CHECK: %[[OUT:.*]] = linalg.transpose ins(%[[C1]] : tensor<1x5x6x4xi8>) {{.*}} permutation = [0, 3, 1, 2]
// CHECK-NOT: linalg.transpose
// CHECK: return %{{.*}} : tensor<1x4x5x6xf32>
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func private @convolution(tensor<1x5x6x4xi8>) -> tensor<1x5x6x4xi8>
func.func @residual_block(%x: tensor<1x4x5x6xi8>) -> tensor<1x4x5x6xf32> {
  %last = tensor.empty() : tensor<1x5x6x4xi8>
  %first = tensor.empty() : tensor<1x4x5x6xi8>
  %f32 = tensor.empty() : tensor<1x4x5x6xf32>
  %zero = arith.constant 0 : i8
  %x0 = linalg.transpose ins(%x : tensor<1x4x5x6xi8>) outs(%last : tensor<1x5x6x4xi8>) permutation = [0, 2, 3, 1]
  %c0 = func.call @convolution(%x0) : (tensor<1x5x6x4xi8>) -> tensor<1x5x6x4xi8>
  %t0 = linalg.transpose ins(%c0 : tensor<1x5x6x4xi8>) outs(%first : tensor<1x4x5x6xi8>) permutation = [0, 3, 1, 2]
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t0 : tensor<1x4x5x6xi8>) outs(%first : tensor<1x4x5x6xi8>) {
  ^bb0(%a: i8, %o: i8):
    %m = arith.maxsi %a, %zero : i8
    linalg.yield %m : i8
  } -> tensor<1x4x5x6xi8>
  %x1 = linalg.transpose ins(%r : tensor<1x4x5x6xi8>) outs(%last : tensor<1x5x6x4xi8>) permutation = [0, 2, 3, 1]
  %c1 = func.call @convolution(%x1) : (tensor<1x5x6x4xi8>) -> tensor<1x5x6x4xi8>
  %t1 = linalg.transpose ins(%c1 : tensor<1x5x6x4xi8>) outs(%first : tensor<1x4x5x6xi8>) permutation = [0, 3, 1, 2]
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t1, %x : tensor<1x4x5x6xi8>, tensor<1x4x5x6xi8>) outs(%first : tensor<1x4x5x6xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %m = arith.addi %a, %b : i8
    linalg.yield %m : i8
  } -> tensor<1x4x5x6xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x4x5x6xi8>) outs(%f32 : tensor<1x4x5x6xf32>) {
  ^bb0(%a: i8, %o: f32):
    %m = arith.sitofp %a : i8 to f32
    linalg.yield %m : f32
  } -> tensor<1x4x5x6xf32>
  return %y : tensor<1x4x5x6xf32>
}

// The number of a channel goes with its dimension.
// CHECK-LABEL: func.func @by_channel(
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#[[ID:.*]], #[[CHANNEL:.*]], #[[ID]]]{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x5x6x4xi8>, tensor<4xi8>)
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @by_channel(%x: tensor<?x5x6x4xi8>, %zeros: tensor<4xi8>, %n: index) -> tensor<?x5x6x4xi8> {
  %first = tensor.empty(%n) : tensor<?x4x5x6xi8>
  %last = tensor.empty(%n) : tensor<?x5x6x4xi8>
  %t = linalg.transpose ins(%x : tensor<?x5x6x4xi8>) outs(%first : tensor<?x4x5x6xi8>) permutation = [0, 3, 1, 2]
  %z = linalg.generic {indexing_maps = [#id, affine_map<(a, b, c, d) -> (b)>, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t, %zeros : tensor<?x4x5x6xi8>, tensor<4xi8>) outs(%first : tensor<?x4x5x6xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %m = arith.subi %a, %b : i8
    linalg.yield %m : i8
  } -> tensor<?x4x5x6xi8>
  %y = linalg.transpose ins(%z : tensor<?x4x5x6xi8>) outs(%last : tensor<?x5x6x4xi8>) permutation = [0, 2, 3, 1]
  return %y : tensor<?x5x6x4xi8>
}

// Bytes are transposed, not the floats that they were or become; a permutation needs no inverse for that.
// CHECK-LABEL: func.func @as_bytes(
// CHECK: %[[Q:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<8x9xf32>) outs(%{{.*}} : tensor<8x9xi8>)
// CHECK: linalg.transpose ins(%[[Q]] : tensor<8x9xi8>) outs(%{{.*}} : tensor<9x8xi8>) permutation = [1, 0]
#square = affine_map<(a, b) -> (a, b)>
func.func @as_bytes(%x: tensor<8x9xf32>) -> tensor<9x8xi8> {
  %f32 = tensor.empty() : tensor<9x8xf32>
  %i8 = tensor.empty() : tensor<9x8xi8>
  %t = linalg.transpose ins(%x : tensor<8x9xf32>) outs(%f32 : tensor<9x8xf32>) permutation = [1, 0]
  %q = linalg.generic {indexing_maps = [#square, #square], iterator_types = ["parallel", "parallel"]}
      ins(%t : tensor<9x8xf32>) outs(%i8 : tensor<9x8xi8>) {
  ^bb0(%a: f32, %o: i8):
    %m = arith.fptosi %a : f32 to i8
    linalg.yield %m : i8
  } -> tensor<9x8xi8>
  return %q : tensor<9x8xi8>
}

// A sum that reads its destination stays where it is.
// CHECK-LABEL: func.func @reads_its_destination(
// CHECK: linalg.transpose
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<9x8xi8>)
func.func @reads_its_destination(%x: tensor<8x9xi8>, %y: tensor<9x8xi8>) -> tensor<9x8xi8> {
  %i8 = tensor.empty() : tensor<9x8xi8>
  %t = linalg.transpose ins(%x : tensor<8x9xi8>) outs(%i8 : tensor<9x8xi8>) permutation = [1, 0]
  %q = linalg.generic {indexing_maps = [#square, #square], iterator_types = ["parallel", "parallel"]}
      ins(%t : tensor<9x8xi8>) outs(%y : tensor<9x8xi8>) {
  ^bb0(%a: i8, %o: i8):
    %m = arith.addi %a, %o : i8
    linalg.yield %m : i8
  } -> tensor<9x8xi8>
  return %q : tensor<9x8xi8>
}
