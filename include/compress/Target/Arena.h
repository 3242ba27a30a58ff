//===- Arena.h - Offsets for buffers with lifetimes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ARENA_H
#define COMPRESS_TARGET_ARENA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir::compress {

/// A buffer of `bytes`, alive from step `first` to step `last`, both included.
struct ArenaBuffer {
  int64_t bytes, first, last;
};

/// Where buffers lie, and how many bytes they take together.
struct ArenaPlan {
  llvm::SmallVector<int64_t> offsets;
  int64_t bytes = 0;
};

/// Bytes that every offset is a multiple of: a cache line, and the widest vector.
constexpr int64_t kArenaAlignment = 64;

/// Places buffers so that those alive together do not overlap: largest first, each at the lowest offset that is free.
ArenaPlan planArena(llvm::ArrayRef<ArenaBuffer> buffers);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_ARENA_H
