//===- EmitProcessorCheck.h - Which variant runs on this processor --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_EMITPROCESSORCHECK_H
#define COMPRESS_LIB_TARGET_EMITPROCESSORCHECK_H

#include "compress/Target/CInterface.h"
#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// Emits, at the insertion point of a function of `module`, the number of the first variant that the processor runs:
/// 1 for the first one, -1 for none. It is detected once and kept in a relaxed atomic; `prefix` starts the names of the
/// helpers. Null if the first variant runs on every processor.
Value emitProcessorCheck(OpBuilder &builder, Location loc, ModuleOp module, StringRef prefix,
                         ArrayRef<CVariant> variants);

} // namespace mlir::compress

#endif // COMPRESS_LIB_TARGET_EMITPROCESSORCHECK_H
