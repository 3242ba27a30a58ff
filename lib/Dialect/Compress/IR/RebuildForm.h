//===- RebuildForm.h - Rebuild a tile of the weight, then multiply --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_REBUILDFORM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_REBUILDFORM_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The form `rebuild` of any representation that can be sliced along the outputs: a loop that rebuilds the weights of
/// some outputs, with `operations` for each of them, and multiplies by these (SmartExchange's rebuild engine, ISCA
/// 2020).
SmallVector<Form> rebuildForms(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                               const Machine &machine, int64_t operations, std::string &whyNot);

Value emitRebuildForm(CompressedWeightOpInterface weight, const LinearConsumer &consumer, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_REBUILDFORM_H
