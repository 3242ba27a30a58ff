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
};

/// The activation of `operands` times its weights, as NumPy's matmul. Weights are transposed first if the op says so.
FailureOr<IntegerProduct> emitMatMul(Node &node, ProductOperands operands, bool transpose = false);
/// The same of integers `x` without sign that the node makes.
FailureOr<IntegerProduct> emitMatMul(Node &node, Value x, const ZeroPoint &zero, ProductOperands operands);

/// The convolution of the activation of `operands` with its constant weights.
FailureOr<IntegerProduct> emitConv(Node &node, ProductOperands operands);

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_INTEGERPRODUCT_H
