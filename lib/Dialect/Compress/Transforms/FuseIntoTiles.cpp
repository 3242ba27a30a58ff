//===- FuseIntoTiles.cpp - Compute on tiles where they are made -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = scf.for %i = … iter_args(%all = %bias) {            tiles of a layer whose weight is rebuilt
//     %place = tensor.extract_slice %all[%i]
//     %tile = linalg.matmul … outs(%place)
//     yield (tensor.insert_slice %tile into %all[%i]) }
//   %z = linalg.generic { max(_, 0) } ins(%y) outs(%empty)
//   =>
//   %z = scf.for %i = … iter_args(%all = %empty) {
//     %place = the tile of %bias
//     %tile = linalg.matmul … outs(%place)
//     %relu = linalg.generic { max(_, 0) } ins(%tile) outs(tensor.extract_slice %all[%i])
//     yield (tensor.insert_slice %relu into %all[%i]) }
//
// The op is next to the product, whose loops do it before they store.
//
//===----------------------------------------------------------------------===//

#include "ElementwiseOps.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FUSEINTOTILESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What writes one tile: `place`, the part of what is carried that the tile starts from, and `insert`, which puts the
/// tile back there.
struct Tile {
  tensor::ExtractSliceOp place;
  tensor::InsertSliceOp insert;
};

/// A result that a loop makes in tiles, all of one size, and a last tile of another behind it.
struct TiledResult {
  scf::ForOp loop;
  Tile inLoop;
  std::optional<Tile> last;
};

/// The tile that `inserted` has in its place in `carried`, of which nothing else is used.
std::optional<Tile> matchTile(Value inserted, Value carried) {
  auto insert = inserted.getDefiningOp<tensor::InsertSliceOp>();
  if (!insert || insert.getDest() != carried || !inserted.hasOneUse() || !llvm::hasNItems(carried.getUses(), 2) ||
      !insert.hasUnitStride() || insert.getSourceType().getRank() != insert.getType().getRank())
    return std::nullopt;
  for (Operation *user : carried.getUsers())
    if (auto place = dyn_cast<tensor::ExtractSliceOp>(user))
      if (place->getBlock() == insert->getBlock() && place.getType() == insert.getSourceType() &&
          place.hasUnitStride() && place.getMixedOffsets() == insert.getMixedOffsets() &&
          place.getMixedSizes() == insert.getMixedSizes())
        return Tile{place, insert};
  return std::nullopt;
}

std::optional<TiledResult> matchTiles(Value result) {
  std::optional<Tile> last;
  if (auto insert = result.getDefiningOp<tensor::InsertSliceOp>()) {
    last = matchTile(result, insert.getDest());
    if (!last)
      return std::nullopt;
    result = insert.getDest();
  }
  auto loop = result.getDefiningOp<scf::ForOp>();
  if (!loop || loop.getNumRegionIterArgs() != 1 || (!last && !result.hasOneUse()))
    return std::nullopt;
  auto inLoop = matchTile(loop.getBody()->getTerminator()->getOperand(0), loop.getRegionIterArg(0));
  return inLoop ? std::optional(TiledResult{loop, *inLoop, last}) : std::nullopt;
}

/// An elementwise op, and its operand that is made in tiles.
struct Fusion {
  linalg::GenericOp op;
  OpOperand *operand;
  TiledResult tiles;
  IRRewriter &rewriter;

  /// False if something that `op` needs comes after the loop.
  bool moveOperands() {
    SmallVector<Value> others;
    for (OpOperand &other : op->getOpOperands())
      if (&other != operand)
        others.push_back(other.get());
    DominanceInfo dominance(op->getParentOp());
    return succeeded(moveValueDefinitions(rewriter, others, tiles.loop, dominance));
  }

