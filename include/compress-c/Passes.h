//===- compress-c/Passes.h - Passes and pipelines from C --------*- C -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_C_PASSES_H
#define COMPRESS_C_PASSES_H

#include "mlir-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Registers every pass of this project under its name (`compress-select`, …) with the process-wide registry that
/// textual pipelines are read with: mlirOpPassManagerAddPipeline and mlirParsePassPipeline of mlir-c/Pass.h, which
/// report a wrong pipeline through a callback. Upstream's passes are registered by mlirRegisterAllPasses. Not
/// thread-safe: call it once, at the start. Cannot fail.
MLIR_CAPI_EXPORTED void compressRegisterAllPasses(void);

/// Registers every named pipeline of this project (`compress-to-affine`, …) likewise.
MLIR_CAPI_EXPORTED void compressRegisterAllPipelines(void);

#ifdef __cplusplus
}
#endif

#endif // COMPRESS_C_PASSES_H
