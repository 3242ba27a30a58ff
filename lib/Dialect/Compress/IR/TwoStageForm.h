//===- TwoStageForm.h - Factorized layers in two products -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y = x * (C B):    order A    z = x * B,  y += z * C          the basis first
//                     order B    t = x * C,  y += t * B          the coefficients first, for a few outputs at a time
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_TWOSTAGEFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_TWOSTAGEFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The dimension of the factors' product, coefficients' before basis', that dimension `dim` of the weight is; -1 if it
/// is merged with or split from others of more than one entry.
int64_t productDimOf(FactorizedOp weight, int64_t dim);

/// False if `factor` stands for codes of which each is 0 or a signed power of two, up to its scale: a circuit shifts.
bool needsMultiplier(Value factor);

/// The two orders that `consumer` allows, with their costs: `two_stage` for a matrix, `order_a` and `order_b` for a
/// convolution (ESCALATE, MICRO 2021). A circuit has `order_b_whole`, all outputs at once, and what sliceForms says.
SmallVector<Form> twoStageForms(FactorizedOp weight, const LinearConsumer &consumer, const Machine &machine,
                                std::string &whyNot);

/// Emits one of them; order B as a loop over outputs, so that what is between the stages holds few of them.
Value emitTwoStageForm(FactorizedOp weight, StringRef name, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_TWOSTAGEFORM_H
