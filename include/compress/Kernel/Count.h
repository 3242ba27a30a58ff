//===- Count.h - Operations and depth of networks -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_COUNT_H
#define COMPRESS_KERNEL_COUNT_H

#include "compress/Kernel/Network.h"

namespace mlir::compress::kernel {

/// What a network takes to run once.
struct OperationCount {
  int64_t adds = 0, multiplies = 0;
  /// Roundings on the longest path from an input to an output: `d` of the error bounds (DESIGN section 6).
  int64_t depth = 0;

  int64_t total() const { return adds + multiplies; }
};

/// Counts additions, subtractions and multiplications before any is fused.
OperationCount count(const Network &network);

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_COUNT_H
