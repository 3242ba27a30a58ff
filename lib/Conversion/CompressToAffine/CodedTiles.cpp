//===- CodedTiles.cpp - Products of rounded activations and codes in tiles -===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   affine.for panels { affine.for groups {
//     %decoded = the bytes of the group's codes, 32 columns of words                    once for all rows
//     affine.for rows step 32 {
//       %sums:4 = affine.for words step 16 iter_args(…) { 4 amx.tile_load; 4 amx.tile_muli }
//       amx.tile_store %sums, %scratch
//       for 32 rows { y += %scratch * scale of weights * scale of activations } } } }
//
// A panel's words of a group are the second factor of a tile's product as they are: 16 words by 16 columns. A group
// that is no multiple of 16 words ends with words of zeros, by which the activations behind it are multiplied.
//
//===----------------------------------------------------------------------===//

#include "CodedTiles.h"
#include "RoundActivations.h"
#include "TileRows.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBytesPerWord = 4;

static int64_t wordsOfGroup(CodedDotOp op) { return op.getGroup() / kBytesPerWord; }

/// Words of a group in whole tiles.
static int64_t depthOfGroup(CodedDotOp op) { return llvm::alignTo(wordsOfGroup(op), kTile); }

int64_t mlir::compress::wordsBehindRows(CodedDotOp op) { return depthOfGroup(op) - wordsOfGroup(op); }

static TileRows rowsOf(CodedDotOp op) {
  auto type = cast<MemRefType>(op.getInit().getType());
  int64_t position = type.getRank() - 2;
  return {op.getInit(), position, type.getDimSize(position)};
}

bool mlir::compress::allowsCodedTiles(CodedDotOp op, int64_t lanes, DotInstructions instructions) {
  TileRows rows = rowsOf(op);
  return instructions.tilesI8 && lanes >= kTile && op.getWordsType().getShape().back() % kTile == 0 &&
         (rows.isDynamic() || rows.extent >= kTile);
}

namespace {

class CodedTiles {
public:
  CodedTiles(CodedDotOp op, const RoundedRows &rounded, const CodeDecoder &decoder, bool startsFromZero,
             OpBuilder &builder)
      : op(op), rounded(rounded), decoder(decoder), startsFromZero(startsFromZero), builder(builder), loc(op.getLoc()) {
  }

  void lower(function_ref<void()> lowerFewRows) {
    allocate();
    rows.choose(
        builder, loc,
        [&] {
          int64_t whole = outputs / panel;
          if (whole > 0)
            lowerPanels(0, whole, panel);
          if (outputs % panel != 0)
            lowerPanels(whole, whole + 1, outputs % panel);
        },
        lowerFewRows);
  }

private:
  /// Columns from `offset` of a panel, a vector; `existing` of them if not all. And what their sums are multiplied by.
  struct Columns {
    int64_t offset, existing;
    Value scale = {}, minusZero = {};
  };

  void allocate() {
    auto allocateWords = [&](int64_t count, int64_t width) {
      SmallVector<OpFoldResult> sizes{builder.getIndexAttr(count), builder.getIndexAttr(width)};
      return allocateRows(builder, loc, sizes, builder.getI32Type(), 0);
    };
    decoded = allocateWords(depth, panel);
    scratch = allocateWords(kTilesPerBlock * kTile, kTilesPerBlock * kTile);
    if (depth == inWords)
      return;
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr word = nest.loop(inWords, depth), column = nest.loop(0, panel, kTile);
    nest.store(nest.zero(decoded, kTile), decoded, {word, column});
  }

  /// Panels from `begin` to `end`, of which `count` outputs exist.
  void lowerPanels(int64_t begin, int64_t end, int64_t count) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr number = nest.loopAlways(begin, end);
    if (startsFromZero)
      for (int64_t offset = 0; offset < count; offset += kTile)
        fillWithZeros(nest, number, columnsAt(offset, count));
    AffineExpr in = nest.loop(0, op.getWordsType().getShape()[1]);
    // Registers hold a block's tiles of two vectors of columns.
    for (int64_t first = 0; first < count; first += kTilesPerBlock * kTile) {
      SmallVector<Columns> columns;
      for (int64_t offset = first; offset < std::min(count, first + kTilesPerBlock * kTile); offset += kTile)
        columns.push_back(columnsAt(offset, count));
      OpBuilder::InsertionGuard inner(builder);
      lowerGroup(nest, number, in, columns);
    }
  }

