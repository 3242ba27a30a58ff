//===- Weighted.cpp - Fits that look at a layer's output ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With H = L L^T, trace(D H D^T) = |D L|^2: weighted problems are plain ones of W L.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/Weighted.h"
#include "Dense.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <Eigen/Cholesky>
#include <algorithm>
#include <cassert>

using namespace mlir::compress::obtain;
using llvm::ArrayRef;

/// d of the header: enough for a Cholesky decomposition, too little to matter otherwise.
static constexpr double kDamping = 0.01;
/// Columns whose errors are passed on together.
static constexpr int64_t kBlock = 128;

static ColMatrix damped(ArrayRef<double> hessian, int64_t n) {
  assert(int64_t(hessian.size()) == n * n && "moments of n numbers");
  ColMatrix h = ConstView(hessian.data(), n, n);
  double mean = h.trace() / n;
  h.diagonal().array() += mean > 0 ? kDamping * mean : 1.0;
  return h;
}

void mlir::compress::obtain::addMoments(ArrayRef<float> rows, int64_t n, llvm::MutableArrayRef<double> sum) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  RowMatrix x = Eigen::Map<const Floats>(rows.data(), rows.size() / n, n).cast<double>();
  Eigen::Map<RowMatrix>(sum.data(), n, n).selfadjointView<Eigen::Upper>().rankUpdate(x.transpose());
}

double mlir::compress::obtain::outputError(ArrayRef<double> difference, int64_t n, ArrayRef<double> hessian) {
  ConstView d(difference.data(), difference.size() / n, n);
  return (d * ConstView(hessian.data(), n, n)).cwiseProduct(d).sum();
}

std::vector<double> mlir::compress::obtain::roundByColumns(ArrayRef<double> weight, int64_t n, ArrayRef<double> hessian,
                                                           llvm::function_ref<double(int64_t, double)> round) {
  int64_t rows = weight.size() / n;
  ColMatrix w = ConstView(weight.data(), rows, n), rounded(rows, n);
  // H^-1 = U^T U with U upper triangular: row j of U says how what column j errs is made up for by the later ones.
  ColMatrix inverse = damped(hessian, n).llt().solve(ColMatrix::Identity(n, n));
  ColMatrix u = inverse.llt().matrixU();
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    int64_t size = std::min(kBlock, n - begin), rest = n - begin - size;
    ColMatrix errors(rows, size);
    for (int64_t i = 0; i < size; ++i) {
      int64_t column = begin + i;
      for (int64_t row = 0; row < rows; ++row)
        rounded(row, column) = round(row * n + column, w(row, column));
      errors.col(i) = (w.col(column) - rounded.col(column)) / u(column, column);
      w.block(0, column, rows, size - i) -= errors.col(i) * u.block(column, column, 1, size - i);
    }
    w.rightCols(rest) -= errors * u.block(begin, begin + size, size, rest);
  }
  return toVector(rounded);
}

namespace {

/// Normal equations of the scales of some rows: left x = right.
struct ScaleEquations {
  std::vector<int64_t> scales;
  ColMatrix left, right;
};

} // namespace

/// Of one row, whose entries have `scaleOf`.
static ScaleEquations equationsOfRow(const ColMatrix &w, const ColMatrix &q, const ColMatrix &h,
                                     ArrayRef<int64_t> scaleOf) {
  ScaleEquations result;
  result.scales = scaleOf.vec();
  llvm::sort(result.scales);
  result.scales.erase(llvm::unique(result.scales), result.scales.end());
  // A column per scale, with the numbers that have it.
  ColMatrix design = ColMatrix::Zero(q.rows(), result.scales.size());
  for (auto [entry, scale] : llvm::enumerate(scaleOf))
    design(entry, llvm::lower_bound(result.scales, scale) - result.scales.begin()) = q(entry, 0);
  ColMatrix hd = h * design;
  result.left = design.transpose() * hd;
  result.right = hd.transpose() * w;
  return result;
}

