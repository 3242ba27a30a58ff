//===- WinogradTest.cpp - Convolutions with fewer products ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Winograd.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress::kernel;

namespace {

struct Integers {
  int64_t add(int64_t a, int64_t b) const { return a + b; }
  int64_t sub(int64_t a, int64_t b) const { return a - b; }
  int64_t shift(int64_t a, int64_t by) const { return a * (int64_t(1) << by); }
};

const Integers integers;

template <size_t N>
std::array<int64_t, N> draw(std::mt19937 &random, int64_t low, int64_t high) {
  std::array<int64_t, N> numbers;
  for (int64_t &number : numbers)
    number = std::uniform_int_distribution<int64_t>(low, high)(random);
  return numbers;
}

std::array<int64_t, 4> byPoints(const std::array<int64_t, 6> &x, const std::array<int64_t, 3> &w) {
  std::array<int64_t, 6> products = winogradInput(integers, x);
  for (int64_t i = 0; i < 6; ++i)
    products[i] *= winogradFilter(integers, i, w);
  return winogradOutput(integers, products);
}

TEST(Winograd, FourResultsAre24TimesTheConvolution) {
  unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 1000; ++i) {
    auto x = draw<6>(random, 0, 255);
    auto w = draw<3>(random, -128, 127);
    auto y = byPoints(x, w);
    for (int r = 0; r < 4; ++r)
      EXPECT_EQ(y[r], 24 * (x[r] * w[0] + x[r + 1] * w[1] + x[r + 2] * w[2]));
  }
}

TEST(Winograd, ResultsAreFoundModulo2To32) {
  EXPECT_EQ(9 * kInverseOf9, 1u);
  EXPECT_EQ(9ll << kWinogradShift, kWinogradFactor);
  for (int32_t result : {0, 1, -1, 12345678, -(1 << 25), (1 << 25) - 1}) {
    uint32_t multiple = static_cast<uint32_t>(result) * static_cast<uint32_t>(kWinogradFactor);
    EXPECT_EQ(static_cast<int32_t>(multiple * kInverseOf9) >> kWinogradShift, result);
  }
}

// The bounds by which 16 bits hold the numbers of both transforms in two dimensions: 10^2 * 255 and 7^2 * 128.
TEST(Winograd, TransformsGrowByTheirBounds) {
  int64_t input = 0, filter = 0;
  for (int bits = 0; bits < 64; ++bits) {
    std::array<int64_t, 6> x;
    for (int i = 0; i < 6; ++i)
      x[i] = bits >> i & 1 ? 1 : -1;
    for (int64_t number : winogradInput(integers, x))
      input = std::max(input, std::abs(number));
    for (int64_t i = 0; i < 6; ++i)
      filter = std::max(filter, std::abs(winogradFilter(integers, i, std::array<int64_t, 3>{x[0], x[1], x[2]})));
  }
  EXPECT_EQ(input, 10);
  EXPECT_EQ(filter, 7);
}

} // namespace
