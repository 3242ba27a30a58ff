//===- HoistRounding.cpp - Round to bytes as early as can be ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %d = linalg.generic ins(%codes) { decode }                       %p = linalg.generic ins(%codes) { max }
//   %m = linalg.pooling_nchw_max ins(%d, %frame)             =>      %t = tensor.collapse_shape %p
//   %t = tensor.collapse_shape %m
//   %q = linalg.generic ins(%t) { round, by the same scale }
//
// Rounding never decreases where its operand increases: the largest rounded number is the rounded largest one.
//
//===----------------------------------------------------------------------===//

#include "ByteActivation.h"
#include "Moves.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_HOISTROUNDINGPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The extents of `value`; of what an op writes to, those of its destination, so that they do not keep it alive.
SmallVector<OpFoldResult> sizesOf(OpBuilder &builder, Location loc, Value value) {
  while (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    value = op.getTiedOpOperand(cast<OpResult>(value))->get();
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes();
  return tensor::getMixedSizes(builder, loc, value);
}

/// A rounding to bytes, and the code of the lowest number.
struct Rounding {
  linalg::GenericOp op;
  ByteRange range;

  static std::optional<Rounding> get(linalg::GenericOp op) {
    auto range = ByteRange::get(op);
    return range ? std::optional(Rounding{op, *range}) : std::nullopt;
  }

  /// The same of another tensor.
  Value emitOn(RewriterBase &rewriter, Value value) const {
    Location loc = op->getLoc();
    Value empty = tensor::EmptyOp::create(rewriter, loc, sizesOf(rewriter, loc, value), rewriter.getI8Type());
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    SmallVector<AffineMap> maps(2, rewriter.getMultiDimIdentityMap(rank));
    SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
    auto copy = linalg::GenericOp::create(rewriter, loc, empty.getType(), value, empty, maps, loops);
    rewriter.cloneRegionBefore(op->getRegion(0), copy.getRegion(), copy.getRegion().end());
    return copy.getResult(0);
  }

  int8_t lowest() const { return static_cast<int8_t>(range.isUnsigned ? 0 : -128); }
};

/// Erases `op`, and what only it read, if nothing reads it.
void eraseIfDead(RewriterBase &rewriter, Operation *op) {
  if (!op || !isOpTriviallyDead(op))
    return;
  SmallVector<Value> operands(op->getOperands());
  rewriter.eraseOp(op);
  for (Value operand : operands)
    eraseIfDead(rewriter, operand.getDefiningOp());
}

/// True if `op` takes the largest number of each window.
bool isMaximum(linalg::LinalgOp op) {
  if (!op || !op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumReductionLoops() == 0 ||
      op.getNumDpsInits() != 1)
    return false;
  Block *body = op.getBlock();
  auto maximum = body->getTerminator()->getOperand(0).getDefiningOp<arith::MaximumFOp>();
  Value in = body->getArgument(0), out = body->getArguments().back();
  return maximum && llvm::hasNItems(*body, 2) &&
         ((maximum.getLhs() == in && maximum.getRhs() == out) || (maximum.getLhs() == out && maximum.getRhs() == in));
}

bool isLowest(Value value) { return value && matchPattern(value, m_NegInfFloat()); }

/// True if all windows start from the lowest number.
bool startsFromLowest(linalg::LinalgOp op) {
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && isLowest(fill.getInputs()[0]);
}

struct HoistRoundingPass : compress::impl::HoistRoundingPassBase<HoistRoundingPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> pending;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (ByteRange::get(op))
        pending.push_back(op);
    });
    bool hasHoisted = false; // statistics cannot be read: they are off in a release build of LLVM
    while (!pending.empty()) {
      auto rounding = Rounding::get(pending.pop_back_val());
      rewriter.setInsertionPoint(rounding->op);
      Value hoisted = hoist(rewriter, *rounding);
      if (!hoisted)
        continue;
      Operation *source = rounding->op->getOperand(0).getDefiningOp();
      rewriter.replaceOp(rounding->op, hoisted);
      eraseIfDead(rewriter, source);
      ++numHoisted;
      hasHoisted = true;
      // What was made of it last is nearest to the start.
      if (next)
        pending.push_back(next);
    }
    // Extents that were asked of the floats are those of their sources, so that nothing reads them.
    RewritePatternSet patterns(&getContext());
    memref::populateResolveShapedTypeResultDimsPatterns(patterns);
    if (hasHoisted && failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

private:
  /// The rounding that is one step earlier now; null if there is none.
  linalg::GenericOp next;

  Value roundSource(RewriterBase &rewriter, const Rounding &rounding, Value source) {
    Value rounded = rounding.emitOn(rewriter, source);
    next = rounded.getDefiningOp<linalg::GenericOp>();
    return rounded;
  }

  /// What the rounding gives, computed from bytes; null if it stays.
  Value hoist(RewriterBase &rewriter, const Rounding &rounding) {
    next = nullptr;
    Value number = rounding.op->getOperand(0);
    if (auto bytes = ByteActivation::get(number); bytes && bytes->reshapes.empty())
      if (bytes->isUnsigned == rounding.range.isUnsigned && bytes->zero == rounding.range.zero &&
          bytes->scale == rounding.range.scale)
        return bytes->codes;
    Operation *op = number.getDefiningOp();
    if (!op || llvm::count_if(op->getUsers(), [](Operation *user) { return !isa<tensor::DimOp>(user); }) != 1)
      return {};
    if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op)) {
      IRMapping mapping;
      mapping.map(op->getOperand(0), roundSource(rewriter, rounding, op->getOperand(0)));
      Operation *moved = rewriter.clone(*op, mapping);
      auto type = cast<RankedTensorType>(number.getType());
      moved->getResult(0).setType(type.clone(rewriter.getI8Type()));
      return moved->getResult(0);
    }
    if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
      return transposed(rewriter, op->getLoc(), roundSource(rewriter, rounding, transpose.getInput()),
                        transpose.getPermutation());
    auto maximum = dyn_cast<linalg::LinalgOp>(op);
    return isMaximum(maximum) && startsFromLowest(maximum) ? hoistAbove(rewriter, rounding, maximum) : Value();
  }

  /// The largest codes; those that are padded are the lowest one.
  Value hoistAbove(RewriterBase &rewriter, const Rounding &rounding, linalg::LinalgOp maximum) {
    Location loc = maximum.getLoc();
    Value source = maximum.getDpsInputs()[0];
    Value lowest = arith::ConstantOp::create(rewriter, loc, rewriter.getI8IntegerAttr(rounding.lowest()));
    auto pad = source.getDefiningOp<tensor::PadOp>();
    if (pad && !isLowest(pad.getConstantPaddingValue()))
      pad = nullptr;
    Value bytes = roundSource(rewriter, rounding, pad ? pad.getSource() : source);
    if (pad)
      bytes = tensor::PadOp::create(rewriter, loc, pad.getResultType().clone(rewriter.getI8Type()), bytes,
                                    pad.getMixedLowPad(), pad.getMixedHighPad(), lowest);
    SmallVector<Value> inputs(maximum.getDpsInputs());
    inputs[0] = bytes;
    Value init = maximum.getDpsInits()[0];
    Value empty = tensor::EmptyOp::create(rewriter, loc, sizesOf(rewriter, loc, init), rewriter.getI8Type());
    Value start = linalg::FillOp::create(rewriter, loc, lowest, empty).getResult(0);
    return linalg::GenericOp::create(rewriter, loc, start.getType(), inputs, start, maximum.getIndexingMapsArray(),
                                     maximum.getIteratorTypesArray(),
                                     [&](OpBuilder &b, Location l, ValueRange a) {
                                       Value larger = rounding.range.isUnsigned
                                                          ? arith::MaxUIOp::create(b, l, a.back(), a[0]).getResult()
                                                          : arith::MaxSIOp::create(b, l, a.back(), a[0]).getResult();
                                       linalg::YieldOp::create(b, l, larger);
                                     })
        .getResult(0);
  }
};

} // namespace
