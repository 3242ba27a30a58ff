//===- ProductLowering.cpp - Products in register tiles -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

/// Vectors along a tile, and its rows: 8 x 3 sums, 3 loads and a broadcast fit the 32 registers of AVX-512, 4 x 3 the
/// 16 of processors with narrower vectors.
static constexpr int64_t kTileVectors = 3;
static int64_t tileRowsFor(int64_t lanes) { return lanes >= 16 ? 8 : 4; }
/// Rows of tiles of `vectors`, of floats that are loaded as they are: all registers but the loads' and a broadcast's;
/// more sums of one vector than hide the latency gain nothing.
static int64_t mostRowsFor(int64_t lanes, int64_t vectors) {
  constexpr int64_t kMostRows = 14;
  int64_t registers = lanes >= 16 ? 32 : 16;
  return std::clamp<int64_t>((registers - 1 - vectors) / vectors, 1, kMostRows);
}
/// Rows of the tiles that cover a static `extent` by as few of at most `most` as there can be, all of about one height.
static int64_t evenRows(int64_t extent, int64_t most) {
  return extent == 0 ? 1 : llvm::divideCeil(extent, llvm::divideCeil(extent, most));
}
/// Vectors of a tile of one row: enough sums to hide the latency of a multiply-add.
static constexpr int64_t kRowVectors = 8;
/// Steps of the sum that all rows take before the next ones. Of 3 vectors of AVX-512 each, as large as a first cache:
/// the block is read again from the second one, and fewer steps load and store sums more often for nothing.
static constexpr int64_t kBlockSteps = 256;
/// Steps between two prefetches, and tiles of rows that share those of a block: each fetches an eighth of the next one.
static constexpr int64_t kPrefetchSteps = 8;
static constexpr int64_t kLineBytes = 64;

namespace {

/// One product: what its loops are, and the nest that computes it.
class ProductLowering {
public:
  ProductLowering(const Product &product, const Epilogue &epilogue, int64_t lanes, OpBuilder &builder, Location loc)
      : lanes(lanes), tileRows(tileRowsFor(lanes)), builder(builder), loc(loc), out(product.out),
        outMap(product.outMap), extents(product.extents), factors(product.factors), addProduct(product.multiplyAdd),
        epilogue(epilogue) {}

  /// True if the product has a dimension for lanes.
  bool choose() {
    if (lanes <= 1 || !chooseLaneLoop())
      return false;
    chooseTileLoop();
    return llvm::all_of(llvm::seq<int64_t>(0, numLoops()),
                        [&](int64_t loop) { return outPosition(loop) || ShapedType::isStatic(extents[loop]); });
  }

  void lower() {
    if (panels)
      return lowerPanels();
    if (tileLoop < 0 || ShapedType::isStatic(extents[tileLoop]))
      return lowerRows();
    for (LaneRun run : cutIntoRows(tileRows))
      for (const TileRun &columns : cutColumns(run.step == 1 ? kRowVectors : kTileVectors))
        lowerNest(columns, run);
  }

private:
  int64_t numLoops() const { return outMap.getNumDims(); }
  AffineExpr dim(int64_t loop) const { return getAffineDimExpr(loop, builder.getContext()); }
  std::optional<unsigned> outPosition(int64_t loop) const { return outMap.getResultPosition(dim(loop)); }

  /// A factor stored in panels of `width` columns, at (column floordiv width, step, column mod width); or, of words,
  /// one panel for each index of other loops, of all columns.
  struct Panels {
    const ProductFactor *factor;
    int64_t width;
    int64_t sumLoop;
  };

