//===- CodedDot.cpp - Products of rounded activations and codes ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "compress/Analysis/CostModel.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::fillsParts(int64_t extent, int64_t parts, int64_t part) {
  return ShapedType::isStatic(extent) && llvm::divideCeil(extent, part) == static_cast<uint64_t>(parts);
}

/// coded_dot C4, of words in panels of `width` outputs.
static LogicalResult verifyExtents(CodedDotOp op) {
  ShapedType input = shaped(op.getInput()), init = shaped(op.getInit()), words = op.getWordsType();
  int64_t inputs = words.getDimSize(1) * op.getGroup(), panels = words.getDimSize(0), width = words.getDimSize(3);
  bool fits = input.getRank() == init.getRank() && input.getRank() >= 2 &&
              fillsParts(input.getShape().back(), words.getDimSize(1), op.getGroup()) &&
              fillsParts(init.getShape().back(), panels, width);
  for (int64_t d = 0; fits && d + 1 < input.getRank(); ++d)
    fits = !extentsDiffer(input.getDimSize(d), init.getDimSize(d));
  if (!fits) // coded_dot C4
    return op.emitOpError("expects input and init of one rank, at least 2, whose last extents are up to ")
           << inputs << ", in " << words.getDimSize(1) << " groups, and up to " << panels * width << ", in " << panels
           << " panels, and whose others agree, got " << input << " and " << init;
  return success();
}

/// coded_dot C7.
static LogicalResult verifyNumbers(CodedDotOp op) {
  if (!op.getNumbers())
    return success();
  ArrayRef<int64_t> numbers = *op.getNumbers();
  int64_t bits = op.getBits(), most = op.getByteCode().mostByte();
  bool areAll = bits <= 4 && static_cast<int64_t>(numbers.size()) == int64_t(1) << bits;
  if (!areAll || most > 255 || op.getZeros()) // coded_dot C7
    return op.emitOpError("expects a number for each code of 2 or 4 bits, which with 0 span at most 255, and no zeros "
                          "beside them, got ")
           << numbers.size() << " that span " << most;
  return success();
}

LogicalResult CodedDotOp::verify() {
  int64_t bits = getBits(), offset = getOffset();
  bool isField = bits == 2 || bits == 4 || bits == 8, mayOffset = !getZeros() && !getNumbers();
  if (!isField || offset < 0 || offset >= (int64_t(1) << bits) || (!mayOffset && offset != 0)) // coded_dot C1
    return emitOpError("expects 2, 4 or 8 bits, and an offset that is a code, or 0 beside zeros or numbers, got ")
           << bits << " and " << offset;
  if (failed(verifyNumbers(*this)))
    return failure();
  ShapedType words = getWordsType();
  auto isEmpty = [](int64_t extent) { return extent < 1; };
  if (words.getRank() != 4 || !words.hasStaticShape() || llvm::any_of(words.getShape(), isEmpty)) // coded_dot C2
    return emitOpError("expects words of rank 4 and of static extents, at least 1, got ") << words;
  ArrayRef<int64_t> scales = shaped(getScales()).getShape();
  bool divides = scales.size() == 3 && scales[0] == words.getDimSize(0) && scales[1] >= 1 &&
                 words.getDimSize(1) % scales[1] == 0 && scales[2] == words.getDimSize(3);
  if (!divides || (getZeros() && shaped(getZeros()).getShape() != scales)) // coded_dot C3
    return emitOpError("expects scales, and zeros, of extents [")
           << words.getDimSize(0) << ", S, " << words.getDimSize(3) << "], S a divisor of " << words.getDimSize(1);
  if (failed(verifyExtents(*this)))
    return failure();
  if (largestSum(getGroup(), getByteCode().mostByte()) >= 0x1p31) // coded_dot C5
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
  KernelTiling tiling;
  OperandTiling rows = tileRows(tiling, getInit());
  OperandTiling perGroup(3, DimTiling::whole());
  tiling.operands = {rows, OperandTiling(4, DimTiling::whole()), perGroup};
  if (getZeros())
    tiling.operands.push_back(perGroup);
  tiling.operands.push_back(rows);
  return tiling;
}

ByteCode CodedDotOp::getByteCode() {
  int64_t bits = getBits(), offset = getOffset();
  return {bits, 1, offset, llvm::to_vector(getNumbers().value_or(ArrayRef<int64_t>())), {}};
}

std::optional<unsigned> CodedDotOp::outDimOf(AffineMap inputMap, AffineMap weightMap, AffineMap initMap) {
  ArrayRef<AffineExpr> input = inputMap.getResults(), init = initMap.getResults(), weight = weightMap.getResults();
  if (weight.size() != 2 || init.size() < 2 || input.size() != init.size() || input.drop_back() != init.drop_back())
    return std::nullopt;
  for (unsigned out : {0u, 1u})
    if (weight[out] == init.back() && weight[1 - out] == input.back() && weight[0] != weight[1])
      return out;
  return std::nullopt;
}

double CodedDotOp::expectedError(int64_t group) {
  // The largest of G magnitudes is about sqrt(2 ln 2G) deviations; a step is it over 127, its error uniform.
  constexpr double kSteps = 127;
  return std::sqrt(2 * std::log(2 * static_cast<double>(group)) / 12) / kSteps;
}

double CodedDotOp::secondsPerSample(int64_t inputs, int64_t outputs, int64_t group, bool looksUp,
                                    const Machine &machine) {
  // A shift and a mask for the codes of a word of activations, with numbers a look-up, a conversion and a product of
  // scales for each group; and of each activation the largest magnitude, a scale, the conversion, the packing.
  constexpr double kPerRoundedNumber = 10, kPerWord = 2, kPerLookUp = 1, kPerGroup = 4, kNumbersPerWord = 4;
  double products = static_cast<double>(inputs) * static_cast<double>(outputs);
  double perWord = kPerWord + (looksUp ? kPerLookUp : 0);
  double others = products * (perWord / kNumbersPerWord + kPerGroup / static_cast<double>(group)) +
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
                                    getGroup(), getNumbers().has_value(), machine);
}
