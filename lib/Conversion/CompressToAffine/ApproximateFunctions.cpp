//===- ApproximateFunctions.cpp - Compute exp and tanh by polynomials -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = math.exp %x : vector<16xf32>
//   =>
//   %n = math.floor (%x * log2(e)) … %y = arith.mulf (a polynomial of %x - %n * ln(2)), 2^%n
//
// A call of libm for each number would be scalar code, and the library would need libm.
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_APPROXIMATEFUNCTIONSPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ApproximateFunctionsPass : compress::impl::ApproximateFunctionsPassBase<ApproximateFunctionsPass> {
  using Base = compress::impl::ApproximateFunctionsPassBase<ApproximateFunctionsPass>;
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == math::ExpOp::getOperationName() || name == math::TanhOp::getOperationName();
    });
    if (!hasRounding)
      math::populateExpansionPatterns(patterns, {"roundeven", "round"});
    // Numbers and vectors: upstream's patterns take tensors for single numbers.
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      bool isMath = op->getDialect() && op->getDialect()->getNamespace() == math::MathDialect::getDialectNamespace();
      if (isMath && llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>))
        ops.push_back(op);
    });
    if (failed(applyOpPatternsGreedily(ops, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
