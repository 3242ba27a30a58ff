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
#include "HostNetwork.h"
#include "Moments.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "llvm/ADT/STLExtras.h"
#include <stdexcept>

using namespace mlir;
using namespace mlir::compress;

/// Layers of one copy: a library takes 32 tensors at most, its own input and outputs among them.
static constexpr size_t kLayersPerCopy = 16;
static llvm::Error error(const llvm::Twine &message) { return llvm::createStringError(message); }

/// The layers that have moments.
static SmallVector<DenseLayer> calibratedLayers(func::FuncOp main) {
  SmallVector<DenseLayer> layers = findDenseLayers(main);
  llvm::erase_if(layers, [](DenseLayer &layer) { return llvm::is_contained(layer.consumer.roles, Role::Batch); });
  return layers;
}

/// A copy of `module` that returns what layers `first` to `first + count` take, compiled.
static llvm::Expected<std::unique_ptr<HostNetwork>> withActivations(ModuleOp module, size_t first, size_t count) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto main = copy->lookupSymbol<func::FuncOp>("main");
  SmallVector<DenseLayer> layers = calibratedLayers(main);
  returnInstead(main, llvm::map_to_vector(ArrayRef(layers).slice(first, count),
                                          [](const DenseLayer &layer) { return layer.consumer.activation; }));
  CompressToAffineOptions options;
  options.expand = true;
  return HostNetwork::compile(*copy, options);
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
  try {
    ::compress::Array samples = ::compress::readNpy(path.str());
    if (samples.shape.empty() || samples.shape[0] < 1)
      return error("'" + path + "' has no samples");
    for (size_t first = 0; first < layers.size(); first += kLayersPerCopy) {
      size_t count = std::min(kLayersPerCopy, layers.size() - first);
      auto network = withActivations(module, first, count);
      if (!network)
        return network.takeError();
      std::vector<Moments> moments;
      for (DenseLayer &layer : MutableArrayRef(layers).slice(first, count))
        moments.emplace_back(layer, samples.shape[0]);
      for (const ::compress::Array &batch : (*network)->batchesOf(samples))
        for (auto [layer, activation] : llvm::zip_equal(moments, (*network)->run(batch)))
          layer.add(activation.shape,
                    {reinterpret_cast<const float *>(activation.bytes.data()), activation.bytes.size() / 4});
      for (auto [layer, moment] : llvm::zip_equal(MutableArrayRef(layers).slice(first, count), moments))
        layer.op->setAttr(kInputMomentsAttr, moment.toAttribute(module.getContext()));
    }
  } catch (const std::runtime_error &problem) {
    return error(problem.what());
  }
  return llvm::Error::success();
}
