//===- TileRows.cpp - Rows of a result in tiles of 16 ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileRows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

void TileRows::forEachBlock(const AffineNest &nest,
                            function_ref<void(AffineNest &, AffineExpr, ArrayRef<Rows>)> lowerBlock) const {
  constexpr int64_t side = kTilesPerBlock * kTile;
  const Rows both[] = {{0, 0}, {kTile, 0}};
  auto lowerAt = [&](function_ref<AffineExpr(AffineNest &)> open, ArrayRef<Rows> tiles) {
    OpBuilder::InsertionGuard guard(nest.builder);
    AffineNest inner(nest);
    AffineExpr row = open(inner);
    lowerBlock(inner, row, tiles);
  };
  if (isDynamic()) {
    lowerAt([&](AffineNest &n) { return n.loopOverWholeSteps(out, position, side); }, both);
    lowerAt([&](AffineNest &n) { return n.loopOverRest(out, position, {side}, kTile); }, both[0]);
    // What whole tiles leave: a tile that ends with the last row, stored from where they end. One turn, or none.
    return lowerAt(
        [&](AffineNest &n) {
          AffineExpr count = n.builder.getAffineSymbolExpr(0);
          return n.loopBetween(out, position, count - 1, count - 1 + count % kTile, kTile) + 1 - kTile;
        },
        Rows{0, kPartOfRows});
  }
  int64_t whole = extent / side * side, rest = extent - whole;
  if (whole > 0)
    lowerAt([&](AffineNest &n) { return n.loop(0, whole, side); }, both);
  if (rest > kTile)
    lowerAt([&](AffineNest &n) { return n.constant(whole); }, {{0, 0}, {rest - kTile, 2 * kTile - rest}});
  else if (rest > 0)
    lowerAt([&](AffineNest &n) { return n.constant(extent - kTile); }, Rows{0, kTile - rest});
}

AffineExpr TileRows::open(AffineNest &nest, Rows rows) const {
  if (rows.first != kPartOfRows)
    return nest.loop(rows.first, kTile);
  AffineExpr count = nest.builder.getAffineSymbolExpr(0);
  return nest.loopBetween(out, position, kTile - count % kTile, nest.constant(kTile));
}

void TileRows::choose(OpBuilder &builder, Location loc, function_ref<void()> lowerTiles,
                      function_ref<void()> lowerFewRows) const {
  if (!isDynamic())
    return lowerTiles();
  Value rows = memref::DimOp::create(builder, loc, out, position);
  Value least = arith::ConstantIndexOp::create(builder, loc, kTile);
  Value fills = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, rows, least);
  auto branch = scf::IfOp::create(builder, loc, fills, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(branch.thenBlock()->getTerminator());
  lowerTiles();
  builder.setInsertionPoint(branch.elseBlock()->getTerminator());
  lowerFewRows();
}
