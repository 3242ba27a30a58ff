//===- FuseElementwise.cpp - Compute chains of elementwise ops at once ----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %a = linalg.generic { x + 3 } ins(%x)                          hard swish, as exporters write it
//   %b = linalg.generic { min(max(a, 0), 6) } ins(%a)
//   %c = linalg.generic { x * b } ins(%x, %b)
//   %d = linalg.generic { c / 6 } ins(%c)
//   =>
//   %d = linalg.generic { x * min(max(x + 3, 0), 6) / 6 } ins(%x)
//
// Four passes over memory become one; where %x is the result of a kernel, none: its loops do it before they store.
//
//===----------------------------------------------------------------------===//

#include "ElementwiseOps.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::isElementwise(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op->getNumResults() == 1 && !op.hasIndexSemantics() &&
         op.getNumParallelLoops() == op.getNumLoops() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

/// True if what `operand` reads, element by element, is computed for its owner alone: nothing is computed twice then.
static bool isOnlyUse(OpOperand *operand) {
  auto user = dyn_cast<linalg::GenericOp>(operand->getOwner());
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  return isElementwise(user) && isElementwise(producer) && user.getMatchingIndexingMap(operand).isIdentity() &&
         llvm::all_of(producer->getUsers(), [&](Operation *other) { return other == user; });
}

namespace {

struct FuseElementwisePass : compress::impl::FuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, [this](OpOperand *operand) {
      bool fuses = isOnlyUse(operand);
      numFused += fuses;
      return fuses;
    });
    // An operand that is read twice becomes one, as what only the fused op uses has to be.
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
