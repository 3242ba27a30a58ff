//===- ByteCode.cpp - Number codes as bytes --------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/ByteCode.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

/// The largest byte, and the bits of the longest table that a register of 16 bytes holds.
static constexpr int64_t kMostByte = 255, kTableBits = 4;

int64_t ByteCode::byteOffset() const { return looksUp() ? -std::min<int64_t>(*llvm::min_element(numbers), 0) : offset; }

int64_t ByteCode::mostByte() const {
  return looksUp() ? std::max<int64_t>(*llvm::max_element(numbers), 0) + byteOffset() : (int64_t(1) << bits) - 1;
}

std::optional<DotGroups> DotGroups::get(int64_t inputs, int64_t perScale, const ByteCode &code) {
  // Few enough that a large activation spoils few others, and so many that their scales take no time.
  constexpr int64_t kMostInputs = 256, kWholeVectors = 64;
  int64_t perWord = 32 / code.bits;
  if (perScale < inputs) {
    if (perScale % perWord != 0)
      return std::nullopt;
    return DotGroups{perScale, static_cast<int64_t>(llvm::divideCeil(inputs, perScale)), 1};
  }
  int64_t most = llvm::divideCeil(inputs, llvm::divideCeil(inputs, kMostInputs)), size = llvm::alignTo(most, perWord);
  // Vectors of words are rounded faster than parts of them, where that adds little.
  if (int64_t whole = llvm::alignTo(most, kWholeVectors); whole - most <= most / 16)
    size = whole;
  int64_t count = llvm::divideCeil(inputs, size);
  return DotGroups{size, count, count};
}

std::optional<ByteCode> ByteCode::get(NumberCodeAttrInterface code) {
  double unit = code.getUnit();
  if (!(unit > 0))
    return std::nullopt;
  SmallVector<int64_t> integers;
  for (int64_t raw = 0, e = int64_t(1) << code.getNumBits(); raw < e; ++raw)
    integers.push_back(std::llround(code.valueOf(raw) / unit));
  ByteCode result{std::max<int64_t>(2, llvm::PowerOf2Ceil(code.getNumBits())), unit, 0, {}, {}};
  int64_t least = std::min<int64_t>(*llvm::min_element(integers), 0), most = *llvm::max_element(integers);
  if (most - least < int64_t(1) << result.bits) {
    // Integers that fit the field by themselves need no table.
    result.offset = -least;
    for (int64_t integer : integers)
      result.fields.push_back(integer - least);
    return result;
  }
  if (result.bits > kTableBits || most - least > kMostByte)
    return std::nullopt;
  result.fields = llvm::to_vector(llvm::seq<int64_t>(0, integers.size()));
  result.numbers = std::move(integers);
  result.numbers.resize(int64_t(1) << result.bits, 0);
  return result;
}
