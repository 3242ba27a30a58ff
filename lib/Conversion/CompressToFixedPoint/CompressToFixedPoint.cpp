//===- CompressToFixedPoint.cpp - Networks as exact integer loops ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Conversion/Passes.h"
#include "llvm/ADT/StringSwitch.h"

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

  LogicalResult verifyWidth(StringRef option, int64_t width, int64_t least, int64_t most) {
    if (width >= least && width <= most)
      return success();
    return getOperation()->emitError() << getArgument() << "{" << option << "=" << width << "}: expects " << least
                                       << " to " << most;
  }

  void runOnOperation() override {
    if (failed(verifyWidth("activation-bits", activationBits, 2, 16)) ||
        failed(verifyWidth("weight-bits", weightBits, 2, 16)) ||
        failed(verifyWidth("spectrum-bits", spectrumBits, 2, 16)) ||
        failed(verifyWidth("guard-bits", guardBits, 0, 12)) || failed(verifyWidth("result-bits", resultBits, 2, 32)))
      return signalPassFailure();
    auto handling = llvm::StringSwitch<std::optional<Zeros>>(zeros)
                        .Case("codes", Zeros::Codes)
                        .Case("skip", Zeros::Skip)
                        .Case("auto", Zeros::Auto)
                        .Default(std::nullopt);
    if (!handling) {
      getOperation()->emitError() << getArgument() << "{zeros=" << zeros << "}: expects codes, skip or auto";
      return signalPassFailure();
    }
    FixedPointWidths widths{activationBits, weightBits, spectrumBits, guardBits, resultBits};
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      bool hasTensors = llvm::any_of(function.getArgumentTypes(), [](Type type) { return isa<TensorType>(type); });
      if (hasTensors && !function.isExternal() && failed(FixedPointEmitter(function, widths, *handling).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
