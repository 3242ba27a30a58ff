//===- ReductionPatterns.h - Ways to make a file simpler ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_REDUCE_REDUCTIONPATTERNS_H
#define COMPRESS_TOOLS_COMPRESS_REDUCE_REDUCTIONPATTERNS_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::compress {

/// Gives the reducer, through the compress dialect, a rewrite that cuts a computation, where MLIR's own reducer only
/// removes ops that nothing uses.
void registerReductionPatterns(DialectRegistry &registry);

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_REDUCE_REDUCTIONPATTERNS_H
