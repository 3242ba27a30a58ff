//===- TilesToLoops.cpp - Linalg ops on tiles to scf loops ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   scf.for %i = … { %s = affine.min (3, 10 - %i)
//     linalg.exp ins(%a : memref<?xf32, strided<[1], offset: ?>>) outs(…) }          %s numbers
//   =>
//   scf.for %i = … { scf.for %j = 0 to %s { memref.load … memref.store … } }
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTTILESTOLOOPSPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;

/// True if every extent of `op` can bound an affine loop.
static bool hasAffineExtents(linalg::LinalgOp op) {
  OpBuilder builder(op);
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    for (int64_t d = 0, rank = type ? type.getRank() : 0; d < rank; ++d) {
      if (!type.isDynamicDim(d))
        continue;
      Value index = arith::ConstantIndexOp::create(builder, op.getLoc(), d);
      Value extent = builder.createOrFold<memref::DimOp>(op.getLoc(), operand, index);
      bool isSymbol = affine::isValidSymbol(extent);
      if (auto dim = extent.getDefiningOp<memref::DimOp>(); dim && dim->use_empty())
        dim->erase();
      if (index.use_empty())
        index.getDefiningOp()->erase();
      if (!isSymbol)
        return false;
    }
  }
  return true;
}

namespace {

struct ConvertTilesToLoopsPass : compress::impl::ConvertTilesToLoopsPassBase<ConvertTilesToLoopsPass> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> tiles;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && !hasAffineExtents(op))
        tiles.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : tiles) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::linalgOpToLoops(rewriter, op)))
        continue;
      rewriter.eraseOp(op);
      ++numLowered;
    }
  }
};

} // namespace
