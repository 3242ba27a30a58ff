//===- MutateIR.h - Mutations of modules in memory -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_FUZZ_MUTATEIR_H
#define COMPRESS_TEST_FUZZ_MUTATEIR_H

#include "Corpus.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::compress::fuzz {

/// Applies up to `count` random changes to `module`, of which those are kept that verify: what remains is IR that a
/// pass must take, though no frontend may have made it. Diagnostics of refused changes go to the context's handler.
OwningOpRef<ModuleOp> mutateModule(OwningOpRef<ModuleOp> module, const Corpus &corpus, Random &random, unsigned count);

/// Drops the indexing maps that linalg memoizes in an attribute: they follow from strides and dilations, which a
/// mutation may have changed.
void forgetMemoizedMaps(ModuleOp module);

} // namespace mlir::compress::fuzz

#endif // COMPRESS_TEST_FUZZ_MUTATEIR_H
