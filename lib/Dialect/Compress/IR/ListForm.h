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

/// Sums of listed channels, of constant ternary kernels and of ternary combinations of basis kernels (ESCALATE's order
/// B); and the same on activations that may be rounded.
inline constexpr StringLiteral kListForm = "lists", kRoundedListForm = "lists_i16";

/// Those forms of a convolution of images, channels before rows and columns, where the weight allows it; else empty.
SmallVector<Form> listForms(CompressedWeightOpInterface weight, const LinearConsumer &consumer, const Machine &machine);
Value emitListForm(CompressedWeightOpInterface weight, StringRef name, const LinearConsumer &consumer,
                   OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_LISTFORM_H
