//===- PlaneViews.cpp - Planes of spectra as lanes see them ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %ys = memref.alloc : memref<8x1x4x14x14xf32>      =>   %new = memref.alloc : memref<8x1x4x14x16xf32>
//   spectral_conv ins(%xs : memref<8x1x4x16x16xf32>)       %ys = memref.subview %new … [8, 1, 4, 14, 14]
//                                                          the product of memref<8x1x4x256xf32>, to 222 positions of
//                                                          memref<8x1x4x224xf32>
//
// A tap is then a constant distance in a plane, and all vectors but the last are whole, however short a row is.
//
//===----------------------------------------------------------------------===//

#include "PlaneViews.h"
#include "AffineNest.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::compress;

PlaneWindows mlir::compress::planeWindows(Value init, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  int64_t positions = cast<MemRefType>(init.getType()).getRank() - 2, first = positions - strides.size();
  PlaneWindows windows{SmallVector<int64_t>(positions, 1), {}, std::nullopt};
  for (auto [t, stride, dilation] : llvm::enumerate(strides, dilations)) {
    windows.strides[first + t] = stride;
    windows.taps.push_back({first + static_cast<int64_t>(t), dilation});
  }
  return windows;
}

bool mlir::compress::eraseZeroFill(Operation *op, Value init) {
  auto alloc = init.getDefiningOp<memref::AllocOp>();
  if (!alloc || alloc->getBlock() != op->getBlock())
    return false;
  linalg::FillOp fill;
  for (Operation *user : init.getUsers()) {
    Operation *inBlock = op->getBlock()->findAncestorOpInBlock(*user);
    if (inBlock == op || op->isBeforeInBlock(inBlock))
      continue;
    if (fill || !isa<linalg::FillOp>(user))
      return false;
    fill = cast<linalg::FillOp>(user);
  }
  if (!fill || fill->getBlock() != op->getBlock() || !matchPattern(fill.value(), m_AnyZeroFloat()))
    return false;
  fill->erase();
  return true;
}

/// True if the two innermost dimensions of `type` are static and contiguous.
static bool hasPlainRows(MemRefType type) {
  return type.getRank() >= 3 && type.getLayout().isIdentity() &&
         llvm::none_of(type.getShape().take_back(2), ShapedType::isDynamic);
}

static Value mergeRows(OpBuilder &builder, Location loc, Value memref) {
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d < rank - 1; ++d)
    groups.push_back({d});
  groups.back().push_back(rank - 1);
  return memref::CollapseShapeOp::create(builder, loc, memref, groups);
}

/// Replaces `alloc` by the beginning of each row of a buffer with rows of `rowLength`; returns that buffer, or null if
/// a user other than `op` needs the buffer as it is.
static Value lengthenRows(Operation *op, memref::AllocOp alloc, int64_t rowLength) {
  for (Operation *user : alloc->getUsers())
    if (user != op && !isa<RfftTransposeOp>(user))
      return nullptr;
  MemRefType type = alloc.getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = rowLength;
  OpBuilder builder(alloc);
  auto longer = memref::AllocOp::create(builder, alloc.getLoc(), MemRefType::get(shape, type.getElementType()),
                                        alloc.getDynamicSizes(), alloc.getAlignmentAttr());
  SmallVector<OpFoldResult> zeros(type.getRank(), builder.getIndexAttr(0)),
      ones(type.getRank(), builder.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = getMixedValues(type.getShape(), alloc.getDynamicSizes(), builder);
  Value view = memref::SubViewOp::create(builder, alloc.getLoc(), longer, zeros, sizes, ones);
  alloc->replaceAllUsesWith(ValueRange{view});
  alloc->erase();
  return longer;
}

void mlir::compress::flattenPlanes(Operation *op, int64_t lanes, Value &input, Value &init, int64_t inDim,
                                   int64_t outDim, PlaneWindows &windows, bool isFresh, OpBuilder &builder) {
  auto inType = cast<MemRefType>(input.getType()), outType = cast<MemRefType>(init.getType());
  int64_t last = windows.strides.size() - 1;
  if (last < 1 || !hasPlainRows(inType) || !hasPlainRows(outType) || windows.strides[last] != 1 ||
      windows.strides[last - 1] != 1 || std::max(inDim, outDim) >= outType.getRank() - 3)
    return;
  int64_t rows = outType.getDimSize(outType.getRank() - 2), row = outType.getShape().back();
  int64_t inRow = inType.getShape().back(), extent = (rows - 1) * inRow + row;
  if (rows == 0 || countOverlapping(extent, lanes) >= rows * countOverlapping(row, lanes))
    return;
  if (inRow != row) {
    auto alloc = init.getDefiningOp<memref::AllocOp>();
    Value longer = isFresh && alloc ? lengthenRows(op, alloc, inRow) : Value();
    if (!longer)
      return;
    init = longer;
  }
  input = mergeRows(builder, op->getLoc(), input);
  init = mergeRows(builder, op->getLoc(), init);
  windows.strides.pop_back();
  for (PlaneWindows::Tap &tap : windows.taps) {
    if (tap.position == last - 1)
      tap.step *= inRow;
    tap.position = std::min(tap.position, last - 1);
  }
  windows.lastExtent = extent;
}
