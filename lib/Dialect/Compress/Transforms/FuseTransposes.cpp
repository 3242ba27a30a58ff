//===- FuseTransposes.cpp - Compute while transposing ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %q = linalg.generic { round } ins(%x) …                  f32 to i8
//   %t = linalg.transpose ins(%q) permutation = [0, 2, 3, 1]
//   %p = tensor.pad %t
//   =>
//   %f = linalg.fill … ; %i = tensor.extract_slice %f[0, 1, 1, 0] …
//   %t = linalg.generic { (n, h, w, c) -> (n, c, h, w), … round } ins(%x) outs(%i)
//   %p = tensor.insert_slice %t into %f[0, 1, 1, 0] …
//
// Three passes over memory become one.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FUSETRANSPOSESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// The operand of an elementwise op on tensors that alone has the shape of its result; null if there is none, or more.
static OpOperand *onlyFullOperand(linalg::GenericOp op) {
  if (!op || !op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      op.hasIndexSemantics() || op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return nullptr;
  OpOperand *full = nullptr;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (map.getNumResults() < op.getNumLoops())
      continue;
    if (full || !map.isIdentity())
      return nullptr;
    full = operand;
  }
  return full;
}

/// True if `value` is computed by a kernel or a reduction: elementwise ops on it are done where it is stored.
static bool isComputedByKernel(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  if (auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op)) {
    OpOperand *before = onlyFullOperand(dyn_cast<linalg::GenericOp>(op));
    return linalgOp.getNumReductionLoops() > 0 || (before && isComputedByKernel(before->get()));
  }
  return isa_and_nonnull<KernelOpInterface>(op);
}

namespace {

struct FuseTransposesPass : compress::impl::FuseTransposesPassBase<FuseTransposesPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::TransposeOp> transposes;
    getOperation()->walk([&](linalg::TransposeOp op) {
      if (op.hasPureTensorSemantics() && !matchPattern(op.getInput(), m_Constant()))
        transposes.push_back(op);
    });
    for (linalg::TransposeOp op : transposes)
      if (fuseWithUser(rewriter, op) || fuseWithProducer(rewriter, op))
        ++numFused;
    SmallVector<tensor::PadOp> pads;
    getOperation()->walk([&](tensor::PadOp op) { pads.push_back(op); });
    for (tensor::PadOp op : pads)
      computeInside(rewriter, op);
  }

private:
  /// The only user reads what is transposed by another map.
  static bool fuseWithUser(IRRewriter &rewriter, linalg::TransposeOp op) {
    if (!op->hasOneUse())
      return false;
    auto user = dyn_cast<linalg::GenericOp>(*op->user_begin());
    OpOperand *operand = onlyFullOperand(user);
    if (!operand || operand->get() != op->getResult(0))
      return false;
    SmallVector<AffineMap> maps = user.getIndexingMapsArray();
    maps[operand->getOperandNumber()] = inversePermutation(
        AffineMap::getPermutationMap(llvm::to_vector_of<unsigned>(op.getPermutation()), op.getContext()));
    rewriter.modifyOpInPlace(user, [&] {
      operand->set(op.getInput());
      user.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    rewriter.eraseOp(op);
    return true;
  }

  /// The op whose only user transposes its result computes it in that order.
  static bool fuseWithProducer(IRRewriter &rewriter, linalg::TransposeOp op) {
    auto producer = op.getInput().getDefiningOp<linalg::GenericOp>();
    OpOperand *operand = onlyFullOperand(producer);
    if (!operand || !producer->hasOneUse() || isComputedByKernel(operand->get()))
      return false;
    // Loop permutation[d] of the producer is loop d.
    AffineMap order = AffineMap::getPermutationMap(
        llvm::to_vector_of<unsigned>(invertPermutationVector(op.getPermutation())), op.getContext());
    SmallVector<AffineMap> maps;
    for (OpOperand *input : producer.getDpsInputOperands())
      maps.push_back(producer.getMatchingIndexingMap(input).compose(order));
    maps.push_back(rewriter.getMultiDimIdentityMap(order.getNumDims()));
    rewriter.setInsertionPoint(op);
    auto fused = linalg::GenericOp::create(rewriter, op.getLoc(), op.getInit().getType(), producer.getInputs(),
                                           op.getInit(), maps, producer.getIteratorTypesArray());
    fused.getRegion().takeBody(producer.getRegion());
    rewriter.replaceOp(op, fused.getResults());
    rewriter.eraseOp(producer);
    return true;
  }

  /// What is padded is computed inside of the padding.
  static void computeInside(IRRewriter &rewriter, tensor::PadOp pad) {
    auto source = pad.getSource().getDefiningOp<linalg::LinalgOp>();
    Attribute number;
    Value padding = pad.getConstantPaddingValue();
    if (!source || !source->hasOneUse() || source->getNumResults() != 1 || isComputedByKernel(pad.getSource()) ||
        !padding || !matchPattern(padding, m_Constant(&number)) || !source.hasPureTensorSemantics() ||
        source.payloadUsesValueFromOperand(source.getDpsInitOperand(0)))
      return;
    auto type = cast<RankedTensorType>(pad.getResult().getType());
    for (auto [d, low, high] : llvm::enumerate(pad.getStaticLow(), pad.getStaticHigh()))
      if (low < 0 || high < 0 || (low + high > 0 && type.isDynamicDim(d))) // dynamic ones are negative, too
        return;
    rewriter.setInsertionPoint(source);
    SmallVector<OpFoldResult> inner = tensor::getMixedSizes(rewriter, pad.getLoc(), source.getDpsInits()[0]),
                              sizes(inner);
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (!type.isDynamicDim(d))
        sizes[d] = rewriter.getIndexAttr(type.getDimSize(d));
    Value empty = tensor::EmptyOp::create(rewriter, pad.getLoc(), sizes, type.getElementType());
    Value fill = arith::ConstantOp::create(rewriter, pad.getLoc(), cast<TypedAttr>(number));
    Value around = linalg::FillOp::create(rewriter, pad.getLoc(), fill, empty).getResult(0);
    SmallVector<OpFoldResult> ones(sizes.size(), rewriter.getIndexAttr(1));
    Value place =
        tensor::ExtractSliceOp::create(rewriter, pad.getLoc(), cast<RankedTensorType>(source->getResult(0).getType()),
                                       around, pad.getMixedLowPad(), inner, ones);
    rewriter.modifyOpInPlace(source, [&] { source.setDpsInitOperand(0, place); });
    rewriter.setInsertionPoint(pad);
    Value whole = tensor::InsertSliceOp::create(rewriter, pad.getLoc(), pad.getSource(), around, pad.getMixedLowPad(),
                                                inner, ones);
    if (whole.getType() != type)
      whole = tensor::CastOp::create(rewriter, pad.getLoc(), type, whole);
    rewriter.replaceOp(pad, whole);
  }
};

} // namespace
