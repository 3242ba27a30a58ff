//===- KernelOpHelpers.h - What all kernel ops share ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_KERNELOPHELPERS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_KERNELOPHELPERS_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

inline ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }

/// True if both extents are known and are not the same.
inline bool extentsDiffer(int64_t a, int64_t b) { return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b; }

/// A result for each tensor among the inits, of its type.
LogicalResult verifyResults(Operation *op, Value init);

/// One element type of `init` and `operands`, and verifyResults.
LogicalResult verifyDestination(Operation *op, Value init, ValueRange operands);

/// Reads of buffers among the operands, and a write of `init`.
void addDestinationEffects(Operation *op, OpOperand &init, bool readsInit,
                           SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects);

/// True if `parts` parts of `part` hold a static `extent`, the last one in part or all of it.
bool fillsParts(int64_t extent, int64_t parts, int64_t part);

/// A loop for each dimension of `init` but the last, which every tile takes whole: the tiling of what has such rows.
OperandTiling tileRows(KernelTiling &tiling, Value init);

/// The result has the shape of `init`.
LogicalResult reifyFromInit(OpBuilder &builder, Operation *op, Value init, ReifiedRankedShapedTypeDims &shapes);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_KERNELOPHELPERS_H
