//===- compress-opt.cpp - Run passes on IR files --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/InitAll.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#ifdef COMPRESS_INCLUDE_TESTS
namespace mlir::compress::test {
void registerTestDialect(DialectRegistry &registry);
void registerTestPasses();
} // namespace mlir::compress::test
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::compress::registerAllDialects(registry);
  mlir::compress::registerAllPasses();
  mlir::compress::registerAllPipelines();
#ifdef COMPRESS_INCLUDE_TESTS
  mlir::compress::test::registerTestDialect(registry);
  mlir::compress::test::registerTestPasses();
#endif
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "compress-mlir optimizer driver\n", registry));
}
