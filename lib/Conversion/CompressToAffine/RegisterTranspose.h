//===- RegisterTranspose.h - Transpose tiles in registers ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_REGISTERTRANSPOSE_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_REGISTERTRANSPOSE_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::compress {

/// Most numbers of a row that loadTransposed takes at once.
inline constexpr int64_t kLoadChunk = 4;

/// Loads `count` (1, 2 or 4) numbers of each of `width` rows, a power of two of at least `count`. Returns a vector per
/// number, with a lane per row. `loadRow` loads a row: a vector of `count`, or a scalar if that is 1.
SmallVector<Value> loadTransposed(OpBuilder &builder, Location loc, int64_t count, int64_t width,
                                  function_ref<Value(int64_t row)> loadRow);

/// Most numbers of a row that storeTransposed takes at once, for vectors of `width`.
int64_t storeChunk(int64_t width);

/// Stores `numbers`, a power of two up to storeChunk of vectors with a lane per row, to the rows: `storeRow` gets a
/// vector of a row's numbers, or a scalar if there is one.
void storeTransposed(OpBuilder &builder, Location loc, ArrayRef<Value> numbers,
                     function_ref<void(int64_t row, Value)> storeRow);

/// The columns of a square: as many vectors as each has lanes, a power of two.
SmallVector<Value> transposeSquare(OpBuilder &builder, Location loc, ArrayRef<Value> rows);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_REGISTERTRANSPOSE_H
