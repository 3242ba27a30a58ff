//===- WordProduct.cpp - Products of bytes in words ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/WordProduct.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

int64_t mlir::compress::panelWidth(int64_t columns) {
  for (int64_t width : {32, 16}) // one or two vectors of the widest
    if (columns % width == 0)
      return width;
  return columns;
}

int64_t WordProduct::words() const { return llvm::divideCeil(channels, kBytesPerWord); }

/// The activation with its channels as words x 4.
Value WordProduct::emitWords(OpBuilder &builder, Location loc) const {
  Value x = activation;
  auto type = cast<RankedTensorType>(x.getType());
  int64_t rank = type.getRank();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = words() * kBytesPerWord;
  if (shape.back() != channels) {
    SmallVector<OpFoldResult> low(rank, builder.getIndexAttr(0)), high(low);
    high.back() = builder.getIndexAttr(shape.back() - channels);
    Value zero = arith::ConstantOp::create(builder, loc, builder.getI8IntegerAttr(0));
    x = tensor::PadOp::create(builder, loc, type.clone(shape), x, low, high, zero);
  }
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, x);
  sizes.back() = builder.getIndexAttr(words());
  sizes.push_back(builder.getIndexAttr(kBytesPerWord));
  shape.back() = words();
  shape.push_back(kBytesPerWord);
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d < rank; ++d)
    groups.push_back({d});
  groups.back().push_back(rank);
  return tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get(shape, type.getElementType()), x, groups,
                                       sizes);
}

/// The weights as panel, taps, word, filter of the panel, byte.
Value WordProduct::emitPanels(OpBuilder &builder, Location loc) const {
  int64_t width = panelWidth(filters), numTaps = llvm::product_of(taps);
  SmallVector<int64_t> shape{filters / width};
  llvm::append_range(shape, taps);
  shape.append({words(), width, kBytesPerWord});
  std::string bytes(filters * numTaps * words() * kBytesPerWord, '\0');
  for (int64_t f = 0; f < filters; ++f)
    for (int64_t t = 0; t < numTaps; ++t)
      for (int64_t c = 0; c < channels; ++c)
        bytes[(((f / width * numTaps + t) * words() + c / kBytesPerWord) * width + f % width) * kBytesPerWord +
              c % kBytesPerWord] = weights[(f * numTaps + t) * channels + c];
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(builder.getInsertionBlock());
  return materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getI8Type()),
                             ArrayRef<char>(bytes.data(), bytes.size()));
}

/// The weights of filters of one channel as taps, filter.
Value WordProduct::emitTaps(OpBuilder &builder, Location loc) const {
  int64_t numTaps = llvm::product_of(taps);
  std::string bytes(weights.size(), '\0');
  for (int64_t f = 0; f < filters; ++f)
    for (int64_t t = 0; t < numTaps; ++t)
      bytes[t * filters + f] = weights[f * numTaps + t];
  SmallVector<int64_t> shape(taps);
  shape.push_back(filters);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(builder.getInsertionBlock());
  return materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getI8Type()),
                             ArrayRef<char>(bytes.data(), bytes.size()));
}

/// What the sums start from, in panels.
Value WordProduct::emitStart(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes) const {
  Type element = builder.getI32Type();
  int64_t width = panelWidth(filters), panels = filters / width;
  SmallVector<OpFoldResult> inPanels(sizes);
  inPanels.append({builder.getIndexAttr(panels), builder.getIndexAttr(width)});
  Value empty = tensor::EmptyOp::create(builder, loc, inPanels, element);
  if (!start) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
    return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  }
  Value split = tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get({panels, width}, element), start,
                                              ArrayRef<ReassociationIndices>{{0, 1}});
  if (sizes.empty())
    return split;
  auto places = llvm::to_vector(llvm::seq<int64_t>(0, sizes.size()));
  return linalg::BroadcastOp::create(builder, loc, split, empty, places)->getResult(0);
}

