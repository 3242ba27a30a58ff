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

constexpr int64_t kMostLanes = 64;

struct HLSSchedulePass : compress::impl::HLSSchedulePassBase<HLSSchedulePass> {
  using Base = compress::impl::HLSSchedulePassBase<HLSSchedulePass>;
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (lanes < 1 || lanes > kMostLanes || (lanes > 1 && !chain)) {
      module.emitError() << getArgument() << "{lanes=" << lanes.getValue() << "}: expects 1 to " << kMostLanes
                         << ", and more than 1 with chain";
      return signalPassFailure();
    }
    if (!chain)
      return hls::scheduleSteps(module);
    FailureOr<hls::NetworkSchedule> schedule = hls::NetworkSchedule::plan(module, lanes);
    if (failed(schedule))
      return signalPassFailure();
    schedule->schedule();
    schedule->annotate();
  }
};

} // namespace
