//===- HLSToCalls.cpp - Tasks as calls -------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %b = hls.stream depth 2   hls.task @relu ins(%a) outs(%b)
//   =>  %b = memref.alloc()   call @relu(%a, %b)   memref.dealloc %b
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_HLSTOCALLSPASS
#include "compress/Dialect/HLS/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct HLSToCallsPass : compress::impl::HLSToCallsPassBase<HLSToCallsPass> {
  using Base = compress::impl::HLSToCallsPassBase<HLSToCallsPass>;
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      OpBuilder builder(op);
      if (auto task = dyn_cast<hls::TaskOp>(op)) {
        func::CallOp::create(builder, op->getLoc(), task.getStep(), TypeRange(), task.getOperands());
        op->erase();
      } else if (isa<hls::BufferOp, hls::StreamOp>(op)) {
        auto type = cast<MemRefType>(op->getResult(0).getType());
        Value buffer = memref::AllocOp::create(builder, op->getLoc(), type);
        op->getResult(0).replaceAllUsesWith(buffer);
        builder.setInsertionPoint(op->getBlock()->getTerminator());
        memref::DeallocOp::create(builder, op->getLoc(), buffer);
        op->erase();
      }
    });
  }
};

} // namespace