  std::optional<Panels> findPanels(const ProductFactor &factor) const {
    AffineMap map = factor.map;
    if (factor.load.isInWords()) {
      if (map.getNumResults() < 2)
        return std::nullopt;
      auto step = dyn_cast<AffineDimExpr>(map.getResult(map.getNumResults() - 2));
      bool hasWholeVectors = extents[laneLoop] % lanes == 0;
      if (!step || outPosition(step.getPosition()) || map.getResults().back() != dim(laneLoop) || !hasWholeVectors)
        return std::nullopt;
      return Panels{&factor, extents[laneLoop], step.getPosition()};
    }
    if (map.getNumResults() != 3 || factor.load.isCoded() || !allowsLanesIn(factor))
      return std::nullopt;
    int64_t width = cast<MemRefType>(factor.load.getMemref().getType()).getShape().back();
    auto step = dyn_cast<AffineDimExpr>(map.getResult(1));
    if (map.getResult(0) != dim(laneLoop).floorDiv(width) || map.getResult(2) != dim(laneLoop) % width || !step ||
        outPosition(step.getPosition()))
      return std::nullopt;
    return Panels{&factor, width, step.getPosition()};
  }

  /// Finds the one factor that is in panels, of a product that sums over their steps alone.
  void findPanels() {
    int64_t numSums =
        llvm::count_if(llvm::seq<int64_t>(0, numLoops()), [&](int64_t loop) { return !outPosition(loop); });
    if (numSums == 1)
      for (const ProductFactor &factor : factors)
        if ((panels = findPanels(factor)))
          return;
  }

  /// strideAlong the lanes; floats alone are loaded 2 apart.
  std::optional<int64_t> laneStride(const ProductFactor &factor) const {
    auto stride = strideAlong(factor.map, laneLoop);
    bool isFloat = !factor.load.isCoded() && !factor.load.isInWords();
    return stride && (*stride == 0 || (allowsLanesIn(factor) && (*stride == 1 || isFloat))) ? stride : std::nullopt;
  }

  /// Static, so that a run of lanes ends where the dimension does.
  bool allowsLanesIn(const ProductFactor &factor) const {
    auto type = cast<MemRefType>(factor.load.getMemref().getType());
    return type.getRank() > 0 && !type.isDynamicDim(type.getRank() - 1) && factor.load.allowsLanes(lanes);
  }

  bool chooseLaneLoop() {
    if (!outMap.isProjectedPermutation() || outMap.getNumResults() == 0 || !allowsLanes(out))
      return false;
    laneLoop = cast<AffineDimExpr>(outMap.getResults().back()).getPosition();
    findPanels();
    return ShapedType::isStatic(extents[laneLoop]) && extents[laneLoop] > 1 &&
           llvm::all_of(factors, [&](const ProductFactor &factor) {
             return (panels && panels->factor == &factor) || laneStride(factor);
           });
  }

  /// The longest dimension of the result that no factor loaded in lanes depends on, of equal ones the last; a dynamic
  /// one if none is static. If there is none, as both factors have the lanes, one that either of them does not depend
  /// on.
  void chooseTileLoop() {
    auto isInLanesAlong = [&](const ProductFactor &factor, int64_t loop) {
      return factor.map.isFunctionOfDim(laneLoop) && factor.map.isFunctionOfDim(loop);
    };
    chooseTileLoop([&](int64_t loop) {
      return llvm::none_of(factors, [&](const ProductFactor &factor) { return isInLanesAlong(factor, loop); });
    });
    if (tileLoop < 0 && llvm::all_of(factors, [&](auto &factor) { return factor.map.isFunctionOfDim(laneLoop); }))
      chooseTileLoop([&](int64_t loop) {
        return !llvm::all_of(factors, [&](const ProductFactor &factor) { return isInLanesAlong(factor, loop); });
      });
  }

  void chooseTileLoop(function_ref<bool(int64_t)> isShared) {
    for (int64_t loop = 0; loop < numLoops(); ++loop) {
      bool isCandidate = loop != laneLoop && outPosition(loop) && extents[loop] != 1 && isShared(loop);
      if (isCandidate && (tileLoop < 0 || extents[loop] >= extents[tileLoop])) // dynamic is the smallest number
        tileLoop = loop;
    }
  }

