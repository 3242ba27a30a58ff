//===- Calibrate.cpp - What the layers of a network are multiplied with ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A copy of the network that also returns the activations that its layers take is compiled, loaded and run.
//
//===----------------------------------------------------------------------===//

#include "Calibrate.h"
#include "../compress-run/Library.h"
#include "Moments.h"
#include "StagedOutput.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/NativeLibrary.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>
#include <stdexcept>

using namespace mlir;
using namespace mlir::compress;

/// Layers of one copy: a library takes 32 tensors at most, its own input and outputs among them.
static constexpr size_t kLayersPerCopy = 16;
/// Samples of one run.
static constexpr int64_t kBatch = 64;

static llvm::Error error(const llvm::Twine &message) { return llvm::createStringError(message); }

/// The layers that have moments.
static SmallVector<DenseLayer> calibratedLayers(func::FuncOp main) {
  SmallVector<DenseLayer> layers = findDenseLayers(main);
  llvm::erase_if(layers, [](DenseLayer &layer) { return llvm::is_contained(layer.consumer.roles, Role::Batch); });
  return layers;
}

/// Makes `main` return what layers `first` to `first + count` take, in the place of its results.
static void returnActivations(func::FuncOp main, size_t first, size_t count) {
  SmallVector<DenseLayer> layers = calibratedLayers(main);
  auto activations = llvm::map_to_vector(ArrayRef(layers).slice(first, count),
                                         [](const DenseLayer &layer) { return layer.consumer.activation; });
  Operation *terminator = main.getBody().front().getTerminator();
  terminator->setOperands(activations);
  main.setType(FunctionType::get(main.getContext(), main.getArgumentTypes(), ValueRange(activations).getTypes()));
  main.removeResAttrsAttr();
}

/// Compiles `module` for this machine; the path of the library lib<name>.so in `directory`.
static llvm::Expected<std::string> compileHere(ModuleOp module, const std::string &name, StringRef directory) {
  auto platform = TargetPlatform::get("");
  if (!platform)
    return platform.takeError();
  auto cpus = platform->processors("");
  if (!cpus)
    return cpus.takeError();
  PassManager pm(module.getContext());
  CompressToAffineOptions affine;
  affine.expand = true;
  affine.vectorLanes = cpus->front().vectorBytes / 4;
  buildCompressToAffinePipeline(pm, affine);
  CompressToLLVMOptions package;
  package.name = name;
  package.maxBatch = kBatch;
  buildCompressPackagePipeline(pm, package);
  buildCompressLowerPipeline(pm);
  if (failed(pm.run(module)))
    return error("the network cannot be compiled for calibration");
  auto native = NativeModule::get(module, *platform, *cpus);
  if (!native)
    return native.takeError();
  auto code = (*native)->emit(/*asAssembly=*/false);
  if (!code)
    return code.takeError();
  llvm::SmallString<128> object(directory), library(directory);
  llvm::sys::path::append(object, name + ".o");
  llvm::sys::path::append(library, "lib" + name + ".so");
  StagedOutput output;
  if (auto written = output.write(object, *code); !written)
    return written.takeError();
  if (llvm::Error failure = output.commit())
    return failure;
  if (llvm::Error failure = linkSharedLibrary(object, library, *platform))
    return failure;
  return library.str().str();
}

/// Samples `begin` to `end` of `array`.
static ::compress::Array samplesOf(const ::compress::Array &array, int64_t begin, int64_t end) {
  int64_t bytes = array.bytes.size() / array.shape[0];
  ::compress::Array part{array.dtype, array.shape, {}};
  part.shape[0] = end - begin;
  part.bytes.assign(array.bytes.begin() + begin * bytes, array.bytes.begin() + end * bytes);
  return part;
}

/// Runs the library on all samples and adds the activations to the moments. Throws what Library throws.
static void addRuns(const std::string &path, const ::compress::Array &samples, MutableArrayRef<Moments> moments) {
  ::compress::Library library(path);
  if (library.inputs.size() != 1)
    throw std::runtime_error("--calibration is for networks of one input, and this one has " +
                             std::to_string(library.inputs.size()));
  const std::vector<int64_t> &shape = library.inputs[0].shape;
  int64_t batch = shape.empty() || shape[0] < 0 ? kBatch : shape[0];
  if (samples.shape.size() != shape.size() || shape.empty())
    throw std::runtime_error("input '" + library.inputs[0].name + "' expects shape " + ::compress::shapeText(shape) +
                             ", but got " + ::compress::shapeText(samples.shape));
  bool isStated = shape[0] >= 0;
  // What a stated batch does not divide is left out.
  for (int64_t begin = 0; begin + (isStated ? batch : 1) <= samples.shape[0]; begin += batch) {
    ::compress::Library::Call call(library, {samplesOf(samples, begin, std::min(begin + batch, samples.shape[0]))});
    call.run();
    for (auto [layer, activation] : llvm::zip_equal(moments, call.results()))
      layer.add(activation.shape,
                {reinterpret_cast<const float *>(activation.bytes.data()), activation.bytes.size() / 4});
  }
}

llvm::Error mlir::compress::calibrate(ModuleOp module, StringRef path) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return error("--calibration expects a module with a function @main");
  SmallVector<DenseLayer> layers = calibratedLayers(main);
  for (DenseLayer &layer : layers)
    if (layer.consumer.activation.getParentBlock() != &main.getBody().front() ||
        !getElementTypeOrSelf(layer.consumer.activation.getType()).isF32())
      return error("--calibration is for layers of f32 activations in the body of @main");
  llvm::SmallString<128> directory;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("compress-calibrate", directory))
    return error("no folder for temporary files: " + code.message());
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(directory); });
  try {
    ::compress::Array samples = ::compress::readNpy(path.str());
    if (samples.shape.empty() || samples.shape[0] < 1)
      return error("'" + path + "' has no samples");
    for (size_t first = 0; first < layers.size(); first += kLayersPerCopy) {
      size_t count = std::min(kLayersPerCopy, layers.size() - first);
      OwningOpRef<ModuleOp> copy = module.clone();
      returnActivations(copy->lookupSymbol<func::FuncOp>("main"), first, count);
      auto library = compileHere(*copy, "calibrate" + std::to_string(first), directory);
      if (!library)
        return library.takeError();
      std::vector<Moments> moments;
      for (DenseLayer &layer : MutableArrayRef(layers).slice(first, count))
        moments.emplace_back(layer, samples.shape[0]);
      addRuns(*library, samples, moments);
      for (auto [layer, moment] : llvm::zip_equal(MutableArrayRef(layers).slice(first, count), moments))
        layer.op->setAttr(kInputMomentsAttr, moment.toAttribute(module.getContext()));
    }
  } catch (const std::runtime_error &problem) {
    return error(problem.what());
  }
  return llvm::Error::success();
}
