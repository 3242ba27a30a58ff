//===- UnpackRows.h - Rows of packed values that can be sliced -*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_UNPACKROWS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_UNPACKROWS_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The dimension along which `weight` can be cut into rows of `unpack_rows`, or -1: the outermost one of more than one
/// number, which the mask cuts; what is stored is constant, or constant codes with one scale.
int64_t rowDimOf(UnpackOp weight);

/// Emits the `size` rows from `offset` on of such a weight, whole boxes, with the shape of that slice. Their constants
/// are made beside `weight`.
Value emitUnpackRows(UnpackOp weight, OpBuilder &builder, OpFoldResult offset, int64_t size);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_UNPACKROWS_H
