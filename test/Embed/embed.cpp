//===- embed.cpp - Another compiler that runs one of our passes -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/InitAll.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

int main() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect>();
  mlir::compress::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @layer(%x: tensor<5x32xf32>, %c: tensor<2x2x16xf32>, %y0: tensor<5x32xf32>) -> tensor<5x32xf32> {
      %w = compress.circulant %c order = [1, 0] : tensor<2x2x16xf32> -> tensor<32x32xf32>
      %y = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x32xf32>) outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32>
      return %y : tensor<5x32xf32>
    })",
                                                        &context);
  mlir::PassManager passes(&context);
  passes.addPass(mlir::compress::createSelectPass());
  if (!module || mlir::failed(passes.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
