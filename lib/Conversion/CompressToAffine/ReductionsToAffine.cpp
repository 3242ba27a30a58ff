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
// What fills %y before and changes it after is done in the same loops, and a short window is no loop. Upstream's loops
// load and store the result at each step, and the stores keep LLVM from vectorizing over positions. Lanes are positions
// here; windows that move by 2 are loaded as two vectors of which a shuffle takes every other number. The maximum of a
// window of two columns is one of rows before one of columns:
//
//   %a, %b = the first and the second 8 of 16 numbers, the maxima of the same numbers of each row
//   %max = arith.maximumf shuffle(%a, %b, the even ones), shuffle(%a, %b, the odd ones)
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

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

namespace {

/// One reduction, in lanes along the innermost dimension of its result where every operand allows it.
class ReductionLowering {
public:
  ReductionLowering(linalg::LinalgOp op, int64_t lanes, OpBuilder &builder)
      : op(op), out(op.getDpsInits()[0]), map(op.getMatchingIndexingMap(op.getDpsInitOperand(0))),
        extents(op.getStaticLoopRanges()), epilogue(out), builder(builder), loc(op.getLoc()) {
    if (map.getNumResults() > 0)
      laneLoop = cast<AffineDimExpr>(map.getResults().back()).getPosition();
    this->lanes = allowsLanes() ? lanes : 1;
    epilogue.takeStart(op);
    epilogue.takeFinish(op);
  }

  void lower() {
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> index(extents.size());
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      int64_t loop = cast<AffineDimExpr>(expr).getPosition();
      if (lanes == 1 || loop != laneLoop)
        index[loop] = nest.loopOverDim(out, position);
    }
    if (lanes == 1)
      return lowerAt(nest, index, 1);
    if (fitsMaskedVector(extents[laneLoop], lanes)) {
      nest.existingLanes = extents[laneLoop];
      index[laneLoop] = nest.constant(0);
      return lowerAt(nest, index, llvm::PowerOf2Ceil(extents[laneLoop]));
    }
    // The result of one step is late for the next one: several vectors take turns.
    constexpr int64_t kVectors = 4;
    forEachLaneRun(extents[laneLoop], isShortWindow() ? lanes : kVectors * lanes,
                   [&](int64_t begin, int64_t end, int64_t width) {
                     OpBuilder::InsertionGuard guard(builder);
                     AffineNest inside(nest);
                     index[laneLoop] = inside.loop(begin, end, width);
                     lowerAt(inside, index, width);
                   });
  }

private:
  AffineMap mapOf(OpOperand *operand) { return op.getMatchingIndexingMap(operand); }
  bool isRead(OpOperand *operand) { return !op.getMatchingBlockArgument(operand).use_empty(); }

