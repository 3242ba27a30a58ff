// RUN: compress-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// Blocks of 4, by 2: 18 numbers are 5 blocks, the last of them short. Slots are whole.
// CHECK-DAG: #[[BLOCKS:.*]] = affine_map<(d0) -> (-d0 + 5, 2)>
// CHECK-DAG: #[[START:.*]] = affine_map<(d0) -> (d0 * 4)>
// CHECK-LABEL: @rfft
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<3x18xf32>
// CHECK: scf.for %[[J:[a-z0-9]+]] = %{{.*}} iter_args(%[[PLANES:[a-z0-9]+]] = %{{.*}}) -> (tensor<4x3x5xf32>)
// CHECK: %[[S:.*]] = affine.min #[[BLOCKS]](%[[J]])
// CHECK: %[[T0:.*]] = affine.apply #[[START]](%[[J]])
// CHECK: %[[T:.*]] = affine.min
// CHECK: %[[NUMBERS:.*]] = tensor.extract_slice %[[X]][0, %[[T0]]] [3, %[[T]]] [1, 1]
// CHECK: %[[INIT:.*]] = tensor.extract_slice %[[PLANES]][0, 0, %[[J]]] [4, 3, %[[S]]] [1, 1, 1]
// CHECK: %[[Y:.*]] = compress.rfft dim = 1 ins(%[[NUMBERS]] : tensor<3x?xf32>) outs(%[[INIT]] : tensor<4x3x?xf32>)
// CHECK: tensor.insert_slice %[[Y]] into %[[PLANES]][0, 0, %[[J]]] [4, 3, %[[S]]]
module attributes {transform.with_named_sequence} {
  func.func @rfft(%x: tensor<3x18xf32>, %i: tensor<4x3x5xf32>) -> tensor<4x3x5xf32> {
    %r = compress.rfft dim = 1 ins(%x : tensor<3x18xf32>) outs(%i : tensor<4x3x5xf32>) -> tensor<4x3x5xf32>
    return %r : tensor<4x3x5xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["compress.rfft"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Blocks that the extent holds in whole tiles stay static: 24 numbers, 6 blocks, by 2.
// CHECK-LABEL: @rfft_transpose_whole_tiles
// CHECK: scf.forall (%{{.*}}) in (3)
// CHECK: compress.rfft_transpose accumulate dim = 1 ins(%{{.*}} : tensor<4x3x2xf32>) outs(%{{.*}} : tensor<3x8xf32>)
// CHECK: tensor.parallel_insert_slice
module attributes {transform.with_named_sequence} {
  func.func @rfft_transpose_whole_tiles(%x: tensor<4x3x6xf32>, %i: tensor<3x24xf32>) -> tensor<3x24xf32> {
    %r = compress.rfft_transpose accumulate dim = 1 ins(%x : tensor<4x3x6xf32>) outs(%i : tensor<3x24xf32>) -> tensor<3x24xf32>
    return %r : tensor<3x24xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["compress.rfft_transpose"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Loops: samples, out blocks, in blocks; the last accumulates into what the others carry.
// CHECK-LABEL: @spectral_matmul
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x?x7xf32>, %[[W:[a-z0-9]+]]: tensor<4x7x5xf32>
// CHECK: scf.for %[[B:[a-z0-9]+]] =
// CHECK: scf.for %[[O:[a-z0-9]+]] =
// CHECK: scf.for %[[I:[a-z0-9]+]] = {{.*}} iter_args(%[[SUMS:[a-z0-9]+]] =
// CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][0, %[[B]], %[[I]]] [4, %[[NB:[a-z0-9]+]], %[[NI:[a-z0-9]+]]] [1, 1, 1]
// CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[W]][0, %[[I]], %[[O]]] [4, %[[NI]], %[[NO:[a-z0-9]+]]] [1, 1, 1]
// CHECK-DAG: %[[YT:.*]] = tensor.extract_slice %[[SUMS]][0, %[[B]], %[[O]]] [4, %[[NB]], %[[NO]]] [1, 1, 1]
// CHECK: compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%[[XT]], %[[WT]] : {{.*}}) outs(%[[YT]]
module attributes {transform.with_named_sequence} {
  func.func @spectral_matmul(%x: tensor<4x?x7xf32>, %w: tensor<4x7x5xf32>, %i: tensor<4x?x5xf32>) -> tensor<4x?x5xf32> {
    %r = compress.spectral_matmul in_dim = 1 out_dim = 1
        ins(%x, %w : tensor<4x?x7xf32>, tensor<4x7x5xf32>) outs(%i : tensor<4x?x5xf32>) -> tensor<4x?x5xf32>
    return %r : tensor<4x?x5xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["compress.spectral_matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:3 = transform.structured.tile_using_for %op tile_sizes [2, 3, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// 4 positions at stride 2 and dilation 3, two taps, reach over (4 - 1)*2 + 3 + 1 = 10 numbers.
// CHECK-LABEL: @spectral_conv
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x2x3x20xf32>
// CHECK: scf.for %[[Y:[a-z0-9]+]] =
// CHECK: %[[Y0:.*]] = affine.apply #{{.*}}(%[[Y]])
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, %[[Y0]]] [4, 2, 3, 10] [1, 1, 1, 1]
// CHECK: compress.spectral_conv {{.*}} outs(%{{.*}} : tensor<4x2x2x4xf32>)
module attributes {transform.with_named_sequence} {
  func.func @spectral_conv(%x: tensor<4x2x3x20xf32>, %w: tensor<4x2x3x2xf32>, %i: tensor<4x2x2x8xf32>) -> tensor<4x2x2x8xf32> {
    %r = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [2] dilations = [3]
        ins(%x, %w : tensor<4x2x3x20xf32>, tensor<4x2x3x2xf32>) outs(%i : tensor<4x2x2x8xf32>) -> tensor<4x2x2x8xf32>
    return %r : tensor<4x2x2x8xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["compress.spectral_conv"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op tile_sizes [0, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Tiles of 6 numbers cut blocks of 4: the blocks that cover a tile are computed, and the tile is taken out of them.
// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0) -> (d0 floordiv 4)>
// CHECK-DAG: #[[BEFORE:.*]] = affine_map<(d0) -> (d0 mod 4)>
// CHECK-LABEL: @fuse_covers_tiles
// CHECK: scf.for %[[T:[a-z0-9]+]] =
// CHECK-DAG: %[[J:.*]] = affine.apply #[[FIRST]](%[[T]])
// CHECK: %[[XS:.*]] = compress.rfft dim = 1
// CHECK: %[[Y:.*]] = compress.rfft_transpose dim = 1 ins(%[[XS]]
// CHECK: %[[B:.*]] = affine.apply #[[BEFORE]](%[[T]])
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[Y]][0, %[[B]]]
// CHECK: linalg.exp ins(%[[PART]]
module attributes {transform.with_named_sequence} {
  func.func @fuse_covers_tiles(%x: tensor<3x18xf32>, %i: tensor<4x3x5xf32>, %j: tensor<3x18xf32>) -> tensor<3x18xf32> {
    %xs = compress.rfft dim = 1 ins(%x : tensor<3x18xf32>) outs(%i : tensor<4x3x5xf32>) -> tensor<4x3x5xf32>
    %y = compress.rfft_transpose dim = 1 ins(%xs : tensor<4x3x5xf32>) outs(%j : tensor<3x18xf32>) -> tensor<3x18xf32>
    %r = linalg.exp ins(%y : tensor<3x18xf32>) outs(%j : tensor<3x18xf32>) -> tensor<3x18xf32>
    return %r : tensor<3x18xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %op tile_sizes [0, 6] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Tiles of 8 are two blocks of 4, which their loop shows: nothing is computed twice, and extents stay static.
// CHECK-LABEL: @fuse_whole_blocks
// CHECK: scf.for
// CHECK: compress.rfft dim = 1 ins(%{{.*}} : tensor<3x8xf32>) outs(%{{.*}} : tensor<4x3x2xf32>)
// CHECK: %[[Y:.*]] = compress.rfft_transpose dim = 1 {{.*}} outs(%{{.*}} : tensor<3x8xf32>)
// CHECK: linalg.exp ins(%[[Y]] : tensor<3x8xf32>)
module attributes {transform.with_named_sequence} {
  func.func @fuse_whole_blocks(%x: tensor<3x24xf32>, %i: tensor<4x3x6xf32>, %j: tensor<3x24xf32>) -> tensor<3x24xf32> {
    %xs = compress.rfft dim = 1 ins(%x : tensor<3x24xf32>) outs(%i : tensor<4x3x6xf32>) -> tensor<4x3x6xf32>
    %y = compress.rfft_transpose dim = 1 ins(%xs : tensor<4x3x6xf32>) outs(%j : tensor<3x24xf32>) -> tensor<3x24xf32>
    %r = linalg.exp ins(%y : tensor<3x24xf32>) outs(%j : tensor<3x24xf32>) -> tensor<3x24xf32>
    return %r : tensor<3x24xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %op tile_sizes [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The whole of the in blocks is transformed for each tile of samples.
// CHECK-LABEL: @fuse_into_forall
// CHECK: scf.forall
// CHECK: %[[XS:.*]] = compress.rfft dim = 1 ins(%{{.*}} : tensor<2x18xf32>) outs(%{{.*}} : tensor<4x2x5xf32>)
// CHECK: compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%[[XS]], %{{.*}}
module attributes {transform.with_named_sequence} {
  func.func @fuse_into_forall(%x: tensor<4x18xf32>, %i: tensor<4x4x5xf32>, %w: tensor<4x5x3xf32>, %j: tensor<4x4x3xf32>) -> tensor<4x4x3xf32> {
    %xs = compress.rfft dim = 1 ins(%x : tensor<4x18xf32>) outs(%i : tensor<4x4x5xf32>) -> tensor<4x4x5xf32>
    %r = compress.spectral_matmul in_dim = 1 out_dim = 1
        ins(%xs, %w : tensor<4x4x5xf32>, tensor<4x5x3xf32>) outs(%j : tensor<4x4x3xf32>) -> tensor<4x4x3xf32>
    return %r : tensor<4x4x3xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["compress.spectral_matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %producer = transform.structured.match ops{["compress.rfft"]} in %root : (!transform.any_op) -> !transform.any_op
    %fused, %in = transform.structured.fuse_into_containing_op %producer into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
