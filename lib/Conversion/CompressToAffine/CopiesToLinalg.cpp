//===- CopiesToLinalg.cpp - Lower buffer copies to linalg ops -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   memref.copy %a, %b          =>          linalg.generic { yields its input } ins(%a) outs(%b)
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTCOPIESTOLINALGPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;

namespace {

struct ConvertCopiesToLinalgPass : compress::impl::ConvertCopiesToLinalgPassBase<ConvertCopiesToLinalgPass> {
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation()->walk([&](memref::CopyOp copy) {
      // One of unranked buffers has no loops.
      if (isa<MemRefType>(copy.getSource().getType()) && isa<MemRefType>(copy.getTarget().getType()))
        copies.push_back(copy);
    });
    for (memref::CopyOp copy : copies) {
      OpBuilder builder(copy);
      // What was computed in a part of a buffer is there already.
      if (copy.getSource() == copy.getTarget()) {
        copy.erase();
        continue;
      }
      linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
      copy.erase();
    }
  }
};

} // namespace
