//===- BasisDotForm.h - Codes first, then their basis -----------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_BASISDOTFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_BASISDOTFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The form of slices of constant codes with a basis, of a fully connected layer whose activations may be rounded.
inline constexpr StringLiteral kBasisDotForm = "basis_dot";

/// That form, where the weight allows it; else empty.
SmallVector<Form> basisDotForms(FactorizedOp weight, const LinearConsumer &consumer, const Machine &machine);
Value emitBasisDotForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_BASISDOTFORM_H
