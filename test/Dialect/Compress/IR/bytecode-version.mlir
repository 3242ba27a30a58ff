// Every representation op and attribute makes its way through bytecode; so do attributes that hang on other ops.
// RUN: compress-opt %S/../../../Docs/op-examples.mlir > %t.mlir
// RUN: compress-opt %t.mlir --emit-bytecode | compress-opt | diff %t.mlir -
// RUN: compress-opt %S/../../../Docs/attribute-examples.mlir > %t.mlir
// RUN: compress-opt %t.mlir --emit-bytecode | compress-opt | diff %t.mlir -

// A file of a newer build says so: from an op, and from an attribute that comes before any op of the dialect.
// RUN: compress-opt %s -o /dev/null --pass-pipeline='builtin.module(test-compress-write-bytecode{file=%t.newer dialect=compress version=2})'
// RUN: not compress-opt %t.newer 2>&1 | FileCheck %s --check-prefix=NEWER
// NEWER: error: this file has version 2 of the dialect 'compress', and this build reads versions up to 1: use a newer build, or write the file as text (.mlir) where it was made

// A file that states this build's version is read.
// RUN: compress-opt %s -o /dev/null --pass-pipeline='builtin.module(test-compress-write-bytecode{file=%t.same dialect=compress version=1})'
// RUN: compress-opt %t.same | FileCheck %s
// CHECK: module attributes {test.code = #compress.uniform<bits = 4>}
// CHECK: compress.circulant

// Files that version 1 wrote stay readable. When this file changes its meaning, raise the version instead of the file.
// RUN: compress-opt %S/Inputs/version-1.mlirbc | FileCheck %s --check-prefix=FROZEN
// FROZEN-LABEL: @circulant(
// FROZEN: compress.circulant %{{.*}} : tensor<2x3x4xf32> -> tensor<8x10xf32>
// FROZEN-LABEL: @circulant_kernel(
// FROZEN: compress.circulant %{{.*}} domain = spectrum order = [3, 2, 0, 1] {{.*}}: tensor<2x1x8x3x3xf32> -> tensor<3x3x8x16xf32>
// FROZEN-LABEL: @dequantize(
// FROZEN: compress.dequantize %{{.*}}, %{{.*}} code(#compress.uniform<bits = 4>)
// FROZEN: compress.dequantize %{{.*}}, %{{.*}}, %{{.*}} code(#compress.uniform<bits = 8, unsigned_codes = true>) group = [1, 32]
// FROZEN-LABEL: @factorized(
// FROZEN: compress.factorized %{{.*}}, %{{.*}} batch = 2 collapse = {{\[\[}}0], [1, 2], [3]] expand = {{\[\[}}0], [1, 2], [3]]
// FROZEN-LABEL: @unpack(
// FROZEN{LITERAL}: mask = dense<[[true, false, true]]> : tensor<1x3xi1>

module attributes {test.code = #compress.uniform<bits = 4>} {
  func.func @layer(%c: tensor<2x3x4xf32>) -> tensor<8x10xf32> {
    %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x10xf32>
    return %w : tensor<8x10xf32>
  }
}
