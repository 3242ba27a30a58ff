//===- LinearConsumer.h - A consumer that is linear in its weight ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A matmul is a convolution without taps. Every spelling of either (named linalg ops, linalg.contract, generics,
// weights behind transposes and unit reshapes, activations behind a zero tensor.pad) is one LinearConsumer.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_LINEARCONSUMER_H
#define COMPRESS_DIALECT_COMPRESS_IR_LINEARCONSUMER_H

#include "compress/Analysis/CostModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace mlir::compress {

/// For a reshape that only adds or drops dimensions of extent 1: the dimension of `from` for each of `to`, -1 for an
/// added one; nullopt for other reshapes.
std::optional<SmallVector<int64_t>> matchUnitReshape(RankedTensorType from, RankedTensorType to);

/// What a dimension of a weight does in its consumer.
enum class Role { Out, In, Tap, Batch };

/// A weight seen through the ops between its source and a consumer that only move or drop dimensions: transposes, unit
/// reshapes, casts.
struct WeightView {
  /// The value that the view starts from: the result of a representation op, or a constant.
  Value source;
  /// For each dimension of the viewed operand: the dimension of `source`, or -1 for an inserted unit dimension.
  SmallVector<int64_t> sourceDims;

  /// Walks from `operand` to its source.
  static WeightView get(Value operand);

  /// Emits the moves of this view on `value`, which has the dimensions of `source` at any static extents, but for those
  /// of extent 1 that the view drops.
  Value apply(OpBuilder &builder, Location loc, Value value) const;
};

/// How one dimension of the activation enters the consumer.
struct ActivationDim {
  enum Kind { In, Free, Window } kind = Free;
  /// Free and Window: the dimension of the consumer's result.
  int64_t resultDim = -1;
  /// Window: the dimension of the weight's source with the taps; result index times `stride` plus tap times `dilation`.
  int64_t tapDim = -1, stride = 1, dilation = 1;
  /// Zeros before and after, absorbed from a tensor.pad.
  int64_t padLow = 0, padHigh = 0;
};

/// A consumer y = init + (activation * weight), linear in the weight.
struct LinearConsumer {
  linalg::LinalgOp op;
  /// The number of the operand that the weight is behind.
  unsigned weightOperand = 0;
  /// The weight operand's source, with the role of each of its dimensions.
  Value weight;
  SmallVector<Role> roles;
  /// The activation before an absorbed padding, its dimensions, and the consumer's destination.
  Value activation;
  SmallVector<ActivationDim> dims;
  Value init;
  /// The dimension of the activation with the first in role of the weight, of the result with its first out role.
  int64_t inDim = -1, outDim = -1;
  /// The activation with its padding, and the maps of it, of the weight's source and of the result over the op's loops;
  /// a dimension of extent 1 that the op does not see is 0.
  Value paddedActivation;
  AffineMap activationMap, weightMap, resultMap;

  /// The consumer in which `weight` is one of the two factors; nullopt and the reason otherwise.
  static std::optional<LinearConsumer> get(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot);

  /// True if the destination is known to be zero.
  bool initIsZero() const;
  /// Result elements per sample and out index: the pixels of a convolution, 1 for a matmul. Dynamic extents count as 1.
  int64_t positionsPerSample() const;
  /// Cost of the dense product, per sample.
  Cost denseCost(const Machine &machine) const;
  RankedTensorType resultType() const { return cast<RankedTensorType>(op->getResult(0).getType()); }
};

/// A way to compute a consumer of a representation without expanding it.
struct Form {
  std::string name;
  Cost cost;
};

/// A dense weight to be compressed: static type, values in row-major order, roles of its dimensions, and optionally the
/// second moment E[x x^T] (row-major, n x n) of what an output is a product with: in dimensions in order, then taps. It
/// is empty if there was no calibration, and where the weight has batch dimensions.
struct DenseWeight {
  RankedTensorType type;
  SmallVector<double> values;
  SmallVector<Role> roles;
  ArrayRef<double> hessian;

  /// The dimensions with a role, in order.
  SmallVector<int64_t> dimsOf(Role role) const;
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_LINEARCONSUMER_H
