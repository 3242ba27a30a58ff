//===- Layout.cpp - Store numbers in a layout -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Layout.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// Calls `visit(stored place, logical place or -1)` for each place of the stored tensor before packing, in order.
static void forEachPlace(LayoutAttr layout, ArrayRef<int64_t> logicalShape, ArrayRef<int64_t> storedShape,
                         function_ref<void(int64_t, int64_t)> visit) {
  int64_t rank = logicalShape.size(), numPlaces = 1;
  SmallVector<int64_t> strides(rank, 1), index(storedShape.size(), 0);
  for (int64_t d = rank - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * logicalShape[d + 1];
  for (int64_t extent : storedShape)
    numPlaces *= extent;
  for (int64_t at = 0; at < numPlaces; ++at) {
    int64_t place = rank, logical = 0;
    for (int64_t d = 0; d < rank; ++d) {
      int64_t from = layout.getOrder().empty() ? d : layout.getOrder()[d];
      int64_t tile = layout.getTiles().empty() ? 1 : layout.getTiles()[d];
      int64_t i = tile == 1 ? index[d] : index[d] * tile + index[place++];
      logical = logical < 0 || i >= logicalShape[from] ? -1 : logical + i * strides[from];
    }
    visit(at, logical);
    for (int64_t d = static_cast<int64_t>(index.size()) - 1; d >= 0 && ++index[d] == storedShape[d]; --d)
      index[d] = 0;
  }
}

/// The stored shape before codes are packed.
static SmallVector<int64_t> placesOf(LayoutAttr layout, ShapedType logical) {
  auto unpacked = LayoutAttr::get(layout.getContext(), layout.getOrder(), layout.getTiles(), 0);
  return SmallVector<int64_t>(unpacked.getStoredType(logical).getShape());
}

SmallVector<double> mlir::compress::storeInLayout(LayoutAttr layout, ShapedType logical, ArrayRef<double> values) {
  SmallVector<int64_t> shape = placesOf(layout, logical);
  SmallVector<double> places;
  forEachPlace(layout, logical.getShape(), shape,
               [&](int64_t, int64_t from) { places.push_back(from < 0 ? 0.0 : values[from]); });
  if (!layout.getCodeBits())
    return places;
  int64_t field = layout.getFieldBits(), perByte = 8 / field, row = shape.back();
  int64_t mask = (int64_t(1) << layout.getCodeBits()) - 1, rowBytes = llvm::divideCeil(row, perByte);
  SmallVector<double> bytes;
  for (size_t start = 0; start < places.size(); start += row)
    for (int64_t byte = 0; byte < rowBytes; ++byte) {
      int64_t packed = 0;
      for (int64_t i = 0; i < perByte && byte * perByte + i < row; ++i)
        packed |= (static_cast<int64_t>(places[start + byte * perByte + i]) & mask) << (i * field);
      bytes.push_back(static_cast<double>(llvm::SignExtend64<8>(packed)));
    }
  return bytes;
}

SmallVector<double> mlir::compress::readFromLayout(LayoutAttr layout, ShapedType logical, ArrayRef<double> stored) {
  SmallVector<int64_t> shape = placesOf(layout, logical);
  int64_t field = layout.getFieldBits(), bits = layout.getCodeBits(), row = shape.empty() ? 1 : shape.back();
  auto at = [&](int64_t place) -> double {
    if (!bits)
      return stored[place];
    int64_t perByte = 8 / field, rowBytes = llvm::divideCeil(row, perByte), column = place % row;
    int64_t byte = static_cast<int64_t>(stored[place / row * rowBytes + column / perByte]) & 255;
    return static_cast<double>(llvm::SignExtend64(byte >> (column % perByte * field), bits));
  };
  SmallVector<double> values(logical.getNumElements(), 0.0);
  forEachPlace(layout, logical.getShape(), shape, [&](int64_t place, int64_t to) {
    if (to >= 0)
      values[to] = at(place);
  });
  return values;
}
