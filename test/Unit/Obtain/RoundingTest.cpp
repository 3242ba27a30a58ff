//===- RoundingTest.cpp - Rounding to number codes ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/Rounding.h"
#include "Random.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"

using namespace mlir::compress::obtain;
using namespace mlir::compress::obtain::test;

namespace {

double errorOf(const Rounded &rounded, llvm::ArrayRef<double> w, llvm::ArrayRef<int64_t> shape,
               llvm::ArrayRef<int64_t> group) {
  return squares(minus(dequantize(rounded, shape, group), w));
}

TEST(PowerOfTwo, IsTheNearestInLinearDistance) {
  for (bool zero : {true, false}) {
    PowerWindow window{-5, 2, zero};
    for (int64_t i = -6 * 1024; i <= 6 * 1024; ++i) {
      double x = i / 1024.0, distance = std::abs(x - nearestPowerOfTwo(x, window));
      double least = zero ? std::abs(x) : HUGE_VAL;
      for (int64_t e = -5; e <= 2; ++e)
        least = std::min({least, std::abs(x - std::exp2(e)), std::abs(x + std::exp2(e))});
      EXPECT_EQ(distance, least) << x;
    }
  }
}

/// 1.5 * 2^e is as near to 2^e as to 2^(e+1): it takes the smaller, and so does half the least power.
TEST(PowerOfTwo, TiesGoToTheSmallerMagnitude) {
  PowerWindow window{-3, 3, true};
  for (int64_t e = -3; e < 3; ++e)
    for (double sign : {-1.0, 1.0}) {
      EXPECT_EQ(nearestPowerOfTwo(sign * 1.5 * std::exp2(e), window), sign * std::exp2(e));
      EXPECT_EQ(nearestPowerOfTwo(std::nextafter(sign * 1.5 * std::exp2(e), sign * 99), window),
                sign * std::exp2(e + 1));
    }
  EXPECT_EQ(nearestPowerOfTwo(std::exp2(-4), window), 0);
  EXPECT_EQ(nearestPowerOfTwo(0, {-3, 3, false}), std::exp2(-3));
  EXPECT_EQ(nearestPowerOfTwo(-1e-30, {-3, 3, false}), -std::exp2(-3));
  EXPECT_EQ(nearestPowerOfTwo(1e30, window), 8);
}

TEST(PowerOfTwo, WindowEndsAtTheLargestMagnitude) {
  PowerWindow window = windowOf({0.1, -0.8, 0.3}, 8, true); // 0.8 becomes 1
  EXPECT_TRUE(window.minExponent == -7 && window.maxExponent == 0);
  EXPECT_EQ(windowOf({0.75}, 8, true).maxExponent, -1);
  EXPECT_EQ(windowOf({0.0}, 7, true).maxExponent, 0);
}

TEST(Uniform, ErrsByHalfAStep) {
  int64_t shape[] = {6, 33}, group[] = {1, 8};
  std::vector<double> w = normals(6 * 33, 4);
  Rounded rounded = fitUniform(w, shape, group, {});
  EXPECT_EQ(rounded.scaleShape, (llvm::SmallVector<int64_t>{6, 5}));
  std::vector<double> back = dequantize(rounded, shape, group);
  for (int64_t i = 0; i < 6 * 33; ++i)
    EXPECT_LE(std::abs(back[i] - w[i]), rounded.scales[i / 33 * 5 + i % 33 / 8] * (0.5 + 1e-12));
}

TEST(Uniform, RangesWithAZeroPointHoldZeroAndBothEnds) {
  int64_t shape[] = {64}, group[] = {64};
  std::vector<double> w = normals(64, 9);
  for (double &value : w)
    value = std::abs(value) + 1;
  w[0] = 0;
  UniformOptions options{0, 255, /*symmetric=*/false, /*search=*/false};
  Rounded rounded = fitUniform(w, shape, group, options);
  EXPECT_EQ(rounded.zeros[0], 0);
  EXPECT_NEAR(rounded.scales[0], largest(w) / 255, 1e-15);
  options.low = -128, options.high = 127;
  rounded = fitUniform(w, shape, group, options);
  EXPECT_EQ(rounded.zeros[0], -128);
  EXPECT_EQ(dequantize(rounded, shape, group)[0], 0);
}

TEST(Uniform, SearchErrsNoMore) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    int64_t shape[] = {3, 40}, group[] = {1, 1 + int64_t(seed) % 40};
    std::vector<double> w = normals(120, seed);
    for (bool symmetric : {true, false}) {
      UniformOptions options{-2, 1, symmetric, false};
      double plain = errorOf(fitUniform(w, shape, group, options), w, shape, group);
      options.search = true;
      // Where one scale serves one number, both errors are those of rounding in double.
      EXPECT_LE(errorOf(fitUniform(w, shape, group, options), w, shape, group), plain + 1e-28) << "seed " << seed;
    }
  }
}

