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
#include "llvm/ADT/bit.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::compress;

/// Outputs whose weights are rebuilt at a time: two vectors of 16 lanes where lanes run along outputs.
static constexpr int64_t kMostOutputs = 32;
/// Elsewhere, as many as a first cache of 48 KiB holds beside what they are multiplied with, but for few outputs the
/// activation would be read too often.
static constexpr int64_t kTileBytes = 32 * 1024, kLeastOutputs = 8;
/// What reading and storing a number of a tile takes beside its arithmetic, once for each op that the weight is made of
/// (measured: trained SmartDeal layers of 784 x 256 and 256 x 256, one sample).
static constexpr int64_t kPassOperations = 8;

static int64_t rebuiltOutputs(const LinearConsumer &consumer) {
  auto type = cast<RankedTensorType>(consumer.weight.getType());
  if (consumer.roles.back() == Role::Out)
    return kMostOutputs;
  int64_t outputs = 1;
  for (auto [role, extent] : llvm::zip(consumer.roles, type.getShape()))
    outputs *= role == Role::Out ? extent : 1;
  int64_t perOutput = type.getNumElements() / outputs * type.getElementTypeBitWidth() / 8;
  return std::clamp<int64_t>(llvm::bit_floor<uint64_t>(kTileBytes / perOutput), kLeastOutputs, kMostOutputs);
}

/// Operations of the passes over what `weight` is made of, itself included.
static double passOperations(CompressedWeightOpInterface weight) {
  double operations = static_cast<double>(kPassOperations) *
                      static_cast<double>(cast<RankedTensorType>(weight->getResult(0).getType()).getNumElements());
  for (Value operand : weight->getOperands())
    if (auto part = operand.getDefiningOp<CompressedWeightOpInterface>())
      operations += passOperations(part);
  return operations;
}

SmallVector<Form> mlir::compress::rebuildForms(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                               const Machine &machine, int64_t operations, std::string &whyNot) {
  if (!machine.isProcessor) {
    whyNot = "a circuit has no cache to rebuild weights in";
    return {};
  }
  if (outTileOf(weight, consumer, rebuiltOutputs(consumer), whyNot) == 0)
    return {};
  Form form{"rebuild", consumer.denseCost(machine)};
  form.cost.adds +=
      static_cast<double>(operations) * cast<RankedTensorType>(weight->getResult(0).getType()).getNumElements() +
      passOperations(weight);
  form.cost.weightBytes = weight.storedBits() / 8;
  form.cost.roundings += operations + 1;
  return {form};
}

Value mlir::compress::emitRebuildForm(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                      OpBuilder &builder) {
  std::string whyNot;
  return emitRebuildLoop(builder, weight, consumer, outTileOf(weight, consumer, rebuiltOutputs(consumer), whyNot));
}
