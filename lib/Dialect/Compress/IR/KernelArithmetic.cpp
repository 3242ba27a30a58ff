//===- KernelArithmetic.cpp - What the arithmetic of kernel ops takes ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// getArithmeticSeconds of KernelOpInterface: additions and multiplications as the costs of forms count them, at the
// part of the machine's peak that they reach.
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Kernel/Count.h"
#include "compress/Kernel/FFT.h"

using namespace mlir;
using namespace mlir::compress;

static double product(ArrayRef<int64_t> extents, int64_t batch) {
  double count = 1;
  for (int64_t extent : extents)
    count *= static_cast<double>(ShapedType::isDynamic(extent) ? batch : extent);
  return count;
}

/// Of a plane's innermost dimension, which is in lanes.
static double lanesOf(Value planes, const Machine &machine) {
  int64_t extent = shaped(planes).getShape().back();
  return ShapedType::isDynamic(extent) ? 1 : laneFactor(static_cast<double>(extent), machine);
}

/// Transforms between numbers and the blocks of `planes`.
static double transforms(Value planes, const Machine &machine, int64_t batch) {
  int64_t k = shaped(planes).getDimSize(0);
  // Longer ones are no straight-line code, and take long to build.
  bool isBuilt = kernel::operationCountUpperBound(k) <= kernel::kMostEmittedOperations;
  double operations =
      static_cast<double>(isBuilt ? kernel::count(kernel::rfft(k)).total() : kernel::operationCountUpperBound(k));
  double all = product(shaped(planes).getShape().drop_front(), batch) * operations;
  return transformSeconds(all * lanesOf(planes, machine), isBuilt ? operations : 0, machine);
}

double RfftOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  return transforms(getInit(), machine, batch);
}

double RfftTransposeOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  return transforms(getInput(), machine, batch);
}

/// Products of the out blocks of `init` with blocks of `weights`, which are k x … x taps… x q x p.
static double products(Value init, Value weights, int64_t numTaps, const Machine &machine, int64_t batch) {
  double terms = product(shaped(weights).getShape().drop_back().take_back(numTaps + 1), batch);
  double all = product(shaped(init).getShape().drop_front(), batch) * terms *
               kernel::productOperations(shaped(init).getDimSize(0));
  return all * lanesOf(init, machine) / (machine.peakFlops * kSpectralReach);
}

double SpectralMatmulOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  return products(getInit(), getWeights(), /*numTaps=*/0, machine, batch);
}

double SpectralConvOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  return products(getInit(), getWeights(), getStrides().size(), machine, batch);
}

double SpectralDotOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  // Only bf16 with blocks innermost is computed in tile registers.
  int64_t rows = 1, last = shaped(getInit()).getRank() - 2, out = getOutDim(), in = getInDim();
  if (out == last && in == last)
    for (int64_t extent : shaped(getInit()).getShape().drop_front().drop_back())
      rows = std::max(rows, ShapedType::isDynamic(extent) ? batch : extent);
  double peak = getWords() == WordFormat::bf16 ? machine.peakBF16For(rows) : machine.peakInt8;
  double taps = product(shaped(getWeights()).getShape().drop_back(2).take_back(getStrides().size()), batch);
  double blocks = product(shaped(getInput()).getDimSize(getInDim() + 1), batch);
  return product(shaped(getInit()).getShape().drop_front(), batch) * taps * blocks *
         kernel::productOperations(getBlockSize()) * lanesOf(getInit(), machine) /
         ((peak > 0 ? peak : machine.peakFlops) * kSpectralReach);
}

/// A number is decoded, and scaled.
static double decoding(Attribute code) {
  return static_cast<double>(cast<NumberCodeAttrInterface>(code).decodeOperations() + 1);
}

double DecodeOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  return product(shaped(getInit()).getShape(), batch) * decoding(getCode()) / (machine.peakFlops * kDenseReach);
}

double CodedContractOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  SmallVector<int64_t> extents = getLoopExtents(), weight;
  for (AffineExpr expr : getWeightMap().getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      weight.push_back(extents[dim.getPosition()]);
  return (2 * product(extents, batch) + product(weight, batch) * decoding(getCode())) /
         (machine.peakFlops * kDenseReach);
}

/// Moves numbers, and computes nothing.
double RelayoutOp::getArithmeticSeconds(const Machine &, int64_t) { return 0; }
