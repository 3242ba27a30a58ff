//===- Dense.h - Eigen's matrices in this room --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private: public headers of Obtain/ show ArrayRef and vector alone, so that users of the library need no Eigen.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_OBTAIN_DENSE_H
#define COMPRESS_LIB_OBTAIN_DENSE_H

// Only the parts under the MPL 2.
#define EIGEN_MPL2_ONLY
#include <Eigen/Core>
#include <vector>

namespace mlir::compress::obtain {

using ColMatrix = Eigen::MatrixXd;
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstView = Eigen::Map<const RowMatrix>;

/// Singular values below this share of the largest count as zero (the `rcond` of SmartDeal's code).
constexpr double kRankTolerance = 1e-10;

/// The row-major entries of an expression.
template <typename Expression>
std::vector<double> toVector(const Expression &expression) {
  RowMatrix matrix = expression;
  return {matrix.data(), matrix.data() + matrix.size()};
}

/// The x of least norm among those that minimise |a x - y|.
ColMatrix leastSquares(const ColMatrix &a, const ColMatrix &y);

} // namespace mlir::compress::obtain

#endif // COMPRESS_LIB_OBTAIN_DENSE_H
