//===- ProductLowering.cpp - Products in register tiles -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"

using namespace mlir;
using namespace mlir::compress;

/// Vectors along a tile, and its rows: 8 x 3 sums, 3 loads and a broadcast fit the 32 registers of AVX-512, 4 x 3 the
/// 16 of processors with narrower vectors.
static constexpr int64_t kTileVectors = 3;
static int64_t tileRowsFor(int64_t lanes) { return lanes >= 16 ? 8 : 4; }
/// Vectors of a tile of one row: enough sums to hide the latency of a multiply-add.
static constexpr int64_t kRowVectors = 8;

namespace {

/// One product: what its loops are, and the nest that computes it.
class ProductLowering {
public:
  ProductLowering(const Product &product, int64_t lanes, OpBuilder &builder, Location loc)
      : lanes(lanes), tileRows(tileRowsFor(lanes)), builder(builder), loc(loc), out(product.out),
        outMap(product.outMap), extents(product.extents), factors(product.factors) {}

  /// Lowers the product if it has a dimension for lanes.
  bool lower() {
    if (!chooseLaneLoop())
      return false;
    chooseTileLoop();
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (!outPosition(loop) && ShapedType::isDynamic(extents[loop]))
        return false;
    forEachLaneRun(extents[laneLoop], lanes, [&](int64_t first, int64_t last, int64_t width) {
      bool isDynamicTile = tileLoop >= 0 && ShapedType::isDynamic(extents[tileLoop]);
      int64_t rows = tileLoop < 0 ? 1 : isDynamicTile ? tileRows : std::min(tileRows, extents[tileLoop]);
      lowerRows(first, last, width, rows, isDynamicTile ? Rows::Whole : Rows::All);
      if (isDynamicTile)
        lowerRows(first, last, width, 1, Rows::Rest);
    });
    return true;
  }

private:
  /// Which rows of the tile's dimension a nest covers.
  enum class Rows { All, Whole, Rest };

  int64_t numLoops() const { return outMap.getNumDims(); }
  AffineExpr dim(int64_t loop) const { return getAffineDimExpr(loop, builder.getContext()); }
  std::optional<unsigned> outPosition(int64_t loop) const { return outMap.getResultPosition(dim(loop)); }

  /// True if `factor` does not depend on `loop`, or is contiguous along it.
  bool isContiguousAlong(const ProductFactor &factor, int64_t loop) const {
    if (!factor.map.isFunctionOfDim(loop))
      return true;
    if (!allowsLanesIn(factor))
      return false;
    for (AffineExpr outer : factor.map.getResults().drop_back())
      if (outer.isFunctionOfDim(loop))
        return false;
    AffineExpr rest = factor.map.getResults().back() - dim(loop);
    return !simplifyAffineExpr(rest, numLoops(), 0).isFunctionOfDim(loop);
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
    return ShapedType::isStatic(extents[laneLoop]) && extents[laneLoop] > 1 &&
           llvm::all_of(factors, [&](const ProductFactor &factor) { return isContiguousAlong(factor, laneLoop); });
  }

  /// The longest dimension of the result that the factor loaded in lanes does not depend on; a dynamic one if none is
  /// static.
  void chooseTileLoop() {
    for (int64_t loop = 0; loop < numLoops(); ++loop) {
      bool isShared = loop != laneLoop && outPosition(loop) && extents[loop] != 1 &&
                      llvm::all_of(factors, [&](const ProductFactor &factor) {
                        return !factor.map.isFunctionOfDim(laneLoop) || !factor.map.isFunctionOfDim(loop);
                      });
      if (isShared && (tileLoop < 0 || extents[loop] > extents[tileLoop])) // dynamic is the smallest number
        tileLoop = loop;
    }
  }

  void lowerRows(int64_t first, int64_t last, int64_t width, int64_t rows, Rows which) {
    int64_t vectors = rows == 1 ? kRowVectors : kTileVectors, chunk = vectors * width;
    int64_t whole = first + (last - first) / chunk * chunk;
    auto lowerColumns = [&](int64_t from, int64_t to, int64_t step) {
      if (from == to)
        return;
      if (tileLoop < 0 || which != Rows::All)
        return lowerNest(from, to, step, width, 0, 0, rows, which);
      int64_t extent = extents[tileLoop], wholeRows = extent / rows * rows;
      lowerNest(from, to, step, width, 0, wholeRows, rows, which);
      if (wholeRows < extent)
        lowerNest(from, to, step, width, wholeRows, extent, extent - wholeRows, which);
    };
    lowerColumns(first, whole, chunk);
    lowerColumns(whole, last, last - whole);
  }

