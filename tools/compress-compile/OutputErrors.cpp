//===- OutputErrors.cpp - How far the layers of a light network are off ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OutputErrors.h"
#include "HostNetwork.h"
#include "compress/Dialect/Compress/IR/Layers.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstring>
#include <stdexcept>

using namespace mlir;
using namespace mlir::compress;

/// More samples tell no more of an error's size.
static constexpr int64_t kMostSamples = 256;

/// The products and convolutions in the body of `main`, in their order.
static SmallVector<linalg::LinalgOp> linearLayers(func::FuncOp main) {
  SmallVector<linalg::LinalgOp> layers;
  for (auto op : main.getBody().front().getOps<linalg::LinalgOp>())
    if ((linalg::isaContractionOpInterface(op) || linalg::isaConvolutionOpInterface(op)) && op->getNumResults() == 1 &&
        getElementTypeOrSelf(op->getResult(0).getType()).isF32())
      layers.push_back(op);
  return layers;
}

/// `module`, compiled to return what its linear layers compute.
static llvm::Expected<std::unique_ptr<HostNetwork>> withLayerResults(ModuleOp module,
                                                                     CompressToAffineOptions &options) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto main = copy->lookupSymbol<func::FuncOp>("main");
  returnInstead(main,
                llvm::map_to_vector(linearLayers(main), [](linalg::LinalgOp op) -> Value { return op->getResult(0); }));
  return HostNetwork::compile(*copy, options);
}

static std::vector<float> floatsOf(const ::compress::Array &array) {
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

static void compare(const HostNetwork &dense, const HostNetwork &light, const ::compress::Array &samples,
                    std::vector<OutputError> &errors) {
  std::vector<double> differences(errors.size(), 0), norms(errors.size(), 0);
  int64_t seen = 0;
  for (const ::compress::Array &batch : dense.batchesOf(samples)) {
    if (seen >= kMostSamples)
      break;
    seen += batch.shape[0];
    auto expected = dense.run(batch), got = light.run(batch);
    for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(expected, got)))
      for (auto [y, z] : llvm::zip_equal(floatsOf(std::get<0>(pair)), floatsOf(std::get<1>(pair)))) {
        differences[i] += (double(z) - y) * (double(z) - y);
        norms[i] += double(y) * y;
      }
  }
  for (auto [error, difference, norm] : llvm::zip_equal(errors, differences, norms)) {
    error.relative = norm > 0 ? std::sqrt(difference / norm) : 0;
    error.samples = seen;
  }
}

llvm::Expected<std::vector<OutputError>>
mlir::compress::measureOutputErrors(ModuleOp dense, ModuleOp light, StringRef path, CompressToAffineOptions &options) {
  std::vector<OutputError> errors;
  auto main = dense.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return llvm::createStringError("--calibration expects a module with a function @main");
  for (linalg::LinalgOp layer : linearLayers(main))
    errors.push_back({layerOf(layer->getLoc())});
  if (errors.empty())
    return errors;
  CompressToAffineOptions expand;
  expand.expand = true;
  auto reference = withLayerResults(dense, expand);
  if (!reference)
    return reference.takeError();
  auto measured = withLayerResults(light, options);
  if (!measured)
    return measured.takeError();
  try {
    ::compress::Array samples = ::compress::readNpy(path.str());
    if (samples.shape.empty() || samples.shape[0] < 1)
      return llvm::createStringError("'" + path + "' has no samples");
    compare(**reference, **measured, samples, errors);
  } catch (const std::runtime_error &problem) {
    return llvm::createStringError(problem.what());
  }
  return errors;
}
