//===- TestFuseConsumer.cpp - Fuse the user of a tiled op -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace {

/// Tiles the first op of a function that can be, by the sizes in its attribute `sizes`, and fuses the only user of its
/// result into the loops. No transform op of MLIR 22 fuses consumers.
struct TestFuseConsumerPass : PassWrapper<TestFuseConsumerPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestFuseConsumerPass)

  StringRef getArgument() const override { return "test-compress-fuse-consumer"; }
  StringRef getDescription() const override { return "Tile the first op, and fuse its user into the loops"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<affine::AffineDialect, scf::SCFDialect, tensor::TensorDialect>();
  }

  void runOnOperation() override {
    auto ops = llvm::to_vector(getOperation().getOps<TilingInterface>());
    auto sizes = getOperation()->getAttrOfType<DenseI64ArrayAttr>("sizes");
    if (ops.empty() || !ops[0]->hasOneUse() || !sizes)
      return;
    TilingInterface producer = ops[0];
    Operation *consumer = *producer->user_begin();
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(producer);
    scf::SCFTilingOptions options;
    options.setTileSizes(getAsIndexOpFoldResult(&getContext(), sizes.asArrayRef()));
    auto tiled = scf::tileUsingSCF(rewriter, producer, options);
    if (failed(tiled))
      return signalPassFailure();
    rewriter.replaceOp(producer, tiled->replacements);
    if (failed(scf::tileAndFuseConsumer(rewriter, consumer, tiled->loops)))
      consumer->emitRemark("is not fused");
  }
};

} // namespace

namespace mlir::compress::test {
void registerFuseConsumerPass() { PassRegistration<TestFuseConsumerPass>(); }
} // namespace mlir::compress::test
