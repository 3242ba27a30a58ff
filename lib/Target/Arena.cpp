//===- Arena.cpp - Offsets for buffers with lifetimes ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Arena.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::compress;

ArenaPlan mlir::compress::planArena(llvm::ArrayRef<ArenaBuffer> buffers) {
  auto order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    return buffers[a].bytes != buffers[b].bytes ? buffers[a].bytes > buffers[b].bytes : a < b;
  });
  ArenaPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  llvm::SmallVector<size_t> placed; // by offset
  for (size_t i : order) {
    const ArenaBuffer &buffer = buffers[i];
    int64_t offset = 0;
    for (size_t other : placed) {
      if (buffers[other].last < buffer.first || buffer.last < buffers[other].first)
        continue;
      if (plan.offsets[other] >= offset + buffer.bytes)
        break;
      int64_t end = plan.offsets[other] + buffers[other].bytes;
      offset = std::max<int64_t>(offset, llvm::alignTo(end, kArenaAlignment));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + buffer.bytes);
    auto at = llvm::upper_bound(placed, i, [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    placed.insert(at, i);
  }
  plan.bytes = llvm::alignTo(plan.bytes, kArenaAlignment);
  return plan;
}
