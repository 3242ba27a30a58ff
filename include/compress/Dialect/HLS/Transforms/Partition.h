//===- Partition.h - Arrays as several memories ----------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_PARTITION_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_PARTITION_H

#include "compress/Dialect/HLS/Transforms/DataPath.h"

namespace mlir::compress::hls {

/// Chooses for each array that the laned `nests` of `step` read, an argument or constants, the least cyclic partition
/// in which no two loads and lanes of an iteration are in one memory; says so on arguments and constants. Where there
/// is none of at most kMostMemories, a nest loses its lanes.
void choosePartitions(func::FuncOp step, MutableArrayRef<Nest> nests);
inline constexpr int64_t kMostMemories = 128;

/// Fails, with an error at a load, unless partitions that `step` says it has keep loads and lanes of its schedule
/// apart.
LogicalResult checkPartitions(func::FuncOp step);

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_PARTITION_H
