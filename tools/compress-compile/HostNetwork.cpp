//===- HostNetwork.cpp - A network that the compiler runs -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostNetwork.h"
#include "StagedOutput.h"
#include "compress/Target/NativeLibrary.h"
#include "compress/Target/Variants.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <stdexcept>

using namespace mlir;
using namespace mlir::compress;

/// Samples of a call, where the network leaves the batch open.
static constexpr int64_t kBatch = 64;

static llvm::Error error(const llvm::Twine &message) { return llvm::createStringError(message); }

void mlir::compress::returnInstead(func::FuncOp main, ValueRange values) {
  main.getBody().front().getTerminator()->setOperands(values);
  main.setType(FunctionType::get(main.getContext(), main.getArgumentTypes(), values.getTypes()));
  main.removeResAttrsAttr();
}

llvm::Expected<std::unique_ptr<HostNetwork>> HostNetwork::compile(ModuleOp module, CompressToAffineOptions &options) {
  llvm::SmallString<128> directory;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("compress-calibrate", directory))
    return error("no folder for temporary files: " + code.message());
  std::unique_ptr<HostNetwork> network(new HostNetwork(directory));
  if (llvm::Error failure = network->build(module, options))
    return failure;
  return network;
}

HostNetwork::~HostNetwork() { llvm::sys::fs::remove_directories(directory); }

llvm::Error HostNetwork::build(ModuleOp module, CompressToAffineOptions &options) {
  constexpr const char *kName = "calibrate";
  auto platform = TargetPlatform::get("");
  if (!platform)
    return platform.takeError();
  auto cpus = platform->processors("");
  if (!cpus)
    return cpus.takeError();
  // What the system may refuse is not worth it here.
  llvm::erase_if(cpus->front().extensions,
                 [](StringRef extension) { return findX86Feature(extension)->mustBeAskedFor(); });
  PassManager toLoops(module.getContext()), toLLVM(module.getContext());
  options.vectorLanes = cpus->front().vectorBytes / 4;
  options.extensions = llvm::join(cpus->front().extensions, ",");
  options.hasRounding = cpus->front().hasRounding;
  buildCompressToAffinePipeline(toLoops, options);
  CompressToLLVMOptions package;
  package.name = kName;
  package.maxBatch = kBatch;
  buildCompressPackagePipeline(toLLVM, package);
  buildCompressLowerPipeline(toLLVM);
  auto failure = [] { return error("the network cannot be compiled to run it on the samples of --calibration"); };
  if (failed(toLoops.run(module)))
    return failure();
  // Without what the functions may use, LLVM refuses the instructions of these extensions.
  markVariant(module, 0, cpus->front());
  if (failed(toLLVM.run(module)))
    return failure();
  auto native = NativeModule::get(module, *platform, *cpus);
  if (!native)
    return native.takeError();
  auto code = (*native)->emit(/*asAssembly=*/false);
  if (!code)
    return code.takeError();
  llvm::SmallString<128> object(directory), shared(directory);
  llvm::sys::path::append(object, std::string(kName) + ".o");
  llvm::sys::path::append(shared, "lib" + std::string(kName) + ".so");
  StagedOutput output;
  if (auto written = output.write(object, *code); !written)
    return written.takeError();
  if (llvm::Error failure = output.commit())
    return failure;
  if (llvm::Error failure = linkSharedLibrary(object, shared, *platform))
    return failure;
  try {
    library = std::make_unique<::compress::Library>(shared.str().str());
  } catch (const std::runtime_error &problem) {
    return error(problem.what());
  }
  return llvm::Error::success();
}

/// Samples `begin` to `end` of an array.
static ::compress::Array samplesOf(const ::compress::Array &array, int64_t begin, int64_t end) {
  int64_t bytes = array.bytes.size() / array.shape[0];
  ::compress::Array part{array.dtype, array.shape, {}};
  part.shape[0] = end - begin;
  part.bytes.assign(array.bytes.begin() + begin * bytes, array.bytes.begin() + end * bytes);
  return part;
}

std::vector<::compress::Array> HostNetwork::batchesOf(const ::compress::Array &samples) const {
  if (library->inputs.size() != 1)
    throw std::runtime_error("--calibration is for networks of one input, and this one has " +
                             std::to_string(library->inputs.size()));
  const std::vector<int64_t> &shape = library->inputs[0].shape;
  if (samples.shape.size() != shape.size() || shape.empty())
    throw std::runtime_error("input '" + library->inputs[0].name + "' expects shape " + ::compress::shapeText(shape) +
                             ", but got " + ::compress::shapeText(samples.shape));
  bool isStated = shape[0] >= 0;
  int64_t batch = isStated ? shape[0] : kBatch;
  std::vector<::compress::Array> batches;
  for (int64_t begin = 0; begin + (isStated ? batch : 1) <= samples.shape[0]; begin += batch)
    batches.push_back(samplesOf(samples, begin, std::min(begin + batch, samples.shape[0])));
  return batches;
}

std::vector<::compress::Array> HostNetwork::run(const ::compress::Array &batch) const {
  ::compress::Library::Call call(*library, {batch});
  call.run();
  return call.results();
}
