//===- LoadScalarOperands.cpp - Load numbers before the loops -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.generic ins(%x, %scale : memref<64x512xf32>, memref<f32>) outs(%q : memref<64x512xi8>)
//   =>
//   %number = memref.load %scale[]
//   linalg.generic ins(%x, %number : memref<64x512xf32>, f32) outs(%q : memref<64x512xi8>)
//
// LLVM does not know that bytes stored to %q do not change %scale, and neither moves the load nor makes vectors.
//
//===----------------------------------------------------------------------===//

#include "Buffers.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOADSCALAROPERANDSPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct LoadScalarOperandsPass : compress::impl::LoadScalarOperandsPassBase<LoadScalarOperandsPass> {
  void runOnOperation() override {
    getOperation()->walk([&](linalg::GenericOp op) {
      if (!op.hasPureBufferSemantics() || op.getNumLoops() == 0)
        return;
      OpBuilder builder(op);
      for (OpOperand *operand : op.getDpsInputOperands()) {
        auto type = dyn_cast<MemRefType>(operand->get().getType());
        bool isApart =
            type && llvm::none_of(op.getDpsInits(), [&](Value init) { return mayAlias(operand->get(), init); });
        if (!isApart || type.getRank() != 0)
          continue;
        operand->set(memref::LoadOp::create(builder, op.getLoc(), operand->get(), ValueRange()));
        ++numLoaded;
      }
    });
  }
};

} // namespace
