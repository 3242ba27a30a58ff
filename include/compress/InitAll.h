//===- InitAll.h - Register everything of this project --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_INITALL_H
#define COMPRESS_INITALL_H

#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/Passes.h"

namespace mlir::compress {

/// Adds the dialects of this project, and the external models that bufferization needs, to `registry`.
inline void registerAllDialects(DialectRegistry &registry) {
  registry.insert<CompressDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

/// Registers every pass of this project with the global pass registry.
inline void registerAllPasses() {
  registerCompressTransformsPasses();
  registerCompressConversionPasses();
  registerCompressTargetPasses();
}

/// Registers every named pipeline of this project.
inline void registerAllPipelines() { registerPipelines(); }

} // namespace mlir::compress

#endif // COMPRESS_INITALL_H