  /// Cuts the dimension of the lanes into chunks of so many vectors. Vectors of floats may overlap inside of a chunk;
  /// codes are loaded at multiples of the width only.
  SmallVector<TileRun> cutColumns(int64_t vectors) const {
    int64_t extent = extents[laneLoop];
    if (llvm::none_of(factors, [](const ProductFactor &factor) { return factor.load.isCoded(); }))
      return cutFloats(extent, lanes, vectors);
    SmallVector<TileRun> runs;
    forEachLaneRun(extent, lanes, [&](int64_t first, int64_t last, int64_t width) {
      for (TileRun &run : cutIntoTiles(last - first, width, vectors, /*mayRecompute=*/false)) {
        run.run.begin += first;
        run.run.end += first;
        runs.push_back(std::move(run));
      }
    });
    return runs;
  }

  static SmallVector<TileRun> cutFloats(int64_t extent, int64_t lanes, int64_t vectors) {
    int64_t width = llvm::PowerOf2Ceil(extent);
    if (fitsMaskedVector(extent, lanes))
      return {TileRun{LaneRun::of(0, width, width, width), {0}, extent}};
    return cutIntoTiles(extent, lanes, evenRows(countOverlapping(extent, lanes), vectors), /*mayRecompute=*/false);
  }

  /// Cuts the `columns` of a panel into chunks: offsets from where the panel begins.
  SmallVector<TileRun> cutPanel(int64_t columns) const {
    bool isRow = tileLoop < 0 || extents[tileLoop] == 1;
    SmallVector<TileRun> runs;
    // Panels may have been made for a processor of other vectors.
    for (TileRun &chunk : cutFloats(columns, std::gcd(lanes, panels->width), isRow ? kRowVectors : kTileVectors))
      for (int64_t first = chunk.run.begin; first < chunk.run.end; first += chunk.run.step)
        runs.push_back(
            {LaneRun::of(first, columns, panels->width, chunk.run.width), chunk.offsets, chunk.existingLanes});
    return runs;
  }

  /// Calls `body(begin, end, extent)` for runs of blocks of `extent` steps: the first and the last block, which an
  /// epilogue changes, are runs of their own.
  void forEachBlock(int64_t steps, function_ref<void(int64_t, int64_t, int64_t)> body) const {
    int64_t whole = steps / kBlockSteps * kBlockSteps, first = epilogue.isEmpty() ? 0 : std::min(kBlockSteps, whole);
    int64_t last = whole == steps && !epilogue.isEmpty() ? std::max(whole - kBlockSteps, first) : whole;
    for (auto [begin, end, extent] : {std::tuple{int64_t(0), first, kBlockSteps}, std::tuple{first, last, kBlockSteps},
                                      std::tuple{last, whole, kBlockSteps}, std::tuple{whole, steps, steps - whole}})
      if (begin < end)
        body(begin, end, extent);
  }

  /// For each panel and each block of steps: all rows, for one chunk of columns after the other. So a panel is read
  /// from one end to the other once, and a block is in a first cache while rows and chunks use it.
  void lowerPanels() {
    int64_t extent = extents[laneLoop], width = panels->width, whole = extent / width;
    if (whole > 0)
      lowerPanels(0, whole, width);
    if (extent % width > 0)
      lowerPanels(whole, whole + 1, extent % width);
  }

