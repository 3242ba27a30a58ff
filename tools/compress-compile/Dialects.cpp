//===- Dialects.cpp - The dialects of compress-compile --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"
#include "compress/Import/ONNX.h"
#include "compress/InitAll.h"
#include "compress/Target/ONNX/LightONNX.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

using namespace mlir;

#ifdef COMPRESS_INCLUDE_TESTS
namespace mlir::compress::test {
void registerTestDialect(DialectRegistry &registry);
} // namespace mlir::compress::test
#endif

DialectRegistry mlir::compress::compileDialects() {
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  compress::registerAllDialects(registry);
  compress::registerONNXImportDialects(registry);
  compress::registerONNXWeightWriters(registry);
#ifdef COMPRESS_INCLUDE_TESTS
  compress::test::registerTestDialect(registry);
#endif
  return registry;
}
