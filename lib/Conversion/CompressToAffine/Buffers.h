//===- Buffers.h - What ops do to buffers --------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_BUFFERS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_BUFFERS_H

#include "mlir/IR/Operation.h"

namespace mlir::compress {

/// The buffer that `memref` is a view of.
Value rootOf(Value memref);

/// True unless `a` and `b` are known to be in different buffers. Two arguments of a function may be in one, but for the
/// buffer of a result (`compress.result`), which is nowhere else.
bool mayAlias(Value a, Value b);

/// True if `op` may write what `memref` holds, or read it if `orReads`.
bool mayTouch(Operation *op, Value memref, bool orReads);

/// True if `value`, which an op of the block of `op` uses, is there before `op`.
bool isAvailableBefore(Value value, Operation *op);

/// Moves what makes `value`, allocations and ops without effects, before `op` of the same block; false if it is made by
/// others.
bool makeAvailableBefore(Value value, Operation *op);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_BUFFERS_H
