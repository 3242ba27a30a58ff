//===- CodedTiles.h - Products of rounded activations and codes in tiles ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDTILES_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDTILES_H

#include "CodeDecoder.h"

namespace mlir::compress {

/// An activation of compress.coded_dot, a row for each sample.
struct RoundedRows {
  /// … x words, bytes with sign.
  Value words;
  /// … x groups: what a number of the group is a multiple of; and the i32 that sums of its products start from, or if
  /// there are zero points the sum of its numbers in f32.
  Value scales, sums;
};

/// True if the product has rows and columns for tile registers (AMX), which vectors of `lanes` words finish.
bool allowsCodedTiles(CodedDotOp op, int64_t lanes, DotInstructions instructions);

/// Words of activations that tiles read behind those of a row.
int64_t wordsBehindRows(CodedDotOp op);

/// Emits compress.coded_dot in tile registers. `rounded.words` has `wordsBehindRows` words, of any value, behind each
/// row. `lowerFewRows` emits the nest of less than 16 rows of a dynamic extent.
void lowerCodedDotToTiles(CodedDotOp op, const RoundedRows &rounded, const CodeDecoder &decoder, bool startsFromZero,
                          function_ref<void()> lowerFewRows, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDTILES_H