/// init + sum of products of bytes without sign and bytes with, over the loops of three maps of which the last is the
/// result's.
static Value emitSums(OpBuilder &builder, Location loc, ValueRange bytes, Value init, ArrayRef<AffineMap> maps) {
  SmallVector<utils::IteratorType> iterators;
  for (unsigned d = 0; d < maps.back().getNumDims(); ++d)
    iterators.push_back(maps.back().isFunctionOfDim(d) ? utils::IteratorType::parallel
                                                       : utils::IteratorType::reduction);
  return linalg::GenericOp::create(builder, loc, TypeRange{init.getType()}, bytes, ValueRange{init}, maps, iterators,
                                   [](OpBuilder &b, Location l, ValueRange arguments) {
                                     Value left = arith::ExtUIOp::create(b, l, b.getI32Type(), arguments[0]);
                                     Value right = arith::ExtSIOp::create(b, l, b.getI32Type(), arguments[1]);
                                     Value product = arith::MulIOp::create(b, l, left, right);
                                     linalg::YieldOp::create(
                                         b, l, arith::AddIOp::create(b, l, arguments[2], product).getResult());
                                   })
      .getResult(0);
}

Value WordProduct::emit(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes) {
  // Loops: lead, place, panel, filter; tap, word, byte.
  int64_t outer = sizes.size(), spatial = taps.size(), lead = outer - spatial, panel = outer, tap = panel + 2,
          word = tap + spatial, numLoops = word + 2;
  auto loop = [&](int64_t i) { return builder.getAffineDimExpr(i); };
  SmallVector<AffineExpr> xs, ws{loop(panel)}, ys;
  for (int64_t d = 0; d < lead; ++d)
    xs.push_back(loop(d));
  for (int64_t d = 0; d < spatial; ++d) {
    xs.push_back(loop(lead + d) * strides[d] + loop(tap + d) * dilations[d]);
    ws.push_back(loop(tap + d));
  }
  for (int64_t d = 0; d < outer; ++d)
    ys.push_back(loop(d));
  xs.append({loop(word), loop(word + 1)});
  ws.append({loop(word), loop(panel + 1), loop(word + 1)});
  ys.append({loop(panel), loop(panel + 1)});
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(numLoops, 0, exprs, builder.getContext()); };
  Value x = emitWords(builder, loc), w = emitPanels(builder, loc), init = emitStart(builder, loc, sizes);
  Value sums = emitSums(builder, loc, {x, w}, init, {map(xs), map(ws), map(ys)});
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d <= outer; ++d)
    groups.push_back({d});
  groups.back().push_back(outer + 1);
  return tensor::CollapseShapeOp::create(builder, loc, sums, groups);
}

Value WordProduct::emitPerChannel(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes) {
  // Loops: lead, place, channel; tap.
  int64_t outer = sizes.size(), spatial = taps.size(), lead = outer - spatial, tap = outer + 1;
  auto loop = [&](int64_t i) { return builder.getAffineDimExpr(i); };
  SmallVector<AffineExpr> xs, ws, ys;
  for (int64_t d = 0; d < lead; ++d)
    xs.push_back(loop(d));
  for (int64_t d = 0; d < spatial; ++d) {
    xs.push_back(loop(lead + d) * strides[d] + loop(tap + d) * dilations[d]);
    ws.push_back(loop(tap + d));
  }
  for (int64_t d = 0; d < outer; ++d)
    ys.push_back(loop(d));
  for (auto *exprs : {&xs, &ws, &ys})
    exprs->push_back(loop(outer));
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(tap + spatial, 0, exprs, builder.getContext()); };
  SmallVector<OpFoldResult> all(sizes);
  all.push_back(builder.getIndexAttr(filters));
  Value init = tensor::EmptyOp::create(builder, loc, all, builder.getI32Type());
  if (start) {
    auto places = llvm::to_vector(llvm::seq<int64_t>(0, outer));
    init = linalg::BroadcastOp::create(builder, loc, start, init, places)->getResult(0);
  } else {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
    init = linalg::FillOp::create(builder, loc, zero, init).getResult(0);
  }
  Value w = emitTaps(builder, loc);
  return emitSums(builder, loc, {activation, w}, init, {map(xs), map(ws), map(ys)});
}
