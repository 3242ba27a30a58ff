//===- RoundWords.h - Weights in words of small numbers ----*- C++ -*------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROUNDWORDS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROUNDWORDS_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include <vector>

namespace mlir::compress {

/// Weights of slots x taps x in blocks x out blocks, as the words of compress.spectral_dot, and what goes with them.
struct WordWeights {
  int64_t k, taps, inBlocks, outBlocks;
  /// Out blocks of a panel; 0: there are none.
  int64_t panel;

  int64_t frequencies = 0, inWords = 0;
  /// Row-major: frequencies, panels, taps, words, out blocks of a panel. Scales and offsets, which only i8 has, are
  /// frequencies by out blocks.
  std::vector<double> words = {}, scales = {}, offsets = {};
  /// Of what was rounded, and of what rounding lost.
  double squaredNorm = 0, squaredError = 0;

  /// Rounds the row-major `values`.
  void round(WordFormat format, ArrayRef<double> values);
  /// |rounded - values| / |values| in L2.
  double relativeError() const;
};

/// True if all sums of products of bytes fit 32 bits, of so many numbers each.
bool fitsSumsOfBytes(int64_t numbers);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROUNDWORDS_H