  /// Panels from `begin` to `end`, of which `columns` exist.
  void lowerPanels(int64_t begin, int64_t end, int64_t columns) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> index = loopOverOuter(nest);
    AffineExpr first = nest.loop(begin, end) * panels->width;
    int64_t steps = extents[panels->sumLoop];
    forEachBlock(steps, [&](int64_t from, int64_t to, int64_t count) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inner = nest;
      index[panels->sumLoop] = inner.loop(from, to, count);
      for (const TileRun &chunk : cutPanel(columns)) {
        inner.existingLanes = chunk.existingLanes;
        index[laneLoop] = first + chunk.run.begin;
        lowerBlock(inner, index, chunk, count, from == 0, to == steps);
      }
    });
  }

  /// All rows of `columns`, `steps` of the sum from its index on; of which these are the first, or the last.
  void lowerBlock(const AffineNest &nest, ArrayRef<AffineExpr> index, const TileRun &columns, int64_t steps,
                  bool isFirst, bool isLast) {
    auto lowerTiles = [&](int64_t rows, function_ref<AffineExpr(AffineNest &)> openRows) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inner = nest;
      SmallVector<AffineExpr> at(index);
      if (openRows)
        at[tileLoop] = openRows(inner);
      SmallVector<Value> sums = loadSums(inner, at, rows, columns, isFirst);
      addSteps(inner, at, rows, columns, steps, sums);
      storeSums(inner, at, rows, columns, sums, isLast);
    };
    if (tileLoop < 0)
      return lowerTiles(1, nullptr);
    int64_t extent = extents[tileLoop], position = *outPosition(tileLoop);
    if (ShapedType::isDynamic(extent)) {
      for (LaneRun run : cutIntoRows(tileRows))
        lowerTiles(run.step, [&](AffineNest &inner) { return inner.loopOver(run, out, position); });
      return;
    }
    int64_t whole = extent / tileRows * tileRows;
    if (whole > 0)
      lowerTiles(tileRows, [&](AffineNest &inner) { return inner.loop(0, whole, tileRows); });
    if (whole < extent)
      lowerTiles(extent - whole, [&](AffineNest &inner) { return inner.constant(whole); });
  }

  /// Adds `steps` products to sums, and asks for what comes after them.
  void addSteps(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t rows, const TileRun &columns, int64_t steps,
                SmallVectorImpl<Value> &sums) {
    SmallVector<AffineExpr> at(index);
    AffineExpr &step = at[panels->sumLoop], first = index[panels->sumLoop];
    int64_t groups = steps / kPrefetchSteps, rest = steps % kPrefetchSteps;
    if (groups > 0) {
      AffineExpr group = nest.loopCarrying(groups, sums);
      step = first + group * kPrefetchSteps;
      // Floats that a single row reads once, the processor fetches ahead by itself.
      if (rows > 1 || panels->factor->load.isInWords()) {
        auto prefetchShare = [&](AffineExpr share) { prefetchPanel(nest, at, first + steps + share * groups + group); };
        if (rows == tileRows)
          prefetchShare(index[tileLoop].floorDiv(tileRows) % kPrefetchSteps);
        else // there may be no other tile to share with
          for (int64_t share = 0; share < kPrefetchSteps; ++share)
            prefetchShare(nest.constant(share));
      }
      step = step + nest.loopCarrying(kPrefetchSteps, sums);
      multiplyAdd(nest, at, rows, columns, sums);
      nest.closeCarrying(sums);
      nest.closeCarrying(sums);
    }
    if (rest > 0) {
      step = first + groups * kPrefetchSteps + nest.loopCarrying(rest, sums);
      multiplyAdd(nest, at, rows, columns, sums);
      nest.closeCarrying(sums);
    }
  }

  /// Asks for `step` of the panel. It may lie behind the last one, where a prefetch does nothing.
  void prefetchPanel(AffineNest &nest, ArrayRef<AffineExpr> index, AffineExpr step) {
    SmallVector<AffineExpr> at(index);
    at[panels->sumLoop] = step;
    Value memref = panels->factor->load.getMemref();
    auto type = cast<MemRefType>(memref.getType());
    int64_t bytes = type.getElementTypeBitWidth() / 8, line = kLineBytes / bytes;
    SmallVector<AffineExpr> where = indexOf(panels->factor->map, at);
    for (int64_t column = 0; column < type.getShape().back(); column += line) {
      where.back() = nest.constant(column);
      nest.prefetch(memref, where);
    }
  }

  /// All rows, a static number of them, in as few tiles as there can be. These have two heights that differ by one: a
  /// low tile at the end would have too few sums to hide the latency of a multiply-add.
  void lowerRows() {
    int64_t extent = tileLoop < 0 ? 1 : extents[tileLoop];
    for (const TileRun &columns : cutColumns(extent <= 1 ? kRowVectors : kTileVectors)) {
      int64_t most = loadsFloats() ? mostRowsFor(lanes, columns.offsets.size()) : tileRows;
      int64_t high = evenRows(extent, most), tiles = llvm::divideCeil(extent, high);
      int64_t rowsOfHigh = (extent - tiles * (high - 1)) * high;
      SmallVector<LaneRun> runs{LaneRun::of(0, rowsOfHigh, high, 1)};
      if (rowsOfHigh < extent)
        runs.push_back(LaneRun::of(rowsOfHigh, extent, high - 1, 1));
      lowerNest(columns, runs);
    }
  }

  bool loadsFloats() const {
    return llvm::none_of(factors,
                         [](const ProductFactor &factor) { return factor.load.isCoded() || factor.load.isInWords(); });
  }

  /// A chunk of lanes at each tile of the rows of `runs`, one run after the other.
  void lowerNest(const TileRun &columns, ArrayRef<LaneRun> runs) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    nest.existingLanes = columns.existingLanes;
    SmallVector<AffineExpr> index = loopOverOuter(nest);
    index[laneLoop] = nest.loop(columns.run.begin, columns.run.end, columns.run.step);
    for (const LaneRun &run : runs) {
      OpBuilder::InsertionGuard inner(builder);
      lowerTiles(nest, index, columns, run);
    }
  }

  void lowerTiles(AffineNest nest, SmallVector<AffineExpr> index, const TileRun &columns, const LaneRun &run) {
    if (tileLoop >= 0)
      index[tileLoop] = nest.loopOver(run, out, *outPosition(tileLoop));
    SmallVector<Value> sums = loadSums(nest, index, run.step, columns, /*isFirst=*/true);
    int64_t numReductions = 0;
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (!outPosition(loop)) {
        index[loop] = nest.loopCarrying(extents[loop], sums);
        ++numReductions;
      }
    multiplyAdd(nest, index, run.step, columns, sums);
    for (int64_t i = 0; i < numReductions; ++i)
      nest.closeCarrying(sums);
    storeSums(nest, index, run.step, columns, sums, /*isLast=*/true);
  }

  /// Opens the loops of the result that are neither the lanes' nor the tile's, in the order of the result: first those
  /// that choose what lanes load, so that all others use it while it is in a cache.
  SmallVector<AffineExpr> loopOverOuter(AffineNest &nest) {
    SmallVector<AffineExpr> index(numLoops());
    for (bool choosesLanes : {true, false})
      for (auto [position, expr] : llvm::enumerate(outMap.getResults()))
        if (int64_t loop = cast<AffineDimExpr>(expr).getPosition();
            loop != laneLoop && loop != tileLoop && choosesLanes == isLoadedAlong(loop))
          index[loop] = nest.loopOverDim(out, position);
    return index;
  }

  /// True if the factor that is loaded in lanes depends on `loop`.
  bool isLoadedAlong(int64_t loop) const {
    return llvm::any_of(factors, [&](const ProductFactor &factor) {
      return factor.map.isFunctionOfDim(laneLoop) && factor.map.isFunctionOfDim(loop);
    });
  }

  /// What the sums of a tile start from; or, after their first block of steps, what the result holds.
  SmallVector<Value> loadSums(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t rows, const TileRun &columns,
                              bool isFirst) {
    SmallVector<Value> sums;
    forEachSum(index, rows, columns, [&](ArrayRef<AffineExpr> at, int64_t, int64_t) {
      SmallVector<AffineExpr> place = indexOf(outMap, at);
      sums.push_back(isFirst ? epilogue.start(nest, place, columns.run.width)
                             : nest.load(out, place, columns.run.width));
    });
    return sums;
  }

  /// Stores sums, after their last block of steps what the ops after the product make of them.
  void storeSums(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t rows, const TileRun &columns,
                 ArrayRef<Value> sums, bool isLast) {
    forEachSum(index, rows, columns, [&](ArrayRef<AffineExpr> at, int64_t row, int64_t vector) {
      SmallVector<AffineExpr> place = indexOf(outMap, at);
      Value sum = sums[row * columns.offsets.size() + vector];
      if (isLast)
        nest.store(epilogue.finish(nest, sum, place, columns.run.width), epilogue.destination(), place);
      else
        nest.store(sum, out, place);
    });
  }

  /// Calls `body` with the loops' indices at each row and vector of a tile.
  void forEachSum(ArrayRef<AffineExpr> index, int64_t rows, const TileRun &columns,
                  function_ref<void(ArrayRef<AffineExpr>, int64_t, int64_t)> body) {
    for (int64_t row = 0; row < rows; ++row)
      for (auto [vector, offset] : llvm::enumerate(columns.offsets)) {
        SmallVector<AffineExpr> at(index);
        at[laneLoop] = at[laneLoop] + offset;
        if (tileLoop >= 0)
          at[tileLoop] = at[tileLoop] + row;
        body(at, row, vector);
      }
  }

  /// sums += a * b; what does not change along the tile is loaded once.
  void multiplyAdd(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t rows, const TileRun &columns,
                   MutableArrayRef<Value> sums) {
    int64_t vectors = columns.offsets.size(), width = columns.run.width;
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> loaded[2];
    forEachSum(index, rows, columns, [&](ArrayRef<AffineExpr> at, int64_t row, int64_t vector) {
      Value operands[2];
      for (int64_t i = 0; i < 2; ++i) {
        const ProductFactor &factor = factors[i];
        bool hasLanes = factor.map.isFunctionOfDim(laneLoop);
        bool hasRows = tileLoop >= 0 && factor.map.isFunctionOfDim(tileLoop);
        Value &value = loaded[i][{hasRows ? row : 0, hasLanes ? vector : 0}];
        if (!value)
          value = hasLanes ? loadLanes(nest, factor, indexOf(factor.map, at), width)
                           : factor.load.loadBroadcast(nest, indexOf(factor.map, at), width);
        operands[i] = value;
      }
      Value &sum = sums[row * vectors + vector];
      sum = addProduct ? addProduct(nest, operands[0], operands[1], sum) : nest.fma(operands[0], operands[1], sum);
    });
  }

  Value loadLanes(AffineNest &nest, const ProductFactor &factor, ArrayRef<AffineExpr> at, int64_t width) const {
    bool isInPanels = panels && panels->factor == &factor;
    return !isInPanels && *laneStride(factor) == 2 ? nest.loadStrided(factor.load.getMemref(), at, 2, width)
                                                   : factor.load.load(nest, at, width);
  }

  static SmallVector<AffineExpr> indexOf(AffineMap map, ArrayRef<AffineExpr> at) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : map.getResults())
      index.push_back(expr.replaceDims(at));
    return index;
  }

  int64_t lanes, tileRows;
  OpBuilder &builder;
  Location loc;
  Value out;
  AffineMap outMap;
  SmallVector<int64_t> extents;
  ArrayRef<ProductFactor> factors;
  std::function<Value(AffineNest &, Value, Value, Value)> addProduct;
  const Epilogue &epilogue;
  int64_t laneLoop = -1, tileLoop = -1;
  std::optional<Panels> panels;
};

} // namespace

bool mlir::compress::lowerProductToLanes(const Product &product, Operation *op, int64_t lanes, OpBuilder &builder) {
  Epilogue epilogue(product.out);
  ProductLowering lowering(product, epilogue, lanes, builder, op->getLoc());
  if (!lowering.choose())
    return false;
  epilogue.takeStart(op);
  epilogue.takeFinish(op);
  lowering.lower();
  return true;
}

bool mlir::compress::allowsProductInLanes(const Product &product, int64_t lanes, OpBuilder &builder) {
  Epilogue none(product.out);
  return ProductLowering(product, none, lanes, builder, product.out.getLoc()).choose();
}

void mlir::compress::emitProductInLanes(const Product &product, const Epilogue &epilogue, int64_t lanes,
                                        OpBuilder &builder, Location loc) {
  ProductLowering lowering(product, epilogue, lanes, builder, loc);
  if (lowering.choose())
    lowering.lower();
}
