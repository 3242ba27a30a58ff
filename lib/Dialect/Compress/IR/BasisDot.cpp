//===- BasisDot.cpp - Products of rounded activations, codes and a basis ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "compress/Analysis/CostModel.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// The largest magnitudes of activations and numbers as bytes.
static constexpr int64_t kMostU8 = 255, kMostI8 = 128;

/// basis_dot C2 and C3.
static LogicalResult verifyShapes(BasisDotOp op) {
  ShapedType words = op.getWordsType(), mask = shaped(op.getMask()), basis = op.getBasisType();
  ShapedType starts = shaped(op.getStarts());
  auto isWhole = [](ShapedType type, int64_t rank) {
    return type.getRank() == rank && type.hasStaticShape() &&
           llvm::none_of(type.getShape(), [](int64_t extent) { return extent < 1; });
  };
  bool fits = isWhole(words, 5) && isWhole(mask, 3) && isWhole(basis, 5) && isWhole(starts, 4);
  for (int64_t d = 0; fits && d < 2; ++d) // panels and S
    fits = llvm::all_equal({words.getDimSize(d), mask.getDimSize(d), starts.getDimSize(d), basis.getDimSize(d)});
  fits = fits && llvm::all_equal({words.getDimSize(3), starts.getDimSize(2), basis.getDimSize(2)}) &&
         llvm::all_equal({words.getDimSize(4), starts.getDimSize(3), basis.getDimSize(4)});
  if (!fits) // basis_dot C2
    return op.emitOpError("expects words [panels, S, P, R, W], mask [panels, S, M], starts [panels, S, R, W] and basis "
                          "[panels, S, R, J, W], static and at least 1, got ")
           << words << ", " << mask << ", " << starts << " and " << basis;
  int64_t rows = op.getRows(), expected = 2 * llvm::divideCeil(std::max<int64_t>(rows, 1), 64);
  if (rows < 1 || mask.getDimSize(2) != expected) // basis_dot C3
    return op.emitOpError("expects at least 1 row, and words of a mask for each 32, in pairs, got ")
           << rows << " rows and " << mask;
  return success();
}

LogicalResult BasisDotOp::verify() {
  int64_t bits = getBits();
  auto isByte = [](int64_t number) { return number >= -kMostI8 && number < kMostI8; };
  if ((bits != 2 && bits != 4) || static_cast<int64_t>(getNumbers().size()) != int64_t(1) << bits ||
      !llvm::all_of(getNumbers(), isByte)) // basis_dot C1
    return emitOpError("expects 2 or 4 bits, and for each code of them a number from -128 to 127, got ")
           << bits << " bits and [" << getNumbers() << "]";
  if (failed(verifyShapes(*this)))
    return failure();
  ShapedType input = shaped(getInput()), init = shaped(getInit()), words = getWordsType();
  bool fits = input.getRank() == init.getRank() && input.getRank() >= 2 &&
              fillsParts(input.getShape().back(), words.getDimSize(1), getSlice()) &&
              fillsParts(init.getShape().back(), words.getDimSize(0), words.getDimSize(4));
  for (int64_t d = 0; fits && d + 1 < input.getRank(); ++d)
    fits = !extentsDiffer(input.getDimSize(d), init.getDimSize(d));
  if (!fits) // basis_dot C4
    return emitOpError("expects input and init of one rank, at least 2, whose last extents are up to ")
           << words.getDimSize(1) * getSlice() << ", in " << words.getDimSize(1) << " slices, and up to "
           << words.getDimSize(0) * words.getDimSize(4) << ", in " << words.getDimSize(0)
           << " panels, and whose others agree, got " << input << " and " << init;
  if (static_cast<double>(getRows()) * kMostU8 * kMostI8 >= 0x1p31) // basis_dot C5
    return emitOpError("expects sums that fit 32 bits, got slices of ") << getRows() << " rows";
  return verifyResults(*this, getInit()); // basis_dot C6
}

void BasisDotOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult BasisDotOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

KernelTiling BasisDotOp::getKernelTiling() {
  KernelTiling tiling;
  OperandTiling rows = tileRows(tiling, getInit());
  auto whole = [](int64_t dims) { return OperandTiling(dims, DimTiling::whole()); };
  tiling.operands = {rows, whole(5), whole(3), whole(4), whole(5), rows};
  return tiling;
}

double BasisDotOp::secondsPerSample(int64_t inputs, double words, double bases, int64_t columns, int64_t bits,
                                    const Machine &machine) {
  // As for compress.coded_dot; a word of codes is decoded once, and multiplied by each column of the inputs. A sum is
  // converted and multiplied; of each input, the rounding and, for every panel, the compressing are few beside that.
  constexpr double kPerRoundedNumber = 10, kShiftAndLookUp = 2, kPerSum = 2, kNumbersPerWord = 4;
  double decoded = words * 8 / static_cast<double>(bits), products = decoded * kNumbersPerWord * columns;
  double others = decoded * kShiftAndLookUp + bases * kPerSum + static_cast<double>(inputs) * kPerRoundedNumber;
  double peak = machine.peakInt8 > 0 ? machine.peakInt8 : machine.peakFlops / kShiftAndLookUp;
  return (2 * products / peak + others / machine.peakFlops) / kDenseReach;
}

double BasisDotOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  double samples = 1;
  for (int64_t extent : shaped(getInit()).getShape().drop_back())
    samples *= static_cast<double>(ShapedType::isDynamic(extent) ? batch : extent);
  return samples * secondsPerSample(shaped(getInput()).getShape().back(),
                                    static_cast<double>(getWordsType().getNumElements()),
                                    static_cast<double>(getBasisType().getNumElements()), getBasisType().getDimSize(3),
                                    getBits(), machine);
}
