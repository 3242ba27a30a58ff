//===- WeightConsumers.h - Where representations are used ------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_WEIGHTCONSUMERS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_WEIGHTCONSUMERS_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/IR/Remarks.h"

namespace mlir::compress {

/// A linalg op with a representation behind one of its inputs.
struct WeightConsumer {
  linalg::LinalgOp op;
  OpOperand *operand;
  CompressedWeightOpInterface weight;
};

/// All of them in `root`, in order.
SmallVector<WeightConsumer> findWeightConsumers(Operation *root);

/// Erases what only led to consumers that are gone: representations and the moves behind them.
void eraseDeadWeights(Operation *root);

/// A remark of the pass `name` on `op`.
remark::RemarkOpts weightRemark(StringRef name, Operation *op);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_WEIGHTCONSUMERS_H
