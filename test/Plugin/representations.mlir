// Every representation in a stock mlir-opt with the plugin, down to code.
// REQUIRES: plugin
// RUN: mlir-opt %S/../Embed/representations.mlir --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-select{force=coded_layer=coded})' | FileCheck %s
// RUN: mlir-opt %S/../Embed/representations.mlir --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-expand)' | FileCheck %s --check-prefix=GONE --implicit-check-not='{{ compress\.(circulant|dequantize|factorized|unpack|fake_quantize) }}'
// RUN: mlir-opt %S/../Embed/representations.mlir --load-dialect-plugin=%plugin --load-pass-plugin=%plugin --pass-pipeline='builtin.module(compress-to-affine)' | FileCheck %s --check-prefix=GONE --implicit-check-not='{{ compress\.[a-z_]+ }}'
// RUN: mlir-opt %S/../Embed/representations.mlir --load-dialect-plugin=%plugin --emit-bytecode | mlir-opt --load-dialect-plugin=%plugin | FileCheck %s --check-prefix=BYTECODE

// CHECK-LABEL: @circulant
// CHECK: compress.spectral_matmul
// CHECK-LABEL: @coded_spectra
// CHECK: compress.decode
// CHECK: compress.spectral_matmul
// CHECK-LABEL: @uniform
// CHECK: compress.coded_contract
// CHECK-LABEL: @escalate
// CHECK-NOT: tensor<16x8x3x3xf32>
// CHECK-LABEL: @unpack

// GONE: @circulant
// GONE: @fake_quantize

// BYTECODE: compress.circulant
// BYTECODE: compress.dequantize
// BYTECODE: compress.factorized
// BYTECODE: compress.unpack
// BYTECODE: compress.fake_quantize