  bool allowsLanes() {
    if (laneLoop < 0 || ShapedType::isDynamic(extents[laneLoop]) || !compress::allowsLanes(out))
      return false;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto stride = strideAlong(mapOf(operand), laneLoop);
      if (isRead(operand) && (!stride || (*stride != 0 && !compress::allowsLanes(operand->get()))))
        return false;
    }
    return isElementwise(*op.getBlock());
  }

  static SmallVector<AffineExpr> indexOf(AffineMap map, ArrayRef<AffineExpr> index) {
    SmallVector<AffineExpr> at;
    for (AffineExpr expr : map.getResults())
      at.push_back(expr.replaceDims(index));
    return at;
  }

  /// Loads `width` numbers of `operand`.
  Value loadOperand(AffineNest &nest, OpOperand *operand, ArrayRef<AffineExpr> index, int64_t width) {
    SmallVector<AffineExpr> at = indexOf(mapOf(operand), index);
    int64_t stride = width == 1 ? 1 : *strideAlong(mapOf(operand), laneLoop);
    return stride == 0 ? nest.loadBroadcast(operand->get(), at, width)
                       : nest.loadStrided(operand->get(), at, stride, width);
  }

  /// The loops over reductions at one place of the result, or at `width` of them.
  void lowerAt(AffineNest &nest, SmallVector<AffineExpr> index, int64_t width) {
    SmallVector<AffineExpr> outIndex = indexOf(map, index);
    SmallVector<Value> carried{epilogue.start(nest, outIndex, width)};
    if (OpOperand *operand = width > 1 && nest.existingLanes == 0 ? findPairs() : nullptr)
      carried[0] = reducePairs(nest, operand, index, carried[0], width);
    else
      reduce(nest, index, 0, carried, width);
    nest.store(epilogue.finish(nest, carried[0], outIndex, width), epilogue.destination(), outIndex);
  }

  /// The reductions among the loops from `loop` on; those of a short window are not loops.
  void reduce(AffineNest &nest, SmallVector<AffineExpr> index, size_t loop, SmallVectorImpl<Value> &carried,
              int64_t width) {
    if (loop == extents.size()) {
      SmallVector<Value> arguments;
      for (OpOperand *operand : op.getDpsInputOperands())
        arguments.push_back(isRead(operand) ? loadOperand(nest, operand, index, width) : Value());
      arguments.push_back(carried[0]);
      carried[0] = emitStep(arguments, width);
    } else if (map.isFunctionOfDim(loop)) {
      reduce(nest, index, loop + 1, carried, width);
    } else if (isShortWindow()) {
      for (int64_t i = 0; i < extents[loop]; ++i) {
        index[loop] = nest.constant(i);
        reduce(nest, index, loop + 1, carried, width);
      }
    } else {
      index[loop] = nest.loopCarrying(extents[loop], carried);
      reduce(nest, index, loop + 1, carried, width);
      nest.closeCarrying(carried);
    }
  }

  bool isExtremum() {
    Operation &first = op.getBlock()->front();
    return isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp>(first) &&
           llvm::hasNItems(*op.getBlock(), 2) &&
           llvm::is_contained(first.getOperands(), op.getBlock()->getArguments().back()) &&
           op.getBlock()->getTerminator()->getOperand(0) == first.getResult(0);
  }

  /// The loop along which a window of an extremum has two columns for each of the lanes.
  std::optional<int64_t> pairLoop(OpOperand *operand) {
    std::optional<int64_t> pairs;
    for (int64_t loop = 0; loop < static_cast<int64_t>(extents.size()); ++loop)
      if (!map.isFunctionOfDim(loop) && mapOf(operand).getResults().back().isFunctionOfDim(loop)) {
        if (pairs || extents[loop] != 2 || strideAlong(mapOf(operand), loop) != 1)
          return std::nullopt;
        pairs = loop;
      }
    return pairs;
  }

  /// The one operand that is read, if its window has two columns that lanes two apart begin.
  OpOperand *findPairs() {
    SmallVector<OpOperand *> read;
    for (OpOperand *operand : op.getDpsInputOperands())
      if (isRead(operand))
        read.push_back(operand);
    bool arePairs = isExtremum() && isShortWindow() && read.size() == 1 && strideAlong(mapOf(read[0]), laneLoop) == 2 &&
                    pairLoop(read[0]);
    return arePairs ? read[0] : nullptr;
  }

  /// `body` at each place of the window in its other loops, from `loop` on.
  void forEachRow(int64_t pairs, SmallVectorImpl<AffineExpr> &index, size_t loop, function_ref<void()> body) {
    if (loop == extents.size())
      return body();
    if (map.isFunctionOfDim(loop) || static_cast<int64_t>(loop) == pairs)
      return forEachRow(pairs, index, loop + 1, body);
    for (int64_t i = 0; i < extents[loop]; ++i) {
      index[loop] = builder.getAffineConstantExpr(i);
      forEachRow(pairs, index, loop + 1, body);
    }
  }

  /// One step of the reduction; the first number has none to be combined with.
  Value combine(OpOperand *operand, Value number, Value carried, int64_t width) {
    if (!carried)
      return number;
    SmallVector<Value> arguments(op->getNumOperands());
    arguments[operand->getOperandNumber()] = number;
    arguments.back() = carried;
    return emitStep(arguments, width);
  }

  /// Which of two zeros an extremum is does not matter: to tell takes two more instructions than the extremum itself.
  Value emitStep(ArrayRef<Value> arguments, int64_t width) {
    Value step = emitInLanes(builder, *op.getBlock(), arguments, width);
    if (isExtremum())
      step.getDefiningOp()->setAttr("fastmath",
                                    arith::FastMathFlagsAttr::get(builder.getContext(), arith::FastMathFlags::nsz));
    return step;
  }

  Value reducePairs(AffineNest &nest, OpOperand *operand, SmallVector<AffineExpr> index, Value carried, int64_t width) {
    int64_t pairs = *pairLoop(operand);
    index[pairs] = nest.constant(0);
    Value vectors[2];
    forEachRow(pairs, index, 0, [&] {
      SmallVector<AffineExpr> at = indexOf(mapOf(operand), index);
      for (Value &vector : vectors) {
        vector = combine(operand, nest.load(operand->get(), at, width), vector, width);
        at.back() = at.back() + width;
      }
    });
    for (int64_t column : {0, 1}) {
      SmallVector<int64_t> everyOther;
      for (int64_t lane = 0; lane < width; ++lane)
        everyOther.push_back(2 * lane + column);
      Value numbers = vector::ShuffleOp::create(builder, loc, vectors[0], vectors[1], everyOther);
      carried = combine(operand, numbers, carried, width);
    }
    return carried;
  }

  bool isShortWindow() const {
    constexpr int64_t kUnrolledSteps = 9; // 3 x 3
    int64_t steps = 1;
    for (auto [loop, extent] : llvm::enumerate(extents))
      if (!map.isFunctionOfDim(loop))
        steps = std::min(steps * extent, kUnrolledSteps + 1);
    return steps <= kUnrolledSteps;
  }

  linalg::LinalgOp op;
  Value out;
  AffineMap map;
  SmallVector<int64_t> extents;
  Epilogue epilogue;
  OpBuilder &builder;
  Location loc;
  int64_t lanes, laneLoop = -1;
};

struct ConvertReductionsToAffinePass
    : compress::impl::ConvertReductionsToAffinePassBase<ConvertReductionsToAffinePass> {
  using Base = compress::impl::ConvertReductionsToAffinePassBase<ConvertReductionsToAffinePass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyVectorLanes(getOperation(), getArgument(), vectorLanes)))
      return signalPassFailure();
    SmallVector<linalg::LinalgOp> reductions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (canCarry(op))
        reductions.push_back(op);
    });
    for (linalg::LinalgOp op : reductions) {
      OpBuilder builder(op);
      ReductionLowering(op, vectorLanes, builder).lower();
      op->erase();
      ++numLowered;
    }
  }
};

} // namespace
