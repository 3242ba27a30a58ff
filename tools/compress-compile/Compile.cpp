//===- Compile.cpp - A model to a native library --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"
#include "Calibrate.h"
#include "OutputErrors.h"
#include "Report.h"
#include "StagedOutput.h"
#include "compress/Conversion/Passes.h"
#include "compress/Conversion/WidthRules.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/SchemeRules.h"
#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "compress/Import/ONNX.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/HLS/Project.h"
#include "compress/Target/HLS/Reference.h"
#include "compress/Target/ONNX/LightONNX.h"
#include "compress/Target/Passes.h"
#include "compress/Target/Variants.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Prints diagnostics with the ONNX node's name, or the place in the IR file. Remarks go to the report.
LogicalResult printDiagnostic(Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
    return success();
  auto print = [](Diagnostic &what, StringRef kind) {
    llvm::errs() << kind << ": ";
    if (auto file = dyn_cast<FileLineColLoc>(what.getLocation()))
      llvm::errs() << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn() << ": ";
    else if (auto name = dyn_cast<NameLoc>(what.getLocation()); name && !what.str().empty() && what.str()[0] != '\'')
      llvm::errs() << "'" << name.getName().getValue() << "': ";
    llvm::errs() << what << "\n";
  };
  print(diagnostic, diagnostic.getSeverity() == DiagnosticSeverity::Error ? "error" : "warning");
  for (Diagnostic &note : diagnostic.getNotes())
    llvm::errs() << "  " << note << "\n";
  return success();
}

LogicalResult failWith(llvm::Error error) {
  llvm::errs() << "error: " << llvm::toString(std::move(error)) << "\n";
  return failure();
}

LogicalResult check(llvm::Error error) { return error ? failWith(std::move(error)) : success(); }

/// Samples that a test bench streams at least, and of the calibration data at most.
constexpr int64_t kTestSamples = 3;

class Compiler {
public:
  Compiler(const CompileOptions &options, const TargetPlatform &platform, ArrayRef<TargetCPU> cpus,
           const Machine &machine)
      : options(options), platform(platform), cpus(cpus),
        report(options, platform, cpus, machine,
               numPhases(options) + options.dropDeadChannels + !options.compress.empty() +
                   !options.activations.empty() + weighsFits(options) + measuresErrors(options)),
        context(compileDialects()) {
    context.getDiagEngine().registerHandler(printDiagnostic);
    report.listen(context);
  }

  LogicalResult run() {
    if (failed(checkRules()))
      return failure();
    if (llvm::Error error = output.createDirectory(options.directory))
      return failWith(std::move(error));
    if (failed(makeFiles()))
      return failure();
    if (!options.report.empty())
      if (auto written = output.write(options.report, report.json()); !written)
        return failWith(written.takeError());
    if (llvm::Error error = output.commit())
      return failWith(std::move(error));
    report.printSummary();
    if (!options.quiet)
      for (const std::string &file : written)
        llvm::outs() << file << "\n";
    return success();
  }

private:
  /// True if layers are fitted to the inputs that they have, or these are rounded.
  static bool weighsFits(const CompileOptions &options) {
    return !options.calibration.empty() && (!options.compress.empty() || !options.activations.empty());
  }

  /// True if the light network is compared with the dense one.
  static bool measuresErrors(const CompileOptions &options) {
    bool isLossy = !options.compress.empty() || !options.activations.empty() || options.precision != "f32";
    return isLossy && !options.calibration.empty() && options.target == Target::CPU && options.emit != Emit::MLIR &&
           options.emit != Emit::ONNX;
  }

  static int numPhases(const CompileOptions &options) {
    if (options.target == Target::HLS && options.emit != Emit::MLIR)
      return options.emit == Emit::Affine ? 4 : 5;
    switch (options.emit) {
    case Emit::MLIR:
    case Emit::ONNX:
      return 1;
    case Emit::Affine:
      return 2;
    case Emit::LLVM:
      return 4;
    case Emit::Assembly:
    case Emit::Object:
      return 5;
    case Emit::Library:
      return 6;
    }
    return 0;
  }

  std::string pathOf(const llvm::Twine &file) {
    llvm::SmallString<128> path(options.directory);
    llvm::sys::path::append(path, file);
    written.push_back(path.str().str());
    return written.back();
  }

  LogicalResult write(const llvm::Twine &file, StringRef contents) {
    auto written = output.write(pathOf(file), contents);
    return written ? success() : failWith(written.takeError());
  }

