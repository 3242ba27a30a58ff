//===- FillFrames.cpp - Fill only what is not overwritten -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %zeros = linalg.fill ins(%zero) outs(%empty : tensor<8x58x58xf32>)
//   %place = tensor.extract_slice %zeros[0, 1, 1] [8, 56, 56]
//   %y = compress.rfft … outs(%place)
//   %padded = tensor.insert_slice %y into %zeros[0, 1, 1] [8, 56, 56]
//   =>
//   %top = linalg.fill ins(%zero) outs(tensor.extract_slice %empty[0, 0, 0] [8, 1, 58])
//   %frame = tensor.insert_slice %top into %empty[0, 0, 0] [8, 1, 58]        and so what is below, left and right
//   %place = tensor.extract_slice %frame[0, 1, 1] [8, 56, 56]
//   %y = compress.rfft … outs(%place)
//   %padded = tensor.insert_slice %y into %frame[0, 1, 1] [8, 56, 56]
//
// Else all numbers of a padded activation would be written twice.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FILLFRAMESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A box of a tensor; a dynamic extent is whole in it.
struct Box {
  SmallVector<int64_t> offsets, sizes;

  static Box whole(ArrayRef<int64_t> shape) {
    return {SmallVector<int64_t>(shape.size(), 0), SmallVector<int64_t>(shape)};
  }

  /// How many stores write it for each index of dynamic extents, of rows in vectors: a short row takes as many as one.
  int64_t numStores() const {
    constexpr int64_t kLanes = 8;
    int64_t stores = 1;
    for (int64_t size : ArrayRef(sizes).drop_back())
      stores *= ShapedType::isDynamic(size) ? 1 : size;
    return stores * (ShapedType::isDynamic(sizes.back()) ? 1 : llvm::divideCeil(sizes.back(), kLanes));
  }
};

/// What is written into a filled tensor, and where.
struct Filled {
  linalg::FillOp fill;
  tensor::EmptyOp empty;
  tensor::InsertSliceOp insert;
  Box box;
};

/// True if no number of `place` is read: it says where results go.
bool isOnlyWritten(tensor::ExtractSliceOp place) {
  bufferization::BufferizationOptions options;
  bufferization::AnalysisState state(options);
  return llvm::all_of(place->getUses(), [&](OpOperand &use) {
    auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
    return op && op.isDpsInit(&use) && !state.bufferizesToMemoryRead(use);
  });
}

/// The part of `empty` that `insert` writes, if it is known when compiling but for extents that it has whole.
std::optional<Box> boxOf(tensor::InsertSliceOp insert, tensor::EmptyOp empty) {
  if (!insert.hasUnitStride() || insert.getType().getRank() == 0 ||
      llvm::any_of(insert.getStaticOffsets(), ShapedType::isDynamic))
    return std::nullopt;
  for (auto [extent, size] : llvm::zip_equal(empty.getMixedSizes(), insert.getMixedSizes()))
    if ((isa<Value>(extent) || isa<Value>(size)) && extent != size)
      return std::nullopt;
  return Box{llvm::to_vector(insert.getStaticOffsets()), llvm::to_vector(insert.getStaticSizes())};
}

std::optional<Filled> matchFilled(tensor::InsertSliceOp insert) {
  auto fill = insert.getDest().getDefiningOp<linalg::FillOp>();
  auto empty = fill ? fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() : tensor::EmptyOp();
  auto box = empty ? boxOf(insert, empty) : std::nullopt;
  if (!box || insert.getSource() == fill.getResult(0))
    return std::nullopt;
  for (Operation *user : fill->getUsers()) {
    if (user == insert)
      continue;
    auto place = dyn_cast<tensor::ExtractSliceOp>(user);
    if (!place || !place.hasUnitStride() || place.getMixedOffsets() != insert.getMixedOffsets() ||
        place.getMixedSizes() != insert.getMixedSizes() || !isOnlyWritten(place))
      return std::nullopt;
  }
  return Filled{fill, empty, insert, std::move(*box)};
}

/// The boxes around `box` in a tensor of `shape`, which do not overlap.
SmallVector<Box> boxesAround(const Box &box, ArrayRef<int64_t> shape) {
  SmallVector<Box> boxes;
  Box rest = Box::whole(shape);
  for (auto [d, extent] : llvm::enumerate(shape)) {
    if (ShapedType::isDynamic(extent))
      continue;
    int64_t end = box.offsets[d] + box.sizes[d];
    for (auto [from, to] : {std::pair{int64_t(0), box.offsets[d]}, std::pair{end, extent}})
      if (from < to) {
        boxes.push_back(rest);
        boxes.back().offsets[d] = from;
        boxes.back().sizes[d] = to - from;
      }
    rest.offsets[d] = box.offsets[d];
    rest.sizes[d] = box.sizes[d];
  }
  return boxes;
}

Value emitFrame(OpBuilder &builder, Filled &filled, ArrayRef<Box> boxes) {
  linalg::FillOp fill = filled.fill;
  tensor::EmptyOp empty = filled.empty;
  Location loc = fill.getLoc();
  Value frame = empty;
  for (const Box &box : boxes) {
    SmallVector<OpFoldResult> offsets = getAsIndexOpFoldResult(builder.getContext(), box.offsets);
    SmallVector<OpFoldResult> sizes = empty.getMixedSizes(), ones(sizes.size(), builder.getIndexAttr(1));
    for (auto [size, known] : llvm::zip_equal(sizes, box.sizes))
      if (!ShapedType::isDynamic(known))
        size = builder.getIndexAttr(known);
    Value part = tensor::ExtractSliceOp::create(builder, loc, frame, offsets, sizes, ones);
    part = linalg::FillOp::create(builder, loc, fill.getInputs()[0], part).getResult(0);
    frame = tensor::InsertSliceOp::create(builder, loc, part, frame, offsets, sizes, ones);
  }
  return frame;
}

struct FillFramesPass : compress::impl::FillFramesPassBase<FillFramesPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<tensor::InsertSliceOp> inserts;
    getOperation()->walk([&](tensor::InsertSliceOp insert) { inserts.push_back(insert); });
    for (tensor::InsertSliceOp insert : inserts)
      if (auto filled = matchFilled(insert))
        numFrames += fillFrame(rewriter, *filled);
  }

private:
  static bool fillFrame(IRRewriter &rewriter, Filled &filled) {
    ArrayRef<int64_t> shape = filled.insert.getType().getShape();
    SmallVector<Box> boxes = boxesAround(filled.box, shape);
    int64_t stores = 0;
    for (const Box &box : boxes)
      stores += box.numStores();
    if (stores >= Box::whole(shape).numStores())
      return false;
    rewriter.setInsertionPoint(filled.fill);
    rewriter.replaceOp(filled.fill, emitFrame(rewriter, filled, boxes));
    return true;
  }
};

} // namespace
