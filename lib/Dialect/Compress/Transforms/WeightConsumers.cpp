//===- WeightConsumers.cpp - Where representations are used ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightConsumers.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<WeightConsumer> mlir::compress::findWeightConsumers(Operation *root) {
  SmallVector<WeightConsumer> consumers;
  root->walk([&](linalg::LinalgOp op) {
    if (op.getNumDpsInputs() < 2)
      return; // a move of dimensions, seen through by WeightView
    for (OpOperand *operand : op.getDpsInputOperands())
      if (isa<RankedTensorType>(operand->get().getType()))
        if (auto weight = WeightView::get(operand->get()).source.getDefiningOp<CompressedWeightOpInterface>())
          consumers.push_back({op, operand, weight});
  });
  return consumers;
}

void mlir::compress::eraseDeadWeights(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (isa<CompressedWeightOpInterface, linalg::LinalgOp, tensor::PadOp, tensor::ExpandShapeOp,
            tensor::CollapseShapeOp, tensor::CastOp, tensor::EmptyOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
}

remark::RemarkOpts mlir::compress::weightRemark(StringRef name, Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  return remark::RemarkOpts::name(name).category("compress").function(function ? function.getName() : "");
}
