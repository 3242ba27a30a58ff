//===- MultiplyBytes.cpp - Multiply quantized activations as integers ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %x = linalg.generic ins(%q) { (extui(q) - 3) * 0.02 }         a DequantizeLinear
//   %w = compress.dequantize %codes, %scales                      bytes, a scale for each output
//   %y = linalg.matmul ins(%x, %w) outs(%bias)
//   =>
//   %s = linalg.generic ins(%q, %codes') outs(%start) { s + extui(q) * extsi(w) }       i32, in words of four bytes
//   %y = linalg.generic ins(%s, %scales') { sitofp(s) * scale }
//
// Layers and weights are what LinearConsumer and CompressedWeightOpInterface say: no op is known by name.
//
//===----------------------------------------------------------------------===//

#include "ByteLayer.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_MULTIPLYBYTESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct MultiplyBytesPass : compress::impl::MultiplyBytesPassBase<MultiplyBytesPass> {
  using Base = compress::impl::MultiplyBytesPassBase<MultiplyBytesPass>;
  using Base::Base;

  void runOnOperation() override {
    auto described = Machine::get(machine);
    if (!described) {
      getOperation()->emitError("compress-multiply-bytes{machine=")
          << machine << "}: " << llvm::toString(described.takeError());
      return signalPassFailure();
    }
    IRRewriter rewriter(&getContext());
    llvm::DenseSet<Operation *> seen;
    for (WeightConsumer &candidate : findWeightConsumers(getOperation()))
      if (seen.insert(candidate.op).second)
        rewrite(rewriter, candidate, *described);
    eraseDeadWeights(getOperation());
  }

private:
  /// The activation in bytes, if it is that or may be rounded to that; nullopt otherwise.
  std::optional<ByteActivation> activationOf(OpBuilder &builder, const LinearConsumer &consumer) const {
    if (auto bytes = ByteActivation::get(consumer.activation))
      return bytes;
    bool isConvolution =
        llvm::any_of(consumer.dims, [](const ActivationDim &dim) { return dim.kind == ActivationDim::Window; });
    bool hasSamples = consumer.dims.front().kind == ActivationDim::Free;
    if (!roundsActivations || !isConvolution || !hasSamples)
      return std::nullopt;
    // What is padded is one number.
    bool isPadded = consumer.paddedActivation != consumer.activation;
    return ByteActivation::round(builder, consumer.op->getLoc(), consumer.activation, /*isSymmetric=*/isPadded);
  }

  bool mayBeBytes(const LinearConsumer &consumer) const {
    return roundsActivations || ByteActivation::get(consumer.activation);
  }

  /// The products of the dense layer, at the rate of bytes.
  static void tell(linalg::LinalgOp op, const LinearConsumer &consumer, StringRef activations, Machine machine) {
    Cost cost = consumer.denseCost(machine);
    cost.weightBytes /= static_cast<int64_t>(sizeof(float));
    machine.peakFlops = std::max(machine.peakFlops, machine.peakInt8);
    double micros = cost.seconds(machine) * 1e6;
    remark::passed(op.getLoc(), weightRemark("multiply-bytes", op))
        << llvm::formatv("products of bytes with sums of 32 bits, activations {0}: {1:f3} us predicted", activations,
                         micros)
               .str()
        << remark::metric("form", "bytes") << remark::metric("multiplies", cost.multiplies)
        << remark::metric("adds", cost.adds) << remark::metric("predicted_us", micros);
  }

  void rewrite(RewriterBase &rewriter, WeightConsumer &candidate, const Machine &machine) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    int64_t channel = -1;
    if (!consumer)
      if (auto perChannel = ChannelConsumer::get(candidate.op, *candidate.operand, whyNot)) {
        consumer = perChannel->consumer;
        channel = perChannel->channel;
      }
    if (!consumer || !mayBeBytes(*consumer))
      return;
    auto coded = candidate.weight.getCoded();
    std::optional<ByteLayer> layer;
    if (coded)
      layer = ByteLayer::get(*consumer, *coded, whyNot, channel);
    else
      whyNot = "its weights are no stored integers";
    if (!layer) {
      remark::missed(candidate.op.getLoc(), weightRemark("multiply-bytes", candidate.op)) << "stays f32: " + whyNot;
      return;
    }
    rewriter.setInsertionPoint(candidate.op);
    auto activation = activationOf(rewriter, *consumer);
    if (!activation)
      return;
    if (!layer->fitsSums(*activation)) {
      remark::missed(candidate.op.getLoc(), weightRemark("multiply-bytes", candidate.op))
          << "stays f32: its sums do not fit 32 bits";
      return;
    }
    tell(candidate.op, *consumer, activation->scales ? "rounded by the range of a sample" : "as given", machine);
    rewriter.replaceOp(candidate.op, layer->emit(rewriter, *activation));
    ++numMultiplied;
  }
};

} // namespace
