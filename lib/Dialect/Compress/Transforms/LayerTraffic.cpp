//===- LayerTraffic.cpp - What the ops of a function move ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerTraffic.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Computes traffic with dynamic extents taken as `batch`.
struct TrafficCounter {
  int64_t batch;

  int64_t extentOf(int64_t extent) const { return ShapedType::isDynamic(extent) ? batch : extent; }

  int64_t elements(Type type) const {
    int64_t count = 1;
    for (int64_t extent : cast<RankedTensorType>(type).getShape())
      count *= extentOf(extent);
    return count;
  }

  int64_t bytes(Type type) const {
    return llvm::divideCeil(elements(type) * cast<RankedTensorType>(type).getElementTypeBitWidth(), 8);
  }

  /// Iterations of the loops of `op`.
  double iterations(linalg::LinalgOp op) const {
    double count = 1;
    for (int64_t extent : op.getStaticLoopRanges())
      count *= static_cast<double>(extentOf(extent));
    return count;
  }

  double iterations(Operation *op, const KernelTiling &tiling) const {
    SmallVector<double> extents(tiling.iterators.size(), 1);
    for (auto [operand, dims] : llvm::zip(op->getOperands(), tiling.operands))
      for (auto [extent, dim] : llvm::zip(cast<RankedTensorType>(operand.getType()).getShape(), dims))
        if (dim.isPlain())
          extents[dim.loop] = static_cast<double>(extentOf(extent));
    return std::accumulate(extents.begin(), extents.end(), 1.0, std::multiplies<>());
  }

  /// Numbers of an operand that one iteration touches.
  double numbersPerIteration(Type type, const OperandTiling &dims) const {
    double count = 1;
    for (auto [extent, dim] : llvm::zip(cast<RankedTensorType>(type).getShape(), dims))
      count *= static_cast<double>(dim.isWhole() ? extentOf(extent) : dim.span);
    return count;
  }

  /// The product of the trip counts of the loops around `op`; one that is not known is a loop over samples.
  int64_t runsOf(Operation *op) const {
    int64_t runs = 1;
    for (auto loop = op->getParentOfType<LoopLikeOpInterface>(); loop;
         loop = loop->getParentOfType<LoopLikeOpInterface>()) {
      auto trips = loop.getStaticTripCount();
      runs *= trips ? trips->getSExtValue() : batch;
    }
    return runs;
  }

  /// Of a linalg or kernel op on tensors; nullopt for others.
  std::optional<Traffic> count(Operation *op) const {
    auto style = dyn_cast<DestinationStyleOpInterface>(op);
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    auto kernelOp = dyn_cast<KernelOpInterface>(op);
    if (!style || !style.hasPureTensorSemantics() || (!linalgOp && !kernelOp))
      return std::nullopt;
    std::optional<KernelTiling> tiling;
    if (kernelOp)
      tiling = kernelOp.getKernelTiling();
    Traffic traffic;
    double touched = 0, numbers = 0;
    for (OpOperand &operand : op->getOpOperands()) {
      Type type = operand.get().getType();
      bool isRead = !linalgOp || !linalgOp.getMatchingBlockArgument(&operand).use_empty();
      if (!isa<RankedTensorType>(type) || (!isRead && !style.isDpsInit(&operand)))
        continue; // a number, or the shape of a window
      if (style.isDpsInit(&operand)) {
        traffic.outBytes += bytes(type);
        continue;
      }
      if (operand.get().getDefiningOp<arith::ConstantOp>()) {
        traffic.weightBytes += bytes(type);
        continue;
      }
      traffic.inBytes += bytes(type);
      numbers += static_cast<double>(elements(type));
      touched +=
          linalgOp ? iterations(linalgOp)
                   : iterations(op, *tiling) * numbersPerIteration(type, tiling->operands[operand.getOperandNumber()]);
    }
    traffic.reads = numbers > 0 ? touched / numbers : 0;
    traffic.runs = runsOf(op);
    return traffic;
  }
};

} // namespace

int64_t mlir::compress::bytesOf(RankedTensorType type, int64_t batch) { return TrafficCounter{batch}.bytes(type); }

FunctionTraffic::FunctionTraffic(Operation *function, int64_t batch) {
  TrafficCounter counter{batch};
  function->walk([&](Operation *op) {
    auto traffic = counter.count(op);
    if (!traffic || isa<linalg::FillOp>(op))
      return;
    rows.emplace_back(op, *traffic);
    weightBytes += traffic->weightBytes;
  });
}

/// The longest loop of the result along which the second factor of a sum, the weights, stays the same.
static int64_t rowsOf(linalg::LinalgOp op, int64_t batch) {
  if (op.getNumDpsInputs() != 2)
    return 1;
  AffineMap weights = op.getMatchingIndexingMap(op.getDpsInputOperand(1));
  int64_t rows = 1;
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges()))
    if (op.getIteratorTypesArray()[loop] == utils::IteratorType::parallel && !weights.isFunctionOfDim(loop))
      rows = std::max(rows, ShapedType::isDynamic(extent) ? batch : extent);
  return rows;
}

/// Seconds of what a linalg op computes in one iteration: integers of a sum of products are bytes.
static double secondsPerIteration(linalg::LinalgOp op, const Machine &machine, int64_t batch) {
  int64_t operations = 0, products = 0;
  bool isSum = op.getNumReductionLoops() > 0;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (inner.getNumResults() != 1 || inner.hasTrait<OpTrait::ConstantLike>() || isa<CastOpInterface>(inner))
      continue;
    Type type = inner.getResult(0).getType();
    ++(isSum && type.isInteger() ? products : operations);
  }
  double peak = machine.peakInt8For(rowsOf(op, batch)), peakInt8 = peak > 0 ? peak : machine.peakFlops;
  return (static_cast<double>(operations) / machine.peakFlops + static_cast<double>(products) / peakInt8) / kDenseReach;
}

double mlir::compress::arithmeticSeconds(Operation *op, const Machine &machine, int64_t batch) {
  if (auto kernelOp = dyn_cast<KernelOpInterface>(op))
    return kernelOp.getArithmeticSeconds(machine, batch);
  auto linalgOp = cast<linalg::LinalgOp>(op);
  return TrafficCounter{batch}.iterations(linalgOp) * secondsPerIteration(linalgOp, machine, batch);
}
