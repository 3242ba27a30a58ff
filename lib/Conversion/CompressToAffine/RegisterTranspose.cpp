//===- RegisterTranspose.cpp - Transpose tiles in registers ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A register is seen as units of 4 numbers, 128 bits. Tiles of 4 x 4 are transposed inside of units, by shuffles that
// every processor has as one instruction; units move between registers where rows are loaded from memory, or as a
// whole. So 16 x 16 numbers take 32 shuffles to load where plain butterflies take 64.
//
//===----------------------------------------------------------------------===//

#include "RegisterTranspose.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::compress;

/// Numbers of a unit.
static constexpr int64_t kUnit = 4;

static int64_t widthOf(Value vector) { return cast<VectorType>(vector.getType()).getNumElements(); }

/// Lanes of `a` followed by those of `b`.
static Value concatenate(OpBuilder &builder, Location loc, Value a, Value b) {
  return vector::ShuffleOp::create(builder, loc, a, b, llvm::to_vector(llvm::seq<int64_t>(0, widthOf(a) + widthOf(b))));
}

/// In every group of `group` lanes, the lower or upper half of `a` and of `b`, alternating by `step` lanes.
static Value zip(OpBuilder &builder, Location loc, Value a, Value b, int64_t group, int64_t step, bool upper) {
  int64_t width = widthOf(a);
  SmallVector<int64_t> mask;
  for (int64_t first = 0; first < width; first += group)
    for (int64_t i = 0; i < group; ++i) {
      int64_t lane = first + (upper ? group / 2 : 0) + i / (2 * step) * step + i % step;
      mask.push_back(i / step % 2 ? width + lane : lane);
    }
  return vector::ShuffleOp::create(builder, loc, a, b, mask);
}

/// The even or odd units of `a`, then those of `b`.
static Value unzipUnits(OpBuilder &builder, Location loc, Value a, Value b, bool odd) {
  SmallVector<int64_t> mask;
  for (int64_t lane = 0; lane < 2 * widthOf(a); ++lane)
    if (lane / kUnit % 2 == (odd ? 1 : 0))
      mask.push_back(lane);
  return vector::ShuffleOp::create(builder, loc, a, b, mask);
}

/// Transposes the square that each group of as many lanes as there are vectors makes with them.
static SmallVector<Value> transposeGroups(OpBuilder &builder, Location loc, ArrayRef<Value> vectors) {
  SmallVector<Value> current(vectors);
  int64_t count = vectors.size();
  for (int64_t step = 1; step < count; step *= 2) {
    SmallVector<Value> next(count);
    for (int64_t base = 0; base < count; base += 2 * step)
      for (int64_t i = 0; i < step; ++i)
        for (int64_t half = 0; half < 2; ++half)
          next[base + 2 * i + half] =
              zip(builder, loc, current[base + i], current[base + step + i], count, step, /*upper=*/half == 1);
    current = std::move(next);
  }
  return current;
}

SmallVector<Value> mlir::compress::loadTransposed(OpBuilder &builder, Location loc, int64_t count, int64_t width,
                                                  function_ref<Value(int64_t row)> loadRow) {
  if (count == 1) {
    SmallVector<Value> scalars;
    for (int64_t row = 0; row < width; ++row)
      scalars.push_back(loadRow(row));
    auto type = VectorType::get({width}, scalars[0].getType());
    return {vector::FromElementsOp::create(builder, loc, type, scalars)};
  }
  // Group g of vector j is row j + g * count; then each group is a square.
  SmallVector<Value> vectors;
  for (int64_t j = 0; j < count; ++j) {
    SmallVector<Value> pieces;
    for (int64_t row = j; row < width; row += count)
      pieces.push_back(loadRow(row));
    for (; pieces.size() > 1; pieces.resize(pieces.size() / 2))
      for (size_t i = 0; i < pieces.size() / 2; ++i)
        pieces[i] = concatenate(builder, loc, pieces[2 * i], pieces[2 * i + 1]);
    vectors.push_back(pieces[0]);
  }
  return transposeGroups(builder, loc, vectors);
}

int64_t mlir::compress::storeChunk(int64_t width) {
  return width == kUnit * kUnit ? width : std::min<int64_t>(width, 8);
}

void mlir::compress::storeTransposed(OpBuilder &builder, Location loc, ArrayRef<Value> numbers,
                                     function_ref<void(int64_t row, Value)> storeRow) {
  int64_t count = numbers.size(), width = widthOf(numbers[0]), group = std::min(count, kUnit), groups = count / group;
  if (count == 1) {
    for (int64_t row = 0; row < width; ++row)
      storeRow(row, vector::ExtractOp::create(builder, loc, numbers[0], row));
    return;
  }
  // Lanes of vector j of part g: for each row j + u * group, its numbers from g * group on.
  SmallVector<SmallVector<Value>> parts;
  for (int64_t g = 0; g < groups; ++g)
    parts.push_back(transposeGroups(builder, loc, numbers.slice(g * group, group)));
  for (int64_t j = 0; j < group; ++j) {
    if (groups == kUnit) { // 16 x 16: unit u of all parts makes row j + 4u
      Value halves[2][2];
      for (int64_t odd = 0; odd < 2; ++odd)
        for (int64_t pair = 0; pair < 2; ++pair)
          halves[odd][pair] = unzipUnits(builder, loc, parts[2 * pair][j], parts[2 * pair + 1][j], odd);
      for (int64_t u = 0; u < kUnit; ++u)
        storeRow(j + u * group, unzipUnits(builder, loc, halves[u % 2][0], halves[u % 2][1], u / 2));
      continue;
    }
    for (int64_t row = j, u = 0; row < width; row += group, ++u) {
      Value other = parts[groups - 1][j];
      SmallVector<int64_t> mask;
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t i = 0; i < group; ++i)
          mask.push_back(g * width + u * group + i);
      storeRow(row, vector::ShuffleOp::create(builder, loc, parts[0][j], other, mask));
    }
  }
}

SmallVector<Value> mlir::compress::transposeSquare(OpBuilder &builder, Location loc, ArrayRef<Value> rows) {
  SmallVector<Value> current(rows);
  int64_t count = rows.size();
  for (int64_t step = 1; step < count; step *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < count / 2; ++i)
      for (bool upper : {false, true})
        next.push_back(zip(builder, loc, current[i], current[i + count / 2], count, /*step=*/1, upper));
    current = std::move(next);
  }
  return current;
}
