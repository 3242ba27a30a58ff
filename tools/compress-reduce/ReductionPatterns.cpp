//===- ReductionPatterns.cpp - Ways to make a file simpler ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// MLIR's reducer removes ops that nothing uses. These rewrites make ops unused: what a rewrite does to the numbers does
// not matter, only that the IR stays valid and the file interesting. They take ops of every dialect: a file is made of
// linalg, tensor and arith around the few ops that it is about.
//
// The reducer applies all patterns to a whole region at first, and does not survive that this is uninteresting: so each
// rewrite asks the user's script itself, about a copy.
//
//===----------------------------------------------------------------------===//

#include "ReductionPatterns.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Reducer/ReductionPatternInterface.h"

using namespace mlir;
using namespace mlir::compress;

/// Whether the destinations of `op` can stand for its results.
static bool passesDestinationsOn(DestinationStyleOpInterface op) {
  return op->getNumResults() != 0 && op->getResultTypes() == TypeRange(op.getDpsInits());
}

/// Zeros for the one result of `op`; null where there are none, or where it is as simple already.
static TypedAttr zerosFor(Operation *op) {
  if (op->getNumResults() != 1 || isa<tensor::EmptyOp>(op) || !isMemoryEffectFree(op))
    return {};
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrIndexOrFloat())
    return {};
  auto zeros = cast<TypedAttr>(Builder(op).getZeroAttr(type));
  Attribute value;
  return matchPattern(op, m_Constant(&value)) && value == zeros ? TypedAttr() : zeros;
}

/// Values that could stand for the results of `op`: its destinations, or zeros; none where there is no such thing.
static SmallVector<Value> simpler(Operation *op, OpBuilder &builder) {
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return passesDestinationsOn(destination) ? SmallVector<Value>(destination.getDpsInits()) : SmallVector<Value>();
  if (TypedAttr zeros = zerosFor(op))
    return {arith::ConstantOp::create(builder, op->getLoc(), zeros)};
  return {};
}

namespace {

struct ReplaceBySimpler : RewritePattern {
  ReplaceBySimpler(MLIRContext *context, const Tester &tester)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context), tester(tester) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isInterestingWithout(op))
      return failure();
    rewriter.replaceOp(op, simpler(op, rewriter));
    return success();
  }

private:
  bool isInterestingWithout(Operation *op) const {
    Operation *top = op;
    while (Operation *parent = top->getParentOp())
      top = parent;
    IRMapping mapping;
    if (top == op || !isa<ModuleOp>(top))
      return false;
    OwningOpRef<ModuleOp> copy(cast<ModuleOp>(top->clone(mapping)));
    Operation *copied = mapping.lookup(op);
    OpBuilder builder(copied);
    SmallVector<Value> values = simpler(copied, builder);
    if (values.empty())
      return false;
    copied->replaceAllUsesWith(values);
    copied->erase();
    return tester.isInteresting(*copy).first == Tester::Interestingness::True;
  }

  Tester tester;
};

struct ReductionPatterns : DialectReductionPatternInterface {
  explicit ReductionPatterns(Dialect *dialect) : DialectReductionPatternInterface(dialect) {}

  void populateReductionPatterns(RewritePatternSet &) const override {}
  void populateReductionPatternsWithTester(RewritePatternSet &patterns, Tester &tester) const override {
    patterns.add<ReplaceBySimpler>(patterns.getContext(), tester);
  }
};

} // namespace

void mlir::compress::registerReductionPatterns(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, CompressDialect *dialect) {
    context->loadDialect<arith::ArithDialect>();
    dialect->addInterfaces<ReductionPatterns>();
  });
}
