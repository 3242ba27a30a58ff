//===- Packing.cpp - Structured zeros -----------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every function walks the weight once, with the number of the box of each entry; see Rounding.h, where it is the
// scale's.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/Packing.h"
#include "compress/Obtain/Rounding.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <numeric>
#include <tuple>

using namespace llvm;
using namespace mlir::compress::obtain;

static int64_t numElements(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
}

/// The number of the box of each entry.
static std::vector<int64_t> boxOfEntries(ArrayRef<int64_t> shape, ArrayRef<int64_t> maskShape) {
  SmallVector<int64_t> box, scaleShape;
  for (auto [extent, boxes] : zip_equal(shape, maskShape)) {
    assert(extent % boxes == 0 && "mask extents divide those of the weight");
    box.push_back(extent / boxes);
  }
  return scaleOfEntries(shape, box, scaleShape);
}

std::vector<bool> mlir::compress::obtain::keptBoxes(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                    ArrayRef<int64_t> maskShape, double threshold) {
  std::vector<bool> kept(numElements(maskShape), false);
  for (auto [value, box] : zip_equal(weight, boxOfEntries(shape, maskShape)))
    if (std::abs(value) > threshold)
      kept[box] = true;
  return kept;
}

/// Calls `visit` with each entry in a kept box and its place among the packed numbers.
static void forEachPacked(ArrayRef<int64_t> shape, ArrayRef<int64_t> maskShape, const std::vector<bool> &kept,
                          function_ref<void(int64_t entry, int64_t place)> visit) {
  // Row-major order within a box is the order in which a walk over the weight meets its entries.
  int64_t boxSize = numElements(shape) / std::max<int64_t>(1, numElements(maskShape));
  std::vector<int64_t> next(kept.size(), 0);
  for (int64_t box = 0, place = 0, e = kept.size(); box < e; ++box) {
    next[box] = place;
    place += kept[box] ? boxSize : 0;
  }
  for (auto [entry, box] : enumerate(boxOfEntries(shape, maskShape)))
    if (kept[box])
      visit(entry, next[box]++);
}

std::vector<double> mlir::compress::obtain::packBoxes(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                      ArrayRef<int64_t> maskShape, const std::vector<bool> &kept) {
  int64_t boxSize = weight.size() / std::max<size_t>(1, kept.size());
  std::vector<double> packed(llvm::count(kept, true) * boxSize);
  forEachPacked(shape, maskShape, kept, [&](int64_t entry, int64_t place) { packed[place] = weight[entry]; });
  return packed;
}

std::vector<double> mlir::compress::obtain::unpackBoxes(ArrayRef<double> packed, ArrayRef<int64_t> shape,
                                                        ArrayRef<int64_t> maskShape, const std::vector<bool> &kept) {
  std::vector<double> weight(numElements(shape), 0.0);
  forEachPacked(shape, maskShape, kept, [&](int64_t entry, int64_t place) { weight[entry] = packed[place]; });
  return weight;
}

std::vector<bool> mlir::compress::obtain::strongestBoxes(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                         ArrayRef<int64_t> maskShape, double fraction) {
  std::vector<double> strength(numElements(maskShape), 0.0);
  for (auto [value, box] : zip_equal(weight, boxOfEntries(shape, maskShape)))
    strength[box] += std::abs(value);
  std::vector<bool> kept(strength.size(), true);
  int64_t perGroup = maskShape.empty() ? 1 : numElements(maskShape.drop_front());
  int64_t numDropped = std::clamp<int64_t>(static_cast<int64_t>(fraction * perGroup), 0, perGroup);
  std::vector<int64_t> order(perGroup);
  for (int64_t begin = 0, e = strength.size(); begin < e; begin += perGroup) {
    std::iota(order.begin(), order.end(), begin);
    llvm::sort(order, [&](int64_t a, int64_t b) { return std::tie(strength[a], a) < std::tie(strength[b], b); });
    for (int64_t box : ArrayRef(order).take_front(numDropped))
      kept[box] = false;
  }
  return kept;
}

std::vector<bool> mlir::compress::obtain::largestBoxes(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                       ArrayRef<int64_t> maskShape, double fraction) {
  std::vector<double> squares(numElements(maskShape), 0.0);
  for (auto [value, box] : zip_equal(weight, boxOfEntries(shape, maskShape)))
    squares[box] += value * value;
  std::vector<int64_t> order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) { return std::tie(squares[a], a) < std::tie(squares[b], b); });
  std::vector<bool> kept(squares.size(), true);
  for (int64_t box : ArrayRef(order).take_front(static_cast<size_t>(fraction * squares.size())))
    kept[box] = false;
  return kept;
}
