//===- SmartDeal.cpp - Sparse powers of two times a small basis ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One iteration:  C  ->  Q = codes of C  ->  B = argmin |A - Q B|  ->  C = argmin |A - C B|, small entries zeroed  ->
// ...
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/SmartDeal.h"
#include "Dense.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cmath>
#include <numeric>
#include <optional>

using namespace mlir::compress::obtain;

/// After so many halvings theta has no effect on a weight; end the restarts.
static constexpr int64_t kMaxRestarts = 60;

/// Columns times 2^(mean of round(lg |c|) - lg |c|) over their nonzeros; the refit of B absorbs the factors.
static void recentreColumns(ColMatrix &c) {
  for (auto column : c.colwise()) {
    double sum = 0;
    int64_t count = 0;
    for (double value : column)
      if (value != 0) {
        double lg = std::log2(std::abs(value));
        sum += std::nearbyint(lg) - lg;
        ++count;
      }
    if (count)
      column *= std::exp2(sum / count);
  }
}

/// Zeroes what is below theta; false if that empties a column that was not empty.
static bool sparsify(ColMatrix &c, double theta, bool byRow) {
  auto wasEmpty = (c.array() == 0).colwise().all().eval();
  for (auto row : c.rowwise()) {
    bool isWhole = !byRow || row.cwiseAbs().sum() >= 5 * theta;
    for (double &value : row)
      if (!isWhole || !(std::abs(value) >= theta))
        value = 0;
  }
  auto isEmpty = (c.array() == 0).colwise().all().eval();
  return (isEmpty == wasEmpty).all();
}

static void clearRows(ColMatrix &c, llvm::ArrayRef<bool> kept) {
  for (size_t row = 0; row < kept.size(); ++row)
    if (!kept[row])
      c.row(row).setZero();
}

/// One run at one theta; nothing if theta empties a column.
static std::optional<SmartDealSlice> attempt(const ColMatrix &a, double theta, const SmartDealOptions &options,
                                             llvm::ArrayRef<bool> kept) {
  SmartDealSlice result;
  ColMatrix c = a, previous;
  clearRows(c, kept);
  for (int64_t iteration = 1;; ++iteration) {
    if (options.scaleColumns)
      recentreColumns(c);
    ColMatrix q = c.unaryExpr([&](double value) { return nearestPowerOfTwo(value, options.window); });
    ColMatrix b = leastSquares(q, a);
    result.history.errors.push_back((a - q * b).norm());
    result.history.unchanged = iteration > 1 && q == previous;
    if (result.history.unchanged || iteration >= options.maxIterations) {
      result.coefficients = toVector(q);
      result.basis = toVector(b);
      result.history.theta = theta;
      return result;
    }
    previous = std::move(q);
    c = leastSquares(ColMatrix(b.transpose()), ColMatrix(a.transpose())).transpose();
    clearRows(c, kept);
    if (!sparsify(c, theta, options.byRow))
      return std::nullopt;
  }
}

SmartDealSlice mlir::compress::obtain::fitSmartDealSlice(llvm::ArrayRef<double> slice, int64_t rows, int64_t r,
                                                         const SmartDealOptions &options, llvm::ArrayRef<bool> kept) {
  assert(int64_t(slice.size()) == rows * r && "one number per entry");
  ColMatrix a = ConstView(slice.data(), rows, r);
  double theta = options.theta;
  for (int64_t restarts = 0;; ++restarts) {
    if (auto result = attempt(a, theta, options, kept)) {
      result->history.restarts = restarts;
      return std::move(*result);
    }
    theta = restarts + 1 < kMaxRestarts ? theta * options.decay : 0;
  }
}

SmartDealSlicing mlir::compress::obtain::smartDealSlicing(llvm::ArrayRef<int64_t> shape, int64_t maxRows) {
  bool isKernel = shape.size() > 2 && shape.back() > 1;
  int64_t r = isKernel ? shape.back() : 3, unit = 1;
  if (isKernel)
    for (int64_t extent : shape.drop_front(2).drop_back())
      unit *= extent;
  int64_t numbers = 1;
  for (int64_t extent : shape.drop_front())
    numbers *= extent;
  int64_t units = llvm::divideCeil(numbers, unit * r);
  int64_t slices = llvm::divideCeil(units, std::max<int64_t>(maxRows / unit, 1));
  return {slices, static_cast<int64_t>(llvm::divideCeil(units, slices)) * unit, r};
}

