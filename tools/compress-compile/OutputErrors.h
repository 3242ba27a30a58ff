//===- OutputErrors.h - How far the layers of a light network are off --*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_OUTPUTERRORS_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_OUTPUTERRORS_H

#include "compress/Pipelines/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// `relative` is |y' - y| / |y| over all samples, of the result y of a linear layer in the dense network in f32, and y'
/// of the same layer in the light one: what this layer and those before it lost.
struct OutputError {
  std::string layer;
  double relative = 0;
  int64_t samples = 0;
};

/// Runs `dense`, and `light` compiled by `options`, on this machine, on the first 256 samples of the .npy file `path`.
/// Both are the same network before forms are selected, with other weights perhaps. An error if there is not one input.
llvm::Expected<std::vector<OutputError>> measureOutputErrors(ModuleOp dense, ModuleOp light, llvm::StringRef path,
                                                             CompressToAffineOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_OUTPUTERRORS_H