std::vector<double> mlir::compress::obtain::weightedScales(ArrayRef<double> weight, ArrayRef<double> numbers, int64_t n,
                                                           ArrayRef<double> hessian, ArrayRef<int64_t> scaleOf,
                                                           ArrayRef<double> scales) {
  int64_t rows = weight.size() / n;
  ColMatrix h = damped(hessian, n);
  std::vector<ScaleEquations> equations;
  std::vector<int64_t> rowsOf(scales.size(), 0);
  for (int64_t row = 0; row < rows; ++row) {
    equations.push_back(equationsOfRow(ConstView(&weight[row * n], n, 1), ConstView(&numbers[row * n], n, 1), h,
                                       scaleOf.slice(row * n, n)));
    for (int64_t scale : equations.back().scales)
      ++rowsOf[scale];
  }
  std::vector<double> result(scales.begin(), scales.end()), product(scales.size(), 0.0), square(scales.size(), 0.0);
  for (const ScaleEquations &one : equations) {
    if (one.scales.size() == 1) {
      square[one.scales.front()] += one.left(0, 0);
      product[one.scales.front()] += one.right(0, 0);
    } else if (llvm::all_of(one.scales, [&](int64_t scale) { return rowsOf[scale] == 1; })) {
      ColMatrix solved = leastSquares(one.left, one.right);
      for (auto [i, scale] : llvm::enumerate(one.scales))
        result[scale] = solved(i, 0) > 0 ? solved(i, 0) : scales[scale];
    }
  }
  for (size_t i = 0; i < result.size(); ++i)
    if (square[i] > 0 && product[i] > 0)
      result[i] = product[i] / square[i];
  return result;
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// Rows of the basis to norm 1 and a positive largest entry; coefficients take what they lose.
static Factors normalised(const ColMatrix &coefficients, ColMatrix basis) {
  ColMatrix c = coefficients;
  for (int64_t m = 0; m < basis.rows(); ++m) {
    Eigen::Index largest;
    basis.row(m).cwiseAbs().maxCoeff(&largest);
    double norm = std::copysign(basis.row(m).norm(), basis(m, largest));
    if (norm == 0)
      continue;
    basis.row(m) /= norm;
    c.col(m) *= norm;
  }
  return {c.rows(), c.cols(), basis.cols(), toVector(c), toVector(basis)};
}

Factors mlir::compress::obtain::weightedSVD(ArrayRef<double> weight, int64_t rows, int64_t n, ArrayRef<double> hessian,
                                            RankRule rule) {
  ColMatrix l = damped(hessian, n).llt().matrixL();
  ColMatrix wl = ConstView(weight.data(), rows, n) * l;
  Factors plain = truncatedSVD(toVector(wl), rows, n, rule);
  ConstView basis(plain.basis.data(), plain.rank, n);
  // basis L^-1, by its transpose.
  ColMatrix whitened = l.transpose().triangularView<Eigen::Upper>().solve(ColMatrix(basis.transpose())).transpose();
  return normalised(ConstView(plain.coefficients.data(), rows, plain.rank), whitened);
}

std::vector<double> mlir::compress::obtain::hessianOfCoefficients(ArrayRef<double> basis, int64_t ins, int64_t numTaps,
                                                                  ArrayRef<double> hessian) {
  int64_t bases = basis.size() / numTaps;
  ConstView b(basis.data(), bases, numTaps), h(hessian.data(), ins * numTaps, ins * numTaps);
  RowMatrix result(ins * bases, ins * bases);
  for (int64_t c = 0; c < ins; ++c)
    for (int64_t d = 0; d < ins; ++d)
      result.block(c * bases, d * bases, bases, bases) =
          b * h.block(c * numTaps, d * numTaps, numTaps, numTaps) * b.transpose();
  return {result.data(), result.data() + result.size()};
}

Factors mlir::compress::obtain::weightedEscalate(ArrayRef<double> weight, int64_t outs, int64_t ins, int64_t numTaps,
                                                 ArrayRef<double> hessian, RankRule rule) {
  ConstView h(hessian.data(), ins * numTaps, ins * numTaps);
  ColMatrix perTap = ColMatrix::Zero(numTaps, numTaps);
  for (int64_t c = 0; c < ins; ++c)
    perTap += h.block(c * numTaps, c * numTaps, numTaps, numTaps) / ins;
  Factors factors = weightedSVD(weight, outs * ins, numTaps, toVector(perTap), rule);
  ConstView b(factors.basis.data(), factors.rank, numTaps), w(weight.data(), outs, ins * numTaps);
  // Coefficients of an output: (B H B^T) c = B H w.
  ColMatrix wh = w * h, right(outs, ins * factors.rank);
  for (int64_t c = 0; c < ins; ++c)
    right.middleCols(c * factors.rank, factors.rank) = wh.middleCols(c * numTaps, numTaps) * b.transpose();
  ColMatrix left = damped(hessianOfCoefficients(factors.basis, ins, numTaps, hessian), ins * factors.rank);
  // Damping pulls to what the kernels' own factors say, not to zero.
  double pull = left.trace() / left.rows() * kDamping / (1 + kDamping);
  right += pull * ConstView(factors.coefficients.data(), outs, ins * factors.rank);
  factors.coefficients = toVector(ColMatrix(left.llt().solve(ColMatrix(right.transpose())).transpose()));
  return factors;
}

//===----------------------------------------------------------------------===//
// Refits
//===----------------------------------------------------------------------===//

void mlir::compress::obtain::refitBases(SmartDealFit &fit, ArrayRef<double> weight, int64_t n,
                                        ArrayRef<double> hessian) {
  auto [slices, rows, r] = fit.slicing;
  ColMatrix h = damped(hessian, n);
  int64_t size = rows * r, unknowns = slices * r * r;
  ColMatrix design(n, unknowns);
  for (int64_t out = 0; out < fit.outs; ++out) {
    // w[s, row, j] = sum over i of C[s, row, i] B[s, i, j].
    design.setZero();
    for (int64_t at = 0; at < std::min(n, slices * size); ++at) {
      int64_t s = at / size, row = at % size / r, j = at % r;
      for (int64_t i = 0; i < r; ++i)
        design(at, (s * r + i) * r + j) = fit.coefficients[((out * slices + s) * rows + row) * r + i];
    }
    ColMatrix hd = h * design;
    // Of least norm where columns are zero.
    ColMatrix w = ConstView(&weight[out * n], n, 1);
    ColMatrix b = leastSquares(ColMatrix(design.transpose() * hd), ColMatrix(hd.transpose() * w));
    std::copy(b.data(), b.data() + unknowns, fit.basis.begin() + out * unknowns);
  }
}

std::vector<double> mlir::compress::obtain::refitColumns(ArrayRef<double> weight, int64_t n, ArrayRef<double> hessian,
                                                         ArrayRef<int64_t> kept) {
  ColMatrix h = damped(hessian, n), w = ConstView(weight.data(), weight.size() / n, n);
  int64_t size = kept.size();
  ColMatrix left(size, size), right(n, size);
  for (int64_t j = 0; j < size; ++j) {
    right.col(j) = h.col(kept[j]);
    for (int64_t i = 0; i < size; ++i)
      left(i, j) = h(kept[i], kept[j]);
  }
  ColMatrix solved = left.llt().solve(ColMatrix((w * right).transpose()));
  return toVector(ColMatrix(solved.transpose()));
}

std::vector<double> mlir::compress::obtain::weightedCirculant(ArrayRef<double> weight, int64_t outs, int64_t ins,
                                                              int64_t numTaps, int64_t k, ArrayRef<double> hessian,
                                                              ArrayRef<double> start) {
  int64_t n = ins * numTaps, p = llvm::divideCeil(outs, k), q = llvm::divideCeil(ins, k), unknowns = q * k * numTaps;
  ConstView h(hessian.data(), n, n), w(weight.data(), outs, n);
  RowMatrix wh = w * h;
  // The unknown that entry (in, tap) of row r of a block row is, for each of n; it is one of c[j, (r - s) mod k, tap].
  auto unknownOf = [&, taps = numTaps](int64_t r, int64_t at) {
    int64_t in = at / taps;
    return ((in / k) * k + ((r - in) % k + k) % k) * taps + at % taps;
  };
  std::vector<double> result;
  // Block rows of one height share their equations but for the right side.
  Eigen::LLT<ColMatrix> equations;
  double pull = 0;
  int64_t height = 0;
  for (int64_t i = 0; i < p; ++i) {
    int64_t blockRows = std::min(k, outs - i * k);
    if (blockRows != height) {
      ColMatrix left = ColMatrix::Zero(unknowns, unknowns);
      for (int64_t r = 0; r < blockRows; ++r)
        for (int64_t a = 0; a < n; ++a)
          for (int64_t b = 0, row = unknownOf(r, a); b < n; ++b)
            left(row, unknownOf(r, b)) += h(a, b);
      pull = std::max(left.trace() / unknowns, 1e-300) * kDamping;
      left.diagonal().array() += pull;
      equations.compute(left);
      height = blockRows;
    }
    ColMatrix right = pull * ConstView(&start[i * unknowns], unknowns, 1);
    for (int64_t r = 0; r < blockRows; ++r)
      for (int64_t a = 0; a < n; ++a)
        right(unknownOf(r, a), 0) += wh(i * k + r, a);
    llvm::append_range(result, toVector(ColMatrix(equations.solve(right))));
  }
  return result;
}
