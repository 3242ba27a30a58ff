//===- TileLoop.cpp - Compute a layer by tiles of its outputs -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = linalg.matmul … ins(%x, %w) outs(%y0)         %w: 70 x 96, rebuilt by tiles of 32
//   =>
//   %a = scf.for %i = 0 to 64 step 32 iter_args(%carried = %y0) {
//     %slice = compress.… slices of the parameters     then its rebuild
//     %part = linalg.matmul … ins(%x, %slice) outs(%carried[…, %i])
//     scf.yield %part inserted into %carried }
//   the same for rows 64 to 70, on %a
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/TileLoop.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

Value mlir::compress::emitTileLoop(OpBuilder &builder, Location loc, int64_t extent, int64_t tile, Value carried,
                                   TileBody body) {
  int64_t whole = extent / tile * tile;
  if (whole == tile) {
    carried = body(builder, builder.getIndexAttr(0), tile, carried);
  } else if (whole > 0) {
    auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value).getResult(); };
    // The body is emitted into a loop that is in its place: affine ops ask where an induction variable comes from.
    auto loop = scf::ForOp::create(builder, loc, index(0), index(whole), index(tile), ValueRange{carried});
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value end = body(builder, loop.getInductionVar(), tile, loop.getRegionIterArg(0));
    scf::YieldOp::create(builder, loc, end);
    carried = loop.getResult(0);
  }
  if (whole < extent)
    carried = body(builder, builder.getIndexAttr(whole), extent - whole, carried);
  return carried;
}

/// The dimension of the consumer's weight with the out role.
static int64_t outDimOfWeight(const LinearConsumer &consumer) {
  return llvm::find(consumer.roles, Role::Out) - consumer.roles.begin();
}

int64_t mlir::compress::outTileOf(CompressedWeightOpInterface weight, const LinearConsumer &consumer, int64_t wanted,
                                  std::string &whyNot) {
  int64_t step = weight.sliceStep(outDimOfWeight(consumer));
  if (step == 0)
    whyNot = "the weight cannot be sliced along the outputs";
  return step == 0 ? 0 : llvm::alignTo(std::max<int64_t>(wanted, 1), step);
}

Value mlir::compress::emitConsumerTile(OpBuilder &builder, const LinearConsumer &consumer, Value weight,
                                       OpFoldResult offset, int64_t size, Value carried) {
  Location loc = consumer.op->getLoc();
  linalg::LinalgOp op = consumer.op;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, carried);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)), ones(sizes.size(), builder.getIndexAttr(1));
  offsets[consumer.outDim] = offset;
  sizes[consumer.outDim] = builder.getIndexAttr(size);
  Value part = emitExtractSlice(builder, loc, carried, offsets, sizes, ones);
  SmallVector<Value> operands(op->getOperands());
  operands[consumer.weightOperand] = WeightView::get(operands[consumer.weightOperand]).apply(builder, loc, weight);
  operands[op.getDpsInitOperand(0)->getOperandNumber()] = part;
  part = clone(builder, op.getOperation(), TypeRange{part.getType()}, operands)->getResult(0);
  return emitInsertSlice(builder, loc, part, carried, offsets, sizes, ones);
}

/// Adds the representation ops that `value` is made of.
static void collectParts(Value value, llvm::SmallPtrSetImpl<Operation *> &parts) {
  auto weight = value.getDefiningOp<CompressedWeightOpInterface>();
  if (weight && parts.insert(weight).second)
    for (Value operand : weight->getOperands())
      collectParts(operand, parts);
}

/// Rebuilds the slice `value` and the slices that it is made of. What a slice takes whole from the weight itself,
/// `kept`, is not of this tile alone and stays as it is.
static Value rebuildSlice(OpBuilder &builder, Value value, const llvm::SmallPtrSetImpl<Operation *> &kept) {
  auto slice = value.getDefiningOp<CompressedWeightOpInterface>();
  if (!slice || kept.contains(slice))
    return value;
  for (OpOperand &operand : slice->getOpOperands()) {
    Operation *part = operand.get().getDefiningOp();
    operand.set(rebuildSlice(builder, operand.get(), kept));
    if (part && part != operand.get().getDefiningOp() && isOpTriviallyDead(part))
      part->erase();
  }
  return slice.rebuild(builder);
}

Value mlir::compress::emitRebuildLoop(OpBuilder &builder, CompressedWeightOpInterface weight,
                                      const LinearConsumer &consumer, int64_t tile) {
  int64_t dim = outDimOfWeight(consumer);
  int64_t extent = cast<RankedTensorType>(consumer.weight.getType()).getDimSize(dim);
  llvm::SmallPtrSet<Operation *, 4> kept;
  collectParts(consumer.weight, kept);
  return emitTileLoop(builder, consumer.op->getLoc(), extent, tile, consumer.init,
                      [&](OpBuilder &b, OpFoldResult offset, int64_t size, Value carried) {
                        Value slice = weight.emitSlice(b, dim, offset, size);
                        Value dense = rebuildSlice(b, slice, kept);
                        if (slice != dense && isOpTriviallyDead(slice.getDefiningOp()))
                          slice.getDefiningOp()->erase();
                        return emitConsumerTile(b, consumer, dense, offset, size, carried);
                      });
}
