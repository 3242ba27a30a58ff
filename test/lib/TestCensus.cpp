//===- TestCensus.cpp - Count transforms, as said and as executed ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr const char *kMark = "test.transform";

/// True if `op` was made from an op that MarkTransforms marked.
static bool isMarked(Operation *op) {
  auto name = dyn_cast<NameLoc>(op->getLoc());
  return name && name.getName() == kMark;
}

namespace {

/// Prints, for each transform op, the product of its extents but the transformed one; gives it a location by which
/// CountTransforms knows the loops that it becomes.
struct MarkTransformsPass : PassWrapper<MarkTransformsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MarkTransformsPass)

  StringRef getArgument() const override { return "test-compress-mark-transforms"; }
  StringRef getDescription() const override { return "Print and mark transforms"; }

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (!isa<RfftOp, RfftTransposeOp>(op))
        return;
      // Slots x the rest, in blocks: the spectra's shape says how many transforms there are.
      Value spectra = isa<RfftOp>(op) ? op->getOperand(1) : op->getOperand(0);
      int64_t transforms = 1;
      for (int64_t extent : cast<ShapedType>(spectra.getType()).getShape().drop_front())
        transforms *= extent;
      op->emitRemark("transforms: ") << transforms;
      op->setLoc(NameLoc::get(StringAttr::get(&getContext(), kMark)));
    });
  }
};

/// Adds a trailing result that counts how often the loops of marked transforms are executed.
struct CountTransformsPass : PassWrapper<CountTransformsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountTransformsPass)

  StringRef getArgument() const override { return "test-compress-count-transforms"; }
  StringRef getDescription() const override { return "Count executed transforms in a result"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, memref::MemRefDialect>();
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    OpBuilder builder(&getContext());
    auto attributes =
        builder.getDictionaryAttr({builder.getNamedAttr("compress.name", builder.getStringAttr("transforms")),
                                   builder.getNamedAttr("compress.result", builder.getUnitAttr())});
    unsigned index = function.getNumArguments();
    if (failed(
            function.insertArgument(index, MemRefType::get({1}, builder.getI64Type()), attributes, function.getLoc())))
      return signalPassFailure();
    // The straight-line code of one transform lies in one block.
    llvm::SetVector<Block *> bodies;
    function.walk([&](Operation *op) {
      if (isMarked(op) && isa<affine::AffineWriteOpInterface>(op))
        bodies.insert(op->getBlock());
    });
    Value counter = function.getArgument(index);
    auto store = [&](Value value) {
      Value zero = arith::ConstantIndexOp::create(builder, function.getLoc(), 0);
      memref::StoreOp::create(builder, function.getLoc(), value, counter, zero);
    };
    for (Block *body : bodies) {
      builder.setInsertionPointToStart(body);
      Value zero = arith::ConstantIndexOp::create(builder, function.getLoc(), 0);
      Value before = memref::LoadOp::create(builder, function.getLoc(), counter, ValueRange{zero});
      Value one = arith::ConstantIntOp::create(builder, function.getLoc(), 1, 64);
      store(arith::AddIOp::create(builder, function.getLoc(), before, one));
    }
    builder.setInsertionPointToStart(&function.getBody().front());
    store(arith::ConstantIntOp::create(builder, function.getLoc(), 0, 64));
  }
};

} // namespace

namespace mlir::compress::test {
void registerCensusPasses() {
  PassRegistration<MarkTransformsPass>();
  PassRegistration<CountTransformsPass>();
}
} // namespace mlir::compress::test
