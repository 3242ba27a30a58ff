//===- SmartDeal.h - Sparse powers of two times a small basis -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SmartExchange (ISCA 2020) and SmartDeal (arXiv 2101.01163): a slice A (m x r) of a weight becomes C B, with C (m x r)
// of entries 0 and +-2^e in a window of exponents, many of them 0, and B (r x r) dense.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_SMARTDEAL_H
#define COMPRESS_OBTAIN_SMARTDEAL_H

#include "compress/Obtain/Rounding.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress::obtain {

struct SmartDealOptions {
  /// Coefficients of smaller magnitude become zero; in units of the weight.
  double theta = 0.004;
  /// The exponents that a code has. Zero is always there: in the code itself, or in a mask beside it.
  PowerWindow window{-8, -1, /*zero=*/true};
  /// Codes are computed at most so many times; at least 1.
  int64_t maxIterations = 30;
  /// Zeroes whole rows of C whose magnitudes sum to less than 5 theta (for 3x3 convolutions).
  bool byRow = false;
  /// Multiplies the columns of C by what brings their logarithms nearest to integers, before each rounding.
  bool scaleColumns = false;
  /// Over 1: so many outputs next to each other keep the same rows, all slices as many: all but `rowSparsity` of them,
  /// those with the largest squares in the weight. theta should be 0.
  int64_t share = 1;
  double rowSparsity = 0;
  /// theta is multiplied by this, and the slice begun again, when theta empties a column of C.
  double decay = 0.5;
};

/// How one slice was fitted.
struct SmartDealHistory {
  /// |A - C B| (Frobenius) after each iteration: the last one is that of the result.
  std::vector<double> errors;
  /// True if it stopped because the code did not change; false if at maxIterations.
  bool unchanged = false;
  /// theta of the run that is the result, and how often it was lowered to get there.
  double theta = 0;
  int64_t restarts = 0;
};

struct SmartDealSlice {
  /// rows x r numbers 0 or +-2^e, and r x r numbers: B is the least-squares one, A - C B is orthogonal to the columns
  /// of C.
  std::vector<double> coefficients, basis;
  SmartDealHistory history;
};

/// The alternating decomposition (SED) of `slice` (rows x r, finite): rounds C to codes; stops if they are the previous
/// ones or at the cap; B, then C, by least squares; zeroes small coefficients. It starts at C = A and ends with the
/// codes' own B. Never fails: where columns are zero, least squares take the solution of least norm.
/// Rows of which `kept`, if not empty, is false are zero.
SmartDealSlice fitSmartDealSlice(llvm::ArrayRef<double> slice, int64_t rows, int64_t r, const SmartDealOptions &options,
                                 llvm::ArrayRef<bool> kept = {});

/// The slices of one output channel: its numbers, followed by zeros, are `slices` matrices of `rows` x `r`.
struct SmartDealSlicing {
  int64_t slices = 0, rows = 0, r = 0;
};

/// Slicing of a weight out x in (x R x S) (SmartDeal's code, `core_decompose`): r = S with whole input channels in a
/// slice, or r = 3 where S is 1 or missing. At most `maxRows` rows to a slice, and slices of equal height, so that none
/// is left over; one input channel makes a slice even if it is higher.
SmartDealSlicing smartDealSlicing(llvm::ArrayRef<int64_t> shape, int64_t maxRows = 192);

/// The operands of a `compress.factorized` with batch = 2 and, of its T (out x slices x rows x r), collapse
/// [[0], [1, 2, 3]] and a crop to the numbers of one output channel.
struct SmartDealFit {
  SmartDealSlicing slicing;
  int64_t outs = 0;
  /// out x slices x rows x r, and out x slices x r x r.
  std::vector<double> coefficients, basis;
  /// One for each slice, in order.
  std::vector<SmartDealHistory> histories;
};

/// Fits each slice of `weight` (row-major, of `shape` out x in (x R x S)) by itself.
SmartDealFit fitSmartDeal(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, const SmartDealOptions &options,
                          int64_t maxRows = 192);

/// The largest theta, but for a 2^-12th of its range, at which no larger share than `sparsity` of the coefficients is
/// zero; by halving the interval from 0 to twice the largest magnitude, on at most 256 slices, evenly spaced.
double smartDealThetaFor(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, double sparsity,
                         SmartDealOptions options, int64_t maxRows = 192);

/// The dense weight of `shape` that `fit` stands for.
std::vector<double> expandSmartDeal(const SmartDealFit &fit, llvm::ArrayRef<int64_t> shape);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_SMARTDEAL_H
