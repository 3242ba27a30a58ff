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

#include "LayerTraffic.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_MEMORYREPORTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

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
    FunctionTraffic function(getOperation(), batch);
    for (auto &[op, traffic] : function.rows)
      report(op, traffic, function.weightBytes, *described);
    markAllAnalysesPreserved();
  }

  static void report(Operation *op, const Traffic &traffic, int64_t allWeights, const Machine &machine) {
    int64_t set = traffic.workingSet();
    std::string text = op->getName().getStringRef().str() + ":";
    if (traffic.runs > 1)
      text += llvm::formatv(" {0} times", traffic.runs).str();
    if (traffic.weightBytes)
      text += llvm::formatv(" weights {0} bytes from {1};", traffic.weightBytes, machine.levelOf(allWeights)).str();
    if (traffic.inBytes)
      text += llvm::formatv(" in {0} bytes, each number read {1:f1} times;", traffic.inBytes, traffic.reads).str();
    text += llvm::formatv(" out {0} bytes; working set {1} bytes, in {2}", traffic.outBytes, set, machine.levelOf(set));
    if (set > machine.l1Bytes)
      text += set <= machine.l2Bytes   ? ": beyond L1"
              : set <= machine.l3Bytes ? ": beyond L1 and L2"
                                       : ": beyond every cache";
    remark::analysis(op->getLoc(), weightRemark("memory-report", op))
        << text << remark::metric("weight_bytes", traffic.weightBytes) << remark::metric("in_bytes", traffic.inBytes)
        << remark::metric("out_bytes", traffic.outBytes) << remark::metric("reads_per_number", traffic.reads)
        << remark::metric("working_set_bytes", set) << remark::metric("runs", traffic.runs)
        << remark::metric("floor_us", static_cast<double>(traffic.runs) * traffic.seconds(allWeights, machine) * 1e6);
  }
};

} // namespace
