//===- embed.cpp - Another compiler that runs our passes ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   embed FILE select     prints the kernel ops that compress-select chooses
//   embed FILE expand     prints the dense meaning
//   embed FILE affine     prints loops on buffers
//
//===----------------------------------------------------------------------===//

#include "compress/InitAll.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  llvm::StringRef wanted = argv[2];
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect>();
  mlir::compress::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  mlir::PassManager passes(&context);
  if (wanted == "select")
    passes.addPass(mlir::compress::createSelectPass({/*force=*/"coded_layer=coded"}));
  else if (wanted == "expand")
    passes.addPass(mlir::compress::createExpandPass());
  else
    mlir::compress::buildCompressToAffinePipeline(passes, {});
  if (!module || mlir::failed(passes.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
