//===- compress-compile.cpp - Compile a model to a native library ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"
#include "compress/Analysis/Machine.h"
#include "compress/Import/ONNX.h"
#include "compress/Target/CInterface.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::compress;
namespace cl = llvm::cl;

static const char *kOverview = R"(compress-compile: a trained network to a native library that needs no runtime

  compress-compile mnist.onnx -o out          writes out/libmnist.so, out/libmnist.a and out/mnist.h
  compress-compile mnist.onnx -o out --expand         the same network, every weight expanded to dense
  compress-compile mnist.onnx -o out --target-cpu x86-64-v4,x86-64-v3,x86-64      code for each; run takes the first that fits
  compress-compile mnist.onnx -o out --target-triple aarch64-linux-gnu            for another machine
  compress-compile layer.mlir -o out --emit affine    stop at readable loops
  compress-compile mnist.onnx -o out --target hls --calibration x.npy             a C++ project for high-level synthesis
  compress-compile mnist.onnx -o out --profile        for compress-run --per-layer: the time of each layer

Circulant weights (nodes of the model-local function compress.Circulant) are computed by FFT where the cost model
says that it pays, for the machine that --machine describes; a line per layer says what was chosen. The result is for
one thread of a --target-cpu; on a processor that lacks its instructions, run returns an error code.
Run it with compress-run, from C with the header, or from Python with compress_mlir.load.
)";

static cl::OptionCategory category("compress-compile options");

/// A C identifier made of a file's name.
static std::string nameOf(llvm::StringRef path) {
  std::string name;
  for (char c : llvm::sys::path::stem(path))
    name += llvm::isAlnum(c) ? c : '_';
  return name.empty() || llvm::isDigit(name[0]) ? "model_" + name : name;
}

static int fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  return 1;
}

