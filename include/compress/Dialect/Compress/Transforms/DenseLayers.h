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

/// On a layer: two f64, the range of its activation that bytes are to stand for. compress-quantize-activations reads
/// it.
inline constexpr const char *kInputRangeAttr = "compress.input_range";

/// On a layer: two f64, the scale and the zero point (codes without sign) that its activation is rounded with. Left by
/// compress-quantize-activations.
inline constexpr const char *kInputScaleAttr = "compress.input_scale";

/// A dense constant weight of a linear layer.
struct DenseLayer {
  linalg::LinalgOp op;
  arith::ConstantOp constant;
  LinearConsumer consumer;
};

/// The layers below `root` in their order. A weight of several layers belongs to the first of them.
SmallVector<DenseLayer> findDenseLayers(Operation *root);

/// The layers below `root` whose weight is constant or a representation, in their order; not those whose weight has
/// batch dimensions.
SmallVector<LinearConsumer> findConstantLayers(Operation *root);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_DENSELAYERS_H
