//===- SinkReshapes.cpp - Compute on sums before they are reshaped --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.generic { %sum + extui(%x) * extsi(%w) } … outs(%y : memref<?x8x32xi32>)   8 panels of 32 columns
//   %s = memref.collapse_shape %y [[0], [1, 2]]
//   linalg.generic { round } ins(%s : memref<?x256xi32>) outs(%q : memref<?x256xi8>)
//   =>
//   %p = memref.expand_shape %q [[0], [1, 2]]
//   linalg.generic { … } … outs(%y)
//   linalg.generic { round } ins(%y : memref<?x8x32xi32>) outs(%p : memref<?x8x32xi8>)
//
// Tensors would have the reshape last, and a copy of it into what the caller gave for the result.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_SINKRESHAPESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// True if a reduction has its result in `buffer`, or an elementwise op what it makes of one.
static bool holdsSums(Value buffer) {
  return llvm::any_of(buffer.getUsers(), [&](Operation *user) {
    auto op = dyn_cast<linalg::LinalgOp>(user);
    return op && op.getNumReductionLoops() > 0 && llvm::is_contained(op.getDpsInits(), buffer);
  });
}

/// The operand of an elementwise op that is merged dimensions of sums, which it reads or fills; null if there is none.
static OpOperand *findReshapedSums(linalg::GenericOp op, const DenseSet<Value> &changedSums) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      op.hasIndexSemantics() || !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); }))
    return nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    auto view = operand.get().getDefiningOp<memref::CollapseShapeOp>();
    if (view && op.getMatchingIndexingMap(&operand).isIdentity() &&
        (holdsSums(view.getSrc()) || changedSums.contains(view.getSrc())))
      return &operand;
  }
  return nullptr;
}

/// Where a product writes to an allocation with dimensions split, as one of groups of channels does, the allocation
/// takes that shape, and what else uses it sees the dimensions merged:
///
///   %y = memref.alloc() : memref<1x16x24xf32>                %s = memref.alloc() : memref<1x16x1x24xf32>
///   %s = memref.expand_shape %y …                      =>    %y = memref.collapse_shape %s …
static void allocateAsSums(memref::ExpandShapeOp view) {
  auto alloc = view.getSrc().getDefiningOp<memref::AllocOp>();
  MemRefType type = view.getResultType();
  if (!alloc || !holdsSums(view) || !alloc.getType().getLayout().isIdentity() || !type.getLayout().isIdentity() ||
      type.getNumDynamicDims() != alloc.getType().getNumDynamicDims())
    return;
  IRRewriter rewriter(alloc);
  Value sums =
      memref::AllocOp::create(rewriter, alloc.getLoc(), type, alloc.getDynamicSizes(), alloc.getAlignmentAttr());
  Value merged =
      memref::CollapseShapeOp::create(rewriter, alloc.getLoc(), alloc.getType(), sums, view.getReassociationIndices());
  rewriter.replaceOp(view, sums);
  rewriter.replaceOp(alloc, merged);
  for (Operation *user : llvm::make_early_inc_range(merged.getUsers()))
    if (auto fill = dyn_cast<linalg::LinalgOp>(user); fill && !isa<linalg::GenericOp>(user)) {
      rewriter.setInsertionPoint(fill);
      (void)linalg::generalizeNamedOp(rewriter, fill);
    }
}

namespace {

/// One op, and how its loops are split.
struct Splitting {
  linalg::GenericOp op;
  MemRefType sums;
  SmallVector<ReassociationIndices> groups;

  /// The dimensions of an operand, of which those of `map`'s results are split.
  SmallVector<ReassociationIndices> groupsOf(AffineMap map, SmallVectorImpl<int64_t> &shape, MemRefType type) const {
    SmallVector<ReassociationIndices> result;
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      ReassociationIndices &group = result.emplace_back();
      const ReassociationIndices &loops = groups[cast<AffineDimExpr>(expr).getPosition()];
      for (int64_t loop : loops) {
        group.push_back(shape.size());
        shape.push_back(loops.size() == 1 ? type.getDimSize(d) : sums.getDimSize(loop));
      }
    }
    return result;
  }

  AffineMap split(AffineMap map) const {
    SmallVector<AffineExpr> loops;
    for (AffineExpr expr : map.getResults())
      for (int64_t loop : groups[cast<AffineDimExpr>(expr).getPosition()])
        loops.push_back(getAffineDimExpr(loop, map.getContext()));
    return AffineMap::get(sums.getRank(), 0, loops, map.getContext());
  }

