//===- CompressToFixedPoint.cpp - Networks as exact integer loops ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Conversion/Passes.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTCOMPRESSTOFIXEDPOINTPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ConvertCompressToFixedPointPass
    : compress::impl::ConvertCompressToFixedPointPassBase<ConvertCompressToFixedPointPass> {
  using Base = compress::impl::ConvertCompressToFixedPointPassBase<ConvertCompressToFixedPointPass>;
  using Base::Base;

  LogicalResult readOptions(FixedPointWidths &widths) {
    std::string expected;
    for (auto [name, value] : {std::pair<StringRef, std::string>{"activation-bits", std::to_string(activationBits)},
                               {"weight-bits", std::to_string(weightBits)},
                               {"spectrum-bits", std::to_string(spectrumBits)},
                               {"guard-bits", std::to_string(guardBits)},
                               {"result-bits", std::to_string(resultBits)},
                               {"zeros", zeros}})
      if (!setWidth(widths, name, value, expected))
        return getOperation()->emitError() << getArgument() << "{" << name << "=" << value << "}: " << expected;
    return success();
  }

  void runOnOperation() override {
    FixedPointWidths widths;
    if (failed(readOptions(widths)))
      return signalPassFailure();
    if (inputOrder != "row-major" && inputOrder != "channels-last") {
      getOperation()->emitError() << getArgument() << "{input-order=" << inputOrder
                                  << "}: expects row-major or channels-last";
      return signalPassFailure();
    }
    std::string error;
    std::optional<WidthRules> rules = WidthRules::parse(layers, widths, error);
    if (!rules) {
      getOperation()->emitError() << getArgument() << "{layers}, " << error;
      return signalPassFailure();
    }
    std::set<std::string> asked;
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      bool hasTensors = llvm::any_of(function.getArgumentTypes(), [](Type type) { return isa<TensorType>(type); });
      if (!hasTensors || function.isExternal())
        continue;
      FixedPointEmitter emitter(function, *rules, inputOrder == "channels-last");
      if (failed(emitter.run()))
        return signalPassFailure();
      asked.insert(emitter.asked.begin(), emitter.asked.end());
    }
    if (auto unused = rules->unused(asked); unused && !asked.empty())
      getOperation()->emitWarning() << getArgument() << "{layers}: no layer or input named " << *unused
                                    << " has widths of its own, or a rule before it has them";
  }
};

} // namespace
