//===- Rounding.h - Numbers of a code times scales ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// W = scale * (number - zero), with numbers of a code: powers of two, -1 0 1, integers, entries of a table. Along
// dimension d one scale serves `group[d]` consecutive entries: group = shape is one scale for the tensor, group = [1,
// n] one for each row, group = [1, 32] one for 32 numbers of a row. Weights are row-major and finite.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_ROUNDING_H
#define COMPRESS_OBTAIN_ROUNDING_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mlir::compress::obtain {

/// Exponents of powers of two, both ends included, and whether 0 is a number too.
struct PowerWindow {
  int64_t minExponent = -8, maxExponent = -1;
  bool zero = true;
};

/// The nearest number of the window in linear distance, as in SmartDeal's NumPy code: 1.5 * 2^e becomes 2^e, and half
/// the least power becomes 0. Without zero, 0 becomes the least power.
double nearestPowerOfTwo(double number, PowerWindow window);

/// The window of `numExponents` exponents that ends at the one nearest to the largest magnitude of `weight`; at
/// exponent 0 if all is zero.
PowerWindow windowOf(llvm::ArrayRef<double> weight, int64_t numExponents, bool zero);

/// The numbers of `bits` that are sums of `terms` powers of two (APoT, ICLR 2020), in increasing order: the bits but
/// for the sign are dealt to the terms in turn, and term i with n of them is 0 or one of the first 2^n - 1 of 2^-i,
/// 2^-(i + terms), ...
std::vector<double> sumsOfPowers(int64_t bits, int64_t terms);

/// The nearest integer in [low, high]; halves go to the smaller magnitude.
double nearestInteger(double number, double low, double high);

/// Numbers of a code, one per entry of the weight, with scales and zero points (0 where a code has none) row-major in
/// `scaleShape`, which is ceil(shape / group).
struct Rounded {
  std::vector<double> numbers;
  llvm::SmallVector<int64_t> scaleShape;
  std::vector<double> scales, zeros;
};

/// The number of the scale of each entry; extents of the scales go to `scaleShape`.
std::vector<int64_t> scaleOfEntries(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group,
                                    llvm::SmallVectorImpl<int64_t> &scaleShape);

struct TernaryOptions {
  /// Entries of at most this share of the mean magnitude become 0 (TWN, arXiv 1605.04711, section 3.1).
  double threshold = 0.7;
  /// Goes on, with half of the scale as threshold, until the codes do not change: the error does not grow.
  bool iterate = false;
};

/// True for the share `fraction` (rounded down) of least magnitudes, of equal ones the first: of the weight, or of the
/// entries of each scale.
std::vector<bool> leastMagnitudes(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                                  llvm::ArrayRef<int64_t> group, double fraction, bool perScale);

/// Numbers -1, 0 and 1 with 0 where `isZero`; a scale is the mean magnitude of the other entries, or 1 if there are
/// none.
Rounded fitTernaryWithZeros(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group,
                            const std::vector<bool> &isZero);

/// Numbers -1, 0 and 1; a scale is the mean magnitude of the entries that are not 0, or 1 if there are none.
Rounded fitTernary(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group,
                   TernaryOptions options = {});

struct UniformOptions {
  /// The integers of the code, low <= 0 < high.
  int64_t low = -8, high = 7;
  /// The largest magnitude becomes `high`, without zero points. Else the range of the entries and 0 becomes [low,
  /// high], with an integer as zero point.
  bool symmetric = true;
  /// Takes the least squared error among 64 ranges, 1/64 to 64/64 of that one, and improves its scale by least squares
  /// and integers in turn until these do not change (at most 20 times).
  bool search = false;
};

Rounded fitUniform(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group,
                   UniformOptions options);

/// Replaces the numbers of `rounded` by the nearest integers at its scales and zero points: what to do when those were
/// rounded to a type, or are given. Doing so twice changes nothing.
void roundAtScales(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group,
                   int64_t low, int64_t high, Rounded &rounded);

/// scale * (number - zero) of each entry.
std::vector<double> dequantize(const Rounded &rounded, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> group);

/// A table in increasing order, and the place of each entry's number in it.
struct Codebook {
  std::vector<double> table;
  std::vector<int64_t> indices;
};

/// Lloyd's algorithm (IEEE Trans. IT 28, 1982) from the means of `size` equal parts of the sorted entries, until the
/// table does not change or `maxIterations` are done. Entries of no more than `size` distinct values are kept exactly,
/// in a table of those. Of two equally near numbers an entry takes the smaller.
Codebook fitCodebook(llvm::ArrayRef<double> weight, int64_t size, int64_t maxIterations = 100);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_ROUNDING_H
