// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-fuse-into-tiles),canonicalize,cse)' | FileCheck %s

#id = affine_map<(a, b) -> (a, b)>
#column = affine_map<(a, b) -> (b)>

// 70 columns by tiles of 32: the ReLU, a bias for each column and a tensor of the full shape come into the loop and the last tile.
// Each tile of sums is a tensor of its own.
// CHECK-LABEL: func.func @relu(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x70xf32>, %[[BIAS:.*]]: tensor<70xf32>, %[[SKIP:.*]]: tensor<4x70xf32>
// CHECK: %[[EMPTY:.*]] = tensor.empty() : tensor<4x70xi8>
// CHECK: %[[WHOLE:.*]] = scf.for %[[I:.*]] = %{{.*}} iter_args(%[[ALL:.*]] = %[[EMPTY]]) -> (tensor<4x70xi8>) {
// CHECK-DAG: %[[B:.*]] = tensor.extract_slice %[[BIAS]][%[[I]]] [32] [1]
// CHECK-DAG: %[[PLACE:.*]] = tensor.empty() : tensor<4x32xf32>
// CHECK: %[[START:.*]] = linalg.broadcast ins(%[[B]] : tensor<32xf32>) outs(%[[PLACE]] : tensor<4x32xf32>)
// CHECK: %[[SUMS:.*]] = linalg.matmul {{.*}} outs(%[[START]] : tensor<4x32xf32>)
// CHECK-DAG: %[[ADDED:.*]] = tensor.extract_slice %[[SKIP]][0, %[[I]]] [4, 32] [1, 1]
// CHECK-DAG: %[[OUT:.*]] = tensor.extract_slice %[[ALL]][0, %[[I]]] [4, 32] [1, 1]
// CHECK: %[[TILE:.*]] = linalg.generic {{.*}} ins(%[[SUMS]], %[[ADDED]] : tensor<4x32xf32>, tensor<4x32xf32>) outs(%[[OUT]] : tensor<4x32xi8>)
// CHECK: %[[INSERTED:.*]] = tensor.insert_slice %[[TILE]] into %[[ALL]][0, %[[I]]]
// CHECK: scf.yield %[[INSERTED]]
// CHECK: %[[LAST:.*]] = linalg.matmul {{.*}} -> tensor<4x6xf32>
// CHECK: %[[LASTTILE:.*]] = linalg.generic {{.*}} ins(%[[LAST]], %{{.*}} : tensor<4x6xf32>, tensor<4x6xf32>)
// CHECK: %[[Y:.*]] = tensor.insert_slice %[[LASTTILE]] into %[[WHOLE]][0, 64] [4, 6]
// CHECK: return %[[Y]]
func.func @relu(%x: tensor<4x8xf32>, %w: tensor<8x70xf32>, %bias: tensor<70xf32>, %skip: tensor<4x70xf32>) -> tensor<4x70xi8> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %empty = tensor.empty() : tensor<4x70xf32>
  %start = linalg.broadcast ins(%bias : tensor<70xf32>) outs(%empty : tensor<4x70xf32>) dimensions = [0]
  %tiles = scf.for %i = %c0 to %c64 step %c32 iter_args(%all = %start) -> (tensor<4x70xf32>) {
    %part = tensor.extract_slice %w[0, %i] [8, 32] [1, 1] : tensor<8x70xf32> to tensor<8x32xf32>
    %place = tensor.extract_slice %all[0, %i] [4, 32] [1, 1] : tensor<4x70xf32> to tensor<4x32xf32>
    %sums = linalg.matmul ins(%x, %part : tensor<4x8xf32>, tensor<8x32xf32>) outs(%place : tensor<4x32xf32>) -> tensor<4x32xf32>
    %inserted = tensor.insert_slice %sums into %all[0, %i] [4, 32] [1, 1] : tensor<4x32xf32> into tensor<4x70xf32>
    scf.yield %inserted : tensor<4x70xf32>
  }
  %part = tensor.extract_slice %w[0, 64] [8, 6] [1, 1] : tensor<8x70xf32> to tensor<8x6xf32>
  %place = tensor.extract_slice %tiles[0, 64] [4, 6] [1, 1] : tensor<4x70xf32> to tensor<4x6xf32>
  %sums = linalg.matmul ins(%x, %part : tensor<4x8xf32>, tensor<8x6xf32>) outs(%place : tensor<4x6xf32>) -> tensor<4x6xf32>
  %y = tensor.insert_slice %sums into %tiles[0, 64] [4, 6] [1, 1] : tensor<4x6xf32> into tensor<4x70xf32>
  %out = tensor.empty() : tensor<4x70xi8>
  %relu = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %skip : tensor<4x70xf32>, tensor<4x70xf32>) outs(%out : tensor<4x70xi8>) {
  ^bb0(%a: f32, %b: f32, %o: i8):
    %sum = arith.addf %a, %b : f32
    %r = arith.maximumf %sum, %zero : f32
    %q = arith.fptosi %r : f32 to i8
    linalg.yield %q : i8
  } -> tensor<4x70xi8>
  return %relu : tensor<4x70xi8>
}

// What comes after the loop, here a sum of its own result, cannot be read in it.
// CHECK-LABEL: func.func @needs_all(
// CHECK: scf.for
// CHECK: linalg.matmul
// CHECK-NOT: linalg.generic
// CHECK: scf.yield
// CHECK: linalg.generic
func.func @needs_all(%x: tensor<4x8xf32>, %w: tensor<8x64xf32>, %start: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4x64xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %tiles = scf.for %i = %c0 to %c64 step %c32 iter_args(%all = %start) -> (tensor<4x64xf32>) {
    %part = tensor.extract_slice %w[0, %i] [8, 32] [1, 1] : tensor<8x64xf32> to tensor<8x32xf32>
    %place = tensor.extract_slice %all[0, %i] [4, 32] [1, 1] : tensor<4x64xf32> to tensor<4x32xf32>
    %sums = linalg.matmul ins(%x, %part : tensor<4x8xf32>, tensor<8x32xf32>) outs(%place : tensor<4x32xf32>) -> tensor<4x32xf32>
    %inserted = tensor.insert_slice %sums into %all[0, %i] [4, 32] [1, 1] : tensor<4x32xf32> into tensor<4x64xf32>
    scf.yield %inserted : tensor<4x64xf32>
  }
  %empty = tensor.empty() : tensor<4x64xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%tiles : tensor<4x64xf32>) outs(%empty : tensor<4x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<4x64xf32>
  return %y, %tiles : tensor<4x64xf32>, tensor<4x64xf32>
}
