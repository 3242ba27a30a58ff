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
// Layers and weights are what LinearConsumer and CompressedWeightOpInterface say: no op is known by name. Where
// activations may be rounded, dense weights of convolutions are, too.
//
//===----------------------------------------------------------------------===//

#include "ByteLayer.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_MULTIPLYBYTESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Codes in a word, which dot products of words of fewer in channels do not fill.
static constexpr int64_t kCodesPerWord = 4;

/// True if the layer is a convolution of samples, whose activation may be rounded.
static bool mayRound(const LinearConsumer &consumer) {
  return consumer.dims.front().kind == ActivationDim::Free &&
         llvm::any_of(consumer.dims, [](const ActivationDim &dim) { return dim.kind == ActivationDim::Window; });
}

/// ||codes * scales - values|| / ||values||, scales being those of dimension `out`.
static double relativeError(const CodedTensor &coded, const DenseWeight &dense, int64_t out) {
  auto codes = *constantValues(coded.codes), scales = *constantValues(coded.scales);
  int64_t behind = llvm::product_of(dense.type.getShape().drop_front(out + 1)), extent = dense.type.getDimSize(out);
  double error = 0, norm = 0;
  for (auto [i, value] : llvm::enumerate(dense.values)) {
    double difference = codes[i] * scales[i / behind % extent] - value;
    error += difference * difference;
    norm += value * value;
  }
  return norm > 0 ? std::sqrt(error / norm) : 0;
}

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
    if (roundsActivations)
      for (DenseLayer &layer : findDenseLayers(getOperation()))
        roundAndRewrite(rewriter, layer, *described);
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
    if (!roundsActivations || !mayRound(consumer))
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

  /// A dense convolution with weights rounded to bytes, a scale for each output; it stays as it is if that is no layer
  /// of bytes.
  void roundAndRewrite(RewriterBase &rewriter, DenseLayer &layer, const Machine &machine) {
    auto values = constantValues(layer.constant);
    auto type = cast<RankedTensorType>(layer.constant.getType());
    const LinearConsumer &consumer = layer.consumer;
    if (!values || !type.getElementType().isF32() || !mayRound(consumer) || ByteActivation::get(consumer.activation) ||
        llvm::count(consumer.roles, Role::In) != 1 || llvm::count(consumer.roles, Role::Out) != 1 ||
        type.getDimSize(llvm::find(consumer.roles, Role::In) - consumer.roles.begin()) < kCodesPerWord)
      return;
    DenseWeight dense{type, std::move(*values), consumer.roles, {}};
    rewriter.setInsertionPoint(layer.op);
    Location loc = layer.op.getLoc();
    std::string whyNot;
    auto scheme = FitUniformAttr::get(&getContext(), /*bits=*/8, /*group=*/0, /*axis=*/-1, /*per_tensor=*/false,
                                      /*symmetric=*/true, /*search=*/false);
    FailureOr<Value> weight = scheme.fit(rewriter, loc, dense, whyNot);
    if (failed(weight))
      return;
    OpOperand &operand = layer.op->getOpOperand(consumer.weightOperand);
    Value before = operand.get();
    auto representation = weight->getDefiningOp<CompressedWeightOpInterface>();
    double error = relativeError(*representation.getCoded(), dense,
                                 llvm::find(consumer.roles, Role::Out) - consumer.roles.begin());
    auto options = weightRemark("multiply-bytes", layer.op);
    operand.set(WeightView::get(before).apply(rewriter, loc, *weight));
    WeightConsumer candidate{layer.op, &operand, representation};
    if (!rewrite(rewriter, candidate, machine))
      return operand.set(before);
    remark::passed(loc, options) << llvm::formatv("weights in i8: relative error of the weights {0:e2}; no calibration "
                                                  "inputs, so that of the layer is not known",
                                                  error)
                                        .str()
                                 << remark::metric("relative_error", error);
  }

  /// False if the layer stays as it is.
  bool rewrite(RewriterBase &rewriter, WeightConsumer &candidate, const Machine &machine) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    int64_t channel = -1;
    if (!consumer)
      if (auto perChannel = ChannelConsumer::get(candidate.op, *candidate.operand, whyNot)) {
        consumer = perChannel->consumer;
        channel = perChannel->channel;
      }
    if (!consumer || !mayBeBytes(*consumer))
      return false;
    auto coded = candidate.weight.getCoded();
    std::optional<ByteLayer> layer;
    if (coded)
      layer = ByteLayer::get(*consumer, *coded, whyNot, channel);
    else
      whyNot = "its weights are no stored integers";
    if (!layer) {
      remark::missed(candidate.op.getLoc(), weightRemark("multiply-bytes", candidate.op)) << "stays f32: " + whyNot;
      return false;
    }
    rewriter.setInsertionPoint(candidate.op);
    auto activation = activationOf(rewriter, *consumer);
    if (!activation)
      return false;
    if (!layer->fitsSums(*activation)) {
      remark::missed(candidate.op.getLoc(), weightRemark("multiply-bytes", candidate.op))
          << "stays f32: its sums do not fit 32 bits";
      return false;
    }
    tell(candidate.op, *consumer, activation->scales ? "rounded by the range of a sample" : "as given", machine);
    rewriter.replaceOp(candidate.op, layer->emit(rewriter, *activation));
    ++numMultiplied;
    return true;
  }
};

} // namespace
