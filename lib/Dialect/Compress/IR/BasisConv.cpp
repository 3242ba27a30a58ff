//===- BasisConv.cpp - Sums of listed channels, then a basis ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "compress/Analysis/CostModel.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::compress;

/// basis_conv C1 and C2.
static LogicalResult verifyWeights(BasisConvOp op) {
  ShapedType lists = shaped(op.getLists()), counts = shaped(op.getCounts()), scales = shaped(op.getScales());
  ShapedType basis = op.getBasisType();
  auto isWhole = [](ShapedType type, int64_t rank) {
    return type.getRank() == rank && type.hasStaticShape() &&
           llvm::none_of(type.getShape(), [](int64_t extent) { return extent < 1; });
  };
  if (lists.getElementType() != counts.getElementType() || !isWhole(lists, 1) || !isWhole(counts, 3) ||
      !isWhole(scales, 2) || !isWhole(basis, 3)) // basis_conv C1
    return op.emitOpError(
               "expects lists [entries] and counts [K, M, 2] of one type, scales [K, M] and basis [M, R, S], "
               "static and at least 1, got ")
           << lists << ", " << counts << ", " << scales << " and " << basis;
  bool fits = counts.getDimSize(2) == 2 && basis.getDimSize(0) == counts.getDimSize(1) &&
              (scales.getNumElements() == 1 || scales.getShape() == counts.getShape().drop_back());
  if (!fits) // basis_conv C2
    return op.emitOpError("expects two counts for each output and basis kernel, and a scale for each or for all, got ")
           << counts << " and " << scales << " for " << basis;
  return success();
}

LogicalResult BasisConvOp::verify() {
  if (failed(verifyWeights(*this)))
    return failure();
  ShapedType input = getInputType(), init = getInitType();
  auto isImage = [](ShapedType type) {
    return type.getRank() == 4 &&
           llvm::none_of(type.getShape().drop_front(), [](int64_t d) { return ShapedType::isDynamic(d) || d < 1; });
  };
  int64_t outputs = shaped(getCounts()).getDimSize(0);
  if (!isImage(input) || !isImage(init) || extentsDiffer(input.getDimSize(0), init.getDimSize(0)) ||
      init.getDimSize(1) != outputs) // basis_conv C3
    return emitOpError(
               "expects input and init of rank 4, static but for the first extents, which agree, and init with ")
           << outputs << " channels, got " << input << " and " << init;
  if (getPadding().size() != 2 || llvm::any_of(getPadding(), [](int64_t zeros) { return zeros < 0; })) // basis_conv C4
    return emitOpError("expects padding of rows and columns, 0 or more, got [") << getPadding() << "]";
  return verifyResults(*this, getInit()); // basis_conv C5
}

void BasisConvOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult BasisConvOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

KernelTiling BasisConvOp::getKernelTiling() {
  auto whole = [](int64_t dims) { return OperandTiling(dims, DimTiling::whole()); };
  OperandTiling samples = whole(4);
  samples[0] = DimTiling::along(0);
  return {{utils::IteratorType::parallel}, {samples, whole(1), whole(3), whole(2), whole(3), samples}};
}

BasisConvOp::Tile BasisConvOp::tileOf(ShapedType input, ShapedType init, ShapedType basis, bool isRounded,
                                      int64_t lanes) {
  // What a first cache of 48 KiB holds beside lists and sums; vectors that 32 registers hold beside what is loaded.
  constexpr int64_t kTileBytes = 32 * 1024, kMostVectors = 26, kVector = 16, kMostRows = 4;
  int64_t taps = basis.getDimSize(2), least = std::max<int64_t>(lanes, llvm::bit_ceil<uint64_t>(2 * taps));
  int64_t columns = std::clamp<int64_t>(llvm::bit_ceil<uint64_t>(init.getDimSize(3) + taps - 1), least, 2 * least);
  int64_t rowBytes = input.getDimSize(1) * columns * (isRounded ? 2 : 4), rows = kMostRows;
  // A row has its sum, what is moved, and a sum for the result; every row of the basis is a sum more.
  auto fits = [&] {
    return rows <= input.getDimSize(2) && rows * rowBytes <= kTileBytes &&
           llvm::divideCeil(columns, kVector) * (3 * rows + basis.getDimSize(1) - 1) <= kMostVectors;
  };
  while (rows > 1 && !fits())
    rows /= 2;
  return {rows, columns};
}

double BasisConvOp::secondsPerSample(ShapedType input, ShapedType init, ShapedType basis, double entries,
                                     bool isRounded, const Machine &machine) {
  // An entry reads a vector from the first cache, which takes as long as a multiply-add and a little; those of the
  // basis go on beside that (measured: 6 lists of 256 outputs with 26 entries each, of 28 x 28 pixels, floats and
  // rounded).
  constexpr double kPerAddition = 2.2, kPerMultiplyAdd = 1, kPerList = 500, kPerRounded = 10;
  int64_t rows = input.getDimSize(2);
  Tile tile = tileOf(input, init, basis, isRounded, machine.f32Lanes());
  auto tiles = static_cast<double>(llvm::divideCeil(init.getDimSize(3), tile.columns - basis.getDimSize(2) + 1));
  auto kernels = static_cast<double>(init.getDimSize(1) * basis.getDimSize(0));
  double perColumn = kPerAddition * entries / (isRounded ? 2 : 1) +
                     kPerMultiplyAdd * kernels * static_cast<double>(basis.getDimSize(1) * basis.getDimSize(2));
  double rounding = isRounded ? kPerRounded * static_cast<double>(input.getDimSize(1)) : 0;
  double operations = static_cast<double>(rows * tile.columns) * (perColumn + rounding) +
                      static_cast<double>(llvm::divideCeil(rows, tile.rows)) * kPerList * kernels;
  return tiles * operations / (machine.peakFlops * kDenseReach);
}

double BasisConvOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  int64_t samples = getInitType().getDimSize(0);
  return static_cast<double>(ShapedType::isDynamic(samples) ? batch : samples) *
         secondsPerSample(getInputType(), getInitType(), getBasisType(),
                          static_cast<double>(shaped(getLists()).getNumElements()), getRounded(), machine);
}