  /// The tile of `start` at `place`: computed there, if nothing else needs it.
  Value tileOf(Value start, tensor::ExtractSliceOp place, bool isOnlyUse) {
    rewriter.setInsertionPoint(place);
    auto producer = start.getDefiningOp<TilingInterface>();
    if (producer && isOnlyUse) {
      auto tiled = producer.generateResultTileValue(rewriter, cast<OpResult>(start).getResultNumber(),
                                                    place.getMixedOffsets(), place.getMixedSizes());
      if (succeeded(tiled) && tiled->tiledValues[0].getType() == place.getType())
        return tiled->tiledValues[0];
    }
    return tensor::ExtractSliceOp::create(rewriter, place.getLoc(), place.getType(), start, place.getMixedOffsets(),
                                          place.getMixedSizes(), place.getMixedStrides());
  }

  /// Computes `op` on a tile, into the same place of `all`; returns that with the tile.
  Value emitTile(const Tile &tile, Value all) {
    tensor::InsertSliceOp insert = tile.insert;
    SmallVector<OpFoldResult> offsets = insert.getMixedOffsets(), sizes = insert.getMixedSizes();
    rewriter.setInsertionPoint(insert);
    // `op` on slices of its operands, two of which are there already.
    auto tiled = cast<TilingInterface>(op.getOperation()).getTiledImplementation(rewriter, offsets, sizes);
    auto part = cast<linalg::GenericOp>(tiled->tiledOps[0]);
    auto place = part.getDpsInits()[0].getDefiningOp<tensor::ExtractSliceOp>();
    rewriter.modifyOpInPlace(place, [&] { place.getSourceMutable().assign(all); });
    auto whole = part->getOperand(operand->getOperandNumber()).getDefiningOp<tensor::ExtractSliceOp>();
    rewriter.replaceOp(whole, insert.getSource());
    return tensor::InsertSliceOp::create(rewriter, op.getLoc(), part->getResult(0), all, offsets, sizes,
                                         insert.getMixedStrides());
  }

  /// The loop carries what `op` writes instead of what it reads.
  void run() {
    scf::ForOp loop = tiles.loop;
    Value start = loop.getInitArgs()[0];
    bool isOnlyUse = start.hasOneUse();
    rewriter.setInsertionPoint(loop);
    auto fused = scf::ForOp::create(rewriter, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(),
                                    op.getDpsInits());
    rewriter.replaceOp(tiles.inLoop.place, tileOf(start, tiles.inLoop.place, isOnlyUse));
    Value inserted = emitTile(tiles.inLoop, fused.getRegionIterArg(0));
    Operation *yield = loop.getBody()->getTerminator();
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, inserted); });
    rewriter.eraseOp(tiles.inLoop.insert);
    rewriter.mergeBlocks(loop.getBody(), fused.getBody(), fused.getBody()->getArguments());
    Value all = fused.getResult(0);
    if (tiles.last) {
      rewriter.replaceOp(tiles.last->place, tileOf(start, tiles.last->place, isOnlyUse));
      all = emitTile(*tiles.last, all);
    }
    rewriter.replaceOp(op, all);
    if (tiles.last)
      rewriter.eraseOp(tiles.last->insert);
    rewriter.eraseOp(loop);
  }
};

struct FuseIntoTilesPass : compress::impl::FuseIntoTilesPassBase<FuseIntoTilesPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops)
      numFused += fuse(rewriter, op);
    // The part of an empty tensor that a tile's start is written to is one of its own, which dies with the tile.
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

private:
  static bool fuse(IRRewriter &rewriter, linalg::GenericOp op) {
    if (!isElementwise(op))
      return false;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (!operand->get().hasOneUse() || !op.getMatchingIndexingMap(operand).isIdentity())
        continue;
      auto tiles = matchTiles(operand->get());
      if (!tiles || tiles->loop->getBlock() != op->getBlock())
        continue;
      Fusion fusion{op, operand, *tiles, rewriter};
      if (!fusion.moveOperands())
        continue;
      fusion.run();
      return true;
    }
    return false;
  }
};

} // namespace
