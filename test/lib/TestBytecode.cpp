//===- TestBytecode.cpp - Bytecode as other builds write it ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/BytecodeVersion.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Writes the module to a file that states another version of a dialect.
struct TestWriteBytecodePass : PassWrapper<TestWriteBytecodePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestWriteBytecodePass)

  TestWriteBytecodePass() = default;
  TestWriteBytecodePass(const TestWriteBytecodePass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-compress-write-bytecode"; }
  StringRef getDescription() const override { return "Write bytecode of another version of a dialect"; }

  Option<std::string> file{*this, "file", llvm::cl::desc("File to write")};
  Option<std::string> dialect{*this, "dialect", llvm::cl::desc("Dialect whose version is stated")};
  Option<uint64_t> version{*this, "version", llvm::cl::desc("Version to state")};

  void runOnOperation() override {
    std::string error;
    std::unique_ptr<llvm::ToolOutputFile> output = openOutputFile(file, &error);
    if (!output) {
      emitError(getOperation().getLoc()) << error;
      return signalPassFailure();
    }
    BytecodeWriterConfig config;
    config.setDialectVersion(dialect, std::make_unique<BytecodeVersion>(version));
    if (failed(writeBytecodeToFile(getOperation(), output->os(), config)))
      return signalPassFailure();
    output->keep();
  }
};

} // namespace

namespace mlir::compress::test {
void registerBytecodePass() { PassRegistration<TestWriteBytecodePass>(); }
} // namespace mlir::compress::test
