// A stock mlir-opt with the plugin: our passes between upstream's, remarks through the upstream engine.
// REQUIRES: plugin
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --remarks-filter='compress.*' \
// RUN:   --pass-pipeline='builtin.module(canonicalize,cse,compress-select{force=spectral},compress-fold-weights,canonicalize,cse,linalg-fuse-elementwise-ops,func.func(compress-results-to-destinations),eliminate-empty-tensors,one-shot-bufferize{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map},canonicalize,cse,convert-compress-copies-to-linalg,convert-compress-to-affine{vector-lanes=1},func.func(convert-linalg-to-affine-loops),canonicalize)' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-to-affine,compress-to-llvm{name=net})' | FileCheck %s --check-prefix=LLVM
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --emit-bytecode | mlir-opt --load-dialect-plugin=%plugin | FileCheck %s --check-prefix=BYTECODE

// REMARK: remark: [Passed] select {{.*}}Category:compress {{.*}}compress.circulant: spectral
// REMARK: remark: [Analysis] fold-weights
// BYTECODE: compress.circulant
// LLVM: llvm.func @net_run

// The relu is fused with nothing and computed in place; the layer is straight-line transforms in loops.
// CHECK-LABEL: func.func @main(%{{.*}}: memref<?x16xf32>, %{{.*}}: memref<?x16xf32> {compress.result})
// CHECK-NOT: tensor<
// CHECK: affine.for
// CHECK: affine.load
// CHECK: arith.maximumf
// CHECK-NOT: compress.
func.func @main(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %zero = arith.constant 0.0 : f32
  %c = arith.constant dense<0.25> : tensor<2x2x8xf32>
  %w = compress.circulant %c order = [1, 0] : tensor<2x2x8xf32> -> tensor<16x16xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]} ins(%y : tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) {
  ^bb0(%a: f32, %out: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}
