//===- ArrangeWeights.cpp - Order constant weights for lanes --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.matmul indexing_maps = [(m,n,k) -> (m,k), (m,n,k) -> (n,k), …] ins(%x, %w)
//   =>
//   %t = linalg.transpose ins(%w) permutation = [1, 0]                                        folds
//   linalg.generic indexing_maps = [(m,n,k) -> (m,k), (m,n,k) -> (k,n), …] ins(%x, %t)
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace mlir::compress {
#define GEN_PASS_DEF_ARRANGEWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The constant matrix of `op` that is contiguous along the sum while another dimension of it is the innermost one of
/// the result; null if there is none.
OpOperand *findStridedMatrix(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      !linalg::isaContractionOpInterface(op))
    return nullptr;
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (result.getNumResults() == 0)
    return nullptr;
  AffineExpr lane = result.getResults().back();
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (operand->get().getDefiningOp<arith::ConstantOp>() && map.getNumResults() == 2 && map.getResult(0) == lane &&
        isa<AffineDimExpr>(map.getResult(1)) && !result.getResultPosition(map.getResult(1)))
      return operand;
  }
  return nullptr;
}

struct ArrangeWeightsPass : compress::impl::ArrangeWeightsPassBase<ArrangeWeightsPass> {
  void runOnOperation() override {
    SmallVector<std::pair<linalg::LinalgOp, unsigned>> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (OpOperand *operand = findStridedMatrix(op))
        products.push_back({op, operand->getOperandNumber()});
    });
    IRRewriter rewriter(&getContext());
    for (auto [op, number] : products)
      transpose(rewriter, op, number);
  }

  void transpose(IRRewriter &rewriter, linalg::LinalgOp op, unsigned number) {
    rewriter.setInsertionPoint(op);
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    if (!generic) {
      auto generalized = linalg::generalizeNamedOp(rewriter, op);
      if (failed(generalized))
        return;
      generic = *generalized;
    }
    Location loc = generic.getLoc();
    rewriter.setInsertionPoint(generic);
    Value weight = generic->getOperand(number);
    auto type = cast<RankedTensorType>(weight.getType());
    Value empty = tensor::EmptyOp::create(rewriter, loc, ArrayRef<int64_t>{type.getDimSize(1), type.getDimSize(0)},
                                          type.getElementType());
    SmallVector<int64_t> swap{1, 0};
    Value transposed = linalg::TransposeOp::create(rewriter, loc, weight, empty, swap)->getResult(0);
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    maps[number] = AffineMap::get(maps[number].getNumDims(), 0, {maps[number].getResult(1), maps[number].getResult(0)},
                                  &getContext());
    rewriter.modifyOpInPlace(generic, [&] {
      generic->setOperand(number, transposed);
      generic.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    ++numTransposed;
  }
};

} // namespace
