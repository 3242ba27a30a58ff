//===- Project.cpp - The files of an HLS project ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/HLS/Project.h"
#include "ProjectReport.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "compress/Dialect/HLS/Transforms/Nest.h"
#include "compress/Kernel/Requantize.h"
#include "compress/Target/HLS/Reference.h"
#include "compress/Target/Verilog/Verilog.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/Cpp/CppEmitter.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include "Package.inc"

using namespace mlir;
using namespace mlir::compress;

namespace {

std::string textOf(ArrayRef<int64_t> shape, StringRef between = " x ") {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : between.str()) + std::to_string(extent);
  return text;
}

class ProjectMaker {
public:
  ProjectMaker(ModuleOp module, const Samples &tests, const ProjectOptions &options)
      : module(module), tests(tests), options(options), network(module.lookupSymbol<func::FuncOp>("main")) {}

  llvm::Expected<std::vector<ProjectFile>> run() {
    if (llvm::Error error = readPorts())
      return error;
    FailureOr<hls::NetworkSchedule> schedule = failure();
    if (options.hasRTL && failed(schedule = hls::NetworkSchedule::read(module)))
      return llvm::createStringError("the network could not be written as Verilog");
    HLSReport report(module, options, input, result, tests.count(), options.hasRTL ? &*schedule : nullptr);
    if (llvm::Error error = report.checkBudget())
      return error;
    if (llvm::Error error = addGoldenData())
      return error;
    if (llvm::Error error = addCode())
      return error;
    add("firmware/net.h", header());
    add("csim_include/ap_int.h", kApInt);
    add("csim_include/ap_fixed.h", kApFixed);
    add("csim_include/ap_axi_sdata.h", kApAxi);
    add("csim_include/hls_stream.h", kStream);
    add("tb/net_tb.cpp", options.hasStreams ? kStreamTestBench : kTestBench);
    add("Makefile", filledIn(kMakefile));
    add("run_hls.tcl", filledIn(kScript));
    add("hls_config.cfg", filledIn(kConfig));
    if (options.hasRTL)
      addRTL(*schedule);
    add("report.json", report.json());
    add("report.html", report.html());
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
      HLSPort &port = i == 0 ? input : result;
      port = {name     ? name.str()
              : i == 0 ? "input"
                       : "result",
              shape ? llvm::to_vector(shape.asArrayRef()) : SmallVector<int64_t>{},
              {type.getElementTypeBitWidth(), fraction ? fraction.getInt() : 0},
              type.getNumElements()};
      if (auto order = network.getArgAttrOfType<DenseI64ArrayAttr>(i, kOrderAttr))
        port.order = llvm::to_vector(order.asArrayRef());
      if (llvm::Error error = setBeats(port))
        return error;
    }
    if (tests.size() != input.size)
      return llvm::createStringError("a sample of the test data has %lld numbers, the input of the network %lld",
                                     static_cast<long long>(tests.size()), static_cast<long long>(input.size));
    return llvm::Error::success();
  }

  llvm::Error setBeats(HLSPort &port) {
    port.slotBits = llvm::alignTo(port.format.width, 8);
    if (options.beatBits == 0)
      return llvm::Error::success();
    port.slotBits = llvm::PowerOf2Ceil(port.slotBits);
    port.beatNumbers = options.beatBits / port.slotBits;
    if (port.beatNumbers > 0)
      return llvm::Error::success();
    return llvm::createStringError(llvm::formatv("a beat of {0} bits holds no number of '{1}', which has {2}",
                                                 options.beatBits, port.name, port.format.width));
  }

  //===--------------------------------------------------------------------===//
  // Code
  //===--------------------------------------------------------------------===//

  llvm::Error addCode() {
    OwningOpRef<ModuleOp> code = module.clone();
    PassManager pm(module.getContext());
    ConvertFixedPointToEmitCPassOptions toEmitC;
    toEmitC.top = options.hasStreams ? options.top + "_steps" : options.top;
    toEmitC.ports = options.hasStreams ? "stream" : "memory";
    pm.addPass(createConvertFixedPointToEmitCPass(toEmitC));
    pm.addPass(createHLSLintPass());
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
                                text + (options.hasStreams ? streamPorts() : ""));
    add("firmware/weights.h",
        "// Made by compress-compile: weights and biases of net.cpp.\n#ifndef NET_WEIGHTS_H\n#define "
        "NET_WEIGHTS_H\n\n#include <ap_int.h>\n\n" +
            weights + "\n#endif\n");
    return llvm::Error::success();
  }

  /// The top function; the network in it takes its numbers from a stream, or from an array.
  std::string streamPorts() {
    std::string text = filledIn(kStreamPorts);
    BufferInCpp numbers = bufferInCpp(module, network.getArgument(0), /*arePorts=*/true),
                results = bufferInCpp(module, network.getArgument(1), /*arePorts=*/true);
    bool isStream[] = {numbers.isStream, results.isStream};
    auto depth = [&](unsigned port) { return std::to_string(hls::Channel::of(network.getArgument(port)).depth); };
    auto stream = [&](const std::string &type, const std::string &name, unsigned port) {
      return "hls::stream<" + type + "> " + name + "(\"" + name + "\");\n#pragma HLS STREAM variable=" + name +
             " depth=" + depth(port);
    };
    replaceIn(text, "@NUMBERS_OUT@", isStream[0] ? "hls::stream<net_input_t> &to" : "net_input_t to[NET_INPUTS]");
    replaceIn(text, "@PUT_NUMBER@", isStream[0] ? "to.write(number);" : "to[net_input_place(i)] = number;");
    replaceIn(text, "@RESULTS_IN@", isStream[1] ? "hls::stream<net_result_t> &from" : "net_result_t from[NET_RESULTS]");
    replaceIn(text, "@TAKE_RESULT@", isStream[1] ? "from.read()" : "from[i]");
    replaceIn(text, "@NUMBERS@",
              isStream[0] ? stream("net_input_t", "numbers", 0) : "net_input_t numbers[NET_INPUTS];");
    replaceIn(text, "@RESULTS@",
              isStream[1] ? stream("net_result_t", "results", 1) : "net_result_t results[NET_RESULTS];");
    return text;
  }

  static std::string describe(const HLSPort &port, StringRef macro) {
    double step = std::ldexp(1.0, -port.format.fraction);
    return llvm::formatv("// {0}: {1}, {10}; a number stands for itself times 2^{2}, from {3} to {4}.\n"
                         "#define {5}S {6}\n#define {5}_FRACTION {7}\ntypedef ap_int<{8}> {9}_t;\n\n",
                         port.name, port.shape.empty() ? std::to_string(port.size) : textOf(port.shape),
                         -port.format.fraction, port.format.lowest() * step, port.format.highest() * step, macro,
                         port.size, port.format.fraction, port.format.width, macro.lower(),
                         port.order.empty() ? "row-major"
                                            : "in the order of its dimensions " + textOf(port.order, ", "));
  }

  /// The beats of a port and the top function on them.
  std::string streamDeclarations() {
    return llvm::formatv(
        R"(// A beat of AXI4-Stream holds so many numbers, in so many bits each, the first of them lowest; TLAST is set at the last
// beat of a sample, which may hold fewer.
#define NET_INPUT_BEAT_NUMBERS {0}
#define NET_INPUT_NUMBER_BITS {1}
#define NET_RESULT_BEAT_NUMBERS {2}
#define NET_RESULT_NUMBER_BITS {3}
typedef ap_axis<{4}, 1, 1, 1> net_input_beat_t;
typedef ap_axis<{5}, 1, 1, 1> net_result_beat_t;

// Number `part` of a beat of BITS bits with `bits` for each, where it lies there; and taken out of it.
template <int BITS>
static inline ap_int<BITS> net_put_number(long long number, int part, int bits) {{
  return (ap_int<BITS>(number) & ap_int<BITS>((1LL << bits) - 1)) << (part * bits);
}
template <int BITS>
static inline ap_int<BITS> net_take_number(ap_int<BITS> beat, int part, int bits) {{
  return (beat << (BITS - (part + 1) * bits)) >> (BITS - bits);
}

#define NET_TOP {6}
// One sample. frame_errors: how many beats had a TLAST that is not that of the last beat of a sample.
void {6}(hls::stream<net_input_beat_t> &input, hls::stream<net_result_beat_t> &result, int *frame_errors);

)",
        input.beatNumbers, input.slotBits, result.beatNumbers, result.slotBits, input.beatBits(), result.beatBits(),
        options.top);
  }

  std::string memoryDeclarations() {
    return llvm::formatv("#define NET_TOP {0}\nvoid {0}(net_input_t input[NET_INPUTS], net_result_t "
                         "result[NET_RESULTS]);\n\n",
                         options.top);
  }

  std::string header() {
    return std::string("// Made by compress-compile.\n#ifndef NET_H\n#define NET_H\n\n#include <ap_int.h>\n") +
           (options.hasStreams ? "#include <ap_axi_sdata.h>\n" : "") + "#include <hls_stream.h>\n" +
           "#include <cstddef>\n\n" + describe(input, "NET_INPUT") + describe(result, "NET_RESULT") +
           (options.hasStreams ? streamDeclarations() : memoryDeclarations()) +
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

// Where the number of beat i of a sample lies in the tensor, row-major.
static inline int net_input_place(int i) { return )" +
           inputPlace() + R"(; }

// What a number of the input port is for x, and what one of the result port stands for.
static inline net_input_t net_input_of(double x) {
  return net_input_t(net_quantize(x, net_input_t::width, NET_INPUT_FRACTION));
}
static inline double net_value_of(net_result_t number) {
  double value = static_cast<double>(number.to_int64());
  for (int i = 0; i < NET_RESULT_FRACTION; ++i) value /= 2;
  for (int i = 0; i > NET_RESULT_FRACTION; --i) value *= 2;
  return value;
}

#endif
)";
  }

  /// Of the numbers of a sample, which channel and pixel is the i-th.
  std::string inputPlace() {
    std::vector<int64_t> places = hls::placesOfPort(network.getArgument(0));
    if (places.size() < 2 || places[1] == 1)
      return "i";
    int64_t pixels = places[1], channels = input.size / pixels;
    return llvm::formatv("i % {0} * {1} + i / {0}", channels, pixels);
  }

  static void replaceIn(std::string &text, StringRef word, const std::string &by) {
    for (size_t at; (at = text.find(word)) != std::string::npos;)
      text.replace(at, word.size(), by);
  }

  std::string filledIn(StringRef text) {
    std::string result = text.str();
    replaceIn(result, "@TOP@", options.top);
    replaceIn(result, "@PART@", options.part.name);
    replaceIn(result, "@PERIOD@", llvm::formatv("{0:f2}", 1000 / options.clockMHz));
    return result;
  }

  //===--------------------------------------------------------------------===//
  // Verilog
  //===--------------------------------------------------------------------===//

  void addRTL(const hls::NetworkSchedule &schedule) {
    for (const VerilogFile &file : printVerilog(schedule, options.top))
      add("rtl/" + file.name, file.contents);
    add("tb/rtl_tb.cpp", kRTLTestBench);
    std::string ends;
    for (int64_t end : schedule.simulate(schedule.depths, schedule.samplesToSettle()))
      ends += (ends.empty() ? "" : ", ") + std::to_string(end);
    add("tb/rtl_data.h",
        llvm::formatv("// Made by compress-compile: what rtl_tb.cpp has to know of the network and its "
                      "schedule.\n#define NET_INPUTS "
                      "{0}\n#define NET_RESULTS {1}\n#define NET_INPUT_BITS {2}\n#define NET_RESULT_BITS {3}\n"
                      "// Cycles without a number in or out after which it is stuck.\n#define RTL_PATIENCE {4}\n"
                      "// The cycle, after the first number arrived, in which the last one of each sample leaves.\n"
                      "static const long long rtl_ends[] = {{{5}};\n\n#include \"data.h\"\n",
                      input.size, result.size, input.format.width, result.format.width, 4 * schedule.latency + 4096,
                      ends));
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
    std::vector<int64_t> places = hls::placesOfPort(network.getArgument(0));
    std::vector<std::vector<int64_t>> inputs, results;
    for (int64_t i = 0; i < tests.count(); ++i) {
      std::vector<int64_t> numbers, arriving;
      for (float value : tests.sample(i))
        numbers.push_back(kernel::quantize(value, input.format));
      results.emplace_back(result.size);
      reference->run(numbers, results.back());
      for (int64_t place : places)
        arriving.push_back(numbers[place]);
      inputs.push_back(std::move(arriving));
    }
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "// Made by compress-compile: inputs, as they come, and what the integer reference computes of "
          "them.\n#define TB_SAMPLES "
       << tests.count() << "\n\n";
    printRows(os, "static const int tb_input[TB_SAMPLES][NET_INPUTS]", inputs);
    os << "\n";
    printRows(os, "static const long long tb_golden[TB_SAMPLES][NET_RESULTS]", results);
    add("tb/data.h", text);
    return llvm::Error::success();
  }

  ModuleOp module;
  const Samples &tests;
  const ProjectOptions &options;
  func::FuncOp network;
  HLSPort input, result;
  std::vector<ProjectFile> files;
};

} // namespace

llvm::Expected<std::vector<ProjectFile>> mlir::compress::makeProject(ModuleOp module, const Samples &tests,
                                                                     const ProjectOptions &options) {
  return ProjectMaker(module, tests, options).run();
}
