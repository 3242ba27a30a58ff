//===- ONNX.h - From ONNX files to linalg ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_IMPORT_ONNX_H
#define COMPRESS_IMPORT_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace mlir::compress {

struct ONNXImportOptions {
  /// Extent of the symbolic leading dimension; if not given, the batch is a run-time value.
  std::optional<int64_t> batch;
  /// Shapes of inputs, by name, for dimensions that the file leaves open; `kDynamic` leaves dimension 0 so, as the
  /// batch.
  llvm::StringMap<SmallVector<int64_t>> shapes;
  /// Accept `batch` for a model whose leading dimensions are all fixed already.
  bool batchMayBeFixed = false;
};

/// Reads an ONNX file (opset 7 and later, as far as its ops have not changed since 17) into a module with one function
/// `@main` on tensors, as docs/Design/20261123-frame.md says: linalg ops, and `compress.circulant` for nodes of the
/// model-local function `compress.Circulant` (docs/LightONNX.md).
///
/// Returns null after one error, which lists every node that cannot be taken, with name, op, opset and reason. Tensors
/// outside of the file are read from the model's own folder only.
OwningOpRef<ModuleOp> importONNX(StringRef path, MLIRContext *context, const ONNXImportOptions &options = {});

/// The dialects that the importer makes ops of.
void registerONNXImportDialects(DialectRegistry &registry);

/// The ONNX ops that the importer takes, sorted.
SmallVector<StringRef> importedONNXOps();

} // namespace mlir::compress

#endif // COMPRESS_IMPORT_ONNX_H
