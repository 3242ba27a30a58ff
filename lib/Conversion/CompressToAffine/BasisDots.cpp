//===- BasisDots.cpp - Lower products of codes that a basis follows --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.basis_dot bits = 4 … rows = 171 ins(%x, %words, %mask, %basis) outs(%y)
//   =>
//   %planes, %scales = rounded activations, columns of each slice of each row
//   affine.for panels { for rows {
//     %packed = for slices { for 64 rows of the slice { the bytes of each column whose bits are set, next to each other
//     } } %sums = for slices iter_args(…) {
//       %dots = for words { for r, for j { dot product of the codes of r and the bytes of column j } }
//       %sums + scale of activations * sum over r, j of basis * %dots
//   } } }
//
// Decoded codes are multiplied by all columns, and bytes of columns by the codes of all r: an output has r * j sums.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "CodeDecoder.h"
#include "Epilogue.h"
#include "RoundActivations.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

/// Bytes that are compressed at once, and bytes of a word of activations.
static constexpr int64_t kChunk = 64, kBytesPerWord = 4;
/// Bytes that are compressed at once by a shuffle.
static constexpr int64_t kShuffled = 8;
/// What rounded activations have added, to have no sign.
static constexpr float kByteOffset = 128;
/// The largest of them.
static constexpr int64_t kMostU8 = 255;

namespace {

struct BasisDotLowering {
  BasisDotOp op;
  int64_t lanes;
  DotInstructions instructions;
  OpBuilder &builder;
  bool startsFromZero;
  Location loc = op.getLoc();
  CodeDecoder decoder{{static_cast<int64_t>(op.getBits()), 1, 0, llvm::to_vector(op.getNumbers()), {}},
                      instructions,
                      /*hasSign=*/true};
  int64_t panels = op.getWordsType().getDimSize(0), slices = op.getWordsType().getDimSize(1);
  int64_t wordsPerSlice = op.getWordsType().getDimSize(2), r = op.getWordsType().getDimSize(3);
  int64_t panel = op.getWordsType().getDimSize(4), columns = op.getBasisType().getDimSize(3);
  int64_t rows = op.getRows(), slice = op.getSlice(), chunks = llvm::divideCeil(rows, kChunk);
  int64_t inWords = wordsPerSlice * decoder.fields();
  int64_t outputs = cast<MemRefType>(op.getInit().getType()).getShape().back();
  int64_t rank = cast<MemRefType>(op.getInit().getType()).getRank();
  /// Bytes of a compressed column, in whole chunks; one more takes what the last store writes beyond it.
  int64_t packedBytes = llvm::alignTo(inWords * kBytesPerWord, kChunk);

  /// Of each row, the columns of each slice as bytes, in whole chunks, and what they are multiples of.
  Value planes = {}, scales = {};
  /// Of a panel and a row: compressed columns of each slice. What comes after the kept rows is multiplied by 0.
  Value packed = {};

  void lower() {
    if (!isContiguousInside(op.getInput()) || !isContiguousInside(op.getInit()) || !isContiguousInside(op.getWords()) ||
        !isContiguousInside(op.getBasis()) || !isContiguousInside(op.getMask()) || !isContiguousInside(op.getStarts()))
      lanes = 1;
    round();
    auto type = MemRefType::get({slices, columns, packedBytes + kChunk}, builder.getI8Type());
    packed = memref::AllocOp::create(builder, loc, type, builder.getI64IntegerAttr(64));
    int64_t whole = outputs / panel;
    if (whole > 0)
      lowerPanels(0, whole, panel);
    if (whole < panels)
      lowerPanels(whole, panels, outputs % panel);
  }

  //===--------------------------------------------------------------------===//
  // Activations
  //===--------------------------------------------------------------------===//

  void round() {
    auto allocate = [&](ArrayRef<int64_t> extents, Type element) {
      SmallVector<OpFoldResult> sizes;
      for (int64_t d = 0; d + 1 < rank; ++d)
        sizes.push_back(extentOf(builder, loc, op.getInput(), d));
      for (int64_t extent : extents)
        sizes.push_back(builder.getIndexAttr(extent));
      return allocateRows(builder, loc, sizes, element, 0);
    };
    planes = allocate({slices, columns, chunks * kChunk}, builder.getI8Type());
    scales = allocate({slices}, builder.getF32Type());
    int64_t inputs = cast<MemRefType>(op.getInput().getType()).getShape().back(), whole = inputs / slice;
    if (whole > 0)
      roundSlices(op.getInput(), 0, whole, 0);
    if (whole == slices)
      return;
    Value padded = allocate({slice}, builder.getF32Type());
    emitLastInputs(builder, loc, op.getInput(), inputs % slice, padded, lanes);
    roundSlices(padded, whole, slices, whole);
  }

