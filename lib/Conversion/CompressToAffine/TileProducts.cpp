//===- TileProducts.cpp - Products in tile registers ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y[m, p, n] += x[m, k, j] * w[p, k, n, j]              words of four bytes or two bf16 j; 32 columns n in a panel
//   =>
//   affine.for p { affine.for m = … step 32 {
//     %sums:4 = affine.for k = … step 16 iter_args(…) {         2 x 2 tiles of 16 rows by 16 columns
//       4 amx.tile_load, of 16 rows of %x or 16 steps of %w; 4 amx.tile_muli }
//     amx.tile_store %sums, %scratch
//     for 32 rows { y = what comes after the product of %scratch } } }
//
// All tiles are 16 rows of 64 bytes, so that a function has one configuration and any register holds any of them. What
// 16 does not divide overlaps: the last rows are computed with those before and stored alone; the last steps are read
// with those before, whose weights are zero in a copy.
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"
#include "TileRows.h"
#include "Words.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBytesPerWord = 4;

namespace {

/// What is around a product: what was taken over, or if nothing was, that all of the result is written.
struct TileEnds {
  const Epilogue *epilogue = nullptr;
  bool startsFromZero = false;
};

class TileProduct {
public:
  TileProduct(const Product &product, WordFormat format, OpBuilder &builder, Location loc)
      : product(product), activation(product.factors[0]), weights(product.factors[1]), format(format), builder(builder),
        loc(loc) {}

  /// True if the product has rows, columns and steps for tiles.
  bool choose() { return chooseColumns() && chooseSteps() && chooseRows(); }

  bool columnsOverlap() const { return extent(columnLoop) % kTile != 0; }

  /// Emits the nest; `lowerFewRows` emits one for a dynamic number of rows that is less than those of a tile.
  void lower(const TileEnds &around, function_ref<void()> lowerFewRows) {
    ends = around;
    Type sum = cast<MemRefType>(product.out.getType()).getElementType();
    int64_t side = kTilesPerBlock * kTile;
    scratch = allocateRows(builder, loc, {builder.getIndexAttr(side), builder.getIndexAttr(side)}, sum, 0);
    if (lastSteps() > 0)
      allocateLastWeights();
    // Fewer rows than a tile has are the lanes' work.
    rows().choose(builder, loc, [&] { lowerColumns(); }, lowerFewRows);
  }

private:
  int64_t numLoops() const { return product.outMap.getNumDims(); }
  int64_t extent(int64_t loop) const { return product.extents[loop]; }
  AffineExpr dim(int64_t loop) const { return getAffineDimExpr(loop, builder.getContext()); }
  bool isSum(int64_t loop) const { return !product.outMap.isFunctionOfDim(loop); }
  int64_t rowPosition() const { return *product.outMap.getResultPosition(dim(rowLoop)); }
  TileRows rows() const { return {product.out, rowPosition(), extent(rowLoop)}; }
  /// Steps that whole tiles leave.
  int64_t lastSteps() const { return extent(stepLoop) % kTile; }

  //===--------------------------------------------------------------------===//
  // The choice
  //===--------------------------------------------------------------------===//

  bool chooseColumns() {
    if (!product.outMap.isProjectedPermutation() || product.outMap.getNumResults() < 2 || !allowsLanes(product.out))
      return false;
    columnLoop = cast<AffineDimExpr>(product.outMap.getResults().back()).getPosition();
    return !ShapedType::isDynamic(extent(columnLoop)) && extent(columnLoop) >= kTile &&
           weights.map.getResults().back() == dim(columnLoop) && !activation.map.isFunctionOfDim(columnLoop);
  }

  bool chooseSteps() {
    ArrayRef<AffineExpr> ofWeights = weights.map.getResults();
    if (ofWeights.size() < 2)
      return false;
    auto step = dyn_cast<AffineDimExpr>(ofWeights[ofWeights.size() - 2]);
    if (!step || !isSum(step.getPosition()) || activation.map.getResults().back() != step)
      return false;
    stepLoop = step.getPosition();
    auto stride = strideAt(weights, ofWeights.size() - 2);
    weightStride = stride.value_or(0);
    bool isStatic = llvm::all_of(llvm::seq<int64_t>(0, numLoops()),
                                 [&](int64_t loop) { return !isSum(loop) || !ShapedType::isDynamic(extent(loop)); });
    return isStatic && stride && isContiguousInside(activation.load.getMemref()) &&
           isContiguousInside(weights.load.getMemref()) && extent(stepLoop) >= kTile;
  }

