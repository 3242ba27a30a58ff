//===- SmartDealTest.cpp - The alternating decomposition and its stops --===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/SmartDeal.h"
#include "Random.h"
#include "gtest/gtest.h"

using namespace mlir::compress::obtain;
using namespace mlir::compress::obtain::test;

namespace {

/// The entries of C^T (A - C B), which vanish for the least-squares B.
double orthogonality(llvm::ArrayRef<double> a, const SmartDealSlice &fit, int64_t rows, int64_t r) {
  std::vector<double> residual = minus(a, product(fit.coefficients, fit.basis, rows, r, r));
  std::vector<double> transposed(rows * r);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < r; ++j)
      transposed[j * rows + i] = fit.coefficients[i * r + j];
  return largest(product(transposed, residual, r, rows, r));
}

void expectCodes(llvm::ArrayRef<double> coefficients, PowerWindow window) {
  for (double c : coefficients)
    if (c != 0) {
      EXPECT_EQ(std::abs(c), std::exp2(std::ilogb(c)));
      EXPECT_TRUE(window.minExponent <= std::ilogb(c) && std::ilogb(c) <= window.maxExponent) << c;
    }
}

TEST(SmartDeal, EndsWithTheLeastSquaresBasisOfCodesInTheWindow) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 generator(seed);
    int64_t rows = 1 + generator() % 192, r = 2 + generator() % 6;
    SmartDealOptions options;
    options.theta = (seed % 4) * 0.02;
    options.byRow = seed % 3 == 0;
    options.scaleColumns = seed % 5 == 0;
    std::vector<double> a = normals(rows * r, seed, 0.15);
    SmartDealSlice fit = fitSmartDealSlice(a, rows, r, options);
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    expectCodes(fit.coefficients, options.window);
    EXPECT_LT(orthogonality(a, fit, rows, r), 1e-12);
    EXPECT_TRUE(fit.history.unchanged || int64_t(fit.history.errors.size()) == options.maxIterations);
    double error = std::sqrt(squares(minus(a, product(fit.coefficients, fit.basis, rows, r, r))));
    EXPECT_NEAR(fit.history.errors.back(), error, 1e-12);
  }
}

TEST(SmartDeal, StopsWhenTheCodeDoesNotChange) {
  // Codes already: C = A, B = I, and the second iteration finds the same code.
  std::vector<double> a = {0.5, -0.25, 0.125, 0.5, -0.0625, 0.25};
  SmartDealSlice fit = fitSmartDealSlice(a, 2, 3, {});
  EXPECT_TRUE(fit.history.unchanged);
  EXPECT_EQ(fit.history.errors.size(), 2u);
  EXPECT_EQ(fit.coefficients, a);
  EXPECT_LT(fit.history.errors.back(), 1e-15);
}

TEST(SmartDeal, StopsAtTheCap) {
  std::vector<double> a = normals(60 * 3, 11, 0.15);
  for (int64_t cap : {1, 2, 3}) {
    SmartDealOptions options;
    options.maxIterations = cap;
    SmartDealSlice fit = fitSmartDealSlice(a, 60, 3, options);
    EXPECT_FALSE(fit.history.unchanged);
    EXPECT_EQ(int64_t(fit.history.errors.size()), cap);
    EXPECT_LT(orthogonality(a, fit, 60, 3), 1e-12);
  }
}

TEST(SmartDeal, LowersThetaThatEmptiesAColumn) {
  std::vector<double> a = {0.5, 0.01, 0.25, -0.012, 0.5, 0.009};
  SmartDealOptions options;
  options.theta = 0.1;
  SmartDealSlice fit = fitSmartDealSlice(a, 3, 2, options);
  EXPECT_GT(fit.history.restarts, 0);
  EXPECT_EQ(fit.history.theta, 0.1 * std::exp2(-fit.history.restarts));
  EXPECT_NE(fit.coefficients[1] + fit.coefficients[3] + fit.coefficients[5], 0);
}

TEST(SmartDeal, ZeroesRowsBelowFiveTheta) {
  // The third row sums to 0.09: entries above theta = 0.02, but the row below 5 theta.
  std::vector<double> a = {0.5, 0.25, 0.125, 0.25, 0.5, 0.25, 0.03, 0.03, 0.03, 0.25, 0.125, 0.5};
  SmartDealOptions options;
  options.theta = 0.02;
  SmartDealSlice whole = fitSmartDealSlice(a, 4, 3, options);
  options.byRow = true;
  SmartDealSlice byRow = fitSmartDealSlice(a, 4, 3, options);
  for (int64_t j = 6; j < 9; ++j) {
    EXPECT_NE(whole.coefficients[j], 0);
    EXPECT_EQ(byRow.coefficients[j], 0);
  }
}