  /// Rounds slices from `begin` to `end`; `numbers` has those from `first` on.
  void roundSlices(Value numbers, int64_t begin, int64_t end, int64_t first) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> row = loopOverRows(nest, op.getInput());
    AffineExpr number = nest.loop(begin, end), column = (number - first) * slice;
    Value inverse = emitScale(nest, numbers, row, column, slice, scales, number, lanes);
    int64_t width = overlappingWidth(slice, lanes);
    LaneEmitter emit{builder, loc, width};
    Value by = emit.spread(inverse), base = emit.number(kRoundToByte + kByteOffset);
    Value bytes = allocateRows(builder, loc, {builder.getIndexAttr(chunks * kChunk * columns)}, builder.getI8Type(), 0);
    auto write = [&](int64_t from, int64_t to) {
      OpBuilder::InsertionGuard inner(builder);
      AffineNest steps(nest);
      AffineExpr offset = steps.loop(from, to, width);
      Value rounded = emit.bitsOf(steps.fma(steps.load(numbers, indexAt(row, column + offset), width), by, base));
      Value byte = arith::TruncIOp::create(builder, loc, emit.typeOf(builder.getI8Type()), rounded);
      steps.store(byte, bytes, {offset});
    };
    write(0, slice / width * width);
    if (slice % width != 0) // overlaps the one before
      write(slice - width, slice);
    AffineExpr chunk = nest.loop(0, chunks);
    Value all = nest.load(bytes, {chunk * (kChunk * columns)}, kChunk * columns);
    for (int64_t j = 0; j < columns; ++j) {
      SmallVector<int64_t> ofColumn;
      for (int64_t i = 0; i < kChunk; ++i)
        ofColumn.push_back(i * columns + j);
      Value plane = columns == 1 ? all : vector::ShuffleOp::create(builder, loc, all, all, ofColumn).getResult();
      nest.store(plane, planes, indexAt(indexAt(indexAt(row, number), nest.constant(j)), chunk * kChunk));
    }
  }

  //===--------------------------------------------------------------------===//
  // Kept rows
  //===--------------------------------------------------------------------===//

