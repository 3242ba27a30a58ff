//===- compress-c/Dialects.h - The compress dialect from C ------*- C -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C API of this project is an addition to MLIR's own (mlir-c/): contexts, modules, diagnostics and pass managers
// are MLIR's. libCompressCAPI.so holds both, so a program links it alone. test/CAPI/compress.c is a whole example.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_C_DIALECTS_H
#define COMPRESS_C_DIALECTS_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// `mlirGetDialectHandle__compress__()`: the dialect alone. Its passes also need the extensions that
/// compressRegisterAllDialects adds.
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(Compress, compress);

/// Adds this project's dialects and their extensions to `registry`, which stays the caller's. Append the registry to a
/// context (mlirContextAppendDialectRegistry) before IR is parsed there. Upstream's dialects, which the IR also uses,
/// are added by mlirRegisterAllDialects (mlir-c/RegisterEverything.h) or one by one. Cannot fail; may be called again.
MLIR_CAPI_EXPORTED void compressRegisterAllDialects(MlirDialectRegistry registry);

/// Whether `op` is a representation op: one whose result is the dense tensor that its operands stand for. `op` must not
/// be null.
MLIR_CAPI_EXPORTED bool compressOperationIsCompressedWeight(MlirOperation op);

/// The bits that the stored parameters of `op` take in a package, or -1 where `op` is no representation op. `op` must
/// not be null.
MLIR_CAPI_EXPORTED int64_t compressCompressedWeightGetStoredBits(MlirOperation op);

#ifdef __cplusplus
}
#endif

#endif // COMPRESS_C_DIALECTS_H
