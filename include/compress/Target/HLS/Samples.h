//===- Samples.h - Inputs to calibrate and to test with --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_HLS_SAMPLES_H
#define COMPRESS_TARGET_HLS_SAMPLES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::compress {

/// Inputs of a network, one after the other.
struct Samples {
  /// The first extent counts them.
  llvm::SmallVector<int64_t> shape;
  std::vector<float> values;

  int64_t count() const { return shape.front(); }
  int64_t size() const { return static_cast<int64_t>(values.size()) / count(); }
  llvm::ArrayRef<float> sample(int64_t i) const { return llvm::ArrayRef(values).slice(i * size(), size()); }

  Samples firstOf(int64_t most) const;

  /// Reads a NumPy file of little-endian float32 or float64 in C order, with at least one sample, all finite.
  static llvm::Expected<Samples> read(llvm::StringRef path);
};

} // namespace mlir::compress

#endif // COMPRESS_TARGET_HLS_SAMPLES_H
