//===- DeadChannels.cpp - Channels that carry no information ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pure arithmetic on layers; it knows no IR.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/DeadChannels.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cassert>

using namespace llvm;
using namespace mlir::compress::obtain;

/// The taps of one kernel.
static MutableArrayRef<double> kernel(Layer &layer, int64_t out, int64_t in) {
  return MutableArrayRef(layer.weight).slice((out * layer.ins + in) * layer.taps, layer.taps);
}
static ArrayRef<double> kernel(const Layer &layer, int64_t out, int64_t in) {
  return ArrayRef(layer.weight).slice((out * layer.ins + in) * layer.taps, layer.taps);
}

static bool isZero(const Layer &layer, int64_t out, int64_t in) {
  return all_of(kernel(layer, out, in), [](double w) { return w == 0; });
}

std::vector<bool> mlir::compress::obtain::deadOuts(const Layer &layer) {
  std::vector<bool> dead(layer.outs);
  for (int64_t out = 0; out < layer.outs; ++out)
    dead[out] = all_of(seq(layer.ins), [&](int64_t in) { return isZero(layer, out, in); });
  return dead;
}

std::vector<bool> mlir::compress::obtain::unreadIns(const Layer &layer) {
  std::vector<bool> unread(layer.ins);
  for (int64_t in = 0; in < layer.ins; ++in)
    unread[in] = all_of(seq(layer.outs), [&](int64_t out) { return isZero(layer, out, in); });
  return unread;
}

std::vector<double> mlir::compress::obtain::constantsOf(const Layer &layer) {
  std::vector<double> constants = layer.bias;
  if (layer.activation)
    llvm::transform(layer.bias, constants.begin(), layer.activation);
  return constants;
}

std::vector<bool> mlir::compress::obtain::foldConstants(Layer &layer, const std::vector<bool> &isConstant,
                                                        ArrayRef<double> constants) {
  std::vector<bool> folded(layer.ins, false);
  for (int64_t in = 0; in < layer.ins; ++in) {
    if (!isConstant[in] || (layer.isPadded && constants[in] != 0))
      continue;
    folded[in] = true;
    for (int64_t out = 0; out < layer.outs; ++out)
      for (double &w : kernel(layer, out, in)) {
        layer.bias[out] += w * constants[in];
        w = 0;
      }
  }
  return folded;
}

Layer mlir::compress::obtain::dropOuts(const Layer &layer, const std::vector<bool> &dropped) {
  Layer result{0, layer.ins, layer.taps, {}, {}, layer.activation, layer.isPadded};
  for (int64_t out = 0; out < layer.outs; ++out) {
    if (dropped[out])
      continue;
    ++result.outs;
    append_range(result.weight, ArrayRef(layer.weight).slice(out * layer.ins * layer.taps, layer.ins * layer.taps));
    result.bias.push_back(layer.bias[out]);
  }
  return result;
}

Layer mlir::compress::obtain::dropIns(const Layer &layer, const std::vector<bool> &dropped) {
  Layer result{layer.outs, llvm::count(dropped, false), layer.taps, {}, layer.bias, layer.activation, layer.isPadded};
  for (int64_t out = 0; out < layer.outs; ++out)
    for (int64_t in = 0; in < layer.ins; ++in)
      if (!dropped[in])
        append_range(result.weight, kernel(layer, out, in));
  return result;
}

/// Drops what carries nothing between two layers; returns how many channels.
static int64_t shrinkLink(Layer &first, Layer &second) {
  assert(first.outs == second.ins && "consecutive layers");
  foldConstants(second, deadOuts(first), constantsOf(first));
  std::vector<bool> dropped = unreadIns(second);
  // A layer without channels is no layer; one is enough to carry nothing.
  if (all_of(dropped, [](bool isDropped) { return isDropped; }))
    dropped[0] = false;
  first = dropOuts(first, dropped);
  second = dropIns(second, dropped);
  return llvm::count(dropped, true);
}

int64_t mlir::compress::obtain::shrinkChain(MutableArrayRef<Layer> layers) {
  int64_t total = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 1; i < layers.size(); ++i)
      if (int64_t dropped = shrinkLink(layers[i - 1], layers[i])) {
        total += dropped;
        changed = true;
      }
  }
  return total;
}
