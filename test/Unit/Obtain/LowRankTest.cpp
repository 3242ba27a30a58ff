//===- LowRankTest.cpp - Decompositions against their mathematics -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/LowRank.h"
#include "Random.h"
#include "gtest/gtest.h"

using namespace mlir::compress::obtain;
using namespace mlir::compress::obtain::test;

namespace {

std::vector<double> expand(const Factors &f) { return product(f.coefficients, f.basis, f.rows, f.rank, f.cols); }

/// What is stored: both factors in f32.
Factors stored(Factors f) {
  f.coefficients = toFloat(f.coefficients);
  f.basis = toFloat(f.basis);
  return f;
}

/// An m x n matrix with the given singular values: two orthonormal sets, from decompositions of random matrices.
std::vector<double> matrixOf(int64_t m, int64_t n, llvm::ArrayRef<double> singular, unsigned seed) {
  int64_t r = singular.size();
  std::vector<double> left = truncatedSVD(normals(r * m, seed), r, m, {r}).basis;
  std::vector<double> right = truncatedSVD(normals(r * n, seed + 1), r, n, {r}).basis;
  std::vector<double> result(m * n, 0.0);
  for (int64_t l = 0; l < r; ++l)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        result[i * n + j] += left[l * m + i] * singular[l] * right[l * n + j];
  return result;
}

TEST(LowRank, BasisRowsAreOrthonormalWithAPositiveLargestEntry) {
  for (auto [m, n] : {std::pair(40, 9), std::pair(9, 40), std::pair(150, 130), std::pair(1, 5), std::pair(5, 1)}) {
    Factors f = truncatedSVD(normals(m * n, m + n), m, n, {std::min(m, n)});
    for (int64_t a = 0; a < f.rank; ++a) {
      llvm::ArrayRef<double> row = llvm::ArrayRef(f.basis).slice(a * n, n);
      EXPECT_GT(*std::max_element(row.begin(), row.end()), largest(row) * (1 - 1e-15));
      for (int64_t b = 0; b <= a; ++b) {
        double dot = product(row, llvm::ArrayRef(f.basis).slice(b * n, n), 1, n, 1)[0];
        EXPECT_NEAR(dot, a == b, 1e-13) << m << " x " << n;
      }
    }
  }
}

/// Eckart and Young: the error is the energy of what is left out, whatever the method.
TEST(LowRank, ErrorIsTheDiscardedEnergy) {
  for (auto [m, n] : {std::pair(40, 9), std::pair(30, 120), std::pair(150, 130)}) {
    std::vector<double> singular(9);
    for (int64_t i = 0; i < 9; ++i)
      singular[i] = std::exp2(-i);
    std::vector<double> w = matrixOf(m, n, singular, 7 * m);
    for (int64_t rank = 1; rank <= 9; ++rank) {
      double discarded = squares(llvm::ArrayRef(singular).drop_front(rank));
      EXPECT_NEAR(squares(minus(w, expand(truncatedSVD(w, m, n, {rank})))), discarded, 1e-14) << m << " x " << n;
    }
  }
}

TEST(LowRank, EnergyTakesTheFewest) {
  double singular[] = {4, 2, 1, 1}; // squares 16 4 1 1 of 22
  EXPECT_EQ(rankForEnergy(singular, 16.0 / 22), 1);
  EXPECT_EQ(rankForEnergy(singular, 17.0 / 22), 2);
  EXPECT_EQ(rankForEnergy(singular, 20.5 / 22), 3);
  EXPECT_EQ(rankForEnergy(singular, 1.0), 4);
  EXPECT_EQ(rankForEnergy({0.0, 0.0}, 0.9), 1);
  std::vector<double> w = matrixOf(12, 10, singular, 3);
  EXPECT_EQ(truncatedSVD(w, 12, 10, {0, 0.8}).rank, 2);
}

/// r (m + n) < m n, and the figures if not.
TEST(LowRank, RefusesWhatTakesMoreNumbers) {
  std::string whyNot;
  std::vector<double> w = normals(12 * 6, 5);
  EXPECT_TRUE(fitLowRank(w, 12, 6, {3}, whyNot));
  EXPECT_FALSE(fitLowRank(w, 12, 6, {4}, whyNot));
  EXPECT_EQ(whyNot, "rank 4 of a 12 x 6 matrix takes 72 numbers, the dense one 72");
  EXPECT_FALSE(fitLowRank(w, 12, 6, {0, 1.0}, whyNot));
  EXPECT_EQ(whyNot, "rank 6 of a 12 x 6 matrix takes 108 numbers, the dense one 72");
}

/// expand(fit(expand(p))) is expand(p) to 4 ulp of the largest entry, stored in f32, and so is a second fit.
TEST(LowRank, FitOfALowRankMatrixIsItself) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 generator(seed);
    int64_t m = 4 + generator() % 60, n = 4 + generator() % 60, rank = 1 + generator() % (std::min(m, n) / 2);
    std::vector<double> p =
        toFloat(product(toFloat(normals(m * rank, seed + 1)), toFloat(normals(rank * n, seed + 2)), m, rank, n));
    Factors once = stored(truncatedSVD(p, m, n, {rank}));
    Factors twice = stored(truncatedSVD(toFloat(expand(once)), m, n, {rank}));
    EXPECT_LE(largest(minus(expand(once), p)), fourUlp(p)) << "seed " << seed;
    EXPECT_LE(largest(minus(expand(twice), expand(once))), fourUlp(p)) << "seed " << seed;
  }
}

TEST(Escalate, EveryBasisKernelIsExact) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    int64_t taps = seed % 2 ? 9 : 25, kernels = 1 + seed;
    std::vector<double> p = toFloat(normals(kernels * taps, seed));
    Factors once = stored(fitEscalate(p, kernels, taps, {taps}));
    Factors twice = stored(fitEscalate(toFloat(expand(once)), kernels, taps, {taps}));
    EXPECT_LE(largest(minus(expand(once), p)), fourUlp(p)) << "seed " << seed;
    EXPECT_LE(largest(minus(expand(twice), expand(once))), fourUlp(p)) << "seed " << seed;
  }
}

TEST(LeastSquares, OfSingularSystemsHaveLeastNorm) {
  // Two equal columns share what one would have: x = (1, 1, 3) of 2 a + 3 b.
  std::vector<double> a = {1, 1, 0, 1, 1, 1, 1, 1, 2}, y = {2, 5, 8};
  std::vector<double> x = leastSquares(a, y, 3, 3, 1);
  EXPECT_NEAR(x[0], 1, 1e-13);
  EXPECT_NEAR(x[1], 1, 1e-13);
  EXPECT_NEAR(x[2], 3, 1e-13);
  EXPECT_EQ(leastSquares(std::vector<double>(9, 0.0), y, 3, 3, 1), std::vector<double>(3, 0.0));
}

} // namespace
