//===- Slices.h - Slices of tensors that may be empty ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_SLICES_H
#define COMPRESS_DIALECT_COMPRESS_IR_SLICES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::compress {

/// The part of `value` at `offsets`, of `sizes`, with `strides`. Upstream's op has no slice without numbers at the end
/// of a tensor: one of a static extent 0 is a tensor.empty.
Value emitExtractSlice(OpBuilder &builder, Location loc, Value value, ArrayRef<OpFoldResult> offsets,
                       ArrayRef<OpFoldResult> sizes, ArrayRef<OpFoldResult> strides);

/// `into` with `part` in its place; `into` itself if `part` has a static extent 0.
Value emitInsertSlice(OpBuilder &builder, Location loc, Value part, Value into, ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> sizes, ArrayRef<OpFoldResult> strides);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_SLICES_H
