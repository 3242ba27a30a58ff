// A file of three functions and two layers is cut to one layer, and that is all that the script asks for.
// RUN: compress-reduce %s -o %t.mlir --pass-pipeline='builtin.module(reduction-tree{traversal-mode=0 test=%S/Inputs/selects-spectral.sh},opt-reduction-pass{opt-pass=canonicalize test=%S/Inputs/selects-spectral.sh})'
// RUN: FileCheck %s < %t.mlir
// It is still what the script asks for: it ends with 1.
// RUN: not %S/Inputs/selects-spectral.sh %t.mlir
// RUN: compress-reduce --help | FileCheck %s --check-prefix=HELP
// HELP: --reduction-tree
// HELP: ends with 1 where the file is interesting
// HELP: compress-reduce net.mlir -o small.mlir

// CHECK-NOT: func.func @unused
// CHECK-NOT: linalg.generic
// CHECK-NOT: math.exp
// CHECK: func.func @net
// CHECK-NOT: extract_slice
// CHECK: compress.circulant
// CHECK-NOT: compress.circulant
// CHECK: linalg.matmul
// CHECK-NOT: linalg.matmul
// CHECK: return
// CHECK-NOT: func.func

func.func @unused_before(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = math.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

func.func @net(%x: tensor<5x32xf32>, %y0: tensor<5x32xf32>, %z0: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %c = arith.constant dense<0.125> : tensor<2x2x16xf32>
  %d = arith.constant dense<[[[0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]]]> : tensor<1x1x8xf32>
  %w = compress.circulant %c order = [1, 0] : tensor<2x2x16xf32> -> tensor<32x32xf32>
  %v = compress.circulant %d order = [1, 0] : tensor<1x1x8xf32> -> tensor<8x8xf32>
  %e = math.exp %x : tensor<5x32xf32>
  %y = linalg.matmul ins(%e, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]} ins(%y : tensor<5x32xf32>) outs(%y0 : tensor<5x32xf32>) {
  ^bb0(%a: f32, %out: f32):
    %m = math.absf %a : f32
    linalg.yield %m : f32
  } -> tensor<5x32xf32>
  %s = tensor.extract_slice %r[0, 0] [5, 8] [1, 1] : tensor<5x32xf32> to tensor<5x8xf32>
  %z = linalg.matmul ins(%s, %v : tensor<5x8xf32>, tensor<8x8xf32>) outs(%z0 : tensor<5x8xf32>) -> tensor<5x8xf32>
  return %z : tensor<5x8xf32>
}

func.func @unused_after(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = math.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
