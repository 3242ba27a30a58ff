//===- WeightNumbers.cpp - Numbers of constant representations -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightNumbers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::compress;

/// The number of the scale of each code of `shape`, in row-major order of both.
static SmallVector<int64_t> scalesOfCodes(const CodedTensor &coded, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> scales = cast<ShapedType>(coded.scales.getType()).getShape();
  SmallVector<int64_t> result{0};
  for (auto [extent, count, group] : llvm::zip_equal(shape, scales, coded.group)) {
    SmallVector<int64_t> next;
    for (int64_t outer : result)
      for (int64_t i = 0; i < extent; ++i)
        next.push_back(outer * count + i / group);
    result = std::move(next);
  }
  return result;
}

std::optional<CodedTensor> mlir::compress::codedOf(Value value) {
  auto weight = value.getDefiningOp<CompressedWeightOpInterface>();
  std::optional<CodedTensor> coded = weight ? weight.getCoded() : std::nullopt;
  return coded && !coded->zeros && !coded->layout ? coded : std::nullopt;
}

SmallVector<int64_t> mlir::compress::placesOfEntries(UnpackOp unpack) {
  SmallVector<int64_t> box = unpack.getBox(), places = unpack.getPlaces(), result;
  ArrayRef<int64_t> extents = unpack.getResultType().getShape();
  int64_t perBox = computeProduct(box), count = unpack.getResultType().getNumElements();
  result.reserve(count);
  for (int64_t at = 0; at < count; ++at) {
    int64_t entry = 0, inBox = 0, rest = at, step = count;
    for (auto [extent, side] : llvm::zip_equal(extents, box)) {
      step /= extent;
      int64_t index = rest / step;
      rest %= step;
      entry = entry * (extent / side) + index / side;
      inBox = inBox * side + index % side;
    }
    result.push_back(places[entry] < 0 ? -1 : places[entry] * perBox + inBox);
  }
  return result;
}

std::optional<SmallVector<double>> mlir::compress::numbersOf(Value value) {
  if (!isEvaluable(cast<ShapedType>(value.getType())))
    return std::nullopt;
  if (auto unpack = value.getDefiningOp<UnpackOp>()) {
    auto stored = numbersOf(unpack.getValues());
    if (!stored)
      return std::nullopt;
    SmallVector<double> numbers;
    for (int64_t place : placesOfEntries(unpack))
      numbers.push_back(place < 0 ? 0 : (*stored)[place]);
    return numbers;
  }
  std::optional<CodedTensor> coded = codedOf(value);
  if (!coded)
    return constantValues(value);
  auto codes = constantValues(coded->codes), scales = constantValues(coded->scales);
  if (!codes || !scales)
    return std::nullopt;
  auto code = cast<NumberCodeAttrInterface>(coded->code);
  int64_t mask = (int64_t(1) << code.getNumBits()) - 1;
  SmallVector<int64_t> scaleOf = scalesOfCodes(*coded, cast<ShapedType>(value.getType()).getShape());
  for (auto [number, scale] : llvm::zip_equal(*codes, scaleOf))
    number = code.valueOf(static_cast<int64_t>(number) & mask) * (*scales)[scale];
  return codes;
}
