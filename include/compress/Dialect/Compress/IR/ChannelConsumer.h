//===- ChannelConsumer.h - Consumers with taps per channel -----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_CHANNELCONSUMER_H
#define COMPRESS_DIALECT_COMPRESS_IR_CHANNELCONSUMER_H

#include "compress/Dialect/Compress/IR/LinearConsumer.h"

namespace mlir::compress {

/// A consumer in which each channel of the activation has taps of its own, and makes one channel of the result: a
/// depthwise convolution.
struct ChannelConsumer {
  /// `inDim` and `outDim` are the dimensions of the channels.
  LinearConsumer consumer;
  /// The dimension of the weight's source with the channels.
  int64_t channel = -1;

  /// The consumer in which `weight` is one of the two factors; nullopt and the reason otherwise.
  static std::optional<ChannelConsumer> get(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot);
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_CHANNELCONSUMER_H
