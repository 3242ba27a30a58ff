//===- LinearOps.h - Loops of products with weights -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_IMPORT_ONNX_LINEAROPS_H
#define COMPRESS_LIB_IMPORT_ONNX_LINEAROPS_H

#include "Node.h"

namespace mlir::compress::onnx_import {

/// NumPy's matmul as loops: shared leading dimensions, then a row, a column, the sum. Matrices are in the last two
/// dimensions, broadcast over the others; a vector is a row, or a column.
struct MatMulLoops {
  /// The factors without their leading extents of 1, which broadcast.
  Value a, b;
  AffineMap aMap, bMap, productMap;
  bool hasRow = true, hasCol = true;
  int64_t numLeading = 0;
  /// The shape of the product, and of the node's result, which has the leading extents of 1 again.
  Shape product, result;

  /// Fails after a refusal.
  static FailureOr<MatMulLoops> get(Node &node, Value a, Value b);
  int64_t sumLoop() const { return numLeading + hasRow + hasCol; }
};

/// A convolution read and checked.
struct Convolution {
  Window window;
  int64_t groups, spatial;
  Shape result;

  /// Fails after a refusal.
  static FailureOr<Convolution> get(Node &node, RankedTensorType x, RankedTensorType weights);
};

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_LINEAROPS_H
