//===- DenseToAffine.cpp - Lower dense products to register tiles ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.conv_2d_nchw_fchw ins(%x, %w) outs(%y)     =>     a register-tiled nest: see ProductLowering.h
//
//===----------------------------------------------------------------------===//

#include "MultiplyAdd.h"
#include "ProductLowering.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTDENSETOAFFINEPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::isSumOfProducts(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (op.getNumReductionLoops() == 0 || body->getNumArguments() != 3 || !llvm::hasNItems(*body, 3))
    return false;
  auto multiply = dyn_cast<arith::MulFOp>(body->front());
  auto add = dyn_cast<arith::AddFOp>(*std::next(body->begin()));
  if (!multiply || !add || body->getTerminator()->getOperand(0) != add.getResult())
    return false;
  auto isPair = [](Operation *inner, Value a, Value b) {
    return (inner->getOperand(0) == a && inner->getOperand(1) == b) ||
           (inner->getOperand(0) == b && inner->getOperand(1) == a);
  };
  return isPair(multiply, body->getArgument(0), body->getArgument(1)) &&
         isPair(add, body->getArgument(2), multiply.getResult());
}

namespace {

struct ConvertDenseToAffinePass : compress::impl::ConvertDenseToAffinePassBase<ConvertDenseToAffinePass> {
  using Base = compress::impl::ConvertDenseToAffinePassBase<ConvertDenseToAffinePass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyVectorLanes(getOperation(), getArgument(), vectorLanes)))
      return signalPassFailure();
    if (vectorLanes == 1)
      return;
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && op.getNumDpsInputs() == 2 && op.getNumDpsInits() == 1 && isSumOfProducts(op))
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products) {
      OpBuilder builder(op);
      SmallVector<ProductFactor> factors;
      for (OpOperand *operand : op.getDpsInputOperands())
        factors.push_back({WeightLoad(operand->get()), op.getMatchingIndexingMap(operand)});
      Product product{op.getDpsInits()[0], op.getMatchingIndexingMap(op.getDpsInitOperand(0)), factors,
                      op.getStaticLoopRanges()};
      if (lowerProductToLanes(product, op, vectorLanes, builder) ||
          lowerProductToDots(product, op, vectorLanes, builder)) {
        op->erase();
        ++numLowered;
      }
    }
  }
};

} // namespace
