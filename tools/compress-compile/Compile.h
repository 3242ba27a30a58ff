//===- Compile.h - A model to a native library ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_COMPILE_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_COMPILE_H

#include "Options.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LogicalResult.h"

namespace mlir::compress {

/// Every dialect and interface that the pipelines need.
DialectRegistry compileDialects();

/// Runs the pipelines and writes the files. Problems have been printed when it fails, and nothing was written.
LogicalResult compileModel(const CompileOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_COMPILE_H