  /// The longest loop of rows; a dynamic one if none is long enough.
  bool chooseRows() {
    for (int64_t loop = 0; loop < numLoops(); ++loop) {
      bool isDynamic = ShapedType::isDynamic(extent(loop));
      if (isSum(loop) || weights.map.isFunctionOfDim(loop) || !(isDynamic || extent(loop) >= kTile))
        continue;
      auto stride = rowStrideAlong(loop);
      if (stride && (rowLoop < 0 || extent(loop) >= extent(rowLoop))) { // dynamic is the smallest number
        rowLoop = loop;
        rowStride = *stride;
      }
    }
    return rowLoop >= 0;
  }

  /// Numbers of its buffer in a word of a factor.
  static int64_t numbersPerWord(Value memref) {
    return 8 * kBytesPerWord / cast<MemRefType>(memref.getType()).getElementTypeBitWidth();
  }

  /// Numbers between neighbours along dimension `position` of a factor.
  static std::optional<int64_t> strideAt(const ProductFactor &factor, int64_t position) {
    SmallVector<int64_t> strides;
    int64_t offset;
    auto type = cast<MemRefType>(factor.load.getMemref().getType());
    if (failed(type.getStridesAndOffset(strides, offset)) || ShapedType::isDynamic(strides[position]))
      return std::nullopt;
    return strides[position];
  }

  /// Numbers between the activations of neighbours along `loop`, which one of its dimensions depends on.
  std::optional<int64_t> rowStrideAlong(int64_t loop) const {
    std::optional<int64_t> found;
    for (auto [position, expr] : llvm::enumerate(activation.map.getResults())) {
      if (!expr.isFunctionOfDim(loop))
        continue;
      AffineExpr next = expr.replace(dim(loop), dim(loop) + 1);
      auto by = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(next - expr, numLoops(), 0));
      auto stride = strideAt(activation, position);
      if (found || !by || by.getValue() <= 0 || !stride)
        return std::nullopt;
      found = by.getValue() * *stride;
    }
    return found;
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  /// For all columns, a block after the other: all rows. The last tile may overlap the one before.
  void lowerColumns() {
    int64_t side = kTilesPerBlock * kTile, all = extent(columnLoop), whole = all / side * side, rest = all - whole;
    if (whole > 0)
      lowerColumnBlocks(0, whole, {0, kTile});
    if (rest > kTile)
      lowerColumnBlocks(whole, all, {0, rest - kTile});
    else if (rest > 0)
      lowerColumnBlocks(all - kTile, all, {0});
  }

  /// Blocks from `begin` to `end` of tiles at `offsets`.
  void lowerColumnBlocks(int64_t begin, int64_t end, ArrayRef<int64_t> offsets) {
    columns.assign(offsets.begin(), offsets.end());
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> at(numLoops(), nest.constant(0));
    auto open = [&](bool ofWeights) {
      for (int64_t loop = 0; loop < numLoops(); ++loop)
        if (!isSum(loop) && loop != columnLoop && loop != rowLoop && weights.map.isFunctionOfDim(loop) == ofWeights)
          at[loop] = nest.loopOverDim(product.out, *product.outMap.getResultPosition(dim(loop)));
    };
    open(/*ofWeights=*/true);
    at[columnLoop] = nest.loop(begin, end, kTilesPerBlock * kTile);
    if (lastSteps() > 0)
      copyLastWeights(nest, at);
    open(/*ofWeights=*/false);
    rows().forEachBlock(nest, [&](AffineNest &inner, AffineExpr row, ArrayRef<TileRows::Rows> tiles) {
      at[rowLoop] = row;
      lowerBlock(inner, at, tiles);
    });
  }

  //===--------------------------------------------------------------------===//
  // A block of tiles
  //===--------------------------------------------------------------------===//

  bool isBF16() const { return format == WordFormat::bf16; }
  Type factorTile() const {
    Type element = isBF16() ? Type(builder.getBF16Type()) : builder.getI8Type();
    return amx::TileType::get({kTile, kTile * kBytesPerWord * 8 / element.getIntOrFloatBitWidth()}, element);
  }
  Type sumTile() const {
    return amx::TileType::get({kTile, kTile}, cast<MemRefType>(scratch.getType()).getElementType());
  }

  void lowerBlock(AffineNest &nest, SmallVector<AffineExpr> at, ArrayRef<TileRows::Rows> tiles) {
    SmallVector<Value> sums;
    for (size_t i = 0; i < tiles.size() * columns.size(); ++i)
      sums.push_back(amx::TileZeroOp::create(builder, loc, sumTile()));
    int64_t numOpened = 0;
    SmallVector<AffineExpr> step(at);
    for (int64_t loop : tapLoops()) {
      step[loop] = nest.loopCarrying(extent(loop), sums);
      ++numOpened;
    }
    step[stepLoop] = nest.loopCarrying(extent(stepLoop) / kTile, sums) * kTile;
    prefetchWeights(nest, step);
    multiply(nest, step, tiles, sums, [&](int64_t column) { return loadWeights(nest, step, columns[column]); });
    nest.closeCarrying(sums);
    if (lastSteps() > 0) {
      step[stepLoop] = nest.constant(extent(stepLoop) - kTile);
      multiply(nest, step, tiles, sums, [&](int64_t column) { return loadLastWeights(nest, step, column); });
    }
    for (; numOpened > 0; --numOpened)
      nest.closeCarrying(sums);
    storeSums(nest, at, tiles, sums);
  }

