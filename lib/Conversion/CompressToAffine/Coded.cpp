//===- Coded.cpp - Lower kernel ops on stored integers to loops -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.coded_contract maps = [(m,n,k) -> (m,k), (m,n,k) -> (k,n), (m,n,k) -> (m,n)] ins(%x, %codes, %scales)
//   outs(%y)
//   =>
//   affine.for m, n { %sum = affine.for k iter_args(…) { %code = affine.load %codes[…]; arith…: decode; math.fma } }
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::lowerCodedContract(CodedContractOp op, int64_t lanes, OpBuilder &builder) {
  Product product{op.getInit(),
                  op.getInitMap(),
                  {{WeightLoad(op.getInput()), op.getInputMap()}, {WeightLoad(op.getCoded()), op.getWeightMap()}},
                  op.getLoopExtents()};
  if (!lowerProductToLanes(product, op, lanes, builder))
    lowerProductToScalars(product, builder, op.getLoc());
}

void mlir::compress::lowerDecode(DecodeOp op, int64_t lanes, OpBuilder &builder) {
  WeightLoad weight(op.getCoded());
  Value init = op.getInit();
  int64_t rank = cast<MemRefType>(init.getType()).getRank();
  auto lowerRun = [&](std::optional<LaneRun> run) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, op.getLoc());
    SmallVector<AffineExpr> index;
    for (int64_t d = 0; d < rank; ++d)
      index.push_back(run && d + 1 == rank ? nest.loopOver(*run, init, d) : nest.loopOverDim(init, d));
    nest.store(weight.load(nest, index, run ? run->width : 1), init, index);
  };
  if (lanes > 1 && allowsLanes(init) && weight.allowsLanes(lanes))
    forEachLaneRun(cast<MemRefType>(init.getType()).getShape().back(), lanes, [&](LaneRun run) { lowerRun(run); });
  else
    lowerRun(std::nullopt);
}

/// The logical index of the stored `index`: tile number times tile plus place, back in logical order.
static SmallVector<AffineExpr> logicalIndex(LayoutAttr layout, ArrayRef<AffineExpr> index, int64_t rank) {
  SmallVector<AffineExpr> logical(rank);
  int64_t place = rank;
  for (int64_t d = 0; d < rank; ++d) {
    int64_t tile = layout.getTiles().empty() ? 1 : layout.getTiles()[d];
    AffineExpr expr = tile == 1 ? index[d] : index[d] * tile + index[place++];
    logical[layout.getOrder().empty() ? d : layout.getOrder()[d]] = expr;
  }
  return logical;
}

/// Loops over the stored tensor; places that are beyond the logical one are zero in it, and not read from it.
void mlir::compress::lowerRelayout(RelayoutOp op, OpBuilder &builder) {
  bool isTo = op.getTo().has_value();
  LayoutAttr layout = op.getLayout();
  Value stored = isTo ? op.getInit() : op.getInput(), logical = isTo ? op.getInput() : op.getInit();
  auto storedType = cast<MemRefType>(stored.getType()), logicalType = cast<MemRefType>(logical.getType());
  OpBuilder::InsertionGuard guard(builder);
  AffineNest nest(builder, op.getLoc());
  SmallVector<AffineExpr> index;
  for (int64_t d = 0; d < storedType.getRank(); ++d)
    index.push_back(nest.loopOverDim(stored, d));
  SmallVector<AffineExpr> at = logicalIndex(layout, index, logicalType.getRank());
  // In bounds along each dimension that tiles may overrun.
  Value isInside;
  for (int64_t d = 0; d < logicalType.getRank(); ++d) {
    int64_t from = layout.getOrder().empty() ? d : layout.getOrder()[d];
    int64_t tile = layout.getTiles().empty() ? 1 : layout.getTiles()[d], extent = logicalType.getDimSize(from);
    if (tile == 1 || (ShapedType::isStatic(extent) && extent % tile == 0))
      continue;
    Value end = ShapedType::isStatic(extent) ? arith::ConstantIndexOp::create(builder, op.getLoc(), extent).getResult()
                                             : memref::DimOp::create(builder, op.getLoc(), logical, from).getResult();
    Value holds =
        arith::CmpIOp::create(builder, op.getLoc(), arith::CmpIPredicate::slt, nest.materialize(at[from]), end);
    isInside = isInside ? arith::AndIOp::create(builder, op.getLoc(), isInside, holds).getResult() : holds;
  }
  auto copy = [&] { nest.store(nest.load(op.getInput(), isTo ? at : index, 1), op.getInit(), isTo ? index : at); };
  if (!isInside)
    return copy();
  auto branch = scf::IfOp::create(builder, op.getLoc(), isInside, /*withElseRegion=*/isTo);
  builder.setInsertionPointToStart(branch.thenBlock());
  copy();
  if (!isTo)
    return;
  builder.setInsertionPointToStart(branch.elseBlock());
  Value zero = arith::ConstantOp::create(builder, op.getLoc(), builder.getZeroAttr(storedType.getElementType()));
  nest.store(zero, stored, index);
}
