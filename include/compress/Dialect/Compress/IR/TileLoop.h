//===- TileLoop.h - Compute a layer by tiles of its outputs ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight that is rebuilt while the network runs is never whole in memory: each tile of rows is rebuilt, multiplied
// and forgotten.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_TILELOOP_H
#define COMPRESS_DIALECT_COMPRESS_IR_TILELOOP_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// Emits the computation of `size` entries from `offset` on, given the tensor that is carried from tile to tile;
/// returns that tensor with the tile's results.
using TileBody = function_ref<Value(OpBuilder &builder, OpFoldResult offset, int64_t size, Value carried)>;

/// Emits `body` for tiles of `tile` of the `extent` entries, one after the other: an scf.for over the whole tiles (no
/// loop for a single one), and a shorter last tile of static size behind it. Returns what is carried at the end.
Value emitTileLoop(OpBuilder &builder, Location loc, int64_t extent, int64_t tile, Value carried, TileBody body);

/// The tile of `consumer`'s out dimension nearest to `wanted` from above at which `weight` can be sliced; 0, and
/// `whyNot` as the end of a sentence, if it cannot be.
int64_t outTileOf(CompressedWeightOpInterface weight, const LinearConsumer &consumer, int64_t wanted,
                  std::string &whyNot);

/// Emits `consumer` for `size` of its out entries from `offset` on, into that part of `carried`. `weight` stands for
/// the same entries of the consumer's weight, before the moves that the consumer sees it through.
Value emitConsumerTile(OpBuilder &builder, const LinearConsumer &consumer, Value weight, OpFoldResult offset,
                       int64_t size, Value carried);

/// Emits `consumer` in tiles of its out dimension, rebuilding a slice of `weight` for each; returns the value of the
/// consumer's result. `tile` comes from outTileOf.
Value emitRebuildLoop(OpBuilder &builder, CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                      int64_t tile);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_TILELOOP_H
