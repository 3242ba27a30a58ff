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
#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/Passes.h"

namespace mlir::compress {

/// Adds to `registry` the external models that passes need: interfaces of this project's ops and attributes that are
/// implemented outside of the dialect's library. Each is attached when its dialect is loaded; the dialects are not
/// added.
inline void registerAllExtensions(DialectRegistry &registry) {
  registerBufferizableOpInterfaceExternalModels(registry);
  registerPipelineExtensions(registry);
}

/// Adds the dialects of this project to `registry`, with all extensions: whoever calls this can run every pass. A
/// compiler that wants the ops alone, and links less, inserts `CompressDialect` and the extensions of its choice
/// itself.
inline void registerAllDialects(DialectRegistry &registry) {
  registry.insert<CompressDialect, hls::HLSDialect>();
  registerAllExtensions(registry);
}

/// Registers every pass of this project with the global pass registry.
inline void registerAllPasses() {
  registerCompressTransformsPasses();
  registerCompressConversionPasses();
  registerCompressHLSPasses();
  registerCompressTargetPasses();
}

/// Registers every named pipeline of this project.
inline void registerAllPipelines() { registerPipelines(); }

} // namespace mlir::compress

#endif // COMPRESS_INITALL_H
