//===- Weighted.h - Fits that look at a layer's output --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layer computes W x. With H = E[x x^T], the second moments of its inputs, the mean squared error of its output with
// V in the place of W is trace((W - V) H (W - V)^T), which is what these fits minimise. W is rows x n, H is n x n; both
// are row-major. H may be singular: fits use H + d I, where d is a hundredth of the mean of its diagonal (or 1 if that
// is 0).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_WEIGHTED_H
#define COMPRESS_OBTAIN_WEIGHTED_H

#include "compress/Obtain/LowRank.h"
#include "compress/Obtain/SmartDeal.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstdint>
#include <vector>

namespace mlir::compress::obtain {

/// Adds x^T x, of `rows` x with n numbers each, to the upper triangle of the n x n `sum`.
void addMoments(llvm::ArrayRef<float> rows, int64_t n, llvm::MutableArrayRef<double> sum);

/// trace(D H D^T) of `difference` D (rows x n), H as given.
double outputError(llvm::ArrayRef<double> difference, int64_t n, llvm::ArrayRef<double> hessian);

/// GPTQ (arXiv 2210.17323): columns are rounded one after the other, and what each one errs is made up for by those to
/// come. `round` takes the place of an entry (row * n + column) and its number to one that has a code. Returns what
/// `round` returned.
std::vector<double> roundByColumns(llvm::ArrayRef<double> weight, int64_t n, llvm::ArrayRef<double> hessian,
                                   llvm::function_ref<double(int64_t entry, double value)> round);

/// Least-squares scales of `numbers`, of which entry i has the scale `scaleOf[i]`: jointly those of a row that no other
/// row has, and each one that is alone in its rows. Others, and what would not be positive, stay as in `scales`.
std::vector<double> weightedScales(llvm::ArrayRef<double> weight, llvm::ArrayRef<double> numbers, int64_t n,
                                   llvm::ArrayRef<double> hessian, llvm::ArrayRef<int64_t> scaleOf,
                                   llvm::ArrayRef<double> scales);

/// The factors of a rank that err least. Basis rows have norm 1 and a positive entry of largest magnitude; `rule` looks
/// at the singular values of W H^(1/2).
Factors weightedSVD(llvm::ArrayRef<double> weight, int64_t rows, int64_t n, llvm::ArrayRef<double> hessian,
                    RankRule rule);

/// The best basis is looked for with the mean of the blocks of H of single input channels, then the best coefficients
/// for it with H. `weight` is outs x (ins * numTaps); coefficients are (outs * ins) x bases.
Factors weightedEscalate(llvm::ArrayRef<double> weight, int64_t outs, int64_t ins, int64_t numTaps,
                         llvm::ArrayRef<double> hessian, RankRule rule);

/// What H is for coefficients: B H B^T, with a block of `basis` (bases x numTaps) for each of `ins` input channels.
std::vector<double> hessianOfCoefficients(llvm::ArrayRef<double> basis, int64_t ins, int64_t numTaps,
                                          llvm::ArrayRef<double> hessian);

/// Replaces the bases of `fit` by the best ones for its coefficients: those of an output together.
void refitBases(SmartDealFit &fit, llvm::ArrayRef<double> weight, int64_t n, llvm::ArrayRef<double> hessian);

/// The best numbers of the columns `kept` when all others are zero: rows x kept.
std::vector<double> refitColumns(llvm::ArrayRef<double> weight, int64_t n, llvm::ArrayRef<double> hessian,
                                 llvm::ArrayRef<int64_t> kept);

/// The best block-circulant weight, p x q x k x numTaps, of outs x (ins * numTaps); `start` is where it goes for what H
/// does not say.
std::vector<double> weightedCirculant(llvm::ArrayRef<double> weight, int64_t outs, int64_t ins, int64_t numTaps,
                                      int64_t k, llvm::ArrayRef<double> hessian, llvm::ArrayRef<double> start);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_WEIGHTED_H