  /// The loops of the sum but for the steps.
  SmallVector<int64_t> tapLoops() const {
    return llvm::to_vector(llvm::make_filter_range(llvm::seq<int64_t>(0, numLoops()),
                                                   [&](int64_t loop) { return isSum(loop) && loop != stepLoop; }));
  }

  void multiply(AffineNest &nest, ArrayRef<AffineExpr> at, ArrayRef<TileRows::Rows> tiles, MutableArrayRef<Value> sums,
                function_ref<Value(int64_t)> weightsOf) {
    int64_t count = columns.size();
    SmallVector<Value> second;
    for (int64_t column = 0; column < count; ++column)
      second.push_back(weightsOf(column));
    for (auto [r, tile] : llvm::enumerate(tiles)) {
      SmallVector<AffineExpr> moved(at);
      moved[rowLoop] = moved[rowLoop] + tile.offset;
      Value first = loadTile(nest, activation.load.getMemref(), indexOf(activation, moved), rowStride);
      for (int64_t column = 0; column < count; ++column) {
        Value &sum = sums[r * count + column];
        if (isBF16())
          sum = amx::TileMulFOp::create(builder, loc, sum.getType(), first, second[column], sum);
        else
          sum = amx::TileMulIOp::create(builder, loc, sum.getType(), first, second[column], sum,
                                        /*isZextLhs=*/true, /*isZextRhs=*/false);
      }
    }
  }

