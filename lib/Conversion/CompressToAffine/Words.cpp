//===- Words.cpp - Small numbers in words of 32 bits -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   planes f32 [64][b][q]  =>  words i32 [32][2][b][q]      bf16: a(g), -b(g) | b(g), a(g)
//                              words i32 [32][2][b][q/2]    i8: a(g), -b(g), a(g + q/2), -b(g + q/2) | b(g), a(g), …
//                              scales f32 [32][b]           i8: largest magnitude over 127
//   planes f32 [1][b][q]   =>  words i32 [1][1][b][q/4]     k = 1, i8: a(g), a(g + q/4), a(g + q/2), …
//
// The complex product with weights (wa, wb) is then two dot products: wa*a - wb*b and wa*b + wb*a.
//
//===----------------------------------------------------------------------===//

#include "Words.h"
#include "LaneEmitter.h"
#include "PlaneViews.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Arithmetic on scalars or vectors
//===----------------------------------------------------------------------===//

namespace {

/// 1.5 * 2^23, whose sum with a small number n has n in its lowest bits, and what makes n positive.
constexpr float kRoundToByte = 12582912.0f + 128.0f;

/// `value` rounded to bf16 (ties to even) in the high half of a word; the low half is not clean.
Value roundToBF16(const LaneEmitter &emit, Value value) {
  Value bits = emit.bitsOf(value);
  Value odd = emit.masked(emit.right(bits, 16), 1);
  Value half = arith::AddIOp::create(emit.builder, emit.loc, odd, emit.bits(0x7fff));
  Value rounded = arith::AddIOp::create(emit.builder, emit.loc, bits, half);
  // The payload of a NaN may carry into its sign.
  Value isNaN = arith::CmpFOp::create(emit.builder, emit.loc, arith::CmpFPredicate::UNO, value, value);
  return arith::SelectOp::create(emit.builder, emit.loc, isNaN, emit.bits(0x7fc00000), rounded);
}

} // namespace

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

OpFoldResult mlir::compress::extentOf(OpBuilder &builder, Location loc, Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return builder.getIndexAttr(type.getDimSize(dim));
  if (auto expand = memref.getDefiningOp<memref::ExpandShapeOp>())
    return expand.getMixedOutputShape()[dim];
  if (auto subview = memref.getDefiningOp<memref::SubViewOp>();
      subview && subview.getSourceType().getRank() == type.getRank())
    return subview.getMixedSizes()[dim];
  if (auto collapse = memref.getDefiningOp<memref::CollapseShapeOp>()) {
    ReassociationIndices group = collapse.getReassociationIndices()[dim];
    if (group.size() == 1)
      return extentOf(builder, loc, collapse.getSrc(), group[0]);
  }
  return memref::getMixedSize(builder, loc, memref, dim);
}

/// Rows that a tile reads at once would be in the same sets of a cache if they were a multiple of this many words
/// apart: they get a line between them.
static int64_t rowGap(int64_t words) {
  constexpr int64_t kAliasingWords = 256, kLineWords = 16;
  return words > 0 && words % kAliasingWords == 0 ? kLineWords : 0;
}

Value mlir::compress::allocateRows(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type element,
                                   int64_t rowWords) {
  int64_t gap = rowGap(rowWords);
  SmallVector<OpFoldResult> allocated(sizes);
  if (gap)
    allocated.back() = builder.getIndexAttr(*getConstantIntValue(sizes.back()) + gap);
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(allocated, dynamic, shape);
  Value buffer =
      memref::AllocOp::create(builder, loc, MemRefType::get(shape, element), dynamic, builder.getI64IntegerAttr(64));
  if (!gap)
    return buffer;
  SmallVector<OpFoldResult> zeros(sizes.size(), builder.getIndexAttr(0)), ones(sizes.size(), builder.getIndexAttr(1));
  return memref::SubViewOp::create(builder, loc, buffer, zeros, sizes, ones);
}

namespace {

struct WordPacking {
  OpBuilder &builder;
  Location loc;
  WordFormat format;
  Value planes;
  int64_t inDim, numWindows, lanes;
  WordPlanes result = {};

