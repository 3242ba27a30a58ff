//===- Project.cpp - The files of an HLS project ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/HLS/Project.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Conversion/Passes.h"
#include "compress/Kernel/Requantize.h"
#include "compress/Target/HLS/Reference.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/Cpp/CppEmitter.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include "Package.inc"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A port of the network.
struct Port {
  std::string name;
  SmallVector<int64_t> shape;
  kernel::FixedFormat format;
  int64_t size;
};

std::string textOf(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

class ProjectMaker {
public:
  ProjectMaker(ModuleOp module, const Samples &tests, const ProjectOptions &options)
      : module(module), tests(tests), options(options), network(module.lookupSymbol<func::FuncOp>("main")) {}

  llvm::Expected<std::vector<ProjectFile>> run() {
    if (llvm::Error error = readPorts())
      return error;
    if (llvm::Error error = addGoldenData())
      return error;
    if (llvm::Error error = addCode())
      return error;
    add("firmware/net.h", header());
    add("csim_include/ap_int.h", kApInt);
    add("tb/net_tb.cpp", kTestBench);
    add("Makefile", kMakefile);
    add("run_hls.tcl", filledIn(kScript));
    add("hls_config.cfg", filledIn(kConfig));
    add("report.json", report());
    return std::move(files);
  }

private:
  void add(StringRef path, std::string contents) { files.push_back({path.str(), std::move(contents)}); }

  llvm::Error readPorts() {
    if (!network || network.getNumArguments() != 2)
      return llvm::createStringError("an HLS project is made of a network with one input and one result");
    for (unsigned i = 0; i < 2; ++i) {
      auto type = cast<MemRefType>(network.getArgumentTypes()[i]);
      auto name = network.getArgAttrOfType<StringAttr>(i, "compress.name");
      auto fraction = network.getArgAttrOfType<IntegerAttr>(i, kFractionAttr);
      auto shape = network.getArgAttrOfType<DenseI64ArrayAttr>(i, kShapeAttr);
      Port &port = i == 0 ? input : result;
      port = {name     ? name.str()
              : i == 0 ? "input"
                       : "result",
              shape ? llvm::to_vector(shape.asArrayRef()) : SmallVector<int64_t>{},
              {type.getElementTypeBitWidth(), fraction ? fraction.getInt() : 0},
              type.getNumElements()};
    }
    if (tests.size() != input.size)
      return llvm::createStringError("a sample of the test data has %lld numbers, the input of the network %lld",
                                     static_cast<long long>(tests.size()), static_cast<long long>(input.size));
    return llvm::Error::success();
  }

  //===--------------------------------------------------------------------===//
  // Code
  //===--------------------------------------------------------------------===//

  llvm::Error addCode() {
    OwningOpRef<ModuleOp> code = module.clone();
    PassManager pm(module.getContext());
    ConvertFixedPointToEmitCPassOptions toEmitC;
    toEmitC.top = options.top;
    pm.addPass(createConvertFixedPointToEmitCPass(toEmitC));
    if (failed(pm.run(*code)))
      return llvm::createStringError("the network could not be written as C++");
    // Constants go to a file of their own, which the code includes.
    OwningOpRef<ModuleOp> constants = ModuleOp::create(module.getLoc());
    for (emitc::GlobalOp global : llvm::make_early_inc_range(code->getOps<emitc::GlobalOp>()))
      global->moveBefore(constants->getBody(), constants->getBody()->end());
    std::string text, weights;
    llvm::raw_string_ostream textStream(text), weightStream(weights);
    if (failed(emitc::translateToCpp(*code, textStream)) || failed(emitc::translateToCpp(*constants, weightStream)))
      return llvm::createStringError("the network could not be printed as C++");
    add("firmware/net.cpp", "// Made by compress-compile. Formats of the ports: net.h.\n#include \"net.h\"\n#include "
                            "\"weights.h\"\n\n" +
                                text);
    add("firmware/weights.h",
        "// Made by compress-compile: weights and biases of net.cpp.\n#ifndef NET_WEIGHTS_H\n#define "
        "NET_WEIGHTS_H\n\n#include <ap_int.h>\n\n" +
            weights + "\n#endif\n");
    return llvm::Error::success();
  }

  static std::string describe(const Port &port, StringRef macro) {
    double step = std::ldexp(1.0, -port.format.fraction);
    return llvm::formatv("// {0}: {1}, row-major; a number stands for itself times 2^{2}, from {3} to {4}.\n"
                         "#define {5}S {6}\n#define {5}_FRACTION {7}\ntypedef ap_int<{8}> {9}_t;\n\n",
                         port.name, port.shape.empty() ? std::to_string(port.size) : textOf(port.shape),
                         -port.format.fraction, port.format.lowest() * step, port.format.highest() * step, macro,
                         port.size, port.format.fraction, port.format.width, macro.lower());
  }

  std::string header() {
    return "// Made by compress-compile.\n#ifndef NET_H\n#define NET_H\n\n#include <ap_int.h>\n#include <cstddef>\n\n" +
           describe(input, "NET_INPUT") + describe(result, "NET_RESULT") +
           llvm::formatv("#define NET_TOP {0}\nvoid {0}(net_input_t input[NET_INPUTS], net_result_t "
                         "result[NET_RESULTS]);\n\n",
                         options.top)
               .str() +
           R"(// The nearest number of a format, ties to even, saturated.
static inline long long net_quantize(double x, int width, int fraction) {
  double scale = 1, most = 1;
  for (int i = 0; i < fraction; ++i) scale *= 2;
  for (int i = 0; i > fraction; --i) scale /= 2;
  for (int i = 1; i < width; ++i) most *= 2;
  x *= scale;
  if (x >= most - 1) return static_cast<long long>(most - 1);
  if (x <= -most) return static_cast<long long>(-most);
  long long low = static_cast<long long>(x);
  if (low > x) --low;
  double rest = x - low;
  return low + (rest > 0.5 || (rest == 0.5 && low % 2 != 0));
}

#endif
)";
  }

  std::string filledIn(StringRef text) {
    std::string result = text.str();
    auto replace = [&](StringRef word, const std::string &by) {
      for (size_t at; (at = result.find(word)) != std::string::npos;)
        result.replace(at, word.size(), by);
    };
    replace("@TOP@", options.top);
    replace("@PART@", options.part);
    replace("@PERIOD@", llvm::formatv("{0:f2}", 1000 / options.clockMHz));
    return result;
  }

  //===--------------------------------------------------------------------===//
  // Test data
  //===--------------------------------------------------------------------===//

  static void printRows(llvm::raw_ostream &os, StringRef declaration, ArrayRef<std::vector<int64_t>> rows) {
    os << declaration << " = {\n";
    for (const auto &row : rows) {
      os << "  {";
      for (auto [i, number] : llvm::enumerate(row))
        os << (i == 0 ? "" : i % 24 == 0 ? ",\n   " : ", ") << number;
      os << "},\n";
    }
    os << "};\n";
  }

  llvm::Error addGoldenData() {
    auto reference = FixedPointReference::get(module);
    if (!reference)
      return reference.takeError();
    std::vector<std::vector<int64_t>> inputs, results;
    for (int64_t i = 0; i < tests.count(); ++i) {
      std::vector<int64_t> numbers;
      for (float value : tests.sample(i))
        numbers.push_back(kernel::quantize(value, input.format));
      results.emplace_back(result.size);
      reference->run(numbers, results.back());
      inputs.push_back(std::move(numbers));
    }
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "// Made by compress-compile: inputs, and what the integer reference computes of them.\n#define TB_SAMPLES "
       << tests.count() << "\n\n";
    printRows(os, "static const int tb_input[TB_SAMPLES][NET_INPUTS]", inputs);
    os << "\n";
    printRows(os, "static const long long tb_golden[TB_SAMPLES][NET_RESULTS]", results);
    add("tb/data.h", text);
    return llvm::Error::success();
  }

  //===--------------------------------------------------------------------===//
  // Report
  //===--------------------------------------------------------------------===//

  /// A number, and where it comes from.
  static llvm::json::Object labelled(int64_t value) {
    return llvm::json::Object{{"value", value}, {"label", "counted from the integer loops"}};
  }

  static llvm::json::Object describe(const Port &port) {
    return llvm::json::Object{{"name", port.name},
                              {"shape", llvm::json::Array(port.shape)},
                              {"bits", port.format.width},
                              {"fraction", port.format.fraction}};
  }

  std::string report() {
    llvm::json::Array steps;
    int64_t allMultiplications = 0, allBits = 0;
    for (func::CallOp call : network.getOps<func::CallOp>()) {
      auto function = module.lookupSymbol<func::FuncOp>(call.getCallee());
      int64_t multiplications = 0, roundings = 0, bits = 0;
      function.walk([&](Operation *op) {
        int64_t trips = 1;
        for (auto loop = op->getParentOfType<affine::AffineForOp>(); loop;
             loop = loop->getParentOfType<affine::AffineForOp>())
          trips *= llvm::divideCeil(loop.getConstantUpperBound() - loop.getConstantLowerBound(), loop.getStepAsInt());
        if (isa<arith::MulIOp>(op))
          multiplications += trips;
        if (isa<func::CallOp>(op))
          roundings += trips;
        if (auto get = dyn_cast<memref::GetGlobalOp>(op))
          bits += get.getType().getNumElements() * get.getType().getElementTypeBitWidth();
      });
      allMultiplications += multiplications;
      allBits += bits;
      steps.push_back(llvm::json::Object{{"name", call.getCallee()},
                                         {"multiplications", labelled(multiplications)},
                                         {"roundings", labelled(roundings)},
                                         {"rom_bits", labelled(bits)}});
    }
    int64_t bufferBits = 0;
    for (memref::AllocOp alloc : network.getOps<memref::AllocOp>())
      bufferBits += alloc.getType().getNumElements() * alloc.getType().getElementTypeBitWidth();
    llvm::json::Object root{
        {"version", 1},
        {"top", options.top},
        {"input", describe(input)},
        {"result", describe(result)},
        {"test_samples", labelled(tests.count())},
        {"multiplications", labelled(allMultiplications)},
        {"rom_bits", labelled(allBits)},
        {"buffer_bits", labelled(bufferBits)},
        {"part", llvm::json::Object{{"value", options.part}, {"label", "assumed"}}},
        {"clock_mhz", llvm::json::Object{{"value", options.clockMHz}, {"label", "assumed"}}},
        {"not_known", "cycles, DSP, BRAM, LUT, timing and power: there is no schedule and no model of them yet"},
        {"steps", std::move(steps)}};
    return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(root))).str();
  }

  ModuleOp module;
  const Samples &tests;
  const ProjectOptions &options;
  func::FuncOp network;
  Port input, result;
  std::vector<ProjectFile> files;
};

} // namespace

llvm::Expected<std::vector<ProjectFile>> mlir::compress::makeProject(ModuleOp module, const Samples &tests,
                                                                     const ProjectOptions &options) {
  return ProjectMaker(module, tests, options).run();
}
