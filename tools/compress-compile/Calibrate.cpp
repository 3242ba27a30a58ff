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
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/STLExtras.h"
#include <stdexcept>

using namespace mlir;
using namespace mlir::compress;

/// Layers of one copy: a library takes 32 tensors at most, its own input and outputs among them.
static constexpr size_t kLayersPerCopy = 16;
static llvm::Error error(const llvm::Twine &message) { return llvm::createStringError(message); }

namespace {
/// A layer, and what is noted of its activation.
struct Observed {
  linalg::LinalgOp op;
  Value activation;
  std::unique_ptr<Moments> moments;
  std::unique_ptr<obtain::ActivationHistogram> histogram;

  void add(const ::compress::Array &values) {
    ArrayRef<float> numbers(reinterpret_cast<const float *>(values.bytes.data()), values.bytes.size() / sizeof(float));
    if (moments)
      moments->add(values.shape, numbers);
    if (histogram)
      histogram->add(numbers);
  }

  void annotate(const CalibrationGoals &goals) const {
    MLIRContext *context = op->getContext();
    if (moments)
      op->setAttr(kInputMomentsAttr, moments->toAttribute(context));
    if (!histogram)
      return;
    auto [low, high] = histogram->range(*goals.ranges);
    op->setAttr(kInputRangeAttr, DenseF64ArrayAttr::get(context, {low, high}));
  }
};
} // namespace

static bool hasBatch(const LinearConsumer &consumer) { return llvm::is_contained(consumer.roles, Role::Batch); }

/// The layers that something is asked of, in no order.
static std::vector<Observed> findObserved(func::FuncOp main, const CalibrationGoals &goals, int64_t numSamples) {
  std::vector<Observed> observed;
  llvm::DenseMap<Operation *, size_t> places;
  auto at = [&](const LinearConsumer &consumer) -> Observed & {
    auto [place, isNew] = places.try_emplace(consumer.op, observed.size());
    if (isNew)
      observed.push_back({consumer.op, consumer.activation, {}, {}});
    return observed[place->second];
  };
  if (goals.moments)
    for (DenseLayer &layer : findDenseLayers(main))
      if (!hasBatch(layer.consumer))
        at(layer.consumer).moments = std::make_unique<Moments>(layer, numSamples);
  if (goals.ranges)
    for (LinearConsumer &consumer : findConstantLayers(main))
      at(consumer).histogram = std::make_unique<obtain::ActivationHistogram>();
  return observed;
}

/// A copy of `module` that returns what `layers` take, compiled.
static llvm::Expected<std::unique_ptr<HostNetwork>> withActivations(ModuleOp module, ArrayRef<Observed> layers) {
  IRMapping copies;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone(copies));
  returnInstead(copy->lookupSymbol<func::FuncOp>("main"),
                llvm::map_to_vector(layers, [&](const Observed &layer) { return copies.lookup(layer.activation); }));
  CompressToAffineOptions options;
  options.expand = true;
  return HostNetwork::compile(*copy, options);
}

llvm::Error mlir::compress::calibrate(ModuleOp module, StringRef path, const CalibrationGoals &goals) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return error("--calibration expects a module with a function @main");
  try {
    ::compress::Array samples = ::compress::readNpy(path.str());
    if (samples.shape.empty() || samples.shape[0] < 1)
      return error("'" + path + "' has no samples");
    std::vector<Observed> observed = findObserved(main, goals, samples.shape[0]);
    for (Observed &layer : observed)
      if (layer.activation.getParentBlock() != &main.getBody().front() ||
          !getElementTypeOrSelf(layer.activation.getType()).isF32())
        return error("--calibration is for layers of f32 activations in the body of @main");
    for (size_t first = 0; first < observed.size(); first += kLayersPerCopy) {
      auto layers = MutableArrayRef(observed).slice(first, std::min(kLayersPerCopy, observed.size() - first));
      auto network = withActivations(module, layers);
      if (!network)
        return network.takeError();
      for (const ::compress::Array &batch : (*network)->batchesOf(samples))
        for (auto [layer, activation] : llvm::zip_equal(layers, (*network)->run(batch)))
          layer.add(activation);
    }
    for (const Observed &layer : observed)
      layer.annotate(goals);
  } catch (const std::runtime_error &problem) {
    return error(problem.what());
  }
  return llvm::Error::success();
}
