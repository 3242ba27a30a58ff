//===- RoundActivations.h - Groups of activations as bytes ------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_ROUNDACTIVATIONS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_ROUNDACTIVATIONS_H

#include "AffineNest.h"

namespace mlir::compress {

/// 1.5 * 2^23, whose sum with a small number n has n in its lowest bits.
inline constexpr float kRoundToByte = 12582912.0f;

/// `row` and `last`.
SmallVector<AffineExpr> indexAt(ArrayRef<AffineExpr> row, AffineExpr last);

/// The largest divisor of `count` that is at most `most`.
int64_t stepsAtOnce(int64_t count, int64_t most);

/// Calls `body` with each step below `count`, in order; the code has `stepsAtOnce` of them, in a loop that carries
/// `values`.
void forEachStep(AffineNest &nest, int64_t count, int64_t most, SmallVectorImpl<Value> &values,
                 function_ref<void(AffineExpr)> body);

/// `largest`, or where they are larger the magnitudes, as bits, of the `width` numbers at `index`.
Value emitLargest(AffineNest &nest, Value largest, Value numbers, ArrayRef<AffineExpr> index, int64_t width);
/// Stores a 127th of `largest` (the largest of its lanes), magnitudes as bits, in `scales` at `index`; returns the
/// reciprocal, or 0 of what is all tiny.
Value emitScaleOf(AffineNest &nest, Value largest, Value scales, ArrayRef<AffineExpr> index);
/// Stores a 127th of the largest magnitude of the `extent` numbers from `row` and `column` on in `scales`, at `row` and
/// `number`; returns the reciprocal, or 0 of what is all tiny. In vectors of at most `lanes`.
Value emitScale(AffineNest &nest, Value numbers, ArrayRef<AffineExpr> row, AffineExpr column, int64_t extent,
                Value scales, AffineExpr number, int64_t lanes);

/// Copies the `count` last numbers of each row of `input`, and as many zeros as fill a row of `padded`.
void emitLastInputs(OpBuilder &builder, Location loc, Value input, int64_t count, Value padded, int64_t lanes);

/// Opens a loop over each dimension of `memref` but the last.
SmallVector<AffineExpr> loopOverRows(AffineNest &nest, Value memref);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_ROUNDACTIVATIONS_H
