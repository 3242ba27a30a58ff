//===- LowRank.cpp - Truncated singular value decompositions ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Eigen's Jacobi sweeps for thin matrices, where they are most precise; divide and conquer for large ones.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/LowRank.h"
#include "Dense.h"
#include "llvm/Support/FormatVariadic.h"
#include <Eigen/SVD>
#include <algorithm>
#include <cassert>

using namespace mlir::compress::obtain;

/// Up to this many singular values Jacobi's method is fast enough.
static constexpr int64_t kJacobiSize = 64;

int64_t mlir::compress::obtain::rankForEnergy(llvm::ArrayRef<double> singularValues, double energy) {
  double total = 0, kept = 0;
  for (double s : singularValues)
    total += s * s;
  for (auto [i, s] : llvm::enumerate(singularValues)) {
    kept += s * s;
    if (kept >= energy * total)
      return i + 1;
  }
  return std::max<int64_t>(1, singularValues.size());
}

/// Right singular vectors as columns, by decreasing singular value.
template <typename SVD>
static ColMatrix rightVectors(const SVD &svd, RankRule rule) {
  int64_t size = svd.singularValues().size();
  int64_t rank = rule.rank ? rule.rank : rankForEnergy({svd.singularValues().data(), size_t(size)}, rule.energy);
  return svd.matrixV().leftCols(std::min(rank, size));
}

Factors mlir::compress::obtain::truncatedSVD(llvm::ArrayRef<double> matrix, int64_t rows, int64_t cols, RankRule rule) {
  assert(int64_t(matrix.size()) == rows * cols && "one number per entry");
  ConstView x(matrix.data(), rows, cols);
  ColMatrix v = std::min(rows, cols) <= kJacobiSize
                    ? rightVectors(Eigen::JacobiSVD<ColMatrix>(x, Eigen::ComputeThinV), rule)
                    : rightVectors(Eigen::BDCSVD<ColMatrix>(x, Eigen::ComputeThinV), rule);
  // A pair of singular vectors is unique but for its sign; fix it, so that equal weights have equal factors.
  for (int64_t m = 0; m < v.cols(); ++m) {
    Eigen::Index largest;
    v.col(m).cwiseAbs().maxCoeff(&largest);
    if (v(largest, m) < 0)
      v.col(m) = -v.col(m);
  }
  return {rows, int64_t(v.cols()), cols, toVector(x * v), toVector(v.transpose())};
}

std::optional<Factors> mlir::compress::obtain::fitLowRank(llvm::ArrayRef<double> matrix, int64_t rows, int64_t cols,
                                                          RankRule rule, std::string &whyNot) {
  // A given rank needs no decomposition to be refused.
  std::optional<Factors> factors;
  int64_t rank = std::min({rule.rank, rows, cols});
  if (rule.rank == 0) {
    factors = truncatedSVD(matrix, rows, cols, rule);
    rank = factors->rank;
  }
  if (rank * (rows + cols) >= rows * cols) {
    whyNot = llvm::formatv("rank {0} of a {1} x {2} matrix takes {3} numbers, the dense one {4}", rank, rows, cols,
                           rank * (rows + cols), rows * cols);
    return std::nullopt;
  }
  return factors ? factors : truncatedSVD(matrix, rows, cols, rule);
}

Factors mlir::compress::obtain::fitEscalate(llvm::ArrayRef<double> weight, int64_t numKernels, int64_t numTaps,
                                            RankRule rule) {
  return truncatedSVD(weight, numKernels, numTaps, rule);
}

ColMatrix mlir::compress::obtain::leastSquares(const ColMatrix &a, const ColMatrix &y) {
  Eigen::JacobiSVD<ColMatrix> svd(a, Eigen::ComputeThinU | Eigen::ComputeThinV);
  svd.setThreshold(kRankTolerance);
  return svd.solve(y);
}

std::vector<double> mlir::compress::obtain::leastSquares(llvm::ArrayRef<double> a, llvm::ArrayRef<double> y, int64_t m,
                                                         int64_t n, int64_t cols) {
  return toVector(leastSquares(ColMatrix(ConstView(a.data(), m, n)), ColMatrix(ConstView(y.data(), m, cols))));
}