  /// False if a merged dimension is dynamic, or an operand's is not contiguous.
  bool isPossible() {
    for (const ReassociationIndices &group : groups)
      if (group.size() > 1 && llvm::any_of(group, [&](int64_t d) { return sums.isDynamicDim(d); }))
        return false;
    return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type)
        return true;
      SmallVector<int64_t> shape;
      SmallVector<ReassociationIndices> split = groupsOf(op.getMatchingIndexingMap(&operand), shape, type);
      return succeeded(memref::ExpandShapeOp::computeExpandedType(type, shape, split));
    });
  }

  /// `memref` with the loops' dimensions split, where it is defined.
  Value view(OpBuilder &builder, Value memref, AffineMap map) {
    auto type = dyn_cast<MemRefType>(memref.getType());
    SmallVector<int64_t> shape;
    if (!type)
      return memref;
    SmallVector<ReassociationIndices> split = groupsOf(map, shape, type);
    if (static_cast<int64_t>(shape.size()) == type.getRank())
      return memref;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(memref);
    SmallVector<OpFoldResult> sizes;
    for (auto [d, group] : llvm::enumerate(split))
      for (int64_t at : group)
        sizes.push_back(ShapedType::isDynamic(shape[at]) ? memref::getMixedSize(builder, op.getLoc(), memref, d)
                                                         : OpFoldResult(builder.getIndexAttr(shape[at])));
    return memref::ExpandShapeOp::create(builder, op.getLoc(), shape, memref, split, sizes);
  }

  /// An allocation in the shape of the sums; what else uses `alloc` sees its dimensions merged.
  Value allocate(OpBuilder &builder, memref::AllocOp alloc) const {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(alloc);
    SmallVector<int64_t> shape;
    SmallVector<ReassociationIndices> split =
        groupsOf(builder.getMultiDimIdentityMap(alloc.getType().getRank()), shape, alloc.getType());
    auto type = MemRefType::get(shape, alloc.getType().getElementType());
    Value larger =
        memref::AllocOp::create(builder, alloc.getLoc(), type, alloc.getDynamicSizes(), alloc.getAlignmentAttr());
    Value merged = memref::CollapseShapeOp::create(builder, alloc.getLoc(), alloc.getType(), larger, split);
    alloc.getResult().replaceAllUsesWith(merged);
    alloc.erase();
    return larger;
  }

  /// The op in the loops of the sums; returns its result.
  Value run(OpBuilder &builder, OpOperand *reshaped) {
    Value sumsBuffer = reshaped->get().getDefiningOp<memref::CollapseShapeOp>().getSrc();
    SmallVector<Value> operands;
    SmallVector<AffineMap> maps;
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto alloc = operand.get().getDefiningOp<memref::AllocOp>();
      maps.push_back(split(map));
      operands.push_back(operand.get() == reshaped->get() ? sumsBuffer
                         : op.isDpsInit(&operand) && alloc && alloc.getType().getLayout().isIdentity()
                             ? allocate(builder, alloc)
                             : view(builder, operand.get(), map));
    }
    SmallVector<utils::IteratorType> parallel(sums.getRank(), utils::IteratorType::parallel);
    auto split = linalg::GenericOp::create(builder, op.getLoc(), ArrayRef(operands).drop_back(), operands.back(), maps,
                                           parallel);
    split.getRegion().takeBody(op.getRegion());
    op.erase();
    return operands.back();
  }
};

struct SinkReshapesPass : compress::impl::SinkReshapesPassBase<SinkReshapesPass> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> views;
    getOperation()->walk([&](memref::ExpandShapeOp view) { views.push_back(view); });
    llvm::for_each(views, allocateAsSums);
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    DenseSet<Value> changedSums;
    for (linalg::GenericOp op : ops) {
      OpOperand *reshaped = findReshapedSums(op, changedSums);
      if (!reshaped)
        continue;
      auto view = reshaped->get().getDefiningOp<memref::CollapseShapeOp>();
      Splitting splitting{op, cast<MemRefType>(view.getSrc().getType()), view.getReassociationIndices()};
      if (!splitting.isPossible())
        continue;
      OpBuilder builder(op);
      changedSums.insert(splitting.run(builder, reshaped));
      if (view->use_empty())
        view->erase();
      ++numSplit;
    }
  }
};

} // namespace
