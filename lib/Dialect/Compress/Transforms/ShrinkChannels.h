//===- ShrinkChannels.h - Take channels out of a function -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHRINKCHANNELS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHRINKCHANNELS_H

#include "Channels.h"

namespace mlir::compress {

/// For each product, in order: what each out channel's init gains; empty for nothing.
using InitGains = SmallVector<SmallVector<double>>;

/// Takes the nodes in `dropped`, whole channels, out of every tensor of `function`, and adds `gains` to the inits of
/// products. Erases constants that are replaced.
void shrinkChannels(func::FuncOp function, const Channels &channels, const llvm::BitVector &dropped,
                    const InitGains &gains);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHRINKCHANNELS_H
