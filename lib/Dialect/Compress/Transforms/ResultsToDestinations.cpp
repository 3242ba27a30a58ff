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
// Two results computed on one destination, as CSE makes of equal fills, would both be computed in the first one's
// buffer: eliminate-empty-tensors puts the shared tensor there, and one-shot bufferization does not see that a later
// materialization of the other result reads it. So each result gets destinations of its own first. What CSE made of
// equal fills inside of the function would be one buffer of zeros, copied for each layer, and one result buffer of all
// layers, of which none but the last may take over the ops behind it: these destinations are repeated, too.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

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
    auto isTensor = [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor && BaseMemRefType::isValidElementType(tensor.getElementType());
    };
    if (function.isExternal() || function.isPrivate() || function.getNumResults() == 0 ||
        !llvm::all_of(function.getResultTypes(), isTensor) || !function.getBody().hasOneBlock())
      return;
    auto terminator = dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
    if (!terminator) // a function that does not return
      return;
    OpBuilder builder(terminator);
    // The caller's inputs are read only, also where an op would take one as its destination.
    for (BlockArgument argument : function.getArguments())
      if (isTensor(argument.getType()))
        function.setArgAttr(argument.getArgNumber(), bufferization::BufferizationDialect::kWritableAttrName,
                            builder.getBoolAttr(false));
    function.walk([](DestinationStyleOpInterface op) {
      // What a slice was taken from takes it back in place, as padding does.
      if (op.hasPureTensorSemantics() && !isa<tensor::InsertSliceOp>(op.getOperation()))
        for (OpOperand &destination : op.getDpsInitsMutable())
          repeatShared(destination);
    });
    SmallVector<Value> results(terminator.getOperands());
    for (Value result : results)
      ownDestinations(result);
    for (auto [i, result] : llvm::enumerate(results)) {
      auto type = cast<RankedTensorType>(result.getType());
      NamedAttrList attributes(function.getResultAttrDict(i));
      attributes.set("compress.result", builder.getUnitAttr()); // it may have one already
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(index, MemRefType::get(type.getShape(), type.getElementType()),
                                         attributes.getDictionary(&getContext()), result.getLoc())))
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

  /// The operand in whose buffer `value` may be computed; null if there is none.
  static OpOperand *destinationOf(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto style = dyn_cast_or_null<DestinationStyleOpInterface>(op))
      return style.hasPureTensorSemantics() ? style.getTiedOpOperand(cast<OpResult>(value)) : nullptr;
    if (auto loop = dyn_cast_or_null<LoopLikeOpInterface>(op))
      return loop.getTiedLoopInit(cast<OpResult>(value));
    return nullptr;
  }

  /// Gives `destination` an empty tensor or a fill of its own if it shares one.
  static void repeatShared(OpOperand &destination) {
    Operation *source = destination.get().getDefiningOp();
    if (!isa_and_nonnull<tensor::EmptyOp, linalg::FillOp>(source) || destination.get().hasOneUse())
      return;
    OpBuilder builder(destination.getOwner());
    Operation *own = builder.clone(*source);
    destination.set(own->getResult(0));
    if (auto fill = dyn_cast<linalg::FillOp>(own))
      repeatShared(fill.getDpsInitsMutable()[0]);
  }

  /// Gives every destination on the way to `result` that has another use a copy: fills are repeated, the rest is
  /// copied.
  static void ownDestinations(Value result) {
    while (OpOperand *destination = destinationOf(result)) {
      Value shared = destination->get();
      Operation *source = shared.getDefiningOp();
      if (source && !shared.hasOneUse()) {
        OpBuilder builder(destination->getOwner());
        if (isa<tensor::EmptyOp, linalg::FillOp>(source))
          destination->set(builder.clone(*source)->getResult(0));
        else
          destination->set(bufferization::AllocTensorOp::create(
              builder, source->getLoc(), cast<RankedTensorType>(shared.getType()), ValueRange(), shared));
      }
      result = destination->get();
    }
  }
};

} // namespace