  /// Compresses the columns of all slices of a row to the rows that a panel keeps.
  void compress(const AffineNest &outer, AffineExpr number, ArrayRef<AffineExpr> row) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(outer);
    AffineExpr s = nest.loop(0, slices);
    SmallVector<Value> place{arith::ConstantIndexOp::create(builder, loc, 0)};
    if (instructions.compresses)
      compressChunks(nest, number, row, s, place);
    else if (lanes > 1 && instructions.shufflesBytes(2 * kShuffled))
      compressEights(nest, number, row, s, place);
    else
      compressBytes(nest, number, row, s, place);
  }

  SmallVector<AffineExpr> planeAt(ArrayRef<AffineExpr> row, AffineExpr s, AffineExpr j, AffineExpr i) {
    return indexAt(indexAt(indexAt(row, s), j), i);
  }

  void compressChunks(AffineNest &nest, AffineExpr number, ArrayRef<AffineExpr> row, AffineExpr s,
                      SmallVectorImpl<Value> &place) {
    auto chunkType = VectorType::get({kChunk}, builder.getI8Type());
    Value zeros = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(chunkType));
    AffineExpr chunk = nest.loopCarrying(chunks, place);
    Value mask = nest.load(op.getMask(), {number, s, chunk * 2}, 2);
    Value set = vector::BitCastOp::create(builder, loc, VectorType::get({kChunk}, builder.getI1Type()), mask);
    AffineNest there(nest);
    AffineExpr at = there.index(place[0]);
    for (int64_t j = 0; j < columns; ++j) {
      Value column = nest.load(planes, planeAt(row, s, nest.constant(j), chunk * kChunk), kChunk);
      auto name = builder.getStringAttr("llvm.x86.avx512.mask.compress.v64i8");
      Value kept =
          LLVM::CallIntrinsicOp::create(builder, loc, chunkType, name, ValueRange{column, zeros, set}).getResult(0);
      there.store(kept, packed, {s, there.constant(j), at});
    }
    Value bits = vector::BitCastOp::create(builder, loc, VectorType::get({1}, builder.getI64Type()), mask);
    Value count = math::CtPopOp::create(builder, loc, vector::ExtractOp::create(builder, loc, bits, 0));
    count = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), count);
    place[0] = arith::AddIOp::create(builder, loc, place[0], count);
    nest.closeCarrying(place);
  }

  /// For each mask of 8 bits, the places of those that are set, one after the other, then what makes a shuffle write 0.
  Value shuffles() {
    constexpr StringLiteral kName = "compress_shuffles";
    auto type = MemRefType::get({1 << kShuffled, kShuffled}, builder.getI8Type());
    auto module = op->getParentOfType<ModuleOp>();
    if (!module.lookupSymbol(kName)) {
      SmallVector<int8_t> places(type.getNumElements(), -128);
      for (int64_t mask = 0; mask < 1 << kShuffled; ++mask)
        for (int64_t bit = 0, count = 0; bit < kShuffled; ++bit)
          if (mask >> bit & 1)
            places[mask * kShuffled + count++] = static_cast<int8_t>(bit);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(module.getBody());
      auto initial =
          DenseElementsAttr::get(RankedTensorType::get(type.getShape(), type.getElementType()), ArrayRef(places));
      memref::GlobalOp::create(builder, loc, kName, builder.getStringAttr("private"), type, initial, /*constant=*/true,
                               builder.getI64IntegerAttr(64));
    }
    return memref::GetGlobalOp::create(builder, loc, type, kName);
  }

  /// The same 8 bytes at a time, where a shuffle puts those that are kept next to each other.
  void compressEights(AffineNest &nest, AffineExpr number, ArrayRef<AffineExpr> row, AffineExpr s,
                      SmallVectorImpl<Value> &place) {
    constexpr int64_t kEights = 4;
    LaneEmitter emit{builder, loc, 1};
    auto toIndex = [&](Value value) {
      return arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), value).getResult();
    };
    Value table = shuffles();
    AffineExpr word = nest.loopCarrying(chunks * 2, place);
    Value mask = nest.load(op.getMask(), {number, s, word}, 1);
    for (int64_t eight = 0; eight < kEights; ++eight) {
      Value bits = emit.masked(eight ? emit.right(mask, kShuffled * eight) : mask, 0xff);
      AffineNest there(nest);
      AffineExpr at = there.index(place[0]), entry = there.index(toIndex(bits));
      Value places = there.load(table, {entry, there.constant(0)}, kShuffled);
      for (int64_t j = 0; j < columns; ++j) {
        Value column =
            there.load(planes, planeAt(row, s, there.constant(j), (word * kEights + eight) * kShuffled), kShuffled);
        there.store(shuffled(column, places), packed, {s, there.constant(j), at});
      }
      Value count = toIndex(math::CtPopOp::create(builder, loc, bits));
      place[0] = arith::AddIOp::create(builder, loc, place[0], count);
    }
    nest.closeCarrying(place);
  }

  /// 8 of `bytes` at `places`, by an instruction for twice as many.
  Value shuffled(Value bytes, Value places) {
    auto type = VectorType::get({2 * kShuffled}, builder.getI8Type());
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, kShuffled)), twice(low);
    llvm::append_range(twice, low);
    auto widen = [&](Value value) { return vector::ShuffleOp::create(builder, loc, value, value, twice).getResult(); };
    auto name = builder.getStringAttr(DotInstructions::shuffle(2 * kShuffled));
    Value found =
        LLVM::CallIntrinsicOp::create(builder, loc, type, name, ValueRange{widen(bytes), widen(places)}).getResult(0);
    return vector::ShuffleOp::create(builder, loc, found, found, low);
  }

  /// The same byte by byte: each is written, and the next one to the same place if its bit is not set.
  void compressBytes(AffineNest &nest, AffineExpr number, ArrayRef<AffineExpr> row, AffineExpr s,
                     SmallVectorImpl<Value> &place) {
    constexpr int64_t kBits = 32;
    LaneEmitter emit{builder, loc, 1};
    AffineExpr word = nest.loopCarrying(chunks * 2, place);
    SmallVector<Value> carried{place[0], nest.load(op.getMask(), {number, s, word}, 1)};
    AffineExpr bit = nest.loopCarrying(kBits, carried);
    AffineNest there(nest);
    AffineExpr at = there.index(carried[0]);
    for (int64_t j = 0; j < columns; ++j)
      there.store(nest.load(planes, planeAt(row, s, nest.constant(j), word * kBits + bit), 1), packed,
                  {s, there.constant(j), at});
    Value isSet = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), emit.masked(carried[1], 1));
    carried[0] = arith::AddIOp::create(builder, loc, carried[0], isSet);
    carried[1] = emit.right(carried[1], 1);
    nest.closeCarrying(carried);
    place[0] = carried[0];
    nest.closeCarrying(place);
  }

  //===--------------------------------------------------------------------===//
  // Products
  //===--------------------------------------------------------------------===//

  /// Panels from `begin` to `end`, of which `count` outputs exist.
  void lowerPanels(int64_t begin, int64_t end, int64_t count) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr number = nest.loop(begin, end);
    SmallVector<AffineExpr> row = loopOverRows(nest, op.getInit());
    compress(nest, number, row);
    // As many sums as registers hold.
    constexpr int64_t kVectorLanes = 16, kMostSums = 20;
    int64_t width = std::gcd(lanes, panel);
    int64_t vectors = width == kVectorLanes && 2 * r * columns <= kMostSums && panel > width ? 2 : 1;
    int64_t step = vectors * width, whole = count / step * step;
    if (whole > 0) {
      OpBuilder::InsertionGuard inner(builder);
      AffineNest tiles(nest);
      AffineExpr first = tiles.loop(0, whole, step);
      lowerTile(tiles, number, row, first, vectors, width, 0);
    }
    for (int64_t first = whole; first < count; first += width) {
      OpBuilder::InsertionGuard inner(builder);
      AffineNest tile(nest);
      lowerTile(tile, number, row, tile.constant(first), 1, width, count - first < width ? count - first : 0);
    }
  }

  void lowerTile(AffineNest &nest, AffineExpr number, ArrayRef<AffineExpr> row, AffineExpr first, int64_t vectors,
                 int64_t width, int64_t existing) {
    auto forEachOutput = [&](function_ref<void(Value &, ArrayRef<AffineExpr>)> body, MutableArrayRef<Value> sums) {
      nest.existingLanes = existing;
      for (int64_t v = 0; v < vectors; ++v)
        body(sums[v], indexAt(row, number * panel + first + v * width));
      nest.existingLanes = 0;
    };
    SmallVector<Value> sums(vectors);
    forEachOutput(
        [&](Value &sum, ArrayRef<AffineExpr> index) {
          sum = startsFromZero ? nest.zero(op.getInit(), width) : nest.load(op.getInit(), index, width);
        },
        sums);
    AffineExpr s = nest.loopCarrying(slices, sums);
    SmallVector<Value> dots = dotsOfSlice(nest, number, s, first, vectors, width);
    LaneEmitter emit{builder, loc, width};
    Value scale = nest.loadBroadcast(scales, indexAt(row, s), width);
    for (int64_t v = 0; v < vectors; ++v) {
      Value slice;
      for (int64_t i = 0; i < r * columns; ++i) {
        Value dot = arith::SIToFPOp::create(builder, loc, emit.f32(), dots[v * r * columns + i]);
        Value basis =
            nest.load(op.getBasis(),
                      {number, s, nest.constant(i / columns), nest.constant(i % columns), first + v * width}, width);
        slice = slice ? nest.fma(basis, dot, slice) : emit.times(basis, dot);
      }
      sums[v] = nest.fma(slice, scale, sums[v]);
    }
    nest.closeCarrying(sums);
    forEachOutput([&](Value &sum, ArrayRef<AffineExpr> index) { nest.store(sum, op.getInit(), index); }, sums);
  }

  /// The exact sums of a slice: of each vector of outputs for each r and column.
  SmallVector<Value> dotsOfSlice(AffineNest &nest, AffineExpr number, AffineExpr s, AffineExpr first, int64_t vectors,
                                 int64_t width) {
    LaneEmitter emit{builder, loc, width};
    SmallVector<Value> dots;
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t i = 0; i < r; ++i)
        dots.append(columns, nest.load(op.getStarts(), {number, s, nest.constant(i), first + v * width}, width));
    auto inEachLane = [&](AffineExpr j, AffineExpr at) {
      Value bytes = nest.load(packed, {s, j, at}, kBytesPerWord);
      Value word = vector::BitCastOp::create(builder, loc, VectorType::get({1}, builder.getI32Type()), bytes);
      return emit.spread(vector::ExtractOp::create(builder, loc, word, 0));
    };
    auto magnitudes = llvm::map_range(op.getNumbers(), [](int64_t number) { return std::abs(number); });
    int64_t most = kMostU8 * *llvm::max_element(magnitudes);
    forEachStep(nest, wordsPerSlice, 2, dots, [&](AffineExpr word) {
      SmallVector<Value> inputs;
      for (int64_t field = 0; field < decoder.fields(); ++field)
        for (int64_t j = 0; j < columns; ++j) {
          AffineExpr at = (word * decoder.fields() + field) * kBytesPerWord;
          inputs.push_back(inEachLane(nest.constant(j), at));
        }
      for (int64_t v = 0; v < vectors; ++v)
        for (int64_t i = 0; i < r; ++i) {
          Value codes = nest.load(op.getWords(), {number, s, word, nest.constant(i), first + v * width}, width);
          for (int64_t field = 0; field < decoder.fields(); ++field) {
            Value byte = decoder.emit(emit, codes, field, /*inPlace=*/false);
            for (int64_t j = 0; j < columns; ++j) {
              Value &dot = dots[(v * r + i) * columns + j];
              dot = emitCodeDot(nest, instructions, most, inputs[field * columns + j], byte, dot);
            }
          }
        }
    });
    return dots;
  }
};

} // namespace

void mlir::compress::lowerBasisDot(BasisDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  bool startsFromZero = lanes > 1 && eraseZeroFill(op, op.getInit());
  BasisDotLowering{op, lanes, DotInstructions::get(extensions), builder, startsFromZero}.lower();
}
