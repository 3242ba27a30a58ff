//===- Calibrate.h - What the layers of a network are multiplied with -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// Runs the network of `module`, which has one input, on the samples of the .npy file `path`, on this machine, and
/// gives each dense layer its kInputMomentsAttr. Layers whose weight has batch dimensions (grouped convolutions) get
/// none.
llvm::Error calibrate(ModuleOp module, llvm::StringRef path);

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H
