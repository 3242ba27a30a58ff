//===- TensorEvaluator.h - Values of constant tensor expressions -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_TENSOREVALUATOR_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_TENSOREVALUATOR_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>

namespace mlir::compress {

/// Evaluates tensor ops on float constants of static shape, in double: linalg ops whose regions are scalar arithmetic,
/// reshapes, slices, and the transforms of this dialect. Used at compile time, on weights.
class TensorEvaluator {
public:
  using Values = SmallVector<double>;

  /// True if `op` can be evaluated once its operands can.
  static bool supports(Operation *op);

  /// The row-major values of `value`; nullptr if it does not come from constants through supported ops.
  const Values *evaluate(Value value);

  /// Drops the values of `value`.
  void forget(Value value) { cache.erase(value); }

private:
  bool evaluateOp(Operation *op);

  llvm::DenseMap<Value, std::unique_ptr<Values>> cache;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_TENSOREVALUATOR_H
