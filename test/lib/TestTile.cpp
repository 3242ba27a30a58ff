//===- TestTile.cpp - Tile every op by sizes that do not divide -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include <random>

using namespace mlir;

namespace {

/// Tiles every linalg op, each dimension by a random size that does not divide its extent where there is one.
struct TestTilePass : PassWrapper<TestTilePass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestTilePass)
  TestTilePass() = default;
  TestTilePass(const TestTilePass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-compress-tile"; }
  StringRef getDescription() const override { return "Tile every linalg op by sizes that do not divide"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<affine::AffineDialect, scf::SCFDialect, tensor::TensorDialect>();
  }

  void runOnOperation() override {
    std::mt19937 random(seed);
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      SmallVector<OpFoldResult> sizes;
      for (int64_t extent : op.getStaticLoopRanges())
        sizes.push_back(rewriter.getIndexAttr(sizeFor(extent, random)));
      rewriter.setInsertionPoint(op);
      scf::SCFTilingOptions options;
      options.setTileSizes(sizes);
      auto tiled = scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
      if (failed(tiled)) {
        op.emitError("test-compress-tile: cannot be tiled");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, tiled->replacements);
      ++numTiled;
    }
  }

private:
  /// A size from 2 to 5 that does not divide `extent`; 2 if all do, or if it is not known. Extents below 3 are not
  /// tiled.
  static int64_t sizeFor(int64_t extent, std::mt19937 &random) {
    if (ShapedType::isDynamic(extent))
      return 2;
    if (extent < 3)
      return 0;
    SmallVector<int64_t> candidates;
    for (int64_t size = 2; size <= 5; ++size)
      if (size < extent && extent % size != 0)
        candidates.push_back(size);
    return candidates.empty() ? 2 : candidates[random() % candidates.size()];
  }

  Option<int64_t> seed{*this, "seed", llvm::cl::init(0)};
  Statistic numTiled{this, "num-tiled", "Ops tiled"};
};

} // namespace

namespace mlir::compress::test {
void registerTilePass() { PassRegistration<TestTilePass>(); }
} // namespace mlir::compress::test
