//===- FoldWeights.cpp - Evaluate weights at compile time ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %c = arith.constant … : tensor<8x16x64xf32>
//   %t = linalg.transpose … %c                            %ws = arith.constant … : tensor<64x16x8xf32>
//   %ws = compress.rfft … %t                       =>
//
//===----------------------------------------------------------------------===//

#include "TensorEvaluator.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FOLDWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

struct FoldWeightsPass : compress::impl::FoldWeightsPassBase<FoldWeightsPass> {
  void runOnOperation() override {
    findWeightOps();
    leaveCopies();
    int64_t before = 0, after = 0;
    TensorEvaluator evaluator;
    for (Operation *op : weightOps) {
      if (!isRoot(op))
        continue;
      Value result = op->getResult(0);
      const TensorEvaluator::Values *values = evaluator.evaluate(result);
      if (!values)
        continue;
      OpBuilder builder(op);
      auto type = cast<RankedTensorType>(result.getType());
      result.replaceAllUsesWith(materializeConstant(builder, op->getLoc(), type, *values));
      after += bytesOf(result);
    }
    bool hasFolded = false; // statistics cannot be read: they are off in a release build of LLVM
    for (Operation *op : llvm::reverse(weightOps))
      if (isOpTriviallyDead(op)) {
        ++numFolded;
        hasFolded = true;
        op->erase();
      }
    getOperation()->walk([&](arith::ConstantOp op) {
      if (isOpTriviallyDead(op)) {
        before += isa<RankedTensorType>(op.getType()) ? bytesOf(op) : 0;
        deadConstants.push_back(op);
      }
    });
    for (Operation *op : deadConstants)
      op->erase();
    if (hasFolded)
      remark::analysis(getOperation()->getLoc(), remark::RemarkOpts::name("fold-weights").category("compress"))
          << "constants: " + std::to_string(before) + " bytes before, " + std::to_string(after) + " bytes after";
  }

  /// Collects the ops that compute tensors from a constant weight and constants alone, in order.
  void findWeightOps() {
    getOperation()->walk([&](Operation *op) {
      if (!TensorEvaluator::supports(op))
        return;
      bool hasWeight = false;
      // What a region reads of tensors outside of it (tensor.extract) counts as operands do.
      llvm::SetVector<Value> operands(op->operand_begin(), op->operand_end());
      getUsedValuesDefinedAbove(op->getRegions(), operands);
      for (Value operand : operands) {
        Operation *source = operand.getDefiningOp();
        bool isConstant = source && isa<arith::ConstantOp>(source);
        bool isWeight = source && (fromWeight.contains(source) || (isConstant && isa<TensorType>(operand.getType())));
        hasWeight |= isWeight;
        if (!isWeight && !isConstant && !(source && isFiller(source)))
          return;
      }
      if (!hasWeight)
        return;
      fromWeight.insert(op);
      weightOps.push_back(op);
    });
  }

  /// An op that makes a tensor from no weight: an empty tensor, or one filled with a constant.
  static bool isFiller(Operation *op) {
    if (auto fill = dyn_cast<linalg::FillOp>(op))
      return matchPattern(fill.getInputs()[0], m_Constant()) && fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>();
    return isa<tensor::EmptyOp>(op);
  }

  /// A copy along a new dimension: a bias for each sample or pixel, or a part of that, or a reshape of it. What is
  /// reshaped before a part of it is taken is none: that is how the rows of a circulant block are shifted.
  static bool isCopy(Operation *op) {
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      op = op->getOperand(0).getDefiningOp();
    if (auto part = dyn_cast_or_null<tensor::ExtractSliceOp>(op))
      op = part.getSource().getDefiningOp();
    return isa_and_nonnull<linalg::BroadcastOp>(op);
  }

  /// Copies that something reads at run time are better made there; what they copy is a weight still.
  void leaveCopies() {
    for (Operation *op : llvm::reverse(weightOps))
      if (isCopy(op) && isRoot(op))
        fromWeight.erase(op);
    llvm::erase_if(weightOps, [&](Operation *op) { return !fromWeight.contains(op); });
  }

  /// True if a use of `op` is no weight op.
  bool isRoot(Operation *op) {
    return llvm::any_of(op->getUsers(), [&](Operation *user) { return !fromWeight.contains(user); });
  }

  llvm::SmallPtrSet<Operation *, 32> fromWeight;
  SmallVector<Operation *> weightOps, deadConstants;
};

} // namespace
