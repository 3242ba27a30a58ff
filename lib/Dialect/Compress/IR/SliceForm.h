//===- SliceForm.h - Factorized slices of weights in two products ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y[o] = sum over slices s, r of T[o,s,j,r] B[o,s,j,r],    T[o,s,j,r] = sum over rows m of x[s,m,r] C[o,s,m,j]
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_SLICEFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_SLICEFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

inline constexpr llvm::StringLiteral kSliceForm = "slices";

/// SmartDeal in a circuit: coefficients first, which shift, then the small basis of each slice. Empty, with the reason,
/// where the factors are not reshaped, or where an index of the weight would need a division.
SmallVector<Form> sliceForms(FactorizedOp weight, const LinearConsumer &consumer, std::string &whyNot);
Value emitSliceForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_SLICEFORM_H
