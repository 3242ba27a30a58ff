//===- compress-translate.cpp - Between IR and other formats --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Import/ONNX.h"
#include "compress/InitAll.h"
#include "compress/Target/Verilog/Verilog.h"
#include "mlir/InitAllDialects.h"
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

static void registerVerilog() {
  static llvm::cl::opt<std::string> top("top", llvm::cl::desc("Name of the Verilog module of the network"),
                                        llvm::cl::init("net"));
  TranslateFromMLIRRegistration registration(
      "hls-to-verilog",
      "A network with a schedule (compress-hls-schedule=network) to Verilog; files of memories as comments",
      [](ModuleOp module, raw_ostream &os) -> LogicalResult {
        FailureOr<compress::hls::NetworkSchedule> schedule = compress::hls::NetworkSchedule::read(module);
        if (failed(schedule))
          return failure();
        for (const compress::VerilogFile &file : compress::printVerilog(*schedule, top)) {
          bool isCode = StringRef(file.name).ends_with(".v");
          os << "// " << file.name << "\n";
          for (StringRef line : llvm::split(StringRef(file.contents).rtrim(), '\n'))
            os << (isCode ? "" : "//   ") << line << "\n";
        }
        return success();
      },
      [](DialectRegistry &registry) {
        registerAllDialects(registry);
        compress::registerAllDialects(registry);
      });
}

int main(int argc, char **argv) {
  registerImportONNX();
  registerVerilog();
  return failed(mlirTranslateMain(argc, argv, "compress-mlir translation driver"));
}
