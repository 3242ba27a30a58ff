//===- DenseLayers.h - Layers that can be compressed ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_DENSELAYERS_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_DENSELAYERS_H

#include "compress/Dialect/Compress/IR/LinearConsumer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::compress {

/// On a layer: a tensor n x n of f64, the mean of x x^T over samples and positions, where x is the n numbers that an
/// output is a product with: in dimensions of the weight in order, then its taps.
inline constexpr const char *kInputMomentsAttr = "compress.input_moments";

/// A dense constant weight of a linear layer.
struct DenseLayer {
  linalg::LinalgOp op;
  arith::ConstantOp constant;
  LinearConsumer consumer;
};

/// The layers below `root` in their order. A weight of several layers belongs to the first of them.
SmallVector<DenseLayer> findDenseLayers(Operation *root);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_DENSELAYERS_H
