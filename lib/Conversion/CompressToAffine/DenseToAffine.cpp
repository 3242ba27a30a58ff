//===- DenseToAffine.cpp - Lower dense products to register tiles ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.conv_2d_nchw_fchw ins(%x, %w) outs(%y)
//   =>
//   affine.for n, oh { affine.for ow = … step 16*U { affine.for f = … step R {       R x U vectors of sums
//     %sums = affine.for c, kh, kw iter_args(…) { U loads of %x, R broadcasts of %w, R*U fused multiply-adds }
//     affine.vector_store … } } }
//
// Lanes run along the innermost dimension of the result. The tile is a dimension on which the factor that lanes load
// does not depend: out channels of a convolution, samples of a matrix product.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTDENSETOAFFINEPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Vectors along a tile, and its rows: 8 x 3 sums, 3 loads and a broadcast fit the 32 registers of AVX-512, 4 x 3 the
/// 16 of processors with narrower vectors.
static constexpr int64_t kTileVectors = 3;
static int64_t tileRowsFor(int64_t lanes) { return lanes >= 16 ? 8 : 4; }
/// Vectors of a tile of one row: enough sums to hide the latency of a multiply-add.
static constexpr int64_t kRowVectors = 8;

/// True if the body of `op` is `out + a * b`.
static bool isMultiplyAdd(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3 || !llvm::hasNItems(*body, 3))
    return false;
  auto multiply = dyn_cast<arith::MulFOp>(body->front());
  auto add = dyn_cast<arith::AddFOp>(*std::next(body->begin()));
  if (!multiply || !add || body->getTerminator()->getOperand(0) != add.getResult())
    return false;
  auto isPair = [](Operation *inner, Value a, Value b) {
    return (inner->getOperand(0) == a && inner->getOperand(1) == b) ||
           (inner->getOperand(0) == b && inner->getOperand(1) == a);
  };
  return isPair(multiply, body->getArgument(0), body->getArgument(1)) &&
         isPair(add, body->getArgument(2), multiply.getResult());
}

namespace {

/// One product: what its loops are, and the nest that computes it.
class DenseLowering {
public:
  DenseLowering(linalg::LinalgOp op, int64_t lanes, OpBuilder &builder)
      : lanes(lanes), tileRows(tileRowsFor(lanes)), builder(builder), loc(op.getLoc()), out(op.getDpsInits()[0]),
        outMap(op.getMatchingIndexingMap(op.getDpsInitOperand(0))), extents(op.getStaticLoopRanges()) {
    for (OpOperand *operand : op.getDpsInputOperands())
      factors.push_back({operand->get(), op.getMatchingIndexingMap(operand)});
  }

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
  struct Factor {
    Value memref;
    AffineMap map;
  };
  /// Which rows of the tile's dimension a nest covers.
  enum class Rows { All, Whole, Rest };

  int64_t numLoops() const { return outMap.getNumDims(); }
  AffineExpr dim(int64_t loop) const { return getAffineDimExpr(loop, builder.getContext()); }
  std::optional<unsigned> outPosition(int64_t loop) const { return outMap.getResultPosition(dim(loop)); }

  /// True if `factor` does not depend on `loop`, or is contiguous along it.
  bool isContiguousAlong(const Factor &factor, int64_t loop) const {
    if (!factor.map.isFunctionOfDim(loop))
      return true;
    if (!allowsLanes(factor.memref))
      return false;
    for (AffineExpr outer : factor.map.getResults().drop_back())
      if (outer.isFunctionOfDim(loop))
        return false;
    AffineExpr rest = factor.map.getResults().back() - dim(loop);
    return !simplifyAffineExpr(rest, numLoops(), 0).isFunctionOfDim(loop);
  }

  bool chooseLaneLoop() {
    if (!outMap.isProjectedPermutation() || outMap.getNumResults() == 0 || !allowsLanes(out))
      return false;
    laneLoop = cast<AffineDimExpr>(outMap.getResults().back()).getPosition();
    return ShapedType::isStatic(extents[laneLoop]) && extents[laneLoop] > 1 &&
           llvm::all_of(factors, [&](const Factor &factor) { return isContiguousAlong(factor, laneLoop); });
  }

  /// The longest dimension of the result that the factor loaded in lanes does not depend on; a dynamic one if none is
  /// static.
  void chooseTileLoop() {
    for (int64_t loop = 0; loop < numLoops(); ++loop) {
      bool isShared = loop != laneLoop && outPosition(loop) && extents[loop] != 1 &&
                      llvm::all_of(factors, [&](const Factor &factor) {
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
        const Factor &factor = factors[i];
        bool hasLanes = factor.map.isFunctionOfDim(laneLoop);
        bool hasRows = tileLoop >= 0 && factor.map.isFunctionOfDim(tileLoop);
        Value &value = loaded[i][{hasRows ? row : 0, hasLanes ? vector : 0}];
        if (!value)
          value = hasLanes ? nest.load(factor.memref, indexOf(factor.map, at), width)
                           : nest.loadBroadcast(factor.memref, indexOf(factor.map, at), width);
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
  SmallVector<Factor> factors;
  int64_t laneLoop = -1, tileLoop = -1;
};

struct ConvertDenseToAffinePass : compress::impl::ConvertDenseToAffinePassBase<ConvertDenseToAffinePass> {
  using Base = compress::impl::ConvertDenseToAffinePassBase<ConvertDenseToAffinePass>;
  using Base::Base;

  void runOnOperation() override {
    if (vectorLanes <= 1)
      return;
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && op.getNumDpsInputs() == 2 && op.getNumDpsInits() == 1 &&
          op.getNumReductionLoops() > 0 && isMultiplyAdd(op))
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products) {
      OpBuilder builder(op);
      if (DenseLowering(op, vectorLanes, builder).lower()) {
        op->erase();
        ++numLowered;
      }
    }
  }
};

} // namespace
