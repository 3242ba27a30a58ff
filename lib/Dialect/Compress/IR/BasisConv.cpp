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
  auto areTwo = [](ArrayRef<int64_t> numbers, int64_t least) {
    return numbers.size() == 2 && llvm::all_of(numbers, [&](int64_t number) { return number >= least; });
  };
  if (!areTwo(getPadding(), 0) || !areTwo(getStrides(), 1) || !areTwo(getDilations(), 1)) // basis_conv C4
    return emitOpError(
               "expects of rows and columns a padding of at least 0, strides and dilations of at least 1, got [")
           << getPadding() << "], [" << getStrides() << "] and [" << getDilations() << "]";
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

BasisConvOp::Tile BasisConvOp::tileOf(const Geometry &geometry, int64_t lanes) {
  // More than a first cache of 48 KiB holds: reading from the second one takes a third longer, but reading a list for
  // one row and not for two more than that. Vectors of 16 lanes that 32 registers hold beside what is loaded; of fewer
  // or shorter registers some are spilled, which takes less time than reading lists again, too (AVX2).
  constexpr int64_t kTileBytes = 64 * 1024, kMostVectors = 26, kVector = 16, kMostRows = 4;
  auto spanOf = [&](int64_t dim) { return (geometry.basis.getDimSize(1 + dim) - 1) * geometry.dilations[dim] + 1; };
  int64_t stride = geometry.strides[1], least = std::max<int64_t>(lanes, llvm::bit_ceil<uint64_t>(2 * spanOf(1)));
  int64_t needed = (geometry.init.getDimSize(3) - 1) * stride + spanOf(1);
  int64_t columns = std::clamp<int64_t>(llvm::bit_ceil<uint64_t>(needed), least, 2 * least);
  int64_t vectors = llvm::divideCeil(columns, kVector);
  int64_t rowBytes = geometry.input.getDimSize(1) * columns * (geometry.isRounded ? 2 : 4), rows = kMostRows;
  // A row has its sum, what is moved, and a sum for the result; every row that the basis reaches is a sum more.
  auto fits = [&] {
    return rows <= geometry.input.getDimSize(2) && rows * rowBytes <= kTileBytes &&
           vectors * (3 * rows + spanOf(0) - 1) <= kMostVectors;
  };
  while (rows > 1 && !fits())
    rows /= 2;
  return {rows, columns, (columns - spanOf(1)) / stride + 1};
}

double BasisConvOp::secondsPerSample(const Geometry &geometry, double entries, const Machine &machine) {
  // An entry reads a vector from the first cache, which takes as long as a multiply-add and a little; those of the
  // basis go on beside that (measured: 6 lists of 256 outputs with 26 entries each, of 28 x 28 pixels, floats and
  // rounded).
  constexpr double kPerAddition = 2.2, kPerMultiplyAdd = 1, kPerList = 500, kPerRounded = 10;
  ShapedType basis = geometry.basis;
  int64_t rows = geometry.input.getDimSize(2), outputs = geometry.init.getDimSize(1);
  Tile tile = tileOf(geometry, machine.f32Lanes());
  auto tiles = static_cast<double>(llvm::divideCeil(geometry.init.getDimSize(3), tile.outputs));
  double taps = static_cast<double>(outputs * basis.getNumElements()) / static_cast<double>(geometry.strides[0]);
  double perColumn = kPerAddition * entries / (geometry.isRounded ? 2 : 1) + kPerMultiplyAdd * taps;
  double rounding = geometry.isRounded ? kPerRounded * static_cast<double>(geometry.input.getDimSize(1)) : 0;
  double lists = static_cast<double>(llvm::divideCeil(rows, tile.rows) * outputs * basis.getDimSize(0));
  double operations = static_cast<double>(rows * tile.columns) * (perColumn + rounding) + lists * kPerList;
  return tiles * operations / (machine.peakFlops * kDenseReach);
}

double BasisConvOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  int64_t samples = getInitType().getDimSize(0);
  return static_cast<double>(ShapedType::isDynamic(samples) ? batch : samples) *
         secondsPerSample(getGeometry(), static_cast<double>(shaped(getLists()).getNumElements()), machine);
}