// 10 outputs in groups of 4, the last one of 2; 32 inputs in 3 slices of 4 rows, all but int(0.4 * 4) of which stay.
TEST(SmartDeal, OutputsShareTheRowsOfTheLargestSquares) {
  constexpr int64_t kOuts = 10, kInputs = 32, kShare = 4;
  std::vector<double> weight = normals(kOuts * kInputs, 5, 0.3);
  SmartDealOptions options;
  options.theta = 0;
  options.share = kShare;
  options.rowSparsity = 0.4;
  SmartDealFit fit = fitSmartDeal(weight, {kOuts, kInputs}, options, /*maxRows=*/4);
  auto [slices, rows, r] = fit.slicing;
  ASSERT_EQ(std::make_tuple(slices, rows, r), std::make_tuple(int64_t(3), int64_t(4), int64_t(3)));
  auto number = [&](int64_t out, int64_t place) { return place < kInputs ? weight[out * kInputs + place] : 0; };
  for (int64_t group = 0; group < kOuts; group += kShare)
    for (int64_t s = 0; s < slices; ++s) {
      int64_t least = 0;
      double squares[4] = {};
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t out = group; out < std::min(kOuts, group + kShare); ++out)
          for (int64_t j = 0; j < r; ++j)
            squares[row] += std::pow(number(out, (s * rows + row) * r + j), 2);
        if (squares[row] < squares[least])
          least = row;
      }
      for (int64_t out = group; out < std::min(kOuts, group + kShare); ++out)
        for (int64_t row = 0; row < rows; ++row) {
          const double *codes = &fit.coefficients[((out * slices + s) * rows + row) * r];
          EXPECT_EQ(codes[0] == 0 && codes[1] == 0 && codes[2] == 0, row == least) << out << " " << s << " " << row;
        }
    }
}

TEST(SmartDeal, TakesZeroColumnsAndZeroSlices) {
  SmartDealSlice zero = fitSmartDealSlice(std::vector<double>(15, 0.0), 5, 3, {});
  EXPECT_TRUE(zero.history.unchanged);
  EXPECT_EQ(largest(zero.coefficients) + largest(zero.basis), 0);
  std::vector<double> a = normals(30, 2, 0.15);
  for (int64_t i = 1; i < 30; i += 3)
    a[i] = 0;
  SmartDealSlice fit = fitSmartDealSlice(a, 10, 3, {});
  EXPECT_EQ(fit.history.restarts, 0);
  EXPECT_LT(orthogonality(a, fit, 10, 3), 1e-13);
}

/// The table of SmartDeal's code (4096 -> 8 slices of 171 rows, …), and shapes that it drops or leaves out.
TEST(SmartDeal, SlicesOfTheTableAndOfOtherShapes) {
  auto expect = [](llvm::ArrayRef<int64_t> shape, int64_t slices, int64_t rows, int64_t r) {
    SmartDealSlicing is = smartDealSlicing(shape);
    EXPECT_TRUE(is.slices == slices && is.rows == rows && is.r == r)
        << shape.size() << ": " << is.slices << " " << is.rows << " " << is.r;
  };
  expect({10, 4096}, 8, 171, 3);
  expect({10, 512}, 1, 171, 3);
  expect({10, 256}, 1, 86, 3);
  expect({10, 64, 1, 1}, 1, 22, 3);
  expect({10, 4914}, 9, 182, 3); // 1638 rows, which no split of the table divides
  expect({10, 64, 3, 3}, 1, 192, 3);
  expect({10, 65, 3, 3}, 2, 99, 3); // 33 channels in a slice, one of them padding
  expect({10, 100, 5, 5}, 3, 170, 5);
  expect({10, 3, 7, 7}, 1, 21, 7);
  expect({10, 4, 300, 2}, 4, 300, 2);
}

TEST(SmartDeal, NoNumberIsDropped) {
  const std::vector<std::vector<int64_t>> shapes = {{2, 4914}, {3, 65, 3, 3},  {2, 100, 5, 5}, {2, 3, 7, 7},
                                                    {2, 7},    {2, 130, 1, 1}, {2, 9, 5, 2}};
  for (const std::vector<int64_t> &shape : shapes) {
    size_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<double> w = normals(count, count);
    for (double &value : w)
      value = nearestPowerOfTwo(value / 4, {-8, -1, false});
    SmartDealOptions options;
    options.theta = 0;
    SmartDealFit fit = fitSmartDeal(w, shape, options);
    EXPECT_EQ(int64_t(fit.coefficients.size()), shape[0] * fit.slicing.slices * fit.slicing.rows * fit.slicing.r);
    EXPECT_EQ(int64_t(fit.basis.size()), shape[0] * fit.slicing.slices * fit.slicing.r * fit.slicing.r);
    EXPECT_LT(largest(minus(expandSmartDeal(fit, shape), w)), 1e-13);
  }
}

} // namespace
