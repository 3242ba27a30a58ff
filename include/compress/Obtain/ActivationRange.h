//===- ActivationRange.h - The range that an activation has bytes for -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Static quantization gives an activation one scale and one zero point, from a range of its numbers on samples. A wide
// range saturates nothing and rounds coarsely; a narrow one the other way round.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_ACTIVATIONRANGE_H
#define COMPRESS_OBTAIN_ACTIVATIONRANGE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::compress::obtain {

/// x = (code - zero) * scale, codes from 0 to 255.
struct ByteScale {
  float scale = 1;
  int64_t zero = 0;

  /// Of the range from `low` to `high`, with 0 in it, as ONNX Runtime's quantize_static computes it:
  /// scale = (high - low) / 255, zero = round(-low / scale), halves to even; 1 and 0 for a range of nothing.
  static ByteScale ofRange(double low, double high);

  /// What `value` is rounded to.
  double round(double value) const;
};

/// How a range is chosen.
struct RangeRule {
  enum Kind {
    /// All numbers.
    MinMax,
    /// Without (100 - percentile) / 2 of a hundred numbers at either end.
    Percentile,
    /// The least sum of squared errors.
    MSE
  } kind = MinMax;
  double percentile = 99.999;

  /// Reads `minmax`, `percentile`, `percentile(99.9)` or `mse`; nullopt, and `error` as a sentence, for anything else.
  static std::optional<RangeRule> parse(llvm::StringRef text, std::string &error);
};

/// Numbers of an activation, counted in 2^14 bins of equal width about 0. The least and the largest number are exact.
class ActivationHistogram {
public:
  /// Numbers that are not finite do not count.
  void add(llvm::ArrayRef<float> values);

  /// (low, high) by `rule`; (0, 0) if there were no numbers. Percentiles are exact up to the width of a bin, errors are
  /// those of the bins' middles.
  std::pair<double, double> range(const RangeRule &rule) const;

private:
  void widen(double magnitude);
  double quantile(double share) const;
  std::pair<double, double> leastError() const;
  double middleOf(size_t bin) const;

  double least = std::numeric_limits<double>::infinity(), most = -least;
  /// Bins are from -reach to reach.
  double reach = 0;
  int64_t count = 0;
  std::vector<int64_t> bins;
};

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_ACTIVATIONRANGE_H
