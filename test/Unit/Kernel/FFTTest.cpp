//===- FFTTest.cpp - Transforms against their definition ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/FFT.h"
#include "compress/Kernel/Count.h"
#include "compress/Kernel/Evaluate.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress::kernel;

namespace {

std::vector<double> run(const Network &network, const std::vector<double> &inputs) {
  std::vector<double> outputs(network.outputs.size());
  Evaluator(network).run(inputs, outputs);
  return outputs;
}

/// Slot `slot` of the transform of `x`, by the definition in long double.
double definition(const std::vector<double> &x, int64_t slot) {
  int64_t k = x.size(), f = slotFrequency(k, slot);
  long double sum = 0, turn = 2 * std::acos(-1.0L) / k;
  for (int64_t t = 0; t < k; ++t) {
    long double angle = turn * ((f * t) % k);
    sum += x[t] * (isImaginarySlot(k, slot) ? -std::sin(angle) : std::cos(angle));
  }
  return sum;
}

std::vector<double> randomVector(int64_t k, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> x(k);
  for (double &value : x)
    value = normal(generator);
  return x;
}

double sumOfAbs(const std::vector<double> &x) {
  double sum = 0;
  for (double value : x)
    sum += std::abs(value);
  return sum;
}

constexpr double kUnit = std::numeric_limits<double>::epsilon();
/// Constants are equal to 14 digits, so that equal products are one (Network.cpp).
constexpr double kConstantError = 1e-14;

/// Any k: primes, odd and even composites, powers of two.
class RfftOfSize : public testing::TestWithParam<int64_t> {};

TEST_P(RfftOfSize, IsTheDefinition) {
  int64_t k = GetParam();
  unsigned seed = 1000 + k;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<double> x = randomVector(k, seed), slots = run(rfft(k), x);
  double bound = (kUnit * (count(rfft(k)).depth + 1) + kConstantError) * sumOfAbs(x);
  for (int64_t s = 0; s < k; ++s)
    EXPECT_NEAR(slots[s], definition(x, s), bound) << "slot " << s << " of " << k;
}

TEST_P(RfftOfSize, TransposeHasTheTransposedMatrix) {
  int64_t k = GetParam();
  Network forward = rfft(k), backward = transpose(forward);
  double bound = (kUnit * (count(forward).depth + 1) + kConstantError) * 2;
  for (int64_t column = 0; column < k; ++column) {
    std::vector<double> unit(k, 0.0);
    unit[column] = 1;
    std::vector<double> row = run(backward, unit);
    for (int64_t t = 0; t < k; ++t) {
      std::vector<double> place(k, 0.0);
      place[t] = 1;
      EXPECT_NEAR(row[t], definition(place, column), bound);
    }
  }
}

TEST_P(RfftOfSize, ScaledTransposeIsTheInverse) {
  int64_t k = GetParam();
  std::vector<double> x = randomVector(k, 2000 + k), slots = run(rfft(k), x);
  for (int64_t s = 0; s < k; ++s)
    slots[s] *= slotScale(k, s);
  std::vector<double> back = run(transpose(rfft(k)), slots);
  double bound = 2 * (kUnit * (count(rfft(k)).depth + 1) + kConstantError) * sumOfAbs(x);
  for (int64_t t = 0; t < k; ++t)
    EXPECT_NEAR(back[t], x[t], bound);
}

TEST_P(RfftOfSize, RestrictedToHalfOfItsInputsIsTheTransformOfZeros) {
  int64_t k = GetParam(), valid = (k + 1) / 2;
  std::vector<double> x = randomVector(k, 3000 + k);
  std::fill(x.begin() + valid, x.end(), 0.0);
  Network restricted = restrictInputs(rfft(k), valid);
  EXPECT_LE(count(restricted).total(), count(rfft(k)).total());
  std::vector<double> got = run(restricted, x), expected = run(rfft(k), x);
  double bound = 2 * (kUnit * (count(rfft(k)).depth + 1) + kConstantError) * sumOfAbs(x);
  for (int64_t s = 0; s < k; ++s)
    EXPECT_NEAR(got[s], expected[s], bound);
}

TEST_P(RfftOfSize, CountStaysBelowItsEstimate) {
  EXPECT_LE(count(rfft(GetParam())).total(), operationCountUpperBound(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(UpTo70, RfftOfSize, testing::Range<int64_t>(1, 71));
INSTANTIATE_TEST_SUITE_P(Large, RfftOfSize, testing::Values(96, 100, 127, 128, 256));

/// Split radix: 2 k lg k - 4 k + 6 operations for k reals (Sorensen et al. 1987), and as many in the transpose.
TEST(Rfft, PowersOfTwoTakeTheSplitRadixCount) {
  for (int64_t lg = 2; lg <= 8; ++lg) {
    int64_t k = int64_t(1) << lg;
    EXPECT_EQ(count(rfft(k)).total(), 2 * k * lg - 4 * k + 6) << k;
    EXPECT_EQ(count(transpose(rfft(k))).total(), 2 * k * lg - 4 * k + 6) << k;
  }
}

/// The modified split radix (Johnson and Frigo, IEEE Trans. Signal Processing 55, 2007): operations for k complex
/// numbers, less the 2k - 4 additions that join two real transforms, halved.
int64_t modifiedSplitRadixCount(int64_t k, int64_t lg) {
  int64_t sign = lg % 2 ? -1 : 1;
  int64_t complexTimes27 = 102 * k * lg - 124 * k - 54 * lg - 6 * sign * lg + 16 * sign + 216;
  EXPECT_EQ(complexTimes27 % 27, 0);
  return (complexTimes27 / 27 - 2 * k + 4) / 2;
}

/// What that algorithm would save: nothing up to 32 points, 4 operations of 518 at 64, 16 of 1286
/// at 128, 56 of 3078 at 256.
TEST(Rfft, IsWithinTwoPercentOfTheModifiedSplitRadix) {
  EXPECT_EQ(modifiedSplitRadixCount(64, 6), 514);
  for (int64_t lg = 2; lg <= 8; ++lg) {
    int64_t k = int64_t(1) << lg, total = count(rfft(k)).total(), lowest = modifiedSplitRadixCount(k, lg);
    EXPECT_GE(total, lowest) << k;
    EXPECT_LE(total - lowest, total / 50) << k;
  }
}

/// The only irrational constant of 8 points is sqrt(1/2), used twice.
TEST(Rfft, EightPointsTakeTwoMultiplications) { EXPECT_EQ(count(rfft(8)).multiplies, 2); }

TEST(Rfft, SlotsAreFrequenciesInOrder) {
  EXPECT_EQ(numRealSlots(1), 1);
  EXPECT_EQ(numRealSlots(8), 2);
  EXPECT_EQ(slotFrequency(8, 1), 4);
  EXPECT_EQ(slotFrequency(8, 2), 1);
  EXPECT_TRUE(isImaginarySlot(8, 3));
  EXPECT_EQ(slotFrequency(5, 1), 1);
  EXPECT_TRUE(isImaginarySlot(5, 2));
}

} // namespace
