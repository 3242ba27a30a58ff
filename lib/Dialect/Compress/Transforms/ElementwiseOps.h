//===- ElementwiseOps.h - Ops on one place of their operands ----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ELEMENTWISEOPS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ELEMENTWISEOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::compress {

/// True if `op`, on tensors, computes each element of its one result on its own, in the order of the result. False for
/// null.
bool isElementwise(linalg::GenericOp op);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ELEMENTWISEOPS_H
