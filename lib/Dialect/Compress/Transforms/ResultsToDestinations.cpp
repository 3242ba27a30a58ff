//===- ResultsToDestinations.cpp - Return tensors through buffers ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func.func @main(%x: tensor<?x4xf32>) -> tensor<?x8xf32> { … return %y }
//   =>
//   func.func @main(%x: tensor<?x4xf32>, %out: memref<?x8xf32> {compress.result}) {
//     … bufferization.materialize_in_destination %y in restrict writable %out  return }
//
// Upstream's buffer-results-to-out-params takes no dynamic extents.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"

namespace mlir::compress {
#define GEN_PASS_DEF_RESULTSTODESTINATIONSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ResultsToDestinationsPass : compress::impl::ResultsToDestinationsPassBase<ResultsToDestinationsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
    if (function.isExternal() || function.isPrivate() || function.getNumResults() == 0 ||
        !llvm::all_of(function.getResultTypes(), isTensor) || !function.getBody().hasOneBlock())
      return;
    auto terminator = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    OpBuilder builder(terminator);
    // The caller's inputs are read only, also where an op would take one as its destination.
    for (BlockArgument argument : function.getArguments())
      if (isTensor(argument.getType()))
        function.setArgAttr(argument.getArgNumber(), bufferization::BufferizationDialect::kWritableAttrName,
                            builder.getBoolAttr(false));
    SmallVector<Value> results(terminator.getOperands());
    for (auto [i, result] : llvm::enumerate(results)) {
      auto type = cast<RankedTensorType>(result.getType());
      SmallVector<NamedAttribute> attributes(function.getResultAttrs(i));
      attributes.push_back(builder.getNamedAttr("compress.result", builder.getUnitAttr()));
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(index, MemRefType::get(type.getShape(), type.getElementType()),
                                         builder.getDictionaryAttr(attributes), result.getLoc())))
        return signalPassFailure();
      bufferization::MaterializeInDestinationOp::create(builder, result.getLoc(), /*result=*/Type(), result,
                                                        function.getArgument(index), /*restrict=*/true,
                                                        /*writable=*/true);
    }
    func::ReturnOp::create(builder, terminator.getLoc());
    terminator.erase();
    llvm::BitVector all(function.getNumResults(), true);
    if (failed(function.eraseResults(all)))
      signalPassFailure();
  }
};

} // namespace
