//===- RebuildForm.cpp - Rebuild a tile of the weight, then multiply ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = scf.for %o = 0 to 256 step 32 iter_args(%y) {
//     %c = tensor.extract_slice …  codes of 32 outputs
//     %w = compress.decode …       their weights, in the innermost cache
//     linalg.matmul … }
//
//===----------------------------------------------------------------------===//

#include "RebuildForm.h"
#include "compress/Dialect/Compress/IR/TileLoop.h"

using namespace mlir;
using namespace mlir::compress;

/// Outputs whose weights are rebuilt at a time: two vectors of 16 lanes.
static constexpr int64_t kRebuiltOutputs = 32;

SmallVector<Form> mlir::compress::rebuildForms(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                               const Machine &machine, int64_t operations, std::string &whyNot) {
  if (!machine.isProcessor) {
    whyNot = "a circuit has no cache to rebuild weights in";
    return {};
  }
  if (outTileOf(weight, consumer, kRebuiltOutputs, whyNot) == 0)
    return {};
  Form form{"rebuild", consumer.denseCost(machine)};
  form.cost.adds +=
      static_cast<double>(operations) * cast<RankedTensorType>(weight->getResult(0).getType()).getNumElements();
  form.cost.weightBytes = weight.storedBits() / 8;
  form.cost.roundings += operations + 1;
  return {form};
}

Value mlir::compress::emitRebuildForm(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                      OpBuilder &builder) {
  std::string whyNot;
  return emitRebuildLoop(builder, weight, consumer, outTileOf(weight, consumer, kRebuiltOutputs, whyNot));
}
