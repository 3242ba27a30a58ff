//===- FixedPointTest.cpp - Fixed point against rational arithmetic --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Count.h"
#include "compress/Kernel/FFT.h"
#include "compress/Kernel/FixedNetwork.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::compress::kernel;

namespace {

/// The integer r with |2^shift r - x| least, the even one of two, by comparing 2^shift r with its neighbours.
int64_t nearestEven(int64_t x, int64_t shift) {
  if (shift <= 0)
    return x * (int64_t(1) << -shift);
  int64_t unit = int64_t(1) << shift, best = 0;
  bool isFirst = true;
  for (int64_t r = x / unit - 1; r <= x / unit + 1; ++r) {
    int64_t error = std::abs(unit * r - x), least = std::abs(unit * best - x);
    if (isFirst || error < least || (error == least && r % 2 == 0))
      best = r;
    isFirst = false;
  }
  return best;
}

TEST(Requantize, EveryNumberOfEveryFormat) {
  for (int64_t fromWidth = 2; fromWidth <= 10; ++fromWidth)
    for (int64_t toWidth = 2; toWidth <= 10; ++toWidth)
      for (int64_t shift = -4; shift <= fromWidth + 2; ++shift) {
        Requantization how{{fromWidth, 7}, {toWidth, 7 - shift}};
        for (int64_t x = how.from.lowest(); x <= how.from.highest(); ++x) {
          int64_t expected = std::min(std::max(nearestEven(x, shift), how.to.lowest()), how.to.highest());
          ASSERT_EQ(requantize(x, how), expected)
              << x << " of " << fromWidth << " bits by " << shift << " to " << toWidth;
        }
      }
}

TEST(Requantize, CountsAdditions) {
  EXPECT_EQ(countRequantize({{16, 8}, {8, 4}}).adds, 2);
  EXPECT_EQ(countRequantize({{16, 8}, {8, 4}}).comparisons, 2);
  EXPECT_EQ(countRequantize({{16, 8}, {8, 4}, /*saturates=*/false}).comparisons, 0);
  EXPECT_EQ(countRequantize({{8, 4}, {16, 8}}).adds, 0);
}

TEST(Requantize, FormatsHoldTheirRange) {
  for (double largest : {1e-3, 0.4961, 0.4999, 0.5, 0.99, 1.0, 3.97, 4.0, 1000.0}) {
    FixedFormat format = formatFor(8, largest);
    double scaled = std::ldexp(largest, format.fraction);
    EXPECT_LE(std::nearbyint(scaled), 127) << largest;
    EXPECT_GT(std::ldexp(scaled, 1), 126.5) << largest << " has a format with one more bit behind the point";
  }
  EXPECT_EQ(quantize(0.5, {8, 0}), 0);
  EXPECT_EQ(quantize(1.5, {8, 0}), 2);
  EXPECT_EQ(quantize(-2.5, {8, 0}), -2);
  EXPECT_EQ(quantize(1e9, {8, 0}), 127);
  EXPECT_EQ(quantize(-1e9, {8, 0}), -128);
}

TEST(Requantize, BitsHoldTheirRange) {
  EXPECT_EQ(bitsFor(0, 0), 1);
  EXPECT_EQ(bitsFor(-1, 0), 1);
  EXPECT_EQ(bitsFor(-128, 127), 8);
  EXPECT_EQ(bitsFor(-129, 127), 9);
  EXPECT_EQ(bitsFor(0, 128), 9);
}

/// Slot `slot` of the transform of `x`, by the definition in long double.
long double definition(const std::vector<int64_t> &x, int64_t slot) {
  int64_t k = x.size(), f = slotFrequency(k, slot);
  long double sum = 0, turn = 2 * std::acos(-1.0L) / k;
  for (int64_t t = 0; t < k; ++t)
    sum += x[t] * (isImaginarySlot(k, slot) ? -std::sin(turn * ((f * t) % k)) : std::cos(turn * ((f * t) % k)));
  return sum;
}

/// Inputs that reach far: random ones, all at one limit, and the sign patterns of each slot.
std::vector<std::vector<int64_t>> inputs(int64_t k, FixedFormat format) {
  std::vector<std::vector<int64_t>> result{std::vector<int64_t>(k, format.lowest()),
                                           std::vector<int64_t>(k, format.highest())};
  std::mt19937 generator(k);
  for (int i = 0; i < 20; ++i) {
    std::vector<int64_t> x(k);
    for (int64_t &number : x)
      number = format.lowest() + static_cast<int64_t>(generator() % (uint64_t(1) << format.width));
    result.push_back(x);
  }
  for (int64_t slot = 0; slot < k; ++slot) {
    std::vector<int64_t> unit(k, 0), x(k);
    for (int64_t t = 0; t < k; ++t) {
      unit.assign(k, 0);
      unit[t] = 1;
      x[t] = definition(unit, slot) < 0 ? format.lowest() : format.highest();
    }
    result.push_back(x);
  }
  return result;
}

/// A transform errs by half a unit for each rounding, which an output sees at most twice, and by what its factors err;
/// and no value leaves its width.
TEST(FixedNetwork, TransformsWithinTheirBound) {
  for (int64_t k : {1, 2, 3, 4, 5, 6, 8, 16, 64})
    for (int64_t mostBits : {10, 16, 24}) {
      FixedFormat format{8, 5};
      Network exact = rfft(k);
      FixedNetwork network(exact, format, mostBits, 16);
      ASSERT_LE(network.widest(), kMostFixedBits);
      double used = 0;
      for (const auto &x : inputs(k, format)) {
        std::vector<int64_t> slots(k);
        network.evaluate(x, slots);
        for (int64_t s = 0; s < k; ++s) {
          FixedFormat out = network.outputFormat(s);
          ASSERT_LE(out.width, mostBits + 1);
          ASSERT_GE(slots[s], out.lowest());
          ASSERT_LE(slots[s], out.highest());
          double error =
              std::abs(std::ldexp(slots[s], -out.fraction) - std::ldexp(double(definition(x, s)), -format.fraction));
          double roundings = network.numRoundings() * std::ldexp(1.0, -out.fraction);
          double factors = 128.0 * k * count(exact).depth * std::ldexp(1.0, -15 - format.fraction);
          double bound = roundings + (count(exact).multiplies ? factors : 0);
          ASSERT_LE(error, bound + 1e-12) << "k = " << k << ", " << mostBits << " bits, slot " << s;
          if (bound > 0)
            used = std::max(used, error / bound);
        }
      }
      std::printf("k = %ld, %ld bits: %.2f of the bound\n", long(k), long(mostBits), used);
    }
}

/// Without products and with bits enough nothing is rounded.
TEST(FixedNetwork, SumsAreExact) {
  for (int64_t k : {1, 2, 4}) {
    FixedNetwork network(rfft(k), {8, 3}, 16, 16);
    EXPECT_EQ(network.numRoundings(), 0);
    for (const auto &x : inputs(k, {8, 3})) {
      std::vector<int64_t> slots(k);
      network.evaluate(x, slots);
      for (int64_t s = 0; s < k; ++s)
        EXPECT_EQ(slots[s], std::llround(definition(x, s)));
    }
  }
}

} // namespace
