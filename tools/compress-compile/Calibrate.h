//===- Calibrate.h - What the layers of a network are multiplied with -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H

#include "compress/Obtain/ActivationRange.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// What is asked of a calibration.
struct CalibrationGoals {
  /// kInputMomentsAttr of dense layers.
  bool moments = false;
  /// kInputRangeAttr of layers of constant weights, dense or light.
  std::optional<obtain::RangeRule> ranges;
};

/// Runs the network of `module`, which has one input, on the samples of the .npy file `path`, on this machine, and
/// gives each layer the attributes of `goals`. Layers whose weight has batch dimensions (grouped convolutions) get
/// none.
llvm::Error calibrate(ModuleOp module, llvm::StringRef path, const CalibrationGoals &goals);

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_CALIBRATE_H