  std::string moduleText() {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os);
    return text;
  }

  LogicalResult makeFiles() {
    if (failed(report.phase("import", [&] { return import(); })))
      return failure();
    if (options.dropDeadChannels &&
        failed(report.phase("drop dead channels", [&] { return runPass(createDropDeadChannelsPass()); })))
      return failure();
    if (weighsFits(options) && failed(report.phase("weigh layers", [&] { return calibrateLayers(); })))
      return failure();
    OwningOpRef<ModuleOp> dense = measuresErrors(options) ? module->clone() : ModuleOp();
    llvm::StringMap<std::string> denseTensors;
    if (options.emit == Emit::ONNX)
      denseTensors = namesOfDenseTensors(*module);
    if (!options.compress.empty() && failed(report.phase("compress", [&] { return compressLayers(); })))
      return failure();
    if (!options.activations.empty() &&
        failed(report.phase("quantize activations", [&] { return runPass(createQuantizeActivationsPass()); })))
      return failure();
    if (options.emit == Emit::ONNX)
      return writeLightONNX(denseTensors);
    if (options.emit == Emit::MLIR)
      return write(options.name + ".mlir", moduleText());
    if (options.target == Target::HLS)
      return makeHLSProject();
    if (dense && failed(report.phase("measure errors", [&] { return measureErrors(*dense); })))
      return failure();
    if (failed(report.phase("select, lower to loops", [&] { return lowerToAffine(); })))
      return failure();
    if (options.emit == Emit::Affine)
      return write(options.name + ".affine.mlir", moduleText());
    if (failed(report.phase("lower to LLVM", [&] { return lowerToLLVM(); })) ||
        failed(report.phase("optimize", [&] { return optimize(); })))
      return failure();
    if (options.emit == Emit::LLVM)
      return write(options.name + ".ll", native->llvmText());
    if (failed(report.phase("emit machine code", [&] { return emitCode(); })))
      return failure();
    if (options.emit == Emit::Assembly)
      return write(options.name + ".s", code);
    if (options.emit == Emit::Object)
      return success(succeeded(write(options.name + ".o", code)) && succeeded(writeHeader()));
    return report.phase("link", [&] { return link(); });
  }

  LogicalResult import() {
    StringRef path = options.model;
    if (!llvm::sys::fs::exists(path)) {
      llvm::errs() << "error: '" << path << "' does not exist\n";
      return failure();
    }
    if (path.ends_with(".mlir") || path.ends_with(".mlirbc")) {
      module = parseSourceFile<ModuleOp>(path, &context);
    } else {
      ONNXImportOptions importOptions;
      if (options.batch > 0)
        importOptions.batch = options.batch;
      importOptions.shapes = options.shapes;
      importOptions.batchMayBeFixed = options.target == Target::HLS;
      module = importONNX(path, &context, importOptions);
    }
    return success(static_cast<bool>(module));
  }

  LogicalResult runPass(std::unique_ptr<Pass> pass) {
    PassManager pm(&context);
    pm.addPass(std::move(pass));
    return pm.run(*module);
  }

  /// Before anything else is done.
  LogicalResult checkRules() {
    std::string error;
    if (!options.activations.empty() && !obtain::RangeRule::parse(options.activations, error))
      return failWith(llvm::createStringError("--activations " + error));
    if (!options.compress.empty() && !parseSchemeRules(options.compress, &context, error))
      return failWith(llvm::createStringError("--compress, " + error));
    if (!WidthRules::parse(options.fixedPoint, FixedPointWidths(), error))
      return failWith(llvm::createStringError("--fixed-point, " + error));
    return success();
  }

  LogicalResult calibrateLayers() {
    CalibrationGoals goals;
    goals.moments = !options.compress.empty();
    std::string unused; // it was read before
    if (!options.activations.empty())
      goals.ranges = obtain::RangeRule::parse(options.activations, unused);
    return check(calibrate(*module, options.calibration, goals));
  }

  LogicalResult compressLayers() {
    PassManager pm(&context);
    FitPassOptions fitOptions;
    fitOptions.schemes = options.compress;
    pm.addNestedPass<func::FuncOp>(createFitPass(fitOptions));
    return pm.run(*module);
  }

  /// Of the outputs of linear layers, against `dense`, on the samples of --calibration.
  LogicalResult measureErrors(ModuleOp dense) {
    CompressToAffineOptions pipeline;
    describeChoices(pipeline);
    auto errors = measureOutputErrors(dense, *module, options.calibration, pipeline);
    if (!errors)
      return failWith(errors.takeError());
    for (const OutputError &error : *errors)
      report.add(
          {"measure",
           "analysis",
           error.layer,
           llvm::formatv("output is {0:f6} off, relatively, on {1} samples", error.relative, error.samples).str(),
           {{"measured_output_error", error.relative}, {"samples", double(error.samples)}},
           {}});
    return success();
  }

  /// What the pipelines choose forms and formats by.
  void describeChoices(CompressToAffineOptions &pipeline) const {
    pipeline.expand = options.expand;
    pipeline.force = options.force;
    pipeline.objective = options.objective;
    pipeline.machine = options.machine;
    pipeline.precision = options.precision;
    pipeline.maxError = options.maxError;
  }

  LogicalResult writeLightONNX(const llvm::StringMap<std::string> &denseTensors) {
    auto file = makeLightONNX(options.model, *module, denseTensors);
    return file ? write(options.name + ".light.onnx", *file) : failWith(file.takeError());
  }

  //===--------------------------------------------------------------------===//
  // High-level synthesis
  //===--------------------------------------------------------------------===//

  LogicalResult makeHLSProject() {
    auto calibration = Samples::read(options.calibration);
    if (!calibration)
      return failWith(calibration.takeError());
    auto part = Part::get(options.hlsDevice);
    if (!part)
      return failWith(part.takeError());
    denseOperations = countDenseOperations(*module);
    if (failed(report.phase("select", [&] { return select(); })) ||
        failed(report.phase("calibrate", [&] { return check(calibrate(*module, *calibration)); })) ||
        failed(report.phase("lower to integers", [&] { return lowerToFixedPoint(*part); })))
      return failure();
    if (options.emit == Emit::Affine)
      return write(options.name + ".affine.mlir", moduleText());
    return report.phase("write the project", [&] { return writeProject(*calibration, *part); });
  }

  LogicalResult select() {
    PassManager pm(&context);
    CompressToAffineOptions pipeline;
    describeChoices(pipeline);
    buildCompressToKernelsPipeline(pm, pipeline);
    return pm.run(*module);
  }

  LogicalResult lowerToFixedPoint(const Part &part) {
    PassManager pm(&context);
    ConvertCompressToFixedPointPassOptions widths;
    widths.layers = options.fixedPoint;
    widths.inputOrder = options.hlsInputOrder;
    pm.addPass(createConvertCompressToFixedPointPass(widths));
    HLSSchedulePassOptions schedule;
    schedule.network = options.hlsRTL;
    schedule.lanes = options.hlsRTL ? options.hlsLanes : std::max<int64_t>(options.hlsLanes, 1);
    if (schedule.lanes == 0) {
      schedule.targetInterval = options.targetInterval;
      schedule.multipliers = part.dsp;
    }
    pm.addPass(createHLSDataflowPass());
    pm.addPass(createHLSSchedulePass(schedule));
    return pm.run(*module);
  }

  LogicalResult writeProject(const Samples &calibration, const Part &part) {
    Samples tests = calibration.firstOf(kTestSamples);
    if (!options.testData.empty()) {
      auto read = Samples::read(options.testData);
      if (!read)
        return failWith(read.takeError());
      tests = std::move(*read);
    }
    if (tests.count() < kTestSamples)
      llvm::errs() << "warning: the test bench has only " << tests.count()
                   << " sample(s): what one leaves behind for the next is hardly tested\n";
    ProjectOptions project{options.name,        part,           options.clockMHz, options.hlsPorts == "stream",
                           options.hlsBeatBits, options.hlsRTL, denseOperations};
    auto files = makeProject(*module, tests, project);
    if (!files)
      return failWith(files.takeError());
    for (const ProjectFile &file : *files) {
      llvm::SmallString<128> path(options.directory);
      llvm::sys::path::append(path, llvm::sys::path::parent_path(file.path));
      if (llvm::Error error = output.createDirectory(path))
        return failWith(std::move(error));
      if (failed(write(file.path, file.contents)))
        return failure();
    }
    return success();
  }

  using BuildToAffine = void (*)(OpPassManager &, const CompressToAffineOptions &);

  /// Runs a part of the pipeline to affine loops with the lanes of `cpu`.
  LogicalResult runToAffine(BuildToAffine build, ModuleOp part, const TargetCPU &cpu) {
    PassManager pm(&context);
    CompressToAffineOptions pipeline;
    describeChoices(pipeline);
    pipeline.reference = options.reference;
    pipeline.extensions = llvm::join(cpu.extensions, ",");
    pipeline.hasRounding = cpu.hasRounding;
    pipeline.vectorLanes = options.vectorLanes ? options.vectorLanes : cpu.vectorBytes / 4;
    pipeline.memoryReport = options.memoryReport || !options.report.empty();
    pipeline.maxBatch = options.maxBatch;
    pipeline.predictLayers = options.profile;
    build(pm, pipeline);
    return pm.run(part);
  }

  /// Forms and weights are chosen once; loops are made for each processor.
  LogicalResult lowerToAffine() {
    if (failed(runToAffine(buildCompressToBuffersPipeline, *module, cpus.front())))
      return failure();
    SmallVector<OwningOpRef<ModuleOp>> variants;
    for (size_t i = 1; i < cpus.size(); ++i)
      variants.push_back(module->clone());
    for (auto [i, cpu] : llvm::enumerate(cpus)) {
      ModuleOp part = i == 0 ? *module : *variants[i - 1];
      if (failed(runToAffine(buildCompressToLoopsPipeline, part, cpu)))
        return failure();
      markVariant(part, i, cpu);
    }
    for (auto &variant : variants)
      if (failed(addVariant(*module, *variant)))
        return failure();
    return options.objective == "bytes" ? runPass(createShrinkConstantsPass()) : success();
  }

  LogicalResult lowerToLLVM() {
    PassManager pm(&context);
    CompressToLLVMOptions pipeline;
    pipeline.name = options.name;
    pipeline.maxBatch = options.maxBatch;
    if (options.profile)
      pipeline.profile = platform.counter().str();
    buildCompressPackagePipeline(pm, pipeline);
    if (failed(pm.run(*module)))
      return failure();
    std::string error;
    report.interface = CInterface::get(*module, options.name, error);
    if (!report.interface)
      return failWith(llvm::createStringError(error));
    header = report.interface->header();
    PassManager lower(&context);
    buildCompressLowerPipeline(lower);
    return lower.run(*module);
  }

  LogicalResult optimize() {
    auto result = NativeModule::get(*module, platform, cpus);
    if (!result)
      return failWith(result.takeError());
    native = std::move(*result);
    return success();
  }

  LogicalResult emitCode() {
    auto result = native->emit(options.emit == Emit::Assembly);
    if (!result)
      return failWith(result.takeError());
    code = std::move(*result);
    if (options.emit == Emit::Assembly)
      return success();
    auto bytes = weightBytesOfObject(code);
    if (!bytes)
      return failWith(bytes.takeError());
    report.weightBytes = *bytes;
    report.weightsByType = native->weightBytesByType();
    return success();
  }

  LogicalResult writeHeader() { return write(options.name + ".h", header); }

  LogicalResult link() {
    // Never committed: the object is gone when this function returns.
    StagedOutput intermediate;
    llvm::SmallString<128> object(options.directory);
    llvm::sys::path::append(object, options.name + ".o");
    auto objectPath = intermediate.write(object, code);
    if (!objectPath)
      return failWith(objectPath.takeError());
    std::string shared = output.stage(pathOf("lib" + options.name + ".so"));
    if (llvm::Error error = linkSharedLibrary(*objectPath, shared, platform))
      return failWith(std::move(error));
    uint64_t bytes = 0;
    if (!llvm::sys::fs::file_size(shared, bytes))
      report.libraryBytes = bytes;
    if (llvm::Error error = writeStaticLibrary(*objectPath, output.stage(pathOf("lib" + options.name + ".a"))))
      return failWith(std::move(error));
    return writeHeader();
  }

  const CompileOptions &options;
  const TargetPlatform &platform;
  ArrayRef<TargetCPU> cpus;
  Report report;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<NativeModule> native;
  std::string code, header;
  llvm::StringMap<int64_t> denseOperations;
  StagedOutput output;
  std::vector<std::string> written;
};

} // namespace

LogicalResult mlir::compress::compileModel(const CompileOptions &options) {
  auto platform = TargetPlatform::get(options.triple);
  if (!platform)
    return failWith(platform.takeError());
  auto cpus = platform->processors(options.cpus);
  if (!cpus)
    return failWith(cpus.takeError());
  for (size_t later = 1; later < cpus->size(); ++later)
    for (size_t i = 0; i < later; ++i)
      if ((*cpus)[i].runsWherever((*cpus)[later])) {
        llvm::errs() << "warning: code for '" << (*cpus)[later].name << "' never runs: '" << (*cpus)[i].name
                     << "', which --target-cpu names before it, runs wherever it does\n";
        break;
      }
  CompileOptions resolved = options;
  if (options.machine.empty())
    resolved.machine = cpus->front().machine();
  auto machine = Machine::get(resolved.machine);
  if (!machine)
    return failWith(machine.takeError());
  return Compiler(resolved, *platform, *cpus, *machine).run();
}