  MemRefType type() const { return cast<MemRefType>(planes.getType()); }
  int64_t k() const { return type().getDimSize(0); }
  int64_t rank() const { return type().getRank() - 1; }
  int64_t inBlocks() const { return type().getDimSize(inDim + 1); }
  int64_t blocksPerWord() const { return SpectralDotOp::blocksPerWord(format, k()); }
  int64_t inWords() const { return llvm::divideCeil(inBlocks(), blocksPerWord()); }
  /// Words of which block `number` exists.
  int64_t wordsWith(int64_t number) const { return std::clamp<int64_t>(inBlocks() - number * inWords(), 0, inWords()); }
  /// True if dimension `d` has a scale for each of its positions.
  bool isFree(int64_t d) const {
    int64_t position = d < inDim ? d : d - 1;
    return d != inDim && position < result.numFree;
  }

  void run() {
    result.numFree = rank() - 1 - numWindows;
    allocate();
    if (k() % 2) {
      packSlots(0, 1, 1, /*isReal=*/true);
      if (k() > 1)
        packSlots(1, k(), 2, /*isReal=*/false);
      return;
    }
    packSlots(0, 2, 2, /*isReal=*/true);
    if (k() > 2)
      packSlots(2, k(), 2, /*isReal=*/false);
  }

  void allocate() {
    SmallVector<OpFoldResult> words{builder.getIndexAttr(llvm::divideCeil(k(), 2)),
                                    builder.getIndexAttr(k() == 1 ? 1 : 2)};
    SmallVector<OpFoldResult> scales{words[0]};
    for (int64_t d = 0; d < rank(); ++d) {
      words.push_back(d == inDim ? builder.getIndexAttr(inWords()) : extentOf(builder, loc, planes, d + 1));
      if (isFree(d))
        scales.push_back(words.back());
    }
    result.words = allocateRows(builder, loc, words, builder.getI32Type(), inDim == rank() - 1 ? inWords() : 0);
    if (format == WordFormat::i8)
      result.scales = allocateRows(builder, loc, scales, builder.getF32Type(), 0);
  }

  /// Packs the frequencies whose first slots are from `begin` to `end`; `isReal`: both slots are real, and if `step` is
  /// 1 there is but one.
  void packSlots(int64_t begin, int64_t end, int64_t step, bool isReal) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr slot = nest.loop(begin, end, 2);
    SmallVector<AffineExpr> index(rank());
    for (int64_t d = 0; d < rank(); ++d)
      if (isFree(d))
        index[d] = nest.loopOverDim(planes, d + 1);
    Frequency frequency{slot, step == 2, isReal, {}};
    if (format == WordFormat::i8)
      frequency.inverse = packScale(nest, frequency, index);
    packWords(nest, frequency, index);
  }

  struct Frequency {
    AffineExpr slot;
    bool hasSecond, isReal;
    /// 127 over the largest magnitude.
    Value inverse;

    AffineExpr number() const { return slot.ceilDiv(2); }
  };

  Value loadSlot(AffineNest &nest, AffineExpr slot, ArrayRef<AffineExpr> index, int64_t width) {
    SmallVector<AffineExpr> at{slot};
    llvm::append_range(at, index);
    return nest.load(planes, at, width);
  }

  int64_t extent(int64_t d) const { return type().getDimSize(d + 1); }

  /// max(|a|, |b|, largest) as bits, which of numbers without sign are in the same order, and largest of a NaN.
  Value emitLargest(AffineNest &nest, const Frequency &frequency, ArrayRef<AffineExpr> index, int64_t width,
                    Value largest) {
    LaneEmitter emit{builder, loc, width};
    for (int64_t part = 0; part <= frequency.hasSecond; ++part) {
      Value number = loadSlot(nest, frequency.slot + part, index, width);
      Value magnitude = emit.masked(emit.bitsOf(number), ~kSign);
      largest = arith::MaxSIOp::create(builder, loc, largest, magnitude);
    }
    return largest;
  }

  /// Stores the scale of the numbers at the free positions in `index`; returns its reciprocal.
  Value packScale(AffineNest &nest, const Frequency &frequency, SmallVector<AffineExpr> index) {
    int64_t last = rank() - 1;
    bool hasLanes = !isFree(last) && isContiguousInside(planes) && extent(last) >= lanes;
    int64_t width = hasLanes ? lanes : 1, numLoops = 0;
    SmallVector<Value> largest{LaneEmitter{builder, loc, width}.bits(0)};
    for (int64_t d = 0; d < last; ++d)
      if (!isFree(d)) {
        index[d] = nest.loopCarrying(extent(d), largest);
        ++numLoops;
      }
    if (!isFree(last)) {
      index[last] = nest.loopCarrying(extent(last) / width, largest) * width;
      largest[0] = emitLargest(nest, frequency, index, width, largest[0]);
      nest.closeCarrying(largest);
      // What is left, in a vector that overlaps the one before: a number may count twice.
      index[last] = nest.constant(extent(last) - width);
    }
    if (isFree(last) || extent(last) % width != 0)
      largest[0] = emitLargest(nest, frequency, index, width, largest[0]);
    for (int64_t i = 0; i < numLoops; ++i)
      nest.closeCarrying(largest);
    Value most = largest[0];
    if (width > 1)
      most = vector::ReductionOp::create(builder, loc, vector::CombiningKind::MAXSI, most);
    return storeScale(nest, frequency, index, LaneEmitter{builder, loc, 1}.numberOf(most));
  }