  /// Lanes from `first` to `last` by `chunk`, in vectors of `width`; rows from `rowFirst` to `rowLast` by `rows`.
  void lowerNest(int64_t first, int64_t last, int64_t chunk, int64_t width, int64_t rowFirst, int64_t rowLast,
                 int64_t rows, Rows which) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> index(numLoops());
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (auto position = outPosition(loop); position && loop != laneLoop && loop != tileLoop)
        index[loop] = nest.loopOverDim(out, *position);
    index[laneLoop] = nest.loop(first, last, chunk);
    if (tileLoop >= 0) {
      int64_t position = *outPosition(tileLoop);
      index[tileLoop] = which == Rows::All     ? nest.loop(rowFirst, rowLast, rows)
                        : which == Rows::Whole ? nest.loopOverWholeSteps(out, position, rows)
                                               : nest.loopOverRest(out, position, tileRows);
    }
    int64_t vectors = chunk / width;
    SmallVector<Value> sums;
    forEachSum(index, rows, vectors, width, [&](ArrayRef<AffineExpr> at, int64_t, int64_t) {
      sums.push_back(nest.load(out, indexOf(outMap, at), width));
    });
    int64_t numReductions = 0;
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (!outPosition(loop)) {
        index[loop] = nest.loopCarrying(extents[loop], sums);
        ++numReductions;
      }
    multiplyAdd(nest, index, rows, vectors, width, sums);
    for (int64_t i = 0; i < numReductions; ++i)
      nest.closeCarrying(sums);
    forEachSum(index, rows, vectors, width, [&](ArrayRef<AffineExpr> at, int64_t row, int64_t vector) {
      nest.store(sums[row * vectors + vector], out, indexOf(outMap, at));
    });
  }

  /// Calls `body` with the loops' indices at each row and vector of a tile.
  void forEachSum(ArrayRef<AffineExpr> index, int64_t rows, int64_t vectors, int64_t width,
                  function_ref<void(ArrayRef<AffineExpr>, int64_t, int64_t)> body) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t vector = 0; vector < vectors; ++vector) {
        SmallVector<AffineExpr> at(index);
        at[laneLoop] = at[laneLoop] + vector * width;
        if (tileLoop >= 0)
          at[tileLoop] = at[tileLoop] + row;
        body(at, row, vector);
      }
  }

  /// sums += a * b; what does not change along the tile is loaded once.
  void multiplyAdd(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t rows, int64_t vectors, int64_t width,
                   MutableArrayRef<Value> sums) {
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> loaded[2];
    forEachSum(index, rows, vectors, width, [&](ArrayRef<AffineExpr> at, int64_t row, int64_t vector) {
      Value operands[2];
      for (int64_t i = 0; i < 2; ++i) {
        const ProductFactor &factor = factors[i];
        bool hasLanes = factor.map.isFunctionOfDim(laneLoop);
        bool hasRows = tileLoop >= 0 && factor.map.isFunctionOfDim(tileLoop);
        Value &value = loaded[i][{hasRows ? row : 0, hasLanes ? vector : 0}];
        if (!value)
          value = hasLanes ? factor.load.load(nest, indexOf(factor.map, at), width)
                           : factor.load.loadBroadcast(nest, indexOf(factor.map, at), width);
        operands[i] = value;
      }
      Value &sum = sums[row * vectors + vector];
      sum = nest.fma(operands[0], operands[1], sum);
    });
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
  int64_t laneLoop = -1, tileLoop = -1;
};

} // namespace

bool mlir::compress::lowerProductToLanes(const Product &product, int64_t lanes, OpBuilder &builder, Location loc) {
  return lanes > 1 && ProductLowering(product, lanes, builder, loc).lower();
}

/// The operand dimension that is the reduction `loop`, for its extent.
static std::pair<Value, int64_t> findExtent(const Product &product, int64_t loop) {
  for (const ProductFactor &factor : product.factors) {
    AffineExpr dim = getAffineDimExpr(loop, product.outMap.getContext());
    auto position = factor.map.getResultPosition(dim);
    bool isInBytes = position && factor.load.isPacked() && *position + 1 == factor.map.getNumResults();
    if (position && !isInBytes)
      return {factor.load.getMemref(), *position};
  }
  llvm_unreachable("verified: each loop of dynamic extent is a dimension of an operand");
}

void mlir::compress::lowerProductToScalars(const Product &product, OpBuilder &builder, Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  AffineNest nest(builder, loc);
  SmallVector<AffineExpr> index(product.extents.size()), outIndex;
  for (auto [position, expr] : llvm::enumerate(product.outMap.getResults())) {
    outIndex.push_back(nest.loopOverDim(product.out, position));
    index[cast<AffineDimExpr>(expr).getPosition()] = outIndex.back();
  }
  SmallVector<Value> sums{nest.load(product.out, outIndex, 1)};
  int64_t numCarrying = 0;
  for (auto [loop, extent] : llvm::enumerate(product.extents)) {
    if (product.outMap.isFunctionOfDim(loop))
      continue;
    ++numCarrying;
    if (ShapedType::isStatic(extent)) {
      index[loop] = nest.loopCarrying(extent, sums);
      continue;
    }
    auto [memref, dim] = findExtent(product, loop);
    index[loop] = nest.loopOverDimCarrying(memref, dim, sums);
  }
  SmallVector<Value> operands;
  for (const ProductFactor &factor : product.factors) {
    SmallVector<AffineExpr> at;
    for (AffineExpr expr : factor.map.getResults())
      at.push_back(expr.replaceDims(index));
    operands.push_back(factor.load.load(nest, at, 1));
  }
  sums[0] = nest.fma(operands[0], operands[1], sums[0]);
  for (int64_t i = 0; i < numCarrying; ++i)
    nest.closeCarrying(sums);
  nest.store(sums[0], product.out, outIndex);
}
