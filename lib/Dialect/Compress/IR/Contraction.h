//===- Contraction.h - Products over common loops -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTION_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTION_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// `init + sum over the loops that it does not have of a * b`, as one linalg op. Each dimension of an operand is an
/// expression over the loops that the three together use, whatever their numbers are.
Value emitContraction(OpBuilder &builder, Location loc, Value a, ArrayRef<AffineExpr> aDims, Value b,
                      ArrayRef<AffineExpr> bDims, Value init, ArrayRef<AffineExpr> initDims);

/// A tensor of zeros of these extents.
Value emitZeros(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type element);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTION_H
