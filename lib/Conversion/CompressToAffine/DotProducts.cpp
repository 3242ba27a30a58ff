//===- DotProducts.cpp - Products whose lanes are summed over --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A product of two factors that are both contiguous along a sum, as a layer with a weight of outputs by inputs that is
// made when the network runs. Constant weights are transposed when they are compiled, and do not come here.
//
//   y[m, n] += x[m, k] * w[n, k]
//   =>
//   affine.for m = … step 4 { affine.for n = … step 4 {                             16 vectors of sums
//     %sums = affine.for %k = 0 to K step 16 iter_args(…) { 4 loads of %x, 4 of %w, 16 fused multiply-adds }
//     y[m, n] + vector.reduction <add>, %sums } }
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "ProductLowering.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

struct DotLowering {
  const Product &product;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;
  /// The loop that lanes run along; loops of the result that one factor alone has, -1 if there is none.
  int64_t sumLoop = -1, loops[2] = {-1, -1};

  int64_t numLoops() const { return product.outMap.getNumDims(); }
  bool isSum(int64_t loop) const { return !product.outMap.isFunctionOfDim(loop); }
  bool has(int64_t factor, int64_t loop) const { return product.factors[factor].map.isFunctionOfDim(loop); }

  bool isContiguousAlong(const ProductFactor &factor, int64_t loop) const {
    return !factor.load.isCoded() && !factor.load.isInWords() && isContiguousInside(factor.load.getMemref()) &&
           strideAlong(factor.map, loop) == 1;
  }

  bool choose() {
    bool isStatic = llvm::all_of(llvm::seq<int64_t>(0, numLoops()), [&](int64_t loop) {
      return !isSum(loop) || ShapedType::isStatic(product.extents[loop]);
    });
    if (!isStatic || product.multiplyAdd || !product.outMap.isProjectedPermutation())
      return false;
    for (int64_t loop = 0; loop < numLoops(); ++loop) {
      bool isLong = isSum(loop) && product.extents[loop] >= lanes;
      if (isLong && llvm::all_of(product.factors, [&](auto &factor) { return isContiguousAlong(factor, loop); }))
        sumLoop = loop;
      for (int64_t factor : {0, 1})
        if (!isSum(loop) && has(factor, loop) && !has(1 - factor, loop))
          loops[factor] = loop;
    }
    return sumLoop >= 0;
  }

  /// The runs of the tile of `factor`, whose loop has at most `most` indices in a tile.
  SmallVector<TileRun> runsOf(int64_t factor, int64_t most) const {
    int64_t loop = loops[factor];
    auto stepsOf = [](LaneRun run) { return TileRun{run, llvm::to_vector(llvm::seq<int64_t>(0, run.step))}; };
    if (loop < 0)
      return {TileRun::of(LaneRun::of(0, 1, 1, 1))};
    int64_t extent = product.extents[loop], whole = extent / most * most;
    if (ShapedType::isDynamic(extent))
      return llvm::map_to_vector(cutIntoRows(most), stepsOf);
    SmallVector<TileRun> runs;
    if (whole > 0)
      runs.push_back(stepsOf(LaneRun::of(0, whole, most, 1)));
    if (whole < extent)
      runs.push_back(stepsOf(LaneRun::of(whole, extent, extent - whole, 1)));
    return runs;
  }

  void lower() {
    // 16 sums and 8 loads fit the 32 registers of AVX-512, 4 sums and 4 loads the 16 of narrower vectors.
    constexpr int64_t kWideLanes = 16;
    int64_t most = lanes >= kWideLanes ? 4 : 2;
    for (const TileRun &first : runsOf(0, most))
      for (const TileRun &second : runsOf(1, first.offsets.size() == 1 ? 2 * most : most)) {
        OpBuilder::InsertionGuard guard(builder);
        lowerTile(first, second);
      }
  }

