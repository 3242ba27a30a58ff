//===- HLSSchedule.cpp - When operations happen in hardware ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   affine.for %o { %s = affine.for %i iter_args(%a) { load x; load w; muli; addi }  store }
//   =>  the same, the inner loop with #hls.pipeline<ii = 1, depth = 4, …>, loads with hls.start = 0, muli with 1, addi
//   with 2, …
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"

namespace mlir::compress {
#define GEN_PASS_DEF_HLSSCHEDULEPASS
#include "compress/Dialect/HLS/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct HLSSchedulePass : compress::impl::HLSSchedulePassBase<HLSSchedulePass> {
  using Base = compress::impl::HLSSchedulePassBase<HLSSchedulePass>;
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(checkOptions()))
      return signalPassFailure();
    if (!network)
      return hls::scheduleSteps(module, lanes);
    FailureOr<hls::NetworkSchedule> schedule = hls::NetworkSchedule::plan(module, std::max<int64_t>(lanes, 1));
    if (failed(schedule) || (lanes == 0 && failed(schedule->chooseLanes(targetInterval, multipliers))))
      return signalPassFailure();
    schedule->schedule();
    schedule->annotate();
  }

private:
  LogicalResult checkOptions() {
    if (lanes < 0 || lanes > hls::kMostLanes || (lanes == 0 && !network))
      return getOperation().emitError() << getArgument() << "{lanes=" << lanes.getValue() << "}: expects 1 to "
                                        << hls::kMostLanes << ", or 0 with network";
    if (targetInterval < 0 || multipliers < 0 || (lanes != 0 && (targetInterval > 0 || multipliers > 0)))
      return getOperation().emitError() << getArgument() << "{target-interval=" << targetInterval.getValue()
                                        << " multipliers=" << multipliers.getValue()
                                        << "}: expects 0 or more, and more than 0 with lanes=0";
    return success();
  }
};

} // namespace