TEST(Uniform, AtGivenScalesChangesNothingTheSecondTime) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    int64_t shape[] = {4, 30}, group[] = {2, 7};
    std::vector<double> w = toFloat(normals(120, seed));
    Rounded once = fitUniform(w, shape, group, {-8, 7, seed % 2 == 0, seed % 3 == 0});
    once.scales = toFloat(once.scales);
    roundAtScales(w, shape, group, -8, 7, once);
    Rounded twice = once;
    roundAtScales(toFloat(dequantize(once, shape, group)), shape, group, -8, 7, twice);
    EXPECT_EQ(once.numbers, twice.numbers) << "seed " << seed;
  }
}

TEST(Uniform, TakesZeros) {
  int64_t shape[] = {4}, group[] = {4};
  std::vector<double> w(4, 0.0);
  for (bool symmetric : {true, false}) {
    Rounded rounded = fitUniform(w, shape, group, {-8, 7, symmetric, true});
    EXPECT_EQ(rounded.scales[0], 1);
    EXPECT_EQ(dequantize(rounded, shape, group), w);
  }
}

/// Halves go to the smaller magnitude.
TEST(Uniform, NearestInteger) {
  EXPECT_EQ(nearestInteger(2.5, -8, 7), 2);
  EXPECT_EQ(nearestInteger(-2.5, -8, 7), -2);
  EXPECT_EQ(nearestInteger(std::nextafter(2.5, 3), -8, 7), 3);
  EXPECT_EQ(nearestInteger(99, -8, 7), 7);
  EXPECT_EQ(nearestInteger(-99, -8, 7), -8);
  EXPECT_FALSE(std::signbit(nearestInteger(-0.3, -8, 7)));
}

TEST(Ternary, IsTheMeanAboveTheThreshold) {
  int64_t shape[] = {2, 4}, group[] = {1, 4};
  // Row 0: mean 1.25, threshold 0.875: 1, -2, 1.5 stay. Row 1: zeros.
  Rounded rounded = fitTernary({1, -2, 0.5, 1.5, 0, 0, 0, 0}, shape, group);
  EXPECT_EQ(rounded.numbers, (std::vector<double>{1, -1, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(rounded.scales, (std::vector<double>{1.5, 1}));
}

TEST(Ternary, IteratesToTheNearestCodesWithoutMoreError) {
  int64_t shape[] = {300}, group[] = {300};
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<double> w = normals(300, seed);
    Rounded plain = fitTernary(w, shape, group), best = fitTernary(w, shape, group, {0.7, true});
    EXPECT_LE(errorOf(best, w, shape, group), errorOf(plain, w, shape, group) * (1 + 1e-15)) << "seed " << seed;
    for (auto [value, number] : llvm::zip_equal(w, best.numbers))
      EXPECT_EQ(number != 0, std::abs(value) > best.scales[0] / 2);
  }
}

TEST(Ternary, FitOfTernaryIsItself) {
  int64_t shape[] = {5, 24}, group[] = {1, 24};
  for (unsigned seed = 0; seed < 200; ++seed) {
    Rounded once = fitTernary(normals(120, seed), shape, group);
    once.scales = toFloat(once.scales);
    Rounded twice = fitTernary(dequantize(once, shape, group), shape, group);
    EXPECT_EQ(once.numbers, twice.numbers) << "seed " << seed;
    EXPECT_EQ(once.scales, toFloat(twice.scales)) << "seed " << seed;
  }
}

TEST(Codebook, NumbersAreMeansOfTheirEntries) {
  std::vector<double> w = normals(500, 21);
  Codebook book = fitCodebook(w, 8);
  ASSERT_EQ(book.table.size(), 8u);
  for (int64_t i = 0; i < 8; ++i) {
    double sum = 0, count = 0;
    for (auto [value, index] : llvm::zip_equal(w, book.indices))
      if (index == i)
        sum += value, ++count;
    EXPECT_NEAR(book.table[i], sum / count, 1e-14);
  }
  for (auto [value, index] : llvm::zip_equal(w, book.indices))
    for (double other : book.table)
      EXPECT_LE(std::abs(value - book.table[index]), std::abs(value - other) + 1e-15);
}

TEST(Codebook, FewNumbersAreKept) {
  std::vector<double> w = {3, -1, 3, 0.5, -1, 0.5};
  Codebook book = fitCodebook(w, 4);
  EXPECT_EQ(book.table, (std::vector<double>{-1, 0.5, 3}));
  EXPECT_EQ(book.indices, (std::vector<int64_t>{2, 0, 2, 1, 0, 1}));
}

} // namespace
