//===- CodedDot.cpp - Products of rounded activations and codes ------------===//
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

/// coded_dot C4, of words in panels of `width` outputs.
static LogicalResult verifyExtents(CodedDotOp op) {
  ShapedType input = shaped(op.getInput()), init = shaped(op.getInit()), words = op.getWordsType();
  int64_t inputs = words.getDimSize(1) * op.getGroup(), panels = words.getDimSize(0), width = words.getDimSize(3);
  bool fits = input.getRank() == init.getRank() && input.getRank() >= 2 && input.getShape().back() == inputs &&
              ShapedType::isStatic(init.getShape().back()) &&
              llvm::divideCeil(init.getShape().back(), width) == static_cast<uint64_t>(panels);
  for (int64_t d = 0; fits && d + 1 < input.getRank(); ++d)
    fits = !extentsDiffer(input.getDimSize(d), init.getDimSize(d));
  if (!fits) // coded_dot C4
    return op.emitOpError("expects input and init of one rank, at least 2, whose last extents are ")
           << inputs << " and up to " << panels * width << ", in " << panels << " panels, and whose others agree, got "
           << input << " and " << init;
  return success();
}

LogicalResult CodedDotOp::verify() {
  int64_t bits = getBits(), offset = getOffset();
  bool isField = bits == 2 || bits == 4 || bits == 8;
  if (!isField || offset < 0 || offset >= (int64_t(1) << bits) || (getZeros() && offset != 0)) // coded_dot C1
    return emitOpError("expects 2, 4 or 8 bits, and an offset that is a code, or 0 beside zeros, got ")
           << bits << " and " << offset;
  ShapedType words = getWordsType();
  auto isEmpty = [](int64_t extent) { return extent < 1; };
  if (words.getRank() != 4 || !words.hasStaticShape() || llvm::any_of(words.getShape(), isEmpty)) // coded_dot C2
    return emitOpError("expects words of rank 4 and of static extents, at least 1, got ") << words;
  SmallVector<int64_t> perGroup{words.getDimSize(0), words.getDimSize(1), words.getDimSize(3)};
  if (shaped(getScales()).getShape() != ArrayRef(perGroup) ||
      (getZeros() && shaped(getZeros()).getShape() != ArrayRef(perGroup))) // coded_dot C3
    return emitOpError("expects scales, and zeros, of extents [") << perGroup << "]";
  if (failed(verifyExtents(*this)))
    return failure();
  if (largestSum(getGroup(), bits) >= 0x1p31) // coded_dot C5
    return emitOpError("expects sums that fit 32 bits, got groups of ") << getGroup();
  return verifyResults(*this, getInit()); // coded_dot C6
}

void CodedDotOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult CodedDotOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

KernelTiling CodedDotOp::getKernelTiling() {
  int64_t rank = shaped(getInit()).getRank();
  KernelTiling tiling;
  OperandTiling rows;
  for (int64_t d = 0; d + 1 < rank; ++d) {
    tiling.iterators.push_back(utils::IteratorType::parallel);
    rows.push_back(DimTiling::along(d));
  }
  rows.push_back(DimTiling::whole());
  OperandTiling perGroup(3, DimTiling::whole());
  tiling.operands = {rows, OperandTiling(4, DimTiling::whole()), perGroup};
  if (getZeros())
    tiling.operands.push_back(perGroup);
  tiling.operands.push_back(rows);
  return tiling;
}

double CodedDotOp::secondsPerSample(int64_t inputs, int64_t outputs, int64_t group, const Machine &machine) {
  // A shift and a mask for the codes of a word of activations, a conversion and a product of scales for each group; and
  // of each activation the largest magnitude, a scale, the conversion, the packing.
  constexpr double kPerRoundedNumber = 10, kPerWord = 2, kPerGroup = 4, kNumbersPerWord = 4;
  double products = static_cast<double>(inputs) * static_cast<double>(outputs);
  double others = products * (kPerWord / kNumbersPerWord + kPerGroup / static_cast<double>(group)) +
                  static_cast<double>(inputs) * kPerRoundedNumber;
  double peak = machine.peakInt8 > 0 ? machine.peakInt8 : machine.peakFlops / kPerWord;
  return (2 * products / peak + others / machine.peakFlops) / kDenseReach *
         laneFactor(static_cast<double>(outputs), machine);
}

double CodedDotOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  double samples = 1;
  for (int64_t extent : shaped(getInit()).getShape().drop_back())
    samples *= static_cast<double>(ShapedType::isDynamic(extent) ? batch : extent);
  return samples * secondsPerSample(shaped(getInput()).getShape().back(), shaped(getInit()).getShape().back(),
                                    getGroup(), machine);
}
