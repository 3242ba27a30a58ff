//===- Expand.cpp - Replace representation ops by their meaning ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"

namespace mlir::compress {
#define GEN_PASS_DEF_EXPANDPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ExpandPass : compress::impl::ExpandPassBase<ExpandPass> {
  void runOnOperation() override {
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
