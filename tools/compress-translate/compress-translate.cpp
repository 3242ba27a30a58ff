//===- compress-translate.cpp - Other formats to IR -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Import/ONNX.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

static void registerImportONNX() {
  static llvm::cl::opt<int64_t> batch(
      "batch", llvm::cl::desc("Fix the symbolic leading dimension (0: a run-time value)"), llvm::cl::init(0));
  TranslateToMLIRRegistration registration(
      "import-onnx", "An ONNX file to linalg on tensors and compress representation ops",
      [](llvm::SourceMgr &sources, MLIRContext *context) -> OwningOpRef<Operation *> {
        compress::ONNXImportOptions options;
        if (batch > 0)
          options.batch = batch;
        StringRef path = sources.getMemoryBuffer(sources.getMainFileID())->getBufferIdentifier();
        return compress::importONNX(path, context, options).release().getOperation();
      },
      compress::registerONNXImportDialects);
}

int main(int argc, char **argv) {
  registerImportONNX();
  return failed(mlirTranslateMain(argc, argv, "compress-mlir translation driver"));
}
