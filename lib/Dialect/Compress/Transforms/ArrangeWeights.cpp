//===- ArrangeWeights.cpp - Order constant weights for lanes --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.matmul indexing_maps = [(m,n,k) -> (m,k), (m,n,k) -> (n,k), …] ins(%x, %w)
//   =>
//   %t = linalg.transpose ins(%w) permutation = [1, 0]                                        folds
//   linalg.generic indexing_maps = [(m,n,k) -> (m,k), (m,n,k) -> (k,n), …] ins(%x, %t)
//   or, in panels of 48 outputs,
//   %t = compress.relayout to(#compress.layout<order = [0, 1], tiles = [48, 1]>) ins(%w)      folds
//   linalg.generic indexing_maps = [(m,n,k) -> (m,k), (m,n,k) -> (n floordiv 48, k, n mod 48), …] ins(%x, %t)
//
//   compress.spectral_matmul … ins(%x, %w : …, tensor<16x256x256xf32>)                        256 out blocks
//   =>
//   %t = compress.relayout to(#compress.layout<order = [0, 2, 1], tiles = [1, 64, 1]>) ins(%w)   folds
//   compress.spectral_matmul … ins(%x, %t : …, tensor<16x4x256x64xf32>)
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace mlir::compress {
#define GEN_PASS_DEF_ARRANGEWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Vectors that a panel is wide: those of a register tile of ProductLowering, and of one row's tile of spectra.
constexpr int64_t kPanelVectors = 3, kSpectralPanelVectors = 4;

/// A constant matrix of a product: one dimension is summed over, the other is the innermost one of the result.
struct ConstantMatrix {
  OpOperand *operand;
  /// Its dimensions that are outputs, and summed over.
  int64_t outDim, sumDim;

  static std::optional<ConstantMatrix> find(linalg::LinalgOp op) {
    if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
        !linalg::isaContractionOpInterface(op))
      return std::nullopt;
    AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    if (result.getNumResults() == 0)
      return std::nullopt;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(operand);
      if (!operand->get().getDefiningOp<arith::ConstantOp>() || map.getNumResults() != 2)
        continue;
      for (int64_t outDim : {0, 1})
        if (AffineExpr sum = map.getResult(1 - outDim); map.getResult(outDim) == result.getResults().back() &&
                                                        isa<AffineDimExpr>(sum) && !result.getResultPosition(sum))
          return ConstantMatrix{operand, outDim, 1 - outDim};
    }
    return std::nullopt;
  }

  RankedTensorType getType() const { return cast<RankedTensorType>(operand->get().getType()); }
  bool isStrided() const { return outDim == 0; }

  /// True if panels of `width` outputs take little more room than the matrix.
  bool fitsPanels(int64_t width) const {
    int64_t extent = getType().getDimSize(outDim);
    int64_t filling = (width - extent % width) % width;
    return extent > width && filling * 8 <= extent;
  }
};

struct ArrangeWeightsPass : compress::impl::ArrangeWeightsPassBase<ArrangeWeightsPass> {
  using Base = compress::impl::ArrangeWeightsPassBase<ArrangeWeightsPass>;
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (ConstantMatrix::find(op))
        products.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : products)
      arrange(rewriter, op);
    if (vectorLanes > 1)
      getOperation()->walk([&](SpectralMatmulOp op) { arrangeSpectra(rewriter, op); });
  }

  /// Several panels of whole vectors: one is stored as it is read already.
  void arrangeSpectra(IRRewriter &rewriter, SpectralMatmulOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getWeights().getType());
    int64_t width = kSpectralPanelVectors * vectorLanes;
    auto isInnermost = [&](uint64_t dim) {
      return static_cast<int64_t>(dim) + 2 == cast<ShapedType>(op.getInit().getType()).getRank();
    };
    if (!type || op.getPanel() || !op.getWeights().getDefiningOp<arith::ConstantOp>() || !isInnermost(op.getOutDim()) ||
        !type.hasStaticShape() || type.getDimSize(2) <= width || type.getDimSize(2) % width != 0)
      return;
    rewriter.setInsertionPoint(op);
    Value stored =
        relayout(rewriter, op.getLoc(), op.getWeights(), SpectralMatmulOp::panelLayout(&getContext(), width));
    rewriter.modifyOpInPlace(op, [&] { op.getWeightsMutable().assign(stored); });
    ++numTiled;
  }

  void arrange(IRRewriter &rewriter, linalg::LinalgOp op) {
    ConstantMatrix matrix = *ConstantMatrix::find(op);
    int64_t width = vectorLanes > 1 && op.getNumReductionLoops() == 1 ? kPanelVectors * vectorLanes : 0;
    bool inPanels = width > 0 && matrix.fitsPanels(width);
    if (!inPanels && !matrix.isStrided())
      return;
    rewriter.setInsertionPoint(op);
    Value stored = inPanels ? storeInPanels(rewriter, matrix, width) : transpose(rewriter, matrix);
    unsigned number = matrix.operand->getOperandNumber();
    AffineMap map = op.getMatchingIndexingMap(matrix.operand);
    AffineExpr out = map.getResult(matrix.outDim), sum = map.getResult(matrix.sumDim);
    SmallVector<AffineExpr> at{sum, out};
    if (inPanels)
      at = {out.floorDiv(width), sum, out % width};
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[number] = AffineMap::get(map.getNumDims(), 0, at, &getContext());

    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    if (!generic) {
      auto generalized = linalg::generalizeNamedOp(rewriter, op);
      if (failed(generalized))
        return;
      generic = *generalized;
    }
    rewriter.modifyOpInPlace(generic, [&] {
      generic->setOperand(number, stored);
      generic.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    ++(inPanels ? numTiled : numTransposed);
  }

  static Value transpose(OpBuilder &builder, const ConstantMatrix &matrix) {
    RankedTensorType type = matrix.getType();
    Location loc = matrix.operand->getOwner()->getLoc();
    Value empty = tensor::EmptyOp::create(builder, loc, ArrayRef<int64_t>{type.getDimSize(1), type.getDimSize(0)},
                                          type.getElementType());
    return linalg::TransposeOp::create(builder, loc, matrix.operand->get(), empty, ArrayRef<int64_t>{1, 0})
        ->getResult(0);
  }

  static Value storeInPanels(OpBuilder &builder, const ConstantMatrix &matrix, int64_t width) {
    auto layout = LayoutAttr::get(builder.getContext(), {matrix.outDim, matrix.sumDim}, {width, 1}, 0);
    return relayout(builder, matrix.operand->getOwner()->getLoc(), matrix.operand->get(), layout);
  }

  static Value relayout(OpBuilder &builder, Location loc, Value weights, LayoutAttr layout) {
    auto type = cast<RankedTensorType>(layout.getStoredType(cast<RankedTensorType>(weights.getType())));
    Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
    return RelayoutOp::create(builder, loc, TypeRange{type}, weights, empty, LayoutAttr(), layout)->getResult(0);
  }
};

} // namespace