  Value storeScale(AffineNest &nest, const Frequency &frequency, ArrayRef<AffineExpr> index, Value most) {
    LaneEmitter scalar{builder, loc, 1};
    SmallVector<AffineExpr> at{frequency.number()};
    for (int64_t d = 0; d < rank(); ++d)
      if (isFree(d))
        at.push_back(index[d]);
    nest.store(arith::MulFOp::create(builder, loc, most, scalar.number(1 / kMostI8)), result.scales, at);
    Value isTiny = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, most, scalar.number(kLeastScaled));
    Value inverse = arith::DivFOp::create(builder, loc, scalar.number(kMostI8), most);
    return arith::SelectOp::create(builder, loc, isTiny, scalar.number(0), inverse);
  }

  /// Packs all words at the free positions in `index`, in lanes along the innermost dimension.
  void packWords(AffineNest &nest, const Frequency &frequency, SmallVector<AffineExpr> index) {
    int64_t last = rank() - 1, width = isFree(last) || !isContiguousInside(planes) ? 1 : lanes;
    auto packRange = [&](int64_t begin, int64_t end, int64_t numBlocks) {
      if (begin >= end)
        return;
      OpBuilder::InsertionGuard guard(builder);
      AffineNest outer(nest);
      for (int64_t d = 0; d < last; ++d)
        if (!isFree(d))
          index[d] = d == inDim ? outer.loop(begin, end) : outer.loop(0, extent(d));
      int64_t first = last == inDim ? begin : 0, count = last == inDim ? end - begin : extent(last);
      if (isFree(last))
        return packAt(outer, frequency, index, 1, numBlocks);
      forEachLaneRun(count, width, [&](int64_t from, int64_t to, int64_t wide) {
        OpBuilder::InsertionGuard inner(builder);
        AffineNest inside(outer);
        index[last] = inside.loop(from + first, to + first, wide);
        packAt(inside, frequency, index, wide, numBlocks);
      });
    };
    // Words all of whose blocks exist come first.
    for (int64_t blocks = blocksPerWord(); blocks > 0; --blocks)
      packRange(blocks == blocksPerWord() ? 0 : wordsWith(blocks), wordsWith(blocks - 1), blocks);
  }

  /// Packs words of which the first `numBlocks` blocks exist.
  void packAt(AffineNest &nest, const Frequency &frequency, ArrayRef<AffineExpr> index, int64_t width,
              int64_t numBlocks) {
    LaneEmitter emit{builder, loc, width};
    Value words[2];
    if (k() == 1)
      words[0] = packDense(nest, emit, frequency, index, numBlocks);
    else if (format == WordFormat::bf16)
      packBF16(nest, emit, frequency, index, words);
    else
      packI8(nest, emit, frequency, index, numBlocks, words);
    for (int64_t part = 0; part <= frequency.hasSecond; ++part) {
      SmallVector<AffineExpr> at{frequency.number(), nest.constant(part)};
      llvm::append_range(at, index);
      nest.store(words[part], result.words, at);
    }
  }

  /// Blocks of one number.
  Value packDense(AffineNest &nest, const LaneEmitter &emit, const Frequency &frequency, ArrayRef<AffineExpr> index,
                  int64_t numBlocks) {
    bool isBF16 = format == WordFormat::bf16;
    Value inverse = isBF16 ? Value() : emit.spread(frequency.inverse);
    Value base = isBF16 ? Value() : emit.number(kRoundToByte), word;
    for (int64_t block = 0; block < numBlocks; ++block) {
      SmallVector<AffineExpr> at(index);
      at[inDim] = at[inDim] + block * inWords();
      Value number = loadSlot(nest, frequency.slot, at, emit.lanes);
      if (isBF16) {
        number = roundToBF16(emit, number);
        number = block == 0 ? emit.right(number, 16) : emit.masked(number, kHighHalf);
      } else {
        number = emit.left(emit.masked(emit.bitsOf(nest.fma(number, inverse, base)), 0xff), 8 * block);
      }
      word = word ? emit.both(word, number) : number;
    }
    return word;
  }

  void packBF16(AffineNest &nest, const LaneEmitter &emit, const Frequency &frequency, ArrayRef<AffineExpr> index,
                Value (&words)[2]) {
    Value a = roundToBF16(emit, loadSlot(nest, frequency.slot, index, emit.lanes));
    words[0] = emit.right(a, 16);
    if (!frequency.hasSecond)
      return;
    Value b = roundToBF16(emit, loadSlot(nest, frequency.slot + 1, index, emit.lanes));
    if (frequency.isReal) {
      words[1] = emit.masked(b, kHighHalf);
      return;
    }
    Value minus = arith::XOrIOp::create(builder, loc, emit.masked(b, kHighHalf), emit.bits(kSign));
    words[0] = emit.both(words[0], minus);
    words[1] = emit.both(emit.right(b, 16), emit.masked(a, kHighHalf));
  }

  void packI8(AffineNest &nest, const LaneEmitter &emit, const Frequency &frequency, ArrayRef<AffineExpr> index,
              int64_t numBlocks, Value (&words)[2]) {
    Value inverse = emit.spread(frequency.inverse), minus = nest.negate(inverse), base = emit.number(kRoundToByte);
    Value zero = emit.bits(128);
    auto code = [&](Value value, Value by) { return emit.masked(emit.bitsOf(nest.fma(value, by, base)), 0xff); };
    words[0] = words[1] = Value();
    auto add = [&](int64_t part, Value byte, uint32_t place) {
      Value shifted = emit.left(byte, place);
      words[part] = words[part] ? emit.both(words[part], shifted) : shifted;
    };
    for (int64_t block = 0; block < numBlocks; ++block) {
      SmallVector<AffineExpr> at(index);
      at[inDim] = at[inDim] + block * inWords();
      uint32_t place = 16 * block;
      Value a = loadSlot(nest, frequency.slot, at, emit.lanes);
      add(0, code(a, inverse), place);
      if (!frequency.hasSecond) {
        add(0, zero, place + 8);
        continue;
      }
      Value b = loadSlot(nest, frequency.slot + 1, at, emit.lanes);
      add(0, frequency.isReal ? zero : code(b, minus), place + 8);
      add(1, frequency.isReal ? zero : code(b, inverse), place);
      add(1, code(frequency.isReal ? b : a, inverse), place + 8);
    }
  }
};

} // namespace

