//===- CompressToLinalg.cpp - Ops by their definitions in linalg ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.rfft, compress.circulant, …    =>    linalg, tensor and arith, as the op's description says it
//
// Not fast: one meaning per op that nothing of this project has to lower. Representation ops bring theirs (expand); a
// kernel op has a pattern. No map has `mod` or `floordiv`, so that the result may be tiled.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTCOMPRESSTOLINALGPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// %w = compress.… %params    =>    what the op's expand emits, kernel ops included
struct ExpandWeightPattern : OpInterfaceConversionPattern<CompressedWeightOpInterface> {
  using OpInterfaceConversionPattern::OpInterfaceConversionPattern;

  LogicalResult matchAndRewrite(CompressedWeightOpInterface weight, ArrayRef<Value>,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(weight, weight.expand(rewriter));
    return success();
  }
};

struct ConvertCompressToLinalgPass : compress::impl::ConvertCompressToLinalgPassBase<ConvertCompressToLinalgPass> {
  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.addIllegalDialect<CompressDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *op) { return !isa<CompressedWeightOpInterface>(op); });
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandWeightPattern>(&getContext());
    populateTransformToLinalgPatterns(patterns);
    populateSpectralToLinalgPatterns(patterns);
    populateCodedToLinalgPatterns(patterns);
    WalkResult onTensors = getOperation()->walk([](DestinationStyleOpInterface op) {
      if (!isa_and_nonnull<CompressDialect>(op->getDialect()) || op.hasPureTensorSemantics())
        return WalkResult::advance();
      op->emitOpError("is on buffers: run convert-compress-to-linalg before bufferization");
      return WalkResult::interrupt();
    });
    if (onTensors.wasInterrupted() || failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
