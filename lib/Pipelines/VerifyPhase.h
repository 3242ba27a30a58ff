//===- VerifyPhase.h - The end of an arrow --------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_PIPELINES_VERIFYPHASE_H
#define COMPRESS_LIB_PIPELINES_VERIFYPHASE_H

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"

namespace mlir::compress {

/// Ends a phase: what it promises is checked.
inline void addVerifyPhase(OpPassManager &pm, StringRef phase) {
  VerifyPhasePassOptions options;
  options.after = phase.str();
  pm.addPass(createVerifyPhasePass(options));
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_PIPELINES_VERIFYPHASE_H