/// `memref` with its last dimension as the two of `like`.
static Value splitLast(OpBuilder &builder, Location loc, Value memref, Value like) {
  int64_t last = cast<MemRefType>(memref.getType()).getRank() - 1;
  SmallVector<int64_t> shape(cast<MemRefType>(memref.getType()).getShape().drop_back());
  llvm::append_range(shape, cast<MemRefType>(like.getType()).getShape().take_back(2));
  SmallVector<ReassociationIndices> groups;
  SmallVector<OpFoldResult> sizes;
  for (int64_t d = 0; d <= last; ++d) {
    groups.push_back({d});
    sizes.push_back(extentOf(builder, loc, memref, d));
  }
  groups.back().push_back(last + 1);
  sizes.back() = builder.getIndexAttr(shape[last]);
  sizes.push_back(builder.getIndexAttr(shape[last + 1]));
  return memref::ExpandShapeOp::create(builder, loc, shape, memref, groups, sizes);
}

WordPlanes mlir::compress::emitWordPlanes(OpBuilder &builder, Location loc, WordFormat format, Value planes,
                                          int64_t inDim, int64_t numWindows, int64_t lanes) {
  // Rows that follow each other are one: fewer vectors are cut short.
  auto type = cast<MemRefType>(planes.getType());
  int64_t rows = type.getRank() - 2;
  bool isMerged = lanes > 1 && numWindows >= 2 && inDim + 1 < rows && areMergeable(type, rows);
  Value merged = isMerged ? mergeTrailing(builder, loc, planes, rows) : planes;
  WordPacking packing{builder, loc, format, merged, inDim, numWindows - isMerged, lanes};
  packing.run();
  if (isMerged)
    packing.result.words = splitLast(builder, loc, packing.result.words, planes);
  return packing.result;
}
