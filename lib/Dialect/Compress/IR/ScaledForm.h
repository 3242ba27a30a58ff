//===- ScaledForm.h - Layers whose outputs have a scale each ---*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_SCALEDFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_SCALEDFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

inline constexpr StringRef kScaledForm = "scaled";

/// The form `scaled` of a weight that is another representation times a number for each output: the layer of that
/// representation, whose results are scaled. Its cost is that of the other representation's best form, without which
/// there is none.
SmallVector<Form> scaledForms(FactorizedOp weight, const LinearConsumer &consumer, const Machine &machine);

Value emitScaledForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_SCALEDFORM_H
