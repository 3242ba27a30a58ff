//===- ReductionsToAffine.cpp - Carry reductions in registers -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.pooling_nchw_max ins(%x, %window) outs(%y)
//   =>
//   affine.for n, c, oh, ow {
//     %max = affine.for kh, kw iter_args(%m = %y[n, c, oh, ow]) { arith.maximumf %m, %x[n, c, oh*2 + kh, ow*2 + kw] }
//     affine.store %max, %y[n, c, oh, ow] }
//
// Upstream's loops load and store the result at each step, and the stores keep LLVM from vectorizing over positions.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTREDUCTIONSTOAFFINEPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// True if each result of `op` is computed at one place of its parallel loops, over reductions of known extent.
static bool canCarry(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      op.hasIndexSemantics() || !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isProjectedPermutation())
    return false;
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges()))
    if (!result.isFunctionOfDim(loop) && ShapedType::isDynamic(extent))
      return false;
  return llvm::all_of(op->getOperands(), [](Value operand) { return isa<MemRefType>(operand.getType()); });
}

/// The operands of `op` at the loops' indices; a place that the body does not read is not loaded.
static SmallVector<Value> loadInputs(linalg::LinalgOp op, AffineNest &nest, ArrayRef<AffineExpr> index) {
  SmallVector<Value> values;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    if (op.getMatchingBlockArgument(operand).use_empty()) {
      values.push_back(Value());
      continue;
    }
    SmallVector<AffineExpr> at;
    for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults())
      at.push_back(expr.replaceDims(index));
    values.push_back(nest.load(operand->get(), at, 1));
  }
  return values;
}

static void lowerReduction(linalg::LinalgOp op, OpBuilder &builder) {
  AffineNest nest(builder, op.getLoc());
  Value out = op.getDpsInits()[0];
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<AffineExpr> index(extents.size()), outIndex;
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    outIndex.push_back(nest.loopOverDim(out, position));
    index[cast<AffineDimExpr>(expr).getPosition()] = outIndex.back();
  }
  SmallVector<Value> carried{nest.load(out, outIndex, 1)};
  int64_t numCarrying = 0;
  for (auto [loop, extent] : llvm::enumerate(extents))
    if (!map.isFunctionOfDim(loop)) {
      index[loop] = nest.loopCarrying(extent, carried);
      ++numCarrying;
    }
  Block *body = op.getBlock();
  IRMapping values;
  for (auto [argument, value] : llvm::zip(body->getArguments().drop_back(), loadInputs(op, nest, index)))
    if (value)
      values.map(argument, value);
  values.map(body->getArguments().back(), carried[0]);
  for (Operation &inner : body->without_terminator())
    builder.clone(inner, values);
  carried[0] = values.lookupOrDefault(body->getTerminator()->getOperand(0));
  for (int64_t i = 0; i < numCarrying; ++i)
    nest.closeCarrying(carried);
  nest.store(carried[0], out, outIndex);
}

namespace {

struct ConvertReductionsToAffinePass
    : compress::impl::ConvertReductionsToAffinePassBase<ConvertReductionsToAffinePass> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> reductions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (canCarry(op))
        reductions.push_back(op);
    });
    for (linalg::LinalgOp op : reductions) {
      OpBuilder builder(op);
      lowerReduction(op, builder);
      op->erase();
      ++numLowered;
    }
  }
};

} // namespace
