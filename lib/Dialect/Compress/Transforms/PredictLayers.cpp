//===- PredictLayers.cpp - Say what the layers are, and what each should take -===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = linalg.matmul ins(%x, %w : tensor<?x256xf32>, tensor<256x512xf32>) … loc("fc")
//   =>
//   func.func @main(…) attributes {compress.layers = [{name = "fc", op = "linalg.matmul", predicted_us = …, bound =
//   …}]}
//
//===----------------------------------------------------------------------===//

#include "LayerTraffic.h"
#include "compress/Dialect/Compress/IR/Layers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PREDICTLAYERSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Seconds by op, and by what they are spent on.
struct Spent {
  llvm::MapVector<StringRef, double> byOp, byBound;

  void add(StringRef op, StringRef bound, double seconds) {
    byOp[op] += seconds;
    byBound[bound] += seconds;
  }
  double total() const {
    double sum = kLayerSeconds;
    for (auto [bound, seconds] : byBound)
      sum += seconds;
    return sum;
  }
  static StringRef most(const llvm::MapVector<StringRef, double> &seconds) {
    return llvm::max_element(seconds, llvm::less_second())->first;
  }
};

struct PredictLayersPass : compress::impl::PredictLayersPassBase<PredictLayersPass> {
  using Base = compress::impl::PredictLayersPassBase<PredictLayersPass>;
  using Base::Base;

  void runOnOperation() override {
    if (maxBatch < 1) {
      getOperation().emitError("compress-predict-layers{max-batch=")
          << maxBatch.getValue() << "}: expects at least 1 sample";
      return signalPassFailure();
    }
    auto described = Machine::get(machine);
    if (!described) {
      getOperation().emitError("compress-predict-layers{machine=")
          << machine << "}: " << llvm::toString(described.takeError());
      return signalPassFailure();
    }
    llvm::MapVector<StringAttr, Spent> one = predict(1, *described), most = predict(maxBatch, *described);
    SmallVector<Attribute> rows;
    for (auto &[name, spent] : one) {
      const Spent &full = most.find(name)->second;
      Layer layer{name.getValue().str(),
                  Spent::most(full.byOp).str(),
                  {},
                  {spent.total() * 1e6, full.total() * 1e6},
                  {Spent::most(spent.byBound).str(), Spent::most(full.byBound).str()}};
      rows.push_back(layer.toAttribute(&getContext()));
    }
    if (!rows.empty())
      getOperation()->setAttr(kLayersAttr, ArrayAttr::get(&getContext(), rows));
  }

  /// By the names of the layers, in their order.
  llvm::MapVector<StringAttr, Spent> predict(int64_t batch, const Machine &machine) {
    FunctionTraffic function(getOperation(), batch);
    llvm::MapVector<StringAttr, Spent> layers;
    for (auto &[op, traffic] : function.rows) {
      std::string name = layerOf(op->getLoc());
      if (name.empty())
        continue;
      double compute = arithmeticSeconds(op, machine, batch);
      double weights = traffic.weightSeconds(function.weightBytes, machine);
      double activations = traffic.activationSeconds(machine), bytes = weights + activations;
      StringRef level = machine.levelOf(weights > activations ? function.weightBytes : traffic.workingSet());
      layers[StringAttr::get(&getContext(), name)].add(op->getName().getStringRef(),
                                                       compute >= bytes ? "compute" : level,
                                                       static_cast<double>(traffic.runs) * std::max(compute, bytes));
    }
    return layers;
  }
};

} // namespace
