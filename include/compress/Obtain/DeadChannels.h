//===- DeadChannels.h - Channels that carry no information --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Between two layers, channel n carries nothing if the first layer's filter n is all zero (it is then the constant
// act(b), which the second layer's bias takes over: b2 += sum over taps of W2[:, n] act(b)), or if no weight of the
// second layer reads it. Dropping it may empty further filters, so that it goes on until nothing changes (ICCAD 2019;
// ESCALATE's shrinking).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_DEADCHANNELS_H
#define COMPRESS_OBTAIN_DEADCHANNELS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <functional>
#include <vector>

namespace mlir::compress::obtain {

/// A matrix product or convolution, bias and activation. A product that reads a flattened (channel, y, x) tensor is a
/// layer with in = channels and taps = y * x.
struct Layer {
  int64_t outs = 0, ins = 0, taps = 1;
  /// outs x ins x taps, and outs numbers.
  std::vector<double> weight, bias;
  /// What follows, up to the next layer, must map constant channels to constants: this function of them, then pooling
  /// that is not padded, reshapes. Empty for the identity.
  std::function<double(double)> activation;
  /// The layer pads its input with zeros: a constant channel other than 0 then differs at the border, and must stay.
  bool isPadded = false;
};

/// True for each out channel whose weights are all zero.
std::vector<bool> deadOuts(const Layer &layer);

/// True for each in channel that no weight reads.
std::vector<bool> unreadIns(const Layer &layer);

/// What each out channel of `layer` is after the activation if its filter is zero: act(bias).
std::vector<double> constantsOf(const Layer &layer);

/// Adds what the constant in channels `isConstant` contribute to the bias of `layer`, and zeroes their weights. A
/// channel whose constant is not 0 is left alone if the layer pads. Returns the channels that were folded.
std::vector<bool> foldConstants(Layer &layer, const std::vector<bool> &isConstant, llvm::ArrayRef<double> constants);

/// The layer without the out or in channels where `dropped` is true.
Layer dropOuts(const Layer &layer, const std::vector<bool> &dropped);
Layer dropIns(const Layer &layer, const std::vector<bool> &dropped);

/// Drops dead and unread channels between consecutive layers, with folded biases, until there are none; each output of
/// the last layer is what it was (but for the order of additions). A layer keeps at least one channel. Returns how many
/// were dropped.
int64_t shrinkChain(llvm::MutableArrayRef<Layer> layers);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_DEADCHANNELS_H
