// RUN: compress-opt %s --split-input-file --verify-diagnostics --compress-verify-phase=after=select
// RUN: not compress-opt %s --split-input-file --compress-verify-phase=after=bufferize 2>&1 | FileCheck %s --check-prefix=BUFFERIZE
// RUN: not compress-opt %s --split-input-file --compress-verify-phase=after=affine 2>&1 | FileCheck %s --check-prefix=AFFINE
// RUN: not compress-opt %s --split-input-file --compress-verify-phase=after=dinner 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// RUN: not compress-opt %s --split-input-file --compress-verify-phase=after=llvm 2>&1 | FileCheck %s --check-prefix=LLVM
// RUN: not compress-opt %s --split-input-file --compress-verify-phase=after=package 2>&1 | FileCheck %s --check-prefix=PACKAGE

// LLVM: error: 'func.func' op is left after the lowering to LLVM
// PACKAGE: error: 'memref.alloc' op is left after packaging
// BUFFERIZE: error: {{.*}}tensor
// AFFINE: error: 'linalg.fill' op
// UNKNOWN: error: {{.*}}dinner

func.func @representation(%c: tensor<1x1x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'compress.circulant' op}}
  %w = compress.circulant %c : tensor<1x1x4xf32> -> tensor<4x4xf32>
  return %w : tensor<4x4xf32>
}

// -----

func.func @buffer(%m: memref<4xf32>, %v: f32) {
  linalg.fill ins(%v : f32) outs(%m : memref<4xf32>)
  return
}

// -----

func.func @allocates() {
  %m = memref.alloc() : memref<4xf32>
  return
}
