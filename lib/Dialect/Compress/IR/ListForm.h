//===- ListForm.h - Ternary coefficients as lists of channels --*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_LISTFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_LISTFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// Order B of constant ternary coefficients; and the same on activations that may be rounded.
inline constexpr StringLiteral kListForm = "order_b_lists", kRoundedListForm = "order_b_lists_i16";

/// Those forms of a convolution of images, channels before rows and columns, of stride 1, where the weight allows it;
/// else empty.
SmallVector<Form> listForms(FactorizedOp weight, const LinearConsumer &consumer, const Machine &machine);
Value emitListForm(FactorizedOp weight, StringRef name, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_LISTFORM_H
