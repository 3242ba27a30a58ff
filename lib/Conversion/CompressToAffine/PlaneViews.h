//===- PlaneViews.h - Planes of spectra as lanes see them ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PLANEVIEWS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PLANEVIEWS_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// How the positions of a spectral product's result (its dimensions but slot and out) reach those of its input.
struct PlaneWindows {
  /// Of each position.
  SmallVector<int64_t> strides;
  /// Of each tap: the position that it moves, and by how much.
  struct Tap {
    int64_t position, step;
  };
  SmallVector<Tap> taps;
  /// Positions of the innermost dimension, if they are fewer than its extent.
  std::optional<int64_t> lastExtent;
};

/// The windows of a convolution into `init`; of a product, if there are no strides.
PlaneWindows planeWindows(Value init, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations);

/// Replaces the buffer `planes`, if it is one of its own that only kernel ops use, by one with a gap after each slot.
/// Returns what takes its place.
Value separateSlots(Value planes);

/// Erases the transpose that is all that reads the planes of `op`, a transform along the innermost dimension, if it
/// makes slots innermost. Returns what it writes as a view with the dimensions of the planes, but slots last; null if
/// there is none.
Value takeTranspose(RfftOp op, OpBuilder &builder);

/// Separates the slots of `init`, and replaces the two innermost dimensions of `input` and `init` by one if vectors of
/// `lanes` then are fewer: rows follow each other as they do in the padded input, and what lies between two rows of the
/// result is computed and not read. Where rows of the input are longer, `init` gets a new buffer of that row length;
/// that takes `isFresh`, that nothing has written it before `op`.
void arrangePlanes(Operation *op, int64_t lanes, Value &input, Value &init, int64_t inDim, int64_t outDim,
                   PlaneWindows &windows, bool isFresh, OpBuilder &builder);

/// True if the dimensions of `type` from `from` on are static and contiguous.
bool areMergeable(MemRefType type, int64_t from);
/// `memref` with its dimensions from `from` on, which are mergeable, as one.
Value mergeTrailing(OpBuilder &builder, Location loc, Value memref, int64_t from);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PLANEVIEWS_H
