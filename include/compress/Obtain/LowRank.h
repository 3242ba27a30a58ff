//===- LowRank.h - Truncated singular value decompositions --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// W (m x n) = coefficients (m x r) basis (r x n), nearest in the Frobenius norm: plain low rank (ICCAD 2019), and the
// shared basis kernels of ESCALATE (MICRO 2021), where a row of W is one kernel. The decomposition is not centred.
// Matrices are row-major; their entries are finite.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_LOWRANK_H
#define COMPRESS_OBTAIN_LOWRANK_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress::obtain {

/// How many singular values to keep: `rank` of them or, if it is 0, the fewest whose squares sum to the share `energy`
/// in (0, 1] of the sum of all squares.
struct RankRule {
  int64_t rank = 0;
  double energy = 0;
};

/// coefficients (rows x rank) times basis (rank x cols). Basis rows have norm 1, are orthogonal, and have a positive
/// entry of largest magnitude; they come by decreasing singular value.
struct Factors {
  int64_t rows = 0, rank = 0, cols = 0;
  std::vector<double> coefficients, basis;
};

/// The fewest of the decreasing `singularValues` that reach the share `energy` of their squares; at least 1.
int64_t rankForEnergy(llvm::ArrayRef<double> singularValues, double energy);

/// The nearest matrix of a rank. A rule that asks for more than min(rows, cols) gets that many.
Factors truncatedSVD(llvm::ArrayRef<double> matrix, int64_t rows, int64_t cols, RankRule rule);

/// truncatedSVD, if r (rows + cols) < rows * cols; else nothing, with the figures in `whyNot` (ICCAD 2019: two products
/// only where they are less than one).
std::optional<Factors> fitLowRank(llvm::ArrayRef<double> matrix, int64_t rows, int64_t cols, RankRule rule,
                                  std::string &whyNot);

/// W[k, c, :] = sum over m of coefficients[k, c, m] basis[m, :] of `numKernels` = K * C kernels of `numTaps` = R * S
/// numbers: one basis for the layer (ESCALATE, 3.1). With numTaps basis kernels it is exact but for rounding.
Factors fitEscalate(llvm::ArrayRef<double> weight, int64_t numKernels, int64_t numTaps, RankRule rule);

/// The x (n x cols) of least norm among those that minimise |a x - y|, of a (m x n) and y (m x cols). Singular values
/// below 1e-10 of the largest count as zero.
std::vector<double> leastSquares(llvm::ArrayRef<double> a, llvm::ArrayRef<double> y, int64_t m, int64_t n,
                                 int64_t cols);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_LOWRANK_H
