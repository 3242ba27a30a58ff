//===- Moments.h - Second moments of what a layer is multiplied with ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_MOMENTS_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_MOMENTS_H

#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <vector>

namespace mlir::compress {

/// The mean of x x^T of one layer, from its activations.
class Moments {
public:
  /// For about `numSamples` samples: where they have many positions (pixels), every so many are looked at.
  Moments(const DenseLayer &layer, int64_t numSamples);

  /// Adds the samples of an activation of `shape`, before its padding.
  void add(ArrayRef<int64_t> shape, ArrayRef<float> values);

  ElementsAttr toAttribute(MLIRContext *context) const;

private:
  void addRow(ArrayRef<int64_t> shape, ArrayRef<float> values, ArrayRef<int64_t> loops);
  void flush();

  /// Per dimension of the activation: the factor of each loop of the layer, and the zeros before it.
  SmallVector<SmallVector<int64_t>> factors;
  SmallVector<int64_t> padding;
  /// Extents of the loops (-1: the batch, of `batchDim` of the activation), and the loops that the weight has, in
  /// canonical order.
  SmallVector<int64_t> extents, weightLoops;
  int64_t batchDim = -1;
  int64_t size = 1, step = 1, seen = 0, numRows = 0;
  /// Rows to be added, row-major, and the sum: the upper triangle of size x size.
  std::vector<float> rows;
  std::vector<double> sum;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_MOMENTS_H