  static Columns columnsAt(int64_t offset, int64_t count) {
    return {offset, count - offset < kTile ? count - offset : 0};
  }

  void fillWithZeros(const AffineNest &outer, AffineExpr number, const Columns &columns) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(outer);
    SmallVector<AffineExpr> row;
    for (int64_t d = 0; d <= rows.position; ++d)
      row.push_back(nest.loopOverDim(op.getInit(), d));
    nest.existingLanes = columns.existing;
    nest.store(nest.zero(op.getInit(), kTile), op.getInit(), indexAt(row, number * panel + columns.offset));
  }

  void lowerGroup(AffineNest nest, AffineExpr number, AffineExpr in, MutableArrayRef<Columns> columns) {
    decode(nest, number, in, columns);
    int64_t perScale = op.getGroupsPerScale(), groups = op.getWordsType().getShape()[1];
    AffineExpr place = perScale == groups ? nest.constant(0) : in.floorDiv(perScale);
    for (Columns &of : columns) {
      SmallVector<AffineExpr> index{number, place, nest.constant(of.offset)};
      of.scale = nest.load(op.getScales(), index, kTile);
      if (op.getZeros())
        of.minusZero = nest.negate(nest.load(op.getZeros(), index, kTile));
    }
    SmallVector<AffineExpr> row;
    for (int64_t d = 0; d < rows.position; ++d)
      row.push_back(nest.loopOverDim(op.getInit(), d));
    row.emplace_back();
    rows.forEachBlock(nest, [&](AffineNest &inner, AffineExpr first, ArrayRef<TileRows::Rows> tiles) {
      row.back() = first;
      SmallVector<Value> sums = multiply(inner, row, in, tiles, columns);
      finish(inner, row, number, in, tiles, columns, sums);
    });
  }

  void decode(const AffineNest &outer, AffineExpr number, AffineExpr in, ArrayRef<Columns> columns) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(outer);
    LaneEmitter emit{builder, loc, kTile};
    AffineExpr word = nest.loop(0, op.getWordsType().getShape()[2]);
    int64_t fields = decoder.fields();
    for (const Columns &of : columns) {
      AffineExpr column = nest.constant(of.offset);
      Value codes = nest.load(op.getWords(), {number, in, word, column}, kTile);
      for (int64_t field = 0; field < fields; ++field)
        nest.store(decoder.emit(emit, codes, field, /*inPlace=*/false), decoded, {word * fields + field, column});
    }
  }

  /// The tiles of sums of a group: of each tile of rows for each vector of columns.
  SmallVector<Value> multiply(AffineNest &nest, ArrayRef<AffineExpr> row, AffineExpr in, ArrayRef<TileRows::Rows> tiles,
                              ArrayRef<Columns> columns) {
    auto sumTile = amx::TileType::get({kTile, kTile}, builder.getI32Type());
    SmallVector<Value> sums;
    for (size_t i = 0; i < tiles.size() * columns.size(); ++i)
      sums.push_back(amx::TileZeroOp::create(builder, loc, sumTile));
    AffineExpr word = nest.loopCarrying(depth / kTile, sums) * kTile;
    SmallVector<Value> bytes;
    for (const Columns &of : columns)
      bytes.push_back(loadTile(nest, decoded, {word, nest.constant(of.offset)}, panel));
    for (auto [t, tile] : llvm::enumerate(tiles)) {
      SmallVector<AffineExpr> moved(row);
      moved.back() = moved.back() + tile.offset;
      Value x = loadTile(nest, rounded.words, indexAt(moved, in * inWords + word), wordsPerRow());
      for (auto [c, codes] : llvm::enumerate(bytes)) {
        Value &sum = sums[t * columns.size() + c];
        sum = amx::TileMulIOp::create(builder, loc, sumTile, x, codes, sum, /*isZextLhs=*/false, /*isZextRhs=*/true);
      }
    }
    nest.closeCarrying(sums);
    return sums;
  }

  /// Words between neighbouring rows of the activations.
  int64_t wordsPerRow() const {
    SmallVector<int64_t> strides;
    int64_t offset;
    [[maybe_unused]] LogicalResult known =
        cast<MemRefType>(rounded.words.getType()).getStridesAndOffset(strides, offset);
    assert(succeeded(known) && "allocated here");
    return strides[rows.position];
  }

  Value loadTile(AffineNest &nest, Value memref, ArrayRef<AffineExpr> index, int64_t stride) {
    auto type = amx::TileType::get({kTile, kTile * kBytesPerWord}, builder.getI8Type());
    SmallVector<Value> indices = llvm::map_to_vector(index, [&](AffineExpr expr) { return nest.materialize(expr); });
    Value words = arith::ConstantIndexOp::create(builder, loc, stride);
    return amx::TileLoadOp::create(builder, loc, type, memref, indices, words);
  }

  /// Adds the sums of a group, times their scales, to the rows that are this block's.
  void finish(AffineNest &nest, ArrayRef<AffineExpr> row, AffineExpr number, AffineExpr in,
              ArrayRef<TileRows::Rows> tiles, ArrayRef<Columns> columns, ArrayRef<Value> sums) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value first = arith::ConstantIndexOp::create(builder, loc, i / columns.size() * kTile);
      Value column = arith::ConstantIndexOp::create(builder, loc, i % columns.size() * kTile);
      amx::TileStoreOp::create(builder, loc, scratch, ValueRange{first, column}, sum);
    }
    for (auto [t, tile] : llvm::enumerate(tiles)) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inner(nest);
      AffineExpr inTile = rows.open(inner, tile);
      SmallVector<AffineExpr> moved(row);
      moved.back() = moved.back() + tile.offset + inTile;
      Value scale = inner.loadBroadcast(rounded.scales, indexAt(moved, in), kTile);
      Value start = inner.loadBroadcast(rounded.sums, indexAt(moved, in), kTile);
      for (auto [c, of] : llvm::enumerate(columns)) {
        Value sum = inner.load(scratch, {inTile + t * kTile, inner.constant(c * kTile)}, kTile);
        addScaled(inner, indexAt(moved, number * panel + of.offset), of, sum, start, scale);
      }
    }
  }

  void addScaled(AffineNest &nest, ArrayRef<AffineExpr> place, const Columns &of, Value sum, Value start, Value scale) {
    LaneEmitter emit{builder, loc, kTile};
    if (!op.getZeros())
      sum = arith::AddIOp::create(builder, loc, sum, start);
    Value dot = arith::SIToFPOp::create(builder, loc, emit.f32(), sum);
    if (op.getZeros())
      dot = nest.fma(of.minusZero, start, dot);
    nest.existingLanes = of.existing;
    Value before = nest.load(op.getInit(), place, kTile);
    nest.store(nest.fma(dot, emit.times(of.scale, scale), before), op.getInit(), place);
    nest.existingLanes = 0;
  }

  CodedDotOp op;
  const RoundedRows &rounded;
  const CodeDecoder &decoder;
  bool startsFromZero;
  OpBuilder &builder;
  Location loc;
  TileRows rows = rowsOf(op);
  int64_t panel = op.getWordsType().getShape().back();
  int64_t outputs = cast<MemRefType>(op.getInit().getType()).getShape().back();
  int64_t inWords = wordsOfGroup(op), depth = depthOfGroup(op);
  /// The bytes of a group in a panel; and the sums of a block.
  Value decoded, scratch;
};

} // namespace

void mlir::compress::lowerCodedDotToTiles(CodedDotOp op, const RoundedRows &rounded, const CodeDecoder &decoder,
                                          bool startsFromZero, function_ref<void()> lowerFewRows, OpBuilder &builder) {
  CodedTiles(op, rounded, decoder, startsFromZero, builder).lower(lowerFewRows);
}
