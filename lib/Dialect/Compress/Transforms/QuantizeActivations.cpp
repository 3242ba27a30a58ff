//===- QuantizeActivations.cpp - Round activations to bytes ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = linalg.matmul {compress.input_range = array<f64: -1.0, 3.0>} ins(%x, %w)
//   =>
//   %q = linalg.generic ins(%x) { saturate(round(x / 0.0156863) + 64) }                 QuantizeLinear
//   %d = linalg.generic ins(%q) { (extui(q) - 64) * 0.0156863 }                         DequantizeLinear
//   %y = linalg.matmul ins(%d, %w)
//
//===----------------------------------------------------------------------===//

#include "ByteLayer.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Obtain/ActivationRange.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct QuantizeActivationsPass : compress::impl::QuantizeActivationsPassBase<QuantizeActivationsPass> {
  using Base = compress::impl::QuantizeActivationsPassBase<QuantizeActivationsPass>;
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    llvm::DenseSet<Operation *> seen;
    for (WeightConsumer &candidate : findWeightConsumers(getOperation())) {
      if (!candidate.op->hasAttr(kInputRangeAttr) || !seen.insert(candidate.op).second)
        continue;
      auto range = candidate.op->getAttrOfType<DenseF64ArrayAttr>(kInputRangeAttr);
      if (!range || range.size() != 2 || !(range[0] <= range[1])) {
        candidate.op->emitError() << "expects " << kInputRangeAttr << " = array<f64: low, high>, low <= high";
        return signalPassFailure();
      }
      quantize(rewriter, candidate, obtain::ByteScale::ofRange(range[0], range[1]));
    }
    getOperation()->walk([](linalg::LinalgOp op) { op->removeAttr(kInputRangeAttr); });
  }

private:
  void quantize(RewriterBase &rewriter, WeightConsumer &candidate, obtain::ByteScale scale) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    auto coded = candidate.weight.getCoded();
    if (!coded)
      whyNot = "its weights are no stored integers";
    bool isBytes = consumer && coded && ByteLayer::get(*consumer, *coded, whyNot);
    if (!isBytes) {
      remark::missed(candidate.op.getLoc(), weightRemark("quantize-activations", candidate.op))
          << "activations stay f32: " + whyNot;
      return;
    }
    rewriter.setInsertionPoint(candidate.op);
    Value rounded =
        ByteActivation::roundTo(rewriter, candidate.op.getLoc(), consumer->activation, scale.scale, scale.zero);
    if (auto pad = consumer->paddedActivation.getDefiningOp<tensor::PadOp>();
        pad && consumer->paddedActivation != consumer->activation) {
      auto padded = cast<tensor::PadOp>(rewriter.clone(*pad));
      padded.getSourceMutable().assign(rounded);
      rounded = padded;
    }
    candidate.op->setOperand(1 - consumer->weightOperand, rounded);
    candidate.op->setAttr(kInputScaleAttr, rewriter.getDenseF64ArrayAttr({scale.scale, double(scale.zero)}));
    remark::passed(candidate.op.getLoc(), weightRemark("quantize-activations", candidate.op))
        << llvm::formatv("activations of 8 bits: scale {0:e6}, zero point {1}", scale.scale, scale.zero).str()
        << remark::metric("scale", scale.scale) << remark::metric("zero_point", scale.zero);
    ++numQuantized;
  }
};

} // namespace