  /// Where a factor's word is.
  static SmallVector<AffineExpr> indexOf(const ProductFactor &factor, ArrayRef<AffineExpr> at) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : factor.map.getResults())
      index.push_back(expr.replaceDims(at));
    index.back() = index.back() * numbersPerWord(factor.load.getMemref());
    return index;
  }

  Value loadTile(AffineNest &nest, Value memref, ArrayRef<AffineExpr> index, int64_t stride) {
    SmallVector<Value> indices = llvm::map_to_vector(index, [&](AffineExpr expr) { return nest.materialize(expr); });
    Value numbers = arith::ConstantIndexOp::create(builder, loc, stride);
    return amx::TileLoadOp::create(builder, loc, factorTile(), memref, indices, numbers);
  }

  Value loadWeights(AffineNest &nest, ArrayRef<AffineExpr> at, int64_t offset) {
    SmallVector<AffineExpr> moved(at);
    moved[columnLoop] = moved[columnLoop] + offset;
    return loadTile(nest, weights.load.getMemref(), indexOf(weights, moved), weightStride);
  }

  /// Asks for the weights of the next step, which may not exist.
  void prefetchWeights(AffineNest &nest, ArrayRef<AffineExpr> at) {
    for (int64_t offset : columns)
      for (int64_t row = 0; row < kTile; ++row) {
        SmallVector<AffineExpr> moved(at);
        moved[columnLoop] = moved[columnLoop] + offset;
        moved[stepLoop] = moved[stepLoop] + kTile + row;
        nest.prefetch(weights.load.getMemref(), indexOf(weights, moved));
      }
  }

  /// Stores the tiles, and what comes of the rows that are this block's.
  void storeSums(AffineNest &nest, ArrayRef<AffineExpr> at, ArrayRef<TileRows::Rows> tiles, ArrayRef<Value> sums) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value row = arith::ConstantIndexOp::create(builder, loc, i / columns.size() * kTile);
      Value column = arith::ConstantIndexOp::create(builder, loc, i % columns.size() * kTile);
      amx::TileStoreOp::create(builder, loc, scratch, ValueRange{row, column}, sum);
    }
    for (auto [i, tile] : llvm::enumerate(tiles)) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inner(nest);
      AffineExpr row = rows().open(inner, tile);
      SmallVector<AffineExpr> moved(at);
      moved[rowLoop] = moved[rowLoop] + tile.offset + row;
      for (auto [column, offset] : llvm::enumerate(columns)) {
        Value sum = inner.load(scratch, {row + i * kTile, inner.constant(column * kTile)}, kTile);
        storeRow(inner, moved, offset, sum);
      }
    }
  }

  void storeRow(AffineNest &nest, SmallVector<AffineExpr> at, int64_t offset, Value sum) {
    at[columnLoop] = at[columnLoop] + offset;
    SmallVector<AffineExpr> place;
    for (AffineExpr expr : product.outMap.getResults())
      place.push_back(expr.replaceDims(at));
    if (!ends.startsFromZero) {
      Value start = ends.epilogue ? ends.epilogue->start(nest, place, kTile) : nest.load(product.out, place, kTile);
      sum = isBF16() ? arith::AddFOp::create(builder, loc, sum, start).getResult()
                     : arith::AddIOp::create(builder, loc, sum, start).getResult();
    }
    if (!ends.epilogue)
      return nest.store(sum, product.out, place);
    nest.store(ends.epilogue->finish(nest, sum, place, kTile), ends.epilogue->destination(), place);
  }

  //===--------------------------------------------------------------------===//
  // Steps that whole tiles leave
  //===--------------------------------------------------------------------===//

  int64_t weightsPerRow() const { return kTile * numbersPerWord(weights.load.getMemref()); }

  /// Makes room for the weights of the last steps of all taps, those that belong to the tile before being zero.
  void allocateLastWeights() {
    int64_t taps = 1;
    for (int64_t loop : tapLoops())
      taps *= extent(loop);
    SmallVector<OpFoldResult> sizes;
    for (int64_t size : {taps, kTilesPerBlock, kTile, weightsPerRow()})
      sizes.push_back(builder.getIndexAttr(size));
    Type element = cast<MemRefType>(weights.load.getMemref().getType()).getElementType();
    lastWeights = allocateRows(builder, loc, sizes, element, 0);
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr tap = nest.loop(0, taps), column = nest.loop(0, kTilesPerBlock);
    AffineExpr row = nest.loop(0, kTile - lastSteps());
    Value zero = nest.zero(lastWeights, weightsPerRow());
    nest.store(zero, lastWeights, {tap, column, row, nest.constant(0)});
  }

  /// The place of the taps in `at` among all of them.
  AffineExpr tapOf(ArrayRef<AffineExpr> at) const {
    AffineExpr tap = builder.getAffineConstantExpr(0);
    for (int64_t loop : tapLoops())
      tap = tap * extent(loop) + at[loop];
    return tap;
  }

  void copyLastWeights(const AffineNest &nest, SmallVector<AffineExpr> at) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest inner(nest);
    for (int64_t loop : tapLoops())
      at[loop] = inner.loop(0, extent(loop));
    AffineExpr row = inner.loop(kTile - lastSteps(), kTile);
    at[stepLoop] = row + (extent(stepLoop) - kTile);
    for (auto [column, offset] : llvm::enumerate(columns)) {
      SmallVector<AffineExpr> moved(at);
      moved[columnLoop] = moved[columnLoop] + offset;
      Value words = inner.load(weights.load.getMemref(), indexOf(weights, moved), weightsPerRow());
      inner.store(words, lastWeights, {tapOf(at), inner.constant(column), row, inner.constant(0)});
    }
  }

  Value loadLastWeights(AffineNest &nest, ArrayRef<AffineExpr> at, int64_t column) {
    AffineExpr zero = nest.constant(0);
    return loadTile(nest, lastWeights, {tapOf(at), nest.constant(column), zero, zero}, weightsPerRow());
  }

  const Product &product;
  const ProductFactor &activation, &weights;
  WordFormat format;
  OpBuilder &builder;
  Location loc;
  int64_t columnLoop = -1, stepLoop = -1, rowLoop = -1;
  int64_t rowStride = 0, weightStride = 0;
  /// Where the tiles of columns begin in the blocks that are being lowered.
  SmallVector<int64_t> columns;
  TileEnds ends;
  Value scratch, lastWeights;
};

} // namespace

bool mlir::compress::lowerProductToTiles(const Product &product, WordFormat format, Operation *op, int64_t lanes,
                                         OpBuilder &builder) {
  TileProduct tiles(product, format, builder, op->getLoc());
  if (lanes < kTile || !tiles.choose() || !allowsProductInLanes(product, lanes, builder))
    return false;
  Epilogue epilogue(product.out);
  epilogue.takeStart(op);
  // Columns that two tiles compute may not be added to what is there twice.
  if (epilogue.readsResult() && tiles.columnsOverlap())
    return false;
  epilogue.takeFinish(op);
  tiles.lower({&epilogue, epilogue.startsFromZero()},
              [&] { emitProductInLanes(product, epilogue, lanes, builder, op->getLoc()); });
  return true;
}

bool mlir::compress::lowerProductToTiles(const Product &product, WordFormat format, bool startsFromZero,
                                         function_ref<void()> lowerFewRows, OpBuilder &builder, Location loc) {
  TileProduct tiles(product, format, builder, loc);
  if (!tiles.choose() || (!startsFromZero && tiles.columnsOverlap()))
    return false;
  tiles.lower({nullptr, startsFromZero}, lowerFewRows);
  return true;
}