/// Adds the shape of `input=d0xd1x…`; false if it is none.
static bool readShape(llvm::StringRef text, llvm::StringMap<llvm::SmallVector<int64_t>> &shapes) {
  auto [name, extents] = text.rsplit('=');
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<llvm::StringRef> words;
  extents.split(words, 'x');
  for (llvm::StringRef word : words) {
    int64_t extent = mlir::ShapedType::kDynamic;
    if ((word != "?" || !shape.empty()) && (word.getAsInteger(10, extent) || extent < 1))
      return false;
    shape.push_back(extent);
  }
  return !name.empty() && shapes.try_emplace(name, shape).second;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.onnx|.mlir"), cl::Required, cl::cat(category));
  cl::opt<std::string> directory("o", cl::desc("Directory for the files (made if there is none)"),
                                 cl::value_desc("dir"), cl::Required, cl::cat(category));
  cl::opt<std::string> name("name", cl::desc("Name of the library and prefix of its functions (default: the model's)"),
                            cl::cat(category));
  cl::opt<std::string> cpus(
      "target-cpu",
      cl::desc("Processors, as LLVM names them, the preferred one first: code for each, over the same "
               "weights (default: native, this machine's)"),
      cl::value_desc("names"), cl::cat(category));
  cl::opt<std::string> triple("target-triple",
                              cl::desc("Machine of x86-64 or AArch64, such as aarch64-linux-gnu (default: this one)"),
                              cl::value_desc("triple"), cl::cat(category));
  cl::opt<bool> expand("expand", cl::desc("Expand every weight to its dense meaning: the baseline"), cl::cat(category));
  cl::opt<bool> reference("reference", cl::desc("Expand, and compute in double: the oracle (slow; doubles in and out)"),
                          cl::cat(category));
  cl::opt<std::string> force("force",
                             cl::desc("Form for all layers, such as spectral or dense, or pattern=form,... over layer "
                                      "names (default: the cheapest)"),
                             cl::cat(category));
  cl::opt<std::string> objective("objective",
                                 cl::desc("What forms of light layers are chosen by: time (default), or bytes: the "
                                          "fewest of weights, however long they take to decode"),
                                 cl::value_desc("time|bytes"), cl::init("time"), cl::cat(category));
  cl::opt<std::string> machine("machine",
                               cl::desc("Description that the cost model chooses by: a preset, native (what "
                                        "'compress-machine --measure' left) or a JSON file (default: the preset for "
                                        "processors like the first --target-cpu)"),
                               cl::value_desc("machine"), cl::cat(category));
  cl::opt<std::string> precision("precision",
                                 cl::desc("Of constant weights, and of their products: f32 (default), bf16 or i8; "
                                          "auto: by layer, the one that --machine "
                                          "should be fastest with, within --max-error. A layer without a kernel stays "
                                          "f32. Smaller and faster; --report "
                                          "says per layer how far the weights are from f32"),
                                 cl::value_desc("format"), cl::init("f32"), cl::cat(category));
  cl::opt<double> maxError(
      "max-error",
      cl::desc("With --precision auto: the largest relative error (L2) of a layer's weights, such as "
               "0.01; bf16 has about 0.002, i8 0.003 to 0.02"),
      cl::value_desc("error"), cl::cat(category));
  cl::opt<std::string> compress(
      "compress",
      cl::desc("Compress dense layers: rules 'names: scheme', separated by semicolons, such as "
               "'conv*: escalate(bases=4); fc*: smartdeal(sparsity=0.7); default: int8' "
               "(docs/Obtain.md)"),
      cl::value_desc("rules"), cl::cat(category));
  cl::opt<std::string> calibration(
      "calibration",
      cl::desc(
          "Inputs (numpy.save, the first dimension counts them): --compress takes what layers are multiplied with into "
          "account, to lose least of their outputs, the errors of layers' outputs are measured against the dense "
          "network "
          "in f32, and --target hls chooses formats from the ranges of numbers"),
      cl::value_desc("file.npy"), cl::cat(category));
  cl::opt<std::string> activations("activations",
                                   cl::desc("Static quantization: round what layers of 8 bits or less take to 8 bits, "
                                            "and multiply integers. The range of each is "
                                            "chosen from --calibration: minmax; percentile(p), without (100 - p) / 2 "
                                            "percent at either end (p: 99.999); mse, the "
                                            "least error (docs/Obtain.md)"),
                                   cl::value_desc("rule"), cl::cat(category));
  cl::opt<bool> dropDeadChannels("drop-dead-channels",
                                 cl::desc("Before a fit, drop channels that are constant or that no weight reads; "
                                          "constants move into biases"),
                                 cl::cat(category));
  cl::opt<int64_t> batch("batch", cl::desc("Fix the symbolic batch dimension (default: a run-time value)"),
                         cl::value_desc("n"), cl::cat(category));
  cl::list<std::string> shapes(
      "shape",
      cl::desc(
          "Of an input of an ONNX file whose dimensions are not all fixed, such as x=?x3x48x320; ? leaves dimension "
          "0 open, as the batch. One for each such input"),
      cl::value_desc("input=d0xd1x…"), cl::cat(category));
  cl::opt<int64_t> maxBatch("max-batch", cl::desc("Samples that go through the layers together (default: 64)"),
                            cl::value_desc("n"), cl::init(64), cl::cat(category));
  cl::opt<int64_t> vectorLanes("vector-lanes",
                               cl::desc("Floats per vector; 1: readable loops on scalars (default: the "
                                        "processor's)"),
                               cl::value_desc("n"), cl::cat(category));
  cl::opt<Emit> emit("emit", cl::desc("What to write (default: lib)"), cl::init(Emit::Library),
                     cl::values(clEnumValN(Emit::Library, "lib", "shared and static library, header"),
                                clEnumValN(Emit::MLIR, "mlir", "the imported and fitted model"),
                                clEnumValN(Emit::ONNX, "onnx",
                                           "the ONNX file with the light weights of --compress, <name>.light.onnx "
                                           "(docs/LightONNX.md)"),
                                clEnumValN(Emit::Affine, "affine", "loops on buffers"),
                                clEnumValN(Emit::LLVM, "llvm", "optimized LLVM IR"),
                                clEnumValN(Emit::Assembly, "asm", "assembly"),
                                clEnumValN(Emit::Object, "obj", "object file, header")),
                     cl::cat(category));
  cl::opt<Target> target("target", cl::desc("For what to write it (default: cpu)"), cl::init(Target::CPU),
                         cl::values(clEnumValN(Target::CPU, "cpu", "a native library"),
                                    clEnumValN(Target::HLS, "hls",
                                               "a fixed-point network of one sample as C++ for Vitis HLS, with a test "
                                               "bench (docs/HLS.md)")),
                         cl::cat(category));
  cl::opt<std::string> testData("test-data",
                                cl::desc("For --target hls: inputs of the test bench (default: the first 3 of "
                                         "--calibration)"),
                                cl::value_desc("file.npy"), cl::cat(category));
  cl::opt<std::string> fixedPoint(
      "fixed-point",
      cl::desc("For --target hls: widths, of all layers or by their names, such as 'activation-bits=8 spectrum-bits=8 "
               "guard-bits=8' or 'conv*: weight-bits=6; fc1: activation-bits=12; default: weight-bits=8'"),
      cl::value_desc("rules"), cl::cat(category));
  cl::opt<std::string> hlsInputOrder(
      "hls-input-order",
      cl::desc(
          "For --target hls: row-major (default), or channels-last: all channels of a pixel come together, so that "
          "a first convolution keeps a window instead of a sample"),
      cl::value_desc("order"), cl::init("row-major"), cl::cat(category));
  cl::opt<int64_t> hlsBeatBits(
      "hls-beat-bits",
      cl::desc("For --target hls: bits of a beat of AXI4-Stream, 8, 16, 32 or 64, which holds as "
               "many numbers as fit (default: one number, in whole bytes)"),
      cl::value_desc("bits"), cl::init(0), cl::cat(category));
  cl::opt<std::string> hlsPorts("hls-ports",
                                cl::desc("For --target hls: stream (AXI4-Stream, one number a beat; default) or memory "
                                         "(arrays)"),
                                cl::value_desc("kind"), cl::init("stream"), cl::cat(category));
  cl::opt<std::string> hlsDevice(
      "hls-device",
      cl::desc("For --target hls: the device, such as xc7z020, or a part of it, that scripts "
               "name and whose memory has to hold the network (default: xczu7ev)"),
      cl::value_desc("device"), cl::init("xczu7ev"), cl::cat(category));
  cl::opt<double> clockMHz("clock-mhz", cl::desc("For --target hls: the clock that scripts ask for (default: 200)"),
                           cl::value_desc("MHz"), cl::init(200), cl::cat(category));
  cl::opt<bool> hlsRTL("hls-rtl",
                       cl::desc("For --target hls: also Verilog, which make rtlsim compares with the integer reference "
                                "number by number and cycle by cycle"),
                       cl::cat(category));
  cl::opt<int64_t> hlsLanes(
      "hls-lanes",
      cl::desc(
          "For --target hls: products of a sum in one cycle, 1 to 64 in every step, or, with --hls-rtl, 0: in each "
          "step the fewest that --target-interval and the multipliers of --hls-device allow (default: 0 with "
          "--hls-rtl, else 1)"),
      cl::value_desc("n"), cl::init(0), cl::cat(category));
  cl::opt<int64_t> targetInterval(
      "target-interval",
      cl::desc("For --hls-rtl: a sample every so many cycles; 0: as often as streams of one "
               "number a cycle allow (default: 0)"),
      cl::value_desc("cycles"), cl::init(0), cl::cat(category));
  cl::opt<std::string> report("report", cl::desc("Also write phases, layers and sizes as JSON"), cl::value_desc("file"),
                              cl::cat(category));
  cl::opt<bool> memoryReport("memory-report",
                             cl::desc("Print, per op, the bytes it moves, the caches that hold them, and what does not "
                                      "fit; --report has the same figures"),
                             cl::cat(category));
  cl::opt<bool> profile("profile",
                        cl::desc("Code that counts ticks per layer, for compress-run --per-layer and the header's "
                                 "<name>_layers and <name>_ticks"),
                        cl::cat(category));
  cl::opt<bool> quiet("quiet", cl::desc("Print errors and warnings only"), cl::cat(category));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  CompileOptions options;
  options.model = model;
  options.directory = directory;
  options.name = name.empty() ? nameOf(model) : std::string(name);
  options.cpus = cpus;
  options.triple = triple;
  options.force = force;
  options.compress = compress;
  options.calibration = calibration;
  options.activations = activations;
  options.objective = objective;
  options.machine = machine;
  options.precision = precision;
  options.maxError = maxError;
  options.dropDeadChannels = dropDeadChannels;
  options.report = report;
  options.emit = emit;
  options.target = target;
  options.testData = testData;
  options.fixedPoint = fixedPoint;
  options.hlsInputOrder = hlsInputOrder;
  options.hlsBeatBits = hlsBeatBits;
  options.hlsPorts = hlsPorts;
  options.hlsDevice = hlsDevice;
  options.clockMHz = clockMHz;
  options.hlsRTL = hlsRTL;
  options.hlsLanes = hlsLanes;
  options.targetInterval = targetInterval;
  options.expand = expand;
  options.reference = reference;
  options.quiet = quiet;
  options.memoryReport = memoryReport;
  options.profile = profile;
  options.batch = batch;
  for (const std::string &text : shapes)
    if (!readShape(text, options.shapes))
      return fail("--shape expects input=d0xd1x… with extents of 1 or more, of which d0 may be ?, and each input once; "
                  "not '" +
                  text + "'");
  options.maxBatch = maxBatch;
  options.vectorLanes = vectorLanes;
  if (!isCIdentifier(options.name))
    return fail("--name '" + options.name + "' is no C identifier");
  if (!shapes.empty() && !llvm::StringRef(model).ends_with(".onnx"))
    return fail("--shape is for ONNX files");
  if (batch.getNumOccurrences() && batch < 1)
    return fail("--batch expects 1 or more");
  if (maxBatch < 1)
    return fail("--max-batch expects 1 or more");
  if (vectorLanes.getNumOccurrences() && vectorLanes < 1)
    return fail("--vector-lanes expects 1 or more");
  if (objective != "time" && objective != "bytes")
    return fail("--objective expects time or bytes, not '" + objective + "'");
  if ((expand || reference) && objective != "time")
    return fail("--objective does not go with --expand or --reference");
  if (precision != "f32" && precision != "bf16" && precision != "i8" && precision != "auto")
    return fail("--precision expects f32, bf16, i8 or auto, not '" + precision + "'");
  if (precision == "auto" && !(maxError > 0 && maxError < 1))
    return fail(
        "--precision auto needs --max-error, over 0 and under 1: the relative error of a layer's weights that is "
        "allowed, such as 0.01");
  if (precision != "auto" && maxError.getNumOccurrences())
    return fail("--max-error goes with --precision auto");
  if ((expand || reference) && precision != "f32")
    return fail("--precision does not go with --expand or --reference");
  if ((expand || reference) && !force.empty())
    return fail("--force does not go with --expand or --reference");
  if (!calibration.empty() && compress.empty() && activations.empty() && precision == "f32" && target != Target::HLS)
    return fail("--calibration is for --compress, --activations, --precision and --target hls");
  if (!activations.empty() && calibration.empty())
    return fail("--activations needs --calibration: ranges are chosen from samples");
  if (!activations.empty() && target == Target::HLS)
    return fail("--activations does not go with --target hls, whose formats are those of --fixed-point");
  if (emit == Emit::ONNX && (compress.empty() || !llvm::StringRef(model).ends_with(".onnx") || dropDeadChannels))
    return fail(
        "--emit onnx writes an ONNX file again, with the weights of --compress: it needs --compress and an ONNX "
        "file, and does not go with --drop-dead-channels");
  if (profile && (emit == Emit::MLIR || emit == Emit::ONNX || emit == Emit::Affine))
    return fail("--profile does not go with --emit mlir, onnx or affine, which have no ticks yet");
  if (target == Target::HLS) {
    if (calibration.empty() && emit != Emit::MLIR)
      return fail("--target hls needs --calibration: formats are chosen from the ranges of numbers");
    if (emit != Emit::Library && emit != Emit::MLIR && emit != Emit::Affine)
      return fail("--target hls goes with --emit mlir or affine, or with none");
    if (reference || profile || precision != "f32")
      return fail("--target hls does not go with --reference, --profile or --precision");
    if (batch.getNumOccurrences() && batch != 1)
      return fail("--target hls makes a network of one sample: --batch expects 1");
    if (hlsPorts != "stream" && hlsPorts != "memory")
      return fail("--hls-ports expects stream or memory, not '" + hlsPorts + "'");
    if (hlsInputOrder != "row-major" && hlsInputOrder != "channels-last")
      return fail("--hls-input-order expects row-major or channels-last, not '" + hlsInputOrder + "'");
    if (hlsInputOrder != "row-major" && hlsPorts == "memory")
      return fail("--hls-input-order goes with --hls-ports stream: numbers of an array have places, not an order");
    if (hlsBeatBits.getNumOccurrences() &&
        (hlsBeatBits < 8 || hlsBeatBits > 64 || (hlsBeatBits & (hlsBeatBits - 1)) != 0 || hlsPorts == "memory"))
      return fail("--hls-beat-bits expects 8, 16, 32 or 64, with --hls-ports stream");
    if (!(clockMHz >= 1 && clockMHz <= 2000))
      return fail("--clock-mhz expects 1 to 2000");
    if (hlsLanes < 0 || hlsLanes > 64 || (hlsLanes.getNumOccurrences() && hlsLanes == 0 && !hlsRTL))
      return fail("--hls-lanes expects 1 to 64, or 0 with --hls-rtl");
    if (targetInterval < 0 || (targetInterval.getNumOccurrences() && (!hlsRTL || hlsLanes != 0)))
      return fail("--target-interval expects 0 or more cycles, with --hls-rtl and without --hls-lanes");
    options.batch = 1;
    if (!machine.getNumOccurrences())
      options.machine = Machine::kCircuitName;
  } else if (!testData.empty() || !fixedPoint.empty() || hlsPorts.getNumOccurrences() ||
             hlsInputOrder.getNumOccurrences() || hlsBeatBits.getNumOccurrences() || hlsDevice.getNumOccurrences() ||
             clockMHz.getNumOccurrences() || hlsRTL || hlsLanes.getNumOccurrences() ||
             targetInterval.getNumOccurrences()) {
    return fail("--test-data, --fixed-point, --hls-ports, --hls-input-order, --hls-beat-bits, --hls-device, "
                "--clock-mhz, --hls-rtl, "
                "--hls-lanes and "
                "--target-interval go with --target hls");
  } else if (machine == Machine::kCircuitName) {
    return fail("--machine circuit goes with --target hls: a library is for a processor");
  }
  return mlir::failed(compileModel(options));
}
