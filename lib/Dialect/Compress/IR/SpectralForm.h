//===- SpectralForm.h - Circulant layers by transforms --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_SPECTRALFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_SPECTRALFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// Replaces the `k` slots in the last dimension of `value` (static shape) by the `k` numbers that they are the spectrum
/// of.
Value emitInverseOfLastDim(OpBuilder &builder, Location loc, Value value);

/// The exact transpose of emitInverseOfLastDim.
Value emitInverseOfLastDimTranspose(OpBuilder &builder, Location loc, Value value);

/// The form `spectral` with its cost, if `consumer` has one out, one in, and taps where `weight` has them.
SmallVector<Form> spectralForms(CirculantOp weight, const LinearConsumer &consumer, const Machine &machine,
                                std::string &whyNot);

/// Emits transform, product of spectra and transposed transform (CirCNN, MICRO 2017, algorithm 1, with the inverse
/// transform moved out of the sum: q + p transforms per sample); returns the consumer's new result.
Value emitSpectralForm(CirculantOp weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_SPECTRALFORM_H
