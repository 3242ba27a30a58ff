//===- Passes.h - Passes on the hls dialect --------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_PASSES_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_PASSES_H

#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/Pass/Pass.h"

namespace mlir::compress {

#define GEN_PASS_DECL
#include "compress/Dialect/HLS/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compress/Dialect/HLS/Transforms/Passes.h.inc"

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_PASSES_H
