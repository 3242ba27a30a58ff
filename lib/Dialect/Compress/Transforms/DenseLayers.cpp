//===- DenseLayers.cpp - Layers that can be compressed --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
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
