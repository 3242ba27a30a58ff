// Forms by layer name: the first pattern that matches the whole name.

// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc[0-9]=spectral,out.*=dense})' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc2=dense,.*=spectral})' | FileCheck %s --check-prefix=FIRST
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc1=dense;out=dense;fc2=dense})' | FileCheck %s --check-prefix=DENSE
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc=spectral})' 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=.*=dense,fc1=spectral})' 2>&1 | FileCheck %s --check-prefix=SHADOWED
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc1=magic})' 2>&1 | FileCheck %s --check-prefix=MAGIC
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=elementwise=spectral})' 2>&1 | FileCheck %s --check-prefix=NONLINEAR
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=fc1=})' 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-select{force=*=dense})' 2>&1 | FileCheck %s --check-prefix=REGEX

// UNUSED: error: compress-select{force=fc=spectral}: no layer with a compressed weight is left for 'fc'
// SHADOWED: no layer with a compressed weight is left for 'fc1'
// MAGIC: compress-select{force=fc1=magic}: this layer has no form 'magic'
// NONLINEAR: no layer with a compressed weight is left for 'elementwise'
// EMPTY: expects pattern=value, got 'fc1='
// REGEX: '*' is no regular expression

// CHECK-LABEL: @two_layers
// CHECK: compress.spectral_matmul
// CHECK: compress.spectral_matmul
// CHECK: linalg.matmul
// FIRST-LABEL: @two_layers
// FIRST: compress.spectral_matmul
// FIRST: linalg.matmul
// FIRST: compress.spectral_matmul
// DENSE-LABEL: @two_layers
// DENSE-NOT: compress.
func.func @two_layers(%x: tensor<5x32xf32>, %c: tensor<2x2x16xf32>) -> (tensor<5x32xf32>, tensor<32x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x32xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<5x32xf32>) -> tensor<5x32xf32>
  %w = compress.circulant %c order = [1, 0] : tensor<2x2x16xf32> -> tensor<32x32xf32>
  %a = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32> loc("fc1")
  %b = linalg.matmul ins(%a, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32> loc("fc2")
  %r = linalg.matmul ins(%b, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32> loc("out")
  %we = tensor.empty() : tensor<32x32xf32>
  %sum = linalg.add ins(%w, %w : tensor<32x32xf32>, tensor<32x32xf32>) outs(%we : tensor<32x32xf32>) -> tensor<32x32xf32> loc("elementwise")
  return %r, %sum : tensor<5x32xf32>, tensor<32x32xf32>
}