/// Slice `s` of the weight, whose last slices of an output end in zeros.
static std::vector<double> sliceOf(llvm::ArrayRef<double> weight, int64_t outs, SmartDealSlicing slicing, int64_t s) {
  size_t numbers = weight.size() / outs, size = slicing.rows * slicing.r;
  llvm::ArrayRef<double> out = weight.slice(s / slicing.slices * numbers, numbers);
  std::vector<double> slice = out.drop_front(std::min(numbers, s % slicing.slices * size)).take_front(size).vec();
  slice.resize(size, 0.0);
  return slice;
}

/// The rows of slice `s` that the outputs from `first` on share.
static llvm::SmallVector<bool> sharedRows(llvm::ArrayRef<double> weight, int64_t outs, SmartDealSlicing slicing,
                                          int64_t first, int64_t s, const SmartDealOptions &options) {
  std::vector<double> squares(slicing.rows, 0);
  for (int64_t out = first; out < std::min(outs, first + options.share); ++out) {
    std::vector<double> slice = sliceOf(weight, outs, slicing, out * slicing.slices + s);
    for (size_t i = 0; i < slice.size(); ++i)
      squares[i / slicing.r] += slice[i] * slice[i];
  }
  std::vector<int64_t> order(slicing.rows);
  std::iota(order.begin(), order.end(), 0);
  // Of equal rows, the first ones.
  llvm::sort(order, [&](int64_t a, int64_t b) { return std::pair(-squares[a], a) < std::pair(-squares[b], b); });
  int64_t dropped = static_cast<int64_t>(options.rowSparsity * static_cast<double>(slicing.rows));
  llvm::SmallVector<bool> kept(slicing.rows, true);
  for (int64_t row : llvm::ArrayRef(order).take_back(dropped))
    kept[row] = false;
  return kept;
}

SmartDealFit mlir::compress::obtain::fitSmartDeal(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                                                  const SmartDealOptions &options, int64_t maxRows) {
  SmartDealFit fit;
  auto [slices, rows, r] = fit.slicing = smartDealSlicing(shape, maxRows);
  fit.outs = shape.front();
  std::vector<llvm::SmallVector<bool>> shared(slices);
  for (int64_t s = 0; s < fit.outs * slices; ++s) {
    int64_t out = s / slices;
    llvm::SmallVector<bool> &kept = shared[s % slices];
    if (options.share > 1 && out % options.share == 0)
      kept = sharedRows(weight, fit.outs, fit.slicing, out, s % slices, options);
    SmartDealSlice one = fitSmartDealSlice(sliceOf(weight, fit.outs, fit.slicing, s), rows, r, options, kept);
    llvm::append_range(fit.coefficients, one.coefficients);
    llvm::append_range(fit.basis, one.basis);
    fit.histories.push_back(std::move(one.history));
  }
  return fit;
}

double mlir::compress::obtain::smartDealThetaFor(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                                                 double sparsity, SmartDealOptions options, int64_t maxRows) {
  SmartDealSlicing slicing = smartDealSlicing(shape, maxRows);
  int64_t count = shape.front() * slicing.slices, sampled = std::min<int64_t>(count, 256);
  std::vector<std::vector<double>> slices;
  for (int64_t i = 0; i < sampled; ++i)
    slices.push_back(sliceOf(weight, shape.front(), slicing, i * count / sampled));
  double low = 0, high = 0;
  for (double value : weight)
    high = std::max(high, 2 * std::abs(value));
  for (int64_t step = 0; step < 12; ++step) {
    options.theta = (low + high) / 2;
    double zeros = 0, all = 0;
    for (llvm::ArrayRef<double> slice : slices) {
      SmartDealSlice one = fitSmartDealSlice(slice, slicing.rows, slicing.r, options);
      zeros += llvm::count(one.coefficients, 0.0);
      all += one.coefficients.size();
    }
    (zeros <= sparsity * all ? low : high) = options.theta;
  }
  return low;
}

std::vector<double> mlir::compress::obtain::expandSmartDeal(const SmartDealFit &fit, llvm::ArrayRef<int64_t> shape) {
  auto [slices, rows, r] = fit.slicing;
  size_t numbers = std::accumulate(shape.begin() + 1, shape.end(), int64_t(1), std::multiplies<int64_t>());
  std::vector<double> weight;
  for (int64_t out = 0; out < fit.outs; ++out) {
    std::vector<double> channel;
    for (int64_t s = out * slices; s < (out + 1) * slices; ++s)
      llvm::append_range(channel, toVector(ConstView(&fit.coefficients[s * rows * r], rows, r) *
                                           ConstView(&fit.basis[s * r * r], r, r)));
    weight.insert(weight.end(), channel.begin(), channel.begin() + numbers);
  }
  return weight;
}
