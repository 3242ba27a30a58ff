//===- BasisConv.cpp - Sums of listed channels, then a basis ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "compress/Analysis/CostModel.h"

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
    return op.emitOpError("expects lists [entries] and counts [K, M, 2] of one type, scales [K, M] and basis [M, R, S], "
                          "static and at least 1, got ")
           << lists << ", " << counts << ", " << scales << " and " << basis;
  if (counts.getDimSize(2) != 2 || counts.getShape().drop_back() != scales.getShape() ||
      basis.getDimSize(0) != scales.getDimSize(1)) // basis_conv C2
    return op.emitOpError("expects two counts and a scale for each output and basis kernel, got ")
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
  int64_t outputs = shaped(getScales()).getDimSize(0);
  if (!isImage(input) || !isImage(init) || extentsDiffer(input.getDimSize(0), init.getDimSize(0)) ||
      init.getDimSize(1) != outputs) // basis_conv C3
    return emitOpError("expects input and init of rank 4, static but for the first extents, which agree, and init with ")
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

double BasisConvOp::secondsPerSample(ShapedType input, ShapedType init, ShapedType basis, double entries,
                                     bool isRounded, const Machine &machine) {
  // An entry adds a vector from the first cache, of which as many are read as multiply-adds are done; a list's end is a
  // branch that goes wrong (measured: 6 lists of 256 outputs with 26 entries each, of 28 x 28 pixels).
  constexpr double kPerAddition = 2, kPerMultiplyAdd = 2, kPerList = 150, kPerRounded = 10;
  int64_t rows = input.getDimSize(2), taps = basis.getDimSize(1) * basis.getDimSize(2);
  int64_t width = init.getDimSize(3) + basis.getDimSize(2) - 1;
  double lanes = static_cast<double>(width) * laneFactor(static_cast<double>(width), machine);
  double kernels = static_cast<double>(init.getDimSize(1) * basis.getDimSize(0));
  double perColumn = kPerAddition * entries / (isRounded ? 2 : 1) + kPerMultiplyAdd * kernels * static_cast<double>(taps);
  double rounding = isRounded ? kPerRounded * static_cast<double>(input.getDimSize(1)) : 0;
  return static_cast<double>(rows) * (lanes * (perColumn + rounding) + kPerList * kernels) /
         (machine.peakFlops * kDenseReach);
}

double BasisConvOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  int64_t samples = getInitType().getDimSize(0);
  return static_cast<double>(ShapedType::isDynamic(samples) ? batch : samples) *
         secondsPerSample(getInputType(), getInitType(), getBasisType(),
                          static_cast<double>(shaped(getLists()).getNumElements()), getRounded(), machine);
}
