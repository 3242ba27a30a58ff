//===- DeadChannelsTest.cpp - Networks are what they were without dead channels ===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/DeadChannels.h"
#include "Random.h"
#include "gtest/gtest.h"

using namespace mlir::compress::obtain;
using namespace mlir::compress::obtain::test;

namespace {

/// A chain of one-dimensional convolutions on `width` places; padded ones keep the width.
std::vector<double> run(llvm::ArrayRef<Layer> layers, std::vector<double> x, int64_t width) {
  for (const Layer &layer : layers) {
    int64_t pad = layer.isPadded ? layer.taps / 2 : 0, out = width + 2 * pad - layer.taps + 1;
    std::vector<double> y(layer.outs * out);
    for (int64_t o = 0; o < layer.outs; ++o)
      for (int64_t p = 0; p < out; ++p) {
        double sum = layer.bias[o];
        for (int64_t i = 0; i < layer.ins; ++i)
          for (int64_t t = 0; t < layer.taps; ++t)
            if (int64_t at = p + t - pad; at >= 0 && at < width)
              sum += layer.weight[(o * layer.ins + i) * layer.taps + t] * x[i * width + at];
        y[o * out + p] = layer.activation ? layer.activation(sum) : sum;
      }
    x = std::move(y);
    width = out;
  }
  return x;
}

double relu(double x) { return std::max(x, 0.0); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Layer randomLayer(int64_t outs, int64_t ins, int64_t taps, unsigned seed) {
  return {outs, ins, taps, normals(outs * ins * taps, seed), normals(outs, seed + 1000), {}, false};
}

void zeroOut(Layer &layer, int64_t out) {
  std::fill_n(layer.weight.begin() + out * layer.ins * layer.taps, layer.ins * layer.taps, 0.0);
}
void zeroIn(Layer &layer, int64_t in) {
  for (int64_t out = 0; out < layer.outs; ++out)
    std::fill_n(layer.weight.begin() + (out * layer.ins + in) * layer.taps, layer.taps, 0.0);
}

TEST(DeadChannels, ConstantsGoIntoTheNextBias) {
  // Filter 1 is zero with bias 2: relu gives 2, and the next layer adds 2 * (3 + 4).
  Layer first{2, 1, 1, {1, 0}, {0, 2}, relu, false};
  Layer second{1, 2, 2, {1, 1, 3, 4}, {10}, {}, false};
  EXPECT_EQ(deadOuts(first), (std::vector<bool>{false, true}));
  EXPECT_EQ(foldConstants(second, deadOuts(first), constantsOf(first)), (std::vector<bool>{false, true}));
  EXPECT_EQ(second.bias[0], 24);
  EXPECT_EQ(second.weight, (std::vector<double>{1, 1, 0, 0}));
  EXPECT_EQ(unreadIns(second), (std::vector<bool>{false, true}));
}

TEST(DeadChannels, ChainsComputeTheSame) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 generator(seed);
    std::vector<Layer> layers = {randomLayer(6, 2, 3, seed), randomLayer(5, 6, 3, seed + 1),
                                 randomLayer(7, 5, 1, seed + 2), randomLayer(3, 7, 2, seed + 3)};
    for (Layer &layer : llvm::MutableArrayRef(layers).drop_back())
      layer.activation = generator() % 2 ? relu : sigmoid;
    layers[1].isPadded = generator() % 2;
    int64_t numZeroed = 0;
    for (size_t i = 0; i + 1 < layers.size(); ++i)
      for (int64_t channel = 1; channel < layers[i].outs; ++channel)
        if (generator() % 3 == 0) {
          generator() % 2 ? zeroOut(layers[i], channel) : zeroIn(layers[i + 1], channel);
          ++numZeroed;
        }
    std::vector<double> x = normals(2 * 9, seed + 4), before = run(layers, x, 9);
    int64_t dropped = shrinkChain(layers);
    if (!layers[1].isPadded)
      EXPECT_GE(dropped, numZeroed) << "seed " << seed;
    EXPECT_LT(largest(minus(run(layers, x, 9), before)), 1e-12 * std::max(1.0, largest(before))) << "seed " << seed;
    EXPECT_EQ(shrinkChain(layers), 0) << "seed " << seed;
  }
}

/// Layer 1 reads only channel 0 of layer 0, whose filter is dead: its own filters become dead, and so on.
TEST(DeadChannels, PropagateThroughTheChain) {
  std::vector<Layer> layers = {randomLayer(2, 3, 1, 1), randomLayer(4, 2, 1, 2), randomLayer(2, 4, 1, 3)};
  layers[0].activation = layers[1].activation = relu;
  zeroOut(layers[0], 0);
  for (int64_t out = 0; out < 3; ++out)
    layers[1].weight[out * 2 + 1] = 0; // filters 0, 1, 2 read channel 0 alone
  std::vector<double> x = normals(3, 5), before = run(layers, x, 1);
  EXPECT_EQ(shrinkChain(layers), 1 + 3);
  EXPECT_EQ(layers[1].outs, 1);
  EXPECT_LT(largest(minus(run(layers, x, 1), before)), 1e-13);
}

/// At the border of a padded convolution the constant meets fewer taps.
TEST(DeadChannels, StayBeforePaddingUnlessZero) {
  std::vector<Layer> layers = {randomLayer(3, 1, 1, 1), randomLayer(2, 3, 3, 2)};
  layers[0].activation = relu;
  layers[0].bias = {0.5, 0.5, -0.5};
  layers[1].isPadded = true;
  zeroOut(layers[0], 1);
  zeroOut(layers[0], 2);
  std::vector<double> x = normals(5, 5), before = run(layers, x, 5);
  EXPECT_EQ(shrinkChain(layers), 1); // channel 2, which is relu(-0.5) = 0
  EXPECT_LT(largest(minus(run(layers, x, 5), before)), 1e-13);
}

TEST(DeadChannels, ALayerKeepsAChannel) {
  std::vector<Layer> layers = {randomLayer(3, 2, 1, 1), randomLayer(2, 3, 1, 2)};
  std::fill(layers[0].weight.begin(), layers[0].weight.end(), 0.0);
  std::vector<double> x = normals(2, 5), before = run(layers, x, 1);
  EXPECT_EQ(shrinkChain(layers), 2);
  EXPECT_LT(largest(minus(run(layers, x, 1), before)), 1e-13);
}

} // namespace
