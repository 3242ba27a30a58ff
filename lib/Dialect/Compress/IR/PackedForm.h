//===- PackedForm.h - Layers with structured zeros ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_PACKEDFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_PACKEDFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The form `packed`, if the mask leaves out whole outputs, or whole inputs, taps, or columns of the lowered
/// convolution.
SmallVector<Form> packedForms(UnpackOp weight, const LinearConsumer &consumer, const Machine &machine,
                              std::string &whyNot);

/// Emits the dense product of what is stored, on gathered inputs or with results scattered to their outputs.
Value emitPackedForm(UnpackOp weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_PACKEDFORM_H
