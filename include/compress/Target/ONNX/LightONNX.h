//===- LightONNX.h - ONNX files with light weights ------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_LIGHTONNX_H
#define COMPRESS_TARGET_ONNX_LIGHTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::compress {

/// For each layer of an imported network with a dense constant weight, by its name: the tensor of the ONNX file that
/// the weight is. Empty for a name that layers of different weights share. To be asked for before the weights are
/// fitted.
llvm::StringMap<std::string> namesOfDenseTensors(ModuleOp module);

/// The ONNX file at `path` with other weights: each tensor of `tensors`, the result of `namesOfDenseTensors`, whose
/// layer has a fitted weight in `module` becomes nodes that make it of what is stored (docs/LightONNX.md). All else is
/// as it was, but that BatchNormalization is folded and that nothing lies outside of the file any more. An error if the
/// opset is under 13, or if a weight is made of an op that says no way to write it.
llvm::Expected<std::string> makeLightONNX(StringRef path, ModuleOp module, const llvm::StringMap<std::string> &tensors);

/// Attaches to the compress dialect how its ops are written.
void registerONNXWeightWriters(DialectRegistry &registry);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_ONNX_LIGHTONNX_H
