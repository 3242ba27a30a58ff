//===- compress-reduce.cpp - Make a failing IR file small -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReductionPatterns.h"
#include "compress/InitAll.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "llvm/Support/CommandLine.h"

static const char *kExample = R"help(
compress-reduce makes a file small that shows a fault, and keeps the fault. A script says whether it is there: it is
called with a file, and ends with 1 where the file is interesting, with 0 where not.

  cat > fails.sh <<'END'
  #!/bin/sh
  if compress-opt --compress-select "$1" 2>&1 | grep -q 'text of the error'; then exit 1; else exit 0; fi
  END
  chmod +x fails.sh
  T="test=./fails.sh"
  compress-reduce net.mlir -o small.mlir \
    --pass-pipeline="builtin.module(reduction-tree{traversal-mode=0 $T},reduction-tree{traversal-mode=0 $T})"

reduction-tree removes ops that nothing uses and replaces results by destinations or zeros: run it twice or more.
opt-reduction-pass{opt-pass=canonicalize test=./fails.sh} keeps what a pass does, where the fault stays.
)help";

int main(int argc, char **argv) {
  llvm::cl::extrahelp example(kExample);
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::compress::registerAllDialects(registry);
  mlir::compress::registerAllPasses();
  mlir::compress::registerAllPipelines();
  mlir::compress::registerReductionPatterns(registry);
  mlir::MLIRContext context(registry);
  // The rewrites come with the dialect, whether or not the file has an op of it.
  context.loadDialect<mlir::compress::CompressDialect>();
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}
