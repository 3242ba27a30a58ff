//===- ByteLayer.h - Layers as products of bytes ---------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTELAYER_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTELAYER_H

#include "ByteActivation.h"
#include "compress/Dialect/Compress/IR/ChannelConsumer.h"
#include "compress/Dialect/Compress/IR/CodedTensor.h"
#include "compress/Dialect/Compress/IR/WordProduct.h"

namespace mlir::compress {

/// A linear layer y = init + x * w of constant weights that are bytes with sign times a scale for each output:
///
///   y[…, f] = init + x_scale * scales[f] * (sum of codes of x times codes of w - x_zero * sum of codes of w)
struct ByteLayer {
  LinearConsumer consumer;
  /// The dimension of the weights' channels, if each has taps of its own; else -1.
  int64_t channel = -1;
  /// The weights, without activation and start.
  WordProduct product;
  SmallVector<float> scales;
  /// For each output, the sum of its weights, and of their magnitudes.
  SmallVector<int64_t> sums, magnitudes;
  /// The dimensions of the activation: samples and other places, windows, channels.
  SmallVector<int64_t> activationOrder;
  /// The dimensions of the result in the same order.
  SmallVector<int64_t> resultOrder;
  /// What results start from, if that is one number, or one for each output; nullopt otherwise.
  std::optional<SmallVector<double>> bias;

  /// nullopt, and the reason as the end of a sentence, if the layer is another.
  static std::optional<ByteLayer> get(const LinearConsumer &consumer, const CodedTensor &weights, std::string &whyNot,
                                      int64_t channel = -1);

  /// True if no sum of `x` leaves 32 bits.
  bool fitsSums(const ByteActivation &x) const;

  /// True if each channel has taps of its own.
  bool isPerChannel() const { return channel >= 0; }

  /// The layer's result from `x`, which stands for its activation.
  Value emit(RewriterBase &rewriter, ByteActivation x);

private:
  bool takeDims(std::string &whyNot);
  bool takeWeights(const CodedTensor &weights, std::string &whyNot);
  void takeBias();
  /// The biases as integers of the sums' scale; nullopt unless that is what they were rounded to.
  std::optional<SmallVector<int64_t>> integerBias(float xScale) const;
  Value emitBytes(OpBuilder &builder, Location loc, const ByteActivation &x) const;
  Value emitNumbers(OpBuilder &builder, Location loc, Value sums, const ByteActivation &x, bool addsBias) const;
};

/// True if a layer below `root` sums up products of bytes.
bool multipliesBytes(Operation *root);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTELAYER_H
