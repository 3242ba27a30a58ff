//===- Expand.cpp - Replace representation ops by their meaning ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = compress.circulant %c        =>        %w = the definition of the op, in linalg
//
// With mode = tile, consumers become loops that rebuild a tile of the weight at a time (IR/TileLoop.h).
//
//===----------------------------------------------------------------------===//

#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/TileLoop.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"

namespace mlir::compress {
#define GEN_PASS_DEF_EXPANDPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ExpandPass : compress::impl::ExpandPassBase<ExpandPass> {
  using Base = compress::impl::ExpandPassBase<ExpandPass>;
  using Base::Base;

  void runOnOperation() override {
    if (tileSize < 1) {
      getOperation()->emitError("compress-expand{tile-size=") << tileSize.getValue() << "}: expects 1 or more";
      return signalPassFailure();
    }
    if (mode == ExpandMode::Tile) {
      llvm::DenseSet<Operation *> seen; // both factors of a product may be representations
      for (WeightConsumer &consumer : findWeightConsumers(getOperation()))
        if (seen.insert(consumer.op).second)
          rebuildByTiles(consumer);
      eraseDeadWeights(getOperation());
    }
    expandAll();
  }

  /// Rewrites a consumer to a loop that rebuilds its weight, or says why it does not.
  void rebuildByTiles(WeightConsumer &candidate) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    int64_t tile = consumer ? outTileOf(candidate.weight, *consumer, tileSize, whyNot) : 0;
    if (tile == 0) {
      remark::missed(candidate.op.getLoc(), weightRemark("expand", candidate.op))
          << candidate.weight->getName().getStringRef().str() + ": expanded whole: " + whyNot;
      return;
    }
    OpBuilder builder(candidate.op);
    candidate.op->getResult(0).replaceAllUsesWith(emitRebuildLoop(builder, candidate.weight, *consumer, tile));
    candidate.op->erase();
    ++numTiled;
  }

  void expandAll() {
    SmallVector<CompressedWeightOpInterface> weights;
    getOperation()->walk([&](CompressedWeightOpInterface weight) { weights.push_back(weight); });
    for (CompressedWeightOpInterface weight : weights) {
      OpBuilder builder(weight);
      weight->getResult(0).replaceAllUsesWith(weight.expand(builder));
      weight->erase();
      ++numExpanded;
    }
  }
};

} // namespace
