// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(test-compress-fuse-consumer),canonicalize)' --split-input-file --verify-diagnostics | FileCheck %s

// Tiles of 8 numbers are blocks: the rfft of a tile is its tile of the planes. The last of 18 is cut short by the extent.
// CHECK-LABEL: @blocks
// CHECK: scf.for
// CHECK: %[[T:.*]] = linalg.exp
// CHECK: compress.rfft dim = 1 ins(%{{.*}} : tensor<3x?xf32>)
// CHECK: scf.yield
func.func @blocks(%x: tensor<3x18xf32>, %j: tensor<3x18xf32>, %i: tensor<4x3x5xf32>) -> tensor<4x3x5xf32> attributes {sizes = array<i64: 3, 8>} {
  %e = linalg.exp ins(%x : tensor<3x18xf32>) outs(%j : tensor<3x18xf32>) -> tensor<3x18xf32>
  %xs = compress.rfft dim = 1 ins(%e : tensor<3x18xf32>) outs(%i : tensor<4x3x5xf32>) -> tensor<4x3x5xf32>
  return %xs : tensor<4x3x5xf32>
}

// -----

// Blocks of 5 are cut by tiles of 8.
func.func @cut_blocks(%x: tensor<3x20xf32>, %j: tensor<3x20xf32>, %i: tensor<5x3x4xf32>) -> tensor<5x3x4xf32> attributes {sizes = array<i64: 3, 8>} {
  %e = linalg.exp ins(%x : tensor<3x20xf32>) outs(%j : tensor<3x20xf32>) -> tensor<3x20xf32>
  // expected-remark @+1 {{is not fused}}
  %xs = compress.rfft dim = 1 ins(%e : tensor<3x20xf32>) outs(%i : tensor<5x3x4xf32>) -> tensor<5x3x4xf32>
  return %xs : tensor<5x3x4xf32>
}

// -----

// A tile of in blocks is a part of a sum.
func.func @part_of_reduction(%x: tensor<3x64xf32>, %i: tensor<4x3x16xf32>, %w: tensor<4x16x2xf32>, %y: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> attributes {sizes = array<i64: 3, 8>} {
  %xs = compress.rfft dim = 1 ins(%x : tensor<3x64xf32>) outs(%i : tensor<4x3x16xf32>) -> tensor<4x3x16xf32>
  // expected-remark @+1 {{is not fused}}
  %ys = compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%xs, %w : tensor<4x3x16xf32>, tensor<4x16x2xf32>) outs(%y : tensor<4x3x2xf32>) -> tensor<4x3x2xf32>
  return %ys : tensor<4x3x2xf32>
}

// -----

// Tiles of samples are: the in blocks of each are all there.
// CHECK-LABEL: @samples
// CHECK: scf.for
// CHECK: compress.rfft dim = 1
// CHECK: compress.spectral_matmul {{.*}} tensor<4x3x5xf32>, tensor<4x5x2xf32>) outs(%{{.*}} : tensor<4x3x2xf32>)
// CHECK: scf.yield
func.func @samples(%x: tensor<6x20xf32>, %i: tensor<4x6x5xf32>, %w: tensor<4x5x2xf32>, %y: tensor<4x6x2xf32>) -> tensor<4x6x2xf32> attributes {sizes = array<i64: 3>} {
  %xs = compress.rfft dim = 1 ins(%x : tensor<6x20xf32>) outs(%i : tensor<4x6x5xf32>) -> tensor<4x6x5xf32>
  %ys = compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%xs, %w : tensor<4x6x5xf32>, tensor<4x5x2xf32>) outs(%y : tensor<4x6x2xf32>) -> tensor<4x6x2xf32>
  return %ys : tensor<4x6x2xf32>
}
