//===- MemoryReport.cpp - Say where every byte of a layer comes from -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.matmul ins(%x, %w : tensor<4x256xf32>, tensor<256x512xf32>)        %w a constant
//   =>
//   remark: linalg.matmul: weights 524288 bytes from L2; in 4096 bytes, each number read 512 times; out 8192 bytes;
//           working set 536576 bytes, in L2: beyond L1
//
//===----------------------------------------------------------------------===//

#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_MEMORYREPORTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What one op moves.
struct Traffic {
  int64_t weightBytes = 0, inBytes = 0, outBytes = 0;
  /// How often a number of the activations is read, on average; 0 without activations.
  double reads = 0;

  int64_t workingSet() const { return weightBytes + inBytes + outBytes; }
};

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
    return traffic;
  }
};

struct MemoryReportPass : compress::impl::MemoryReportPassBase<MemoryReportPass> {
  using Base = compress::impl::MemoryReportPassBase<MemoryReportPass>;
  using Base::Base;

  void runOnOperation() override {
    if (batch < 1) {
      getOperation()->emitError("compress-memory-report{batch=") << batch.getValue() << "}: expects at least 1 sample";
      return signalPassFailure();
    }
    auto described = Machine::get(machine);
    if (!described) {
      getOperation()->emitError("compress-memory-report{machine=")
          << machine << "}: " << llvm::toString(described.takeError());
      return signalPassFailure();
    }
    TrafficCounter counter{batch};
    SmallVector<std::pair<Operation *, Traffic>> rows;
    int64_t allWeights = 0;
    getOperation()->walk([&](Operation *op) {
      auto traffic = counter.count(op);
      if (!traffic || isa<linalg::FillOp>(op))
        return;
      rows.emplace_back(op, *traffic);
      allWeights += traffic->weightBytes;
    });
    for (auto &[op, traffic] : rows)
      report(op, traffic, allWeights, *described);
    markAllAnalysesPreserved();
  }

  static void report(Operation *op, const Traffic &traffic, int64_t allWeights, const Machine &machine) {
    int64_t set = traffic.workingSet();
    std::string text = op->getName().getStringRef().str() + ":";
    if (traffic.weightBytes)
      text += llvm::formatv(" weights {0} bytes from {1};", traffic.weightBytes, machine.levelOf(allWeights)).str();
    if (traffic.inBytes)
      text += llvm::formatv(" in {0} bytes, each number read {1:f1} times;", traffic.inBytes, traffic.reads).str();
    text += llvm::formatv(" out {0} bytes; working set {1} bytes, in {2}", traffic.outBytes, set, machine.levelOf(set));
    if (set > machine.l1Bytes)
      text += set <= machine.l2Bytes   ? ": beyond L1"
              : set <= machine.l3Bytes ? ": beyond L1 and L2"
                                       : ": beyond every cache";
    double seconds = static_cast<double>(traffic.weightBytes) / machine.bandwidthFor(allWeights) +
                     static_cast<double>(traffic.inBytes + traffic.outBytes) / machine.bandwidthFor(set);
    remark::analysis(op->getLoc(), weightRemark("memory-report", op))
        << text << remark::metric("weight_bytes", traffic.weightBytes) << remark::metric("in_bytes", traffic.inBytes)
        << remark::metric("out_bytes", traffic.outBytes) << remark::metric("reads_per_number", traffic.reads)
        << remark::metric("working_set_bytes", set) << remark::metric("floor_us", seconds * 1e6);
  }
};

} // namespace