  AffineExpr openLoop(AffineNest &nest, int64_t loop, const TileRun *run) {
    int64_t dim = *product.outMap.getResultPosition(getAffineDimExpr(loop, builder.getContext()));
    return run ? nest.loopOver(run->run, product.out, dim) : nest.loopOverDim(product.out, dim);
  }

  void lowerTile(const TileRun &first, const TileRun &second) {
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> at(numLoops(), nest.constant(0));
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (!isSum(loop))
        at[loop] = openLoop(nest, loop, loop == loops[0] ? &first : loop == loops[1] ? &second : nullptr);
    size_t count = first.offsets.size() * second.offsets.size();
    SmallVector<Value> sums(count, nest.zero(product.out, lanes));
    int64_t opened = 0;
    for (int64_t loop = 0; loop < numLoops(); ++loop)
      if (isSum(loop) && loop != sumLoop && product.extents[loop] > 1) {
        at[loop] = nest.loopCarrying(product.extents[loop], sums);
        ++opened;
      }
    int64_t extent = product.extents[sumLoop], whole = extent / lanes;
    SmallVector<AffineExpr> step(at);
    step[sumLoop] = nest.loopCarrying(whole, sums) * lanes;
    addProducts(nest, step, first, second, sums);
    nest.closeCarrying(sums);
    if (nest.existingLanes = extent % lanes; nest.existingLanes) {
      step[sumLoop] = nest.constant(whole * lanes);
      addProducts(nest, step, first, second, sums);
      nest.existingLanes = 0;
    }
    for (; opened > 0; --opened)
      nest.closeCarrying(sums);
    forEach(first, second, [&](int64_t i, AffineExpr row, AffineExpr column) {
      SmallVector<AffineExpr> index = indexOf(product.outMap, at, row, column);
      Value sum = vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD, sums[i],
                                              nest.load(product.out, index, 1), arith::FastMathFlags::reassoc);
      nest.store(sum, product.out, index);
    });
  }

  /// `map` at these loops, those of the tile moved by `row` and `column`.
  SmallVector<AffineExpr> indexOf(AffineMap map, ArrayRef<AffineExpr> at, AffineExpr row, AffineExpr column) const {
    SmallVector<AffineExpr> moved(at), index;
    if (loops[0] >= 0)
      moved[loops[0]] = moved[loops[0]] + row;
    if (loops[1] >= 0)
      moved[loops[1]] = moved[loops[1]] + column;
    for (AffineExpr result : map.getResults())
      index.push_back(result.replaceDims(moved));
    return index;
  }

  void forEach(const TileRun &first, const TileRun &second,
               function_ref<void(int64_t, AffineExpr, AffineExpr)> body) const {
    int64_t i = 0;
    for (int64_t row : first.offsets)
      for (int64_t column : second.offsets)
        body(i++, builder.getAffineConstantExpr(row), builder.getAffineConstantExpr(column));
  }

  void addProducts(AffineNest &nest, ArrayRef<AffineExpr> at, const TileRun &first, const TileRun &second,
                   MutableArrayRef<Value> sums) {
    AffineExpr none = nest.constant(0);
    auto load = [&](const ProductFactor &factor, AffineExpr row, AffineExpr column) {
      return nest.load(factor.load.getMemref(), indexOf(factor.map, at, row, column), lanes);
    };
    SmallVector<Value> rows, columns;
    for (int64_t row : first.offsets)
      rows.push_back(load(product.factors[0], builder.getAffineConstantExpr(row), none));
    for (int64_t column : second.offsets)
      columns.push_back(load(product.factors[1], none, builder.getAffineConstantExpr(column)));
    forEach(first, second, [&](int64_t i, AffineExpr, AffineExpr) {
      sums[i] = nest.fma(rows[i / columns.size()], columns[i % columns.size()], sums[i]);
    });
  }
};

} // namespace

bool mlir::compress::lowerProductToDots(const Product &product, Operation *op, int64_t lanes, OpBuilder &builder) {
  DotLowering lowering{product, lanes, builder, op->getLoc()};
  if (!lowering.choose())
    return false;
  lowering.lower();
  return true;
}
