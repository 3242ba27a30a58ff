//===- PullbackRules.h - Gradients of upstream ops -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PULLBACKRULES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PULLBACKRULES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace mlir::compress {

/// A gradient per operand of an op; null where there is none.
using Gradients = SmallVector<Value>;

/// Emits the gradients of those operands of `op` that are `active`, given that of its result. Nullopt, and the reason
/// as the end of a sentence, if they are not known.
std::optional<Gradients> pullbackLinalg(OpBuilder &builder, linalg::LinalgOp op, Value gradient,
                                        function_ref<bool(Value)> isActive, std::string &whyNot);

/// The same for an op of the tensor dialect that moves, drops or adds entries.
std::optional<Gradients> pullbackMove(OpBuilder &builder, Operation *op, Value gradient, std::string &whyNot);

/// Zeros of the shape and element type of `value`.
Value emitZerosLike(OpBuilder &builder, Location loc, Value value);

/// Erases ops of `block` whose results are not used.
void eraseDeadOps(Block &block);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PULLBACKRULES_H
