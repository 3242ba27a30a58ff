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

SmallVector<DenseLayer> mlir::compress::findDenseLayers(Operation *root) {
  SmallVector<DenseLayer> layers;
  llvm::DenseSet<Operation *> seen;
  root->walk([&](linalg::LinalgOp op) {
    if (op.getNumDpsInputs() != 2)
      return;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (!isa<RankedTensorType>(operand->get().getType()))
        continue;
      std::string whyNot;
      auto constant = WeightView::get(operand->get()).source.getDefiningOp<arith::ConstantOp>();
      auto consumer = constant ? LinearConsumer::get(op, *operand, whyNot) : std::nullopt;
      if (consumer && seen.insert(constant).second)
        layers.push_back({op, constant, std::move(*consumer)});
    }
  });
  return layers;
}

SmallVector<LinearConsumer> mlir::compress::findConstantLayers(Operation *root) {
  SmallVector<LinearConsumer> layers;
  root->walk([&](linalg::LinalgOp op) {
    if (op.getNumDpsInputs() != 2)
      return;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (!isa<RankedTensorType>(operand->get().getType()))
        continue;
      std::string whyNot;
      Operation *source = WeightView::get(operand->get()).source.getDefiningOp();
      if (!isa_and_nonnull<arith::ConstantOp, CompressedWeightOpInterface>(source))
        continue;
      auto consumer = LinearConsumer::get(op, *operand, whyNot);
      if (!consumer || llvm::is_contained(consumer->roles, Role::Batch))
        continue;
      layers.push_back(std::move(*consumer));
      return;
    }
  });
  return layers;
}
