//===- IntegerProduct.h - Products of integers with zero points ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y[m, n] = sum over k of (x[m, k] - zx) * (w[k, n] - zw[n])
//           = sum over k of x[m, k] * v[k, n]  -  zx * sum over k of v[k, n]                    with v = w - zw
//
// The integers of constant weights become v while the file is read, if 8 bits hold it, and so do its sums: the zero
// point of the activation is in what the product starts from. Sums are of 32 bits, and wrap as ONNX Runtime's do.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_IMPORT_ONNX_INTEGERPRODUCT_H
#define COMPRESS_LIB_IMPORT_ONNX_INTEGERPRODUCT_H

#include "Quantize.h"
#include "compress/Dialect/Compress/IR/Constants.h"

namespace mlir::compress::onnx_import {

/// The zero point of an activation: a constant, or a tensor of rank 0.
struct ZeroPoint {
  int64_t constant = 0;
  Value value = {};
  bool isUnsigned = false;

  /// Fails after a refusal.
  static FailureOr<ZeroPoint> get(Node &node, int i);

  bool isZero() const { return constant == 0 && !value; }
};

/// Operands of a node that multiplies integers, by number; -1 for what the op does not have.
struct ProductOperands {
  int x, xZero, w, wZero, bias = -1;
};

/// Sums of a product, and the extents that make a number per result one per entry of the sums.
struct IntegerProduct {
  Value sums;
  /// The shape of a vector of one number per result that broadcasts to the sums.
  Shape perResult;
  /// True of a convolution whose channels come last, not after the samples.
  bool isChannelsLast = false;

  /// `value`, of the shape of the sums, with channels where ONNX has them.
  Value ordered(Node &node, Value value) const;
};

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// A tensor of 8-bit integers, and the zero point that each product with it subtracts; null for none.
struct Factor {
  Value codes;
  bool isUnsigned = false;
  AffineMap map;
  Value zeros = {};
  AffineMap zeroMap = {};
  /// The sign of `zeros`, which have the type of the file where `codes` may have got another one.
  bool zerosUnsigned = false;
};

/// A constant of bytes.
Value constantOf(Node &node, ArrayRef<int64_t> shape, StringRef bytes);

/// Weights of a product, one of whose dimensions (or none) numbers the results.
struct IntegerWeights {
  RankedTensorType type;
  /// The integers of constant weights; others are `value`.
  std::string bytes = {};
  Value value = {};
  bool isUnsigned = false;
  /// Zero points that are still to be subtracted: of rank 0, or one per result.
  Value zeros = {};
  bool zerosUnsigned = false;
  /// For each result, the sum of what the weights stand for; empty if they are no constant.
  SmallVector<int32_t> sums = {};

  static FailureOr<IntegerWeights> get(Node &node, int operand, int zeroOperand, std::optional<int64_t> outDim,
                                       bool transpose = false);

  Value codes(Node &node) const { return value ? value : constantOf(node, type.getShape(), bytes); }
  /// True if dot product instructions can multiply them: all are constants of 8 bits with sign.
  bool allowsDots() const { return !sums.empty() && !isUnsigned && !zeros; }

private:
  LogicalResult takeConstant(Node &node, const Tensor &tensor, ArrayRef<int64_t> zeros, int64_t outDim);
};

/// init + sum of products, over loops of which those of `resultMap` are the result's.
Value emitProduct(Node &node, const Factor &a, const Factor &b, AffineMap resultMap, Value init);

/// What the sums of a product with constant weights start from, for each result: bias - zero * sums. Null for 0.
FailureOr<Value> startOfSums(Node &node, const IntegerWeights &weights, const ZeroPoint &zero, int biasOperand);

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// An activation that dot product instructions take: bytes without sign.
struct DotActivation {
  Value codes;
  ZeroPoint zero;

  /// Integers with sign are moved up by 128, and their zero point too. Nullopt where that is a run-time value.
  static std::optional<DotActivation> get(Node &node, Value x, bool isUnsigned, const ZeroPoint &zero);
};

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The activation of `operands` times its weights, as NumPy's matmul. Weights are transposed first if the op says so.
FailureOr<IntegerProduct> emitMatMul(Node &node, ProductOperands operands, bool transpose = false);
/// The same of integers `x` without sign that the node makes.
FailureOr<IntegerProduct> emitMatMul(Node &node, Value x, const ZeroPoint &zero, ProductOperands operands);

/// The convolution of the activation of `operands` with its constant weights.
FailureOr<IntegerProduct> emitConv(Node &node, ProductOperands operands);

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_INTEGERPRODUCT_H
