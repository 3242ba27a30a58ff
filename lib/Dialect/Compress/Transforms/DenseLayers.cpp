//===- DenseLayers.cpp - Layers that can be compressed --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::compress;

/// Calls `body` with each op of two factors and the source of one of them, until it returns true for the op.
static void forEachFactor(Operation *root,
                          function_ref<bool(linalg::LinalgOp op, OpOperand &operand, Operation *source)> body) {
  root->walk([&](linalg::LinalgOp op) {
    if (op.getNumDpsInputs() != 2)
      return;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (!isa<RankedTensorType>(operand->get().getType()))
        continue;
      if (body(op, *operand, WeightView::get(operand->get()).source.getDefiningOp()))
        return;
    }
  });
}

SmallVector<DenseLayer> mlir::compress::findDenseLayers(Operation *root) {
  SmallVector<DenseLayer> layers;
  llvm::DenseSet<Operation *> seen;
  forEachFactor(root, [&](linalg::LinalgOp op, OpOperand &operand, Operation *source) {
    std::string whyNot;
    auto constant = dyn_cast_or_null<arith::ConstantOp>(source);
    auto consumer = constant ? LinearConsumer::get(op, operand, whyNot) : std::nullopt;
    if (consumer && seen.insert(constant).second)
      layers.push_back({op, constant, std::move(*consumer)});
    return false;
  });
  return layers;
}

SmallVector<LinearConsumer> mlir::compress::findConstantLayers(Operation *root) {
  SmallVector<LinearConsumer> layers;
  forEachFactor(root, [&](linalg::LinalgOp op, OpOperand &operand, Operation *source) {
    std::string whyNot;
    if (!isa_and_nonnull<arith::ConstantOp, CompressedWeightOpInterface>(source))
      return false;
    auto consumer = LinearConsumer::get(op, operand, whyNot);
    if (!consumer || llvm::is_contained(consumer->roles, Role::Batch))
      return false;
    layers.push_back(std::move(*consumer));
    return true;
  });
  return layers;
}
