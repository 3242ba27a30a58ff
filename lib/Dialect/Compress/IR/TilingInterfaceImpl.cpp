//===- TilingInterfaceImpl.cpp - Tiling of kernel ops ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %xs = compress.rfft dim = 1 ins(%x : tensor<4x18xf32>) outs(%i : tensor<4x4x5xf32>) -> …     blocks of 4, by 3
//   =>
//   scf.for %j = 0 to 5 step 3 iter_args(%planes = %i) {
//     %s = affine.min (3, 5 - %j)          %t = affine.min (4 * %s, 18 - 4 * %j)
//     %p = tensor.extract_slice %x[0, 4 * %j] [4, %t]
//     compress.rfft dim = 1 ins(%p : tensor<4x?xf32>) outs(… : tensor<4x4x?xf32>) … }
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Extents and what is known of them
//===----------------------------------------------------------------------===//

static OpFoldResult extentOf(OpBuilder &builder, Location loc, Value value, int64_t dim) {
  if (isa<MemRefType>(value.getType()))
    return memref::getMixedSize(builder, loc, value, dim);
  return tensor::getMixedSize(builder, loc, value, dim);
}

/// True if `size` is the whole extent of dimension `dim` of `value`, as far as its type or a dim op tells.
static bool isExtentOf(OpFoldResult size, Value value, int64_t dim) {
  if (auto constant = getConstantIntValue(size))
    return cast<ShapedType>(value.getType()).getDimSize(dim) == *constant;
  auto op = cast<Value>(size).getDefiningOp<ShapedDimOpInterface>();
  return op && op.getShapedValue() == value && getConstantIntValue(op.getDimension()) == dim;
}

static bool isMultipleOf(OpFoldResult value, int64_t factor);

/// True if `expr` over `operands` is always a multiple of `factor`.
static bool isMultipleOf(AffineExpr expr, unsigned numDims, ValueRange operands, int64_t factor) {
  MLIRContext *context = expr.getContext();
  SmallVector<AffineExpr> dims, symbols;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    bool isDim = i < numDims;
    AffineExpr self = isDim ? getAffineDimExpr(i, context) : getAffineSymbolExpr(i - numDims, context);
    (isDim ? dims : symbols).push_back(isMultipleOf(OpFoldResult(operand), factor) ? self * factor : self);
  }
  return expr.replaceDimsAndSymbols(dims, symbols).isMultipleOf(factor);
}

/// True if `value` is known to be a multiple of `factor`: a constant, the index of a loop by such steps, or computed
/// from those.
static bool isMultipleOf(OpFoldResult value, int64_t factor) {
  if (factor == 1)
    return true;
  if (auto constant = getConstantIntValue(value))
    return *constant % factor == 0;
  auto ssa = cast<Value>(value);
  if (auto apply = ssa.getDefiningOp<affine::AffineApplyOp>()) {
    AffineMap map = apply.getAffineMap();
    return isMultipleOf(map.getResult(0), map.getNumDims(), apply.getMapOperands(), factor);
  }
  auto argument = dyn_cast<BlockArgument>(ssa);
  auto loop = argument ? dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp()) : LoopLikeOpInterface();
  if (!loop)
    return false;
  auto indices = loop.getLoopInductionVars();
  auto begins = loop.getLoopLowerBounds(), steps = loop.getLoopSteps();
  if (!indices || !begins || !steps)
    return false;
  for (auto [index, begin, step] : llvm::zip(*indices, *begins, *steps)) {
    auto constantBegin = getConstantIntValue(begin), constantStep = getConstantIntValue(step);
    if (index == ssa)
      return constantBegin && constantStep && *constantBegin % factor == 0 && *constantStep % factor == 0;
  }
  return false;
}

/// True if [offset, offset + size) is known to be blocks of `k`, the last of which `extent` may cut short.
static bool isWholeBlocks(OpFoldResult offset, OpFoldResult size, int64_t k, int64_t extent) {
  if (!isMultipleOf(offset, k))
    return false;
  if (isMultipleOf(size, k))
    return true;
  auto constantOffset = getConstantIntValue(offset), constantSize = getConstantIntValue(size);
  if (constantOffset && constantSize)
    return *constantOffset + *constantSize == extent;
  // As tiling writes it: min(multiple of k, extent - offset).
  auto min = constantSize ? affine::AffineMinOp() : cast<Value>(size).getDefiningOp<affine::AffineMinOp>();
  if (!min)
    return false;
  AffineMap map = min.getAffineMap();
  return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
    if (isMultipleOf(expr, map.getNumDims(), min.getOperands(), k))
      return true;
    for (auto [i, operand] : llvm::enumerate(min.getDimOperands()))
      if (OpFoldResult(operand) == offset)
        return simplifyAffineExpr(expr + getAffineDimExpr(i, expr.getContext()) - extent, map.getNumDims(),
                                  map.getNumSymbols()) == 0;
    return false;
  });
}

//===----------------------------------------------------------------------===//
// From iterations to tiles of operands
//===----------------------------------------------------------------------===//

static Value initOf(Operation *op) { return cast<DestinationStyleOpInterface>(op).getDpsInits()[0]; }
static unsigned initNumberOf(Operation *op) {
  return cast<DestinationStyleOpInterface>(op).getDpsInitOperand(0)->getOperandNumber();
}

namespace {
struct Tile {
  SmallVector<OpFoldResult> offsets, sizes;
};
} // namespace

/// The numbers of `operand` that iterations [offsets, offsets + sizes) touch.
static Tile tileOf(OpBuilder &builder, Location loc, Value operand, const OperandTiling &tiling,
                   ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  AffineExpr d0, d1, d2;
  bindDims(builder.getContext(), d0, d1, d2);
  Tile tile;
  for (auto [d, dim] : llvm::enumerate(tiling)) {
    OpFoldResult extent = extentOf(builder, loc, operand, d);
    if (dim.isWhole()) {
      tile.offsets.push_back(builder.getIndexAttr(0));
      tile.sizes.push_back(extent);
      continue;
    }
    OpFoldResult offset = affine::makeComposedFoldedAffineApply(builder, loc, d0 * dim.scale, {offsets[dim.loop]});
    OpFoldResult size =
        affine::makeComposedFoldedAffineApply(builder, loc, (d0 - 1) * dim.scale + dim.span, {sizes[dim.loop]});
    auto constantExtent = getConstantIntValue(extent);
    if (dim.isBlocks() && !dim.isPlain() && !(constantExtent && *constantExtent % dim.span == 0))
      size = affine::makeComposedFoldedAffineMin(
          builder, loc, AffineMap::get(3, 0, {d0, d1 - d2}, builder.getContext()), {size, extent, offset});
    tile.offsets.push_back(offset);
    tile.sizes.push_back(size);
  }
  return tile;
}

/// `value` itself where the tile is all of it: its producer then need not be fused.
static Value sliceOf(OpBuilder &builder, Location loc, Value value, const Tile &tile,
                     SmallVectorImpl<Operation *> &slices) {
  bool isWhole = true;
  for (auto [d, offset, size] : llvm::enumerate(tile.offsets, tile.sizes))
    isWhole &= isZeroInteger(offset) && isExtentOf(size, value, d);
  if (isWhole)
    return value;
  SmallVector<OpFoldResult> strides(tile.offsets.size(), builder.getIndexAttr(1));
  Operation *slice;
  if (isa<MemRefType>(value.getType()))
    slice = memref::SubViewOp::create(builder, loc, value, tile.offsets, tile.sizes, strides);
  else
    slice = tensor::ExtractSliceOp::create(builder, loc, value, tile.offsets, tile.sizes, strides);
  slices.push_back(slice);
  return slice->getResult(0);
}

SmallVector<Range> mlir::compress::getKernelIterationDomain(Operation *op, const KernelTiling &tiling,
                                                            OpBuilder &builder) {
  SmallVector<Range> domain(tiling.iterators.size());
  for (auto [operand, dims] : llvm::zip(op->getOperands(), tiling.operands))
    for (auto [d, dim] : llvm::enumerate(dims))
      if (dim.isPlain() && !domain[dim.loop].size)
        domain[dim.loop] =
            Range{builder.getIndexAttr(0), extentOf(builder, op->getLoc(), operand, d), builder.getIndexAttr(1)};
  return domain;
}

FailureOr<TilingResult> mlir::compress::tileKernel(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                                   ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  Location loc = op->getLoc();
  SmallVector<Operation *> slices;
  SmallVector<Value> operands;
  for (auto [operand, dims] : llvm::zip(op->getOperands(), tiling.operands))
    operands.push_back(sliceOf(builder, loc, operand, tileOf(builder, loc, operand, dims, offsets, sizes), slices));
  SmallVector<Type> types;
  if (op->getNumResults())
    types.push_back(operands[initNumberOf(op)].getType());
  Operation *tiled = clone(builder, op, types, operands);
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), slices};
}

LogicalResult mlir::compress::getKernelResultTile(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                  SmallVector<OpFoldResult> &resultOffsets,
                                                  SmallVector<OpFoldResult> &resultSizes) {
  Tile tile = tileOf(builder, op->getLoc(), initOf(op), tiling.operands[initNumberOf(op)], offsets, sizes);
  resultOffsets = tile.offsets;
  resultSizes = tile.sizes;
  return success();
}

//===----------------------------------------------------------------------===//
// From tiles of operands to iterations
//===----------------------------------------------------------------------===//

/// The iterations that touch `tile` along a dimension of plain numbers or blocks.
static Range iterationsOf(OpBuilder &builder, Location loc, const DimTiling &dim, OpFoldResult offset,
                          OpFoldResult size) {
  OpFoldResult one = builder.getIndexAttr(1);
  if (dim.isPlain())
    return {offset, size, one};
  AffineExpr d0, d1;
  bindDims(builder.getContext(), d0, d1);
  OpFoldResult first = affine::makeComposedFoldedAffineApply(builder, loc, d0.floorDiv(dim.span), {offset});
  if (isMultipleOf(offset, dim.span))
    return {first, affine::makeComposedFoldedAffineApply(builder, loc, d0.ceilDiv(dim.span), {size}), one};
  AffineExpr count = (d0 + d1).ceilDiv(dim.span) - d0.floorDiv(dim.span);
  return {first, affine::makeComposedFoldedAffineApply(builder, loc, count, {offset, size}), one};
}

FailureOr<TilingResult> mlir::compress::generateKernelResultTile(Operation *op, const KernelTiling &tiling,
                                                                 OpBuilder &builder, ArrayRef<OpFoldResult> offsets,
                                                                 ArrayRef<OpFoldResult> sizes) {
  Location loc = op->getLoc();
  const OperandTiling &dims = tiling.operands[initNumberOf(op)];
  SmallVector<Range> iterations = getKernelIterationDomain(op, tiling, builder);
  for (auto [dim, offset, size] : llvm::zip(dims, offsets, sizes)) {
    if (!dim.isWhole() && !dim.isBlocks())
      return failure();
    if (!dim.isWhole())
      iterations[dim.loop] = iterationsOf(builder, loc, dim, offset, size);
  }
  SmallVector<OpFoldResult> first, count;
  for (const Range &range : iterations) {
    first.push_back(range.offset);
    count.push_back(range.size);
  }
  FailureOr<TilingResult> tiled = tileKernel(op, tiling, builder, first, count);
  if (failed(tiled))
    return failure();

  // What the blocks hold before and after the tile is dropped.
  Value blocks = tiled->tiledValues[0];
  AffineExpr d0;
  bindDims(builder.getContext(), d0);
  Tile tile{{}, SmallVector<OpFoldResult>(sizes)};
  bool isExact = true;
  for (auto [d, dim] : llvm::enumerate(dims)) {
    OpFoldResult before = builder.getIndexAttr(0);
    if (dim.isWhole())
      before = offsets[d];
    else if (!isMultipleOf(offsets[d], dim.span))
      before = affine::makeComposedFoldedAffineApply(builder, loc, d0 % dim.span, {offsets[d]});
    tile.offsets.push_back(before);
    isExact &= dim.isPlain() || (isZeroInteger(before) && isExtentOf(sizes[d], blocks, d));
  }
  if (!isExact) {
    SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
    tiled->tiledValues[0] = emitExtractSlice(builder, loc, blocks, tile.offsets, tile.sizes, strides);
  }
  return tiled;
}

LogicalResult mlir::compress::getKernelTileFromOperands(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                                        ArrayRef<unsigned> operandNumbers,
                                                        ArrayRef<SmallVector<OpFoldResult>> allOffsets,
                                                        ArrayRef<SmallVector<OpFoldResult>> allSizes,
                                                        SmallVectorImpl<OpFoldResult> &iterationOffsets,
                                                        SmallVectorImpl<OpFoldResult> &iterationSizes) {
  Location loc = op->getLoc();
  SmallVector<Range> domain = getKernelIterationDomain(op, tiling, builder), iterations(domain);
  llvm::SmallBitVector isSet(iterations.size());
  for (auto [number, offsets, sizes] : llvm::zip(operandNumbers, allOffsets, allSizes)) {
    Value operand = op->getOperand(number);
    int64_t d = 0;
    for (const DimTiling &dim : tiling.operands[number]) {
      OpFoldResult offset = offsets[d], size = sizes[d];
      bool isWhole = isZeroInteger(offset) && isExtentOf(size, operand, d);
      int64_t extent = cast<ShapedType>(operand.getType()).getDimSize(d++);
      if (isWhole && dim.isWhole())
        continue;
      if (!isWhole && (!dim.isBlocks() || tiling.iterators[dim.loop] == utils::IteratorType::reduction ||
                       !isWholeBlocks(offset, size, dim.span, extent)))
        return failure();
      Range range = isWhole ? domain[dim.loop] : iterationsOf(builder, loc, dim, offset, size);
      Range &known = iterations[dim.loop];
      if (isSet[dim.loop] && (!isEqualConstantIntOrValue(known.offset, range.offset) ||
                              !isEqualConstantIntOrValue(known.size, range.size)))
        return failure();
      known = range;
      isSet.set(dim.loop);
    }
  }
  iterationOffsets.clear();
  iterationSizes.clear();
  for (const Range &range : iterations) {
    iterationOffsets.push_back(range.offset);
    iterationSizes.push_back(range.size);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// What each op says
//===----------------------------------------------------------------------===//

static constexpr utils::IteratorType kParallel = utils::IteratorType::parallel;

/// The loops are the dimensions of `flat`, blocks in place of `dim`.
static void tileTransform(int64_t rank, int64_t dim, int64_t k, KernelTiling &tiling, OperandTiling &flat,
                          OperandTiling &planes) {
  tiling.iterators.assign(rank, kParallel);
  planes.push_back(DimTiling::whole());
  for (int64_t d = 0; d < rank; ++d) {
    planes.push_back(DimTiling::along(d));
    flat.push_back(d == dim ? DimTiling::blocks(d, k) : DimTiling::along(d));
  }
}

KernelTiling RfftOp::getKernelTiling() {
  KernelTiling tiling;
  tiling.operands.resize(2);
  tileTransform(cast<ShapedType>(getInput().getType()).getRank(), getDim(), getBlockSize(), tiling, tiling.operands[0],
                tiling.operands[1]);
  return tiling;
}

KernelTiling RfftTransposeOp::getKernelTiling() {
  KernelTiling tiling;
  tiling.operands.resize(2);
  tileTransform(cast<ShapedType>(getInit().getType()).getRank(), getDim(), getBlockSize(), tiling, tiling.operands[1],
                tiling.operands[0]);
  return tiling;
}

/// The loops are the positions (the last of them windows), out blocks, in blocks; slots and taps are whole.
static KernelTiling tileSpectral(ShapedType weights, int64_t rank, int64_t inDim, int64_t outDim,
                                 ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  int64_t positions = rank - 1, outLoop = positions, inLoop = positions + 1, taps = strides.size();
  KernelTiling tiling;
  tiling.iterators.assign(rank + 1, kParallel);
  tiling.iterators[inLoop] = utils::IteratorType::reduction;
  OperandTiling input{DimTiling::whole()}, init{DimTiling::whole()}, factors(1 + taps, DimTiling::whole());
  for (int64_t d = 0, position = 0; d < rank; ++d)
    init.push_back(DimTiling::along(d == outDim ? outLoop : position++));
  for (int64_t d = 0, position = 0; d < rank; ++d) {
    if (d == inDim) {
      input.push_back(DimTiling::along(inLoop));
      continue;
    }
    int64_t tap = position - (positions - taps);
    input.push_back(
        tap < 0 ? DimTiling::along(position)
                : DimTiling::window(position, strides[tap], (weights.getDimSize(1 + tap) - 1) * dilations[tap] + 1));
    ++position;
  }
  factors.append({DimTiling::along(inLoop), DimTiling::along(outLoop)});
  tiling.operands = {input, factors, init};
  return tiling;
}

/// The shape of `weights` without the dimension of its panels.
static ShapedType withoutPanels(ShapedType weights, bool hasPanels) {
  SmallVector<int64_t> shape(weights.getShape());
  if (hasPanels)
    shape.erase(shape.begin() + 1);
  return weights.clone(shape);
}

/// The last loop is none any more: all of its dimensions are whole.
static void makeLastLoopWhole(KernelTiling &tiling) {
  int64_t loop = tiling.iterators.size() - 1;
  tiling.iterators.pop_back();
  for (OperandTiling &operand : tiling.operands)
    for (DimTiling &dim : operand)
      if (dim.loop == loop)
        dim = DimTiling::whole();
}

KernelTiling SpectralMatmulOp::getKernelTiling() {
  auto weights = cast<ShapedType>(getWeights().getType());
  KernelTiling tiling =
      tileSpectral(withoutPanels(weights, getPanel()), cast<ShapedType>(getInit().getType()).getRank() - 1, getInDim(),
                   getOutDim(), {}, {});
  if (getPanel()) {
    makeLastLoopWhole(tiling);
    makeLastLoopWhole(tiling);
    tiling.operands[1].push_back(DimTiling::whole());
  }
  return tiling;
}

KernelTiling SpectralConvOp::getKernelTiling() {
  return tileSpectral(cast<ShapedType>(getWeights().getType()), cast<ShapedType>(getInit().getType()).getRank() - 1,
                      getInDim(), getOutDim(), getStrides(), getDilations());
}

KernelTiling SpectralDotOp::getKernelTiling() {
  auto weights = cast<ShapedType>(getWeights().getType());
  int64_t rank = cast<ShapedType>(getInit().getType()).getRank() - 1;
  // Without the panels, whose place is known below.
  KernelTiling tiling =
      tileSpectral(withoutPanels(weights, getPanel()), rank, getInDim(), getOutDim(), getStrides(), getDilations());
  // Words hold blocks that are far apart, and panels are read as a whole: none of them is cut.
  makeLastLoopWhole(tiling);
  DimTiling out = DimTiling::along(rank - 1);
  if (getPanel()) {
    makeLastLoopWhole(tiling);
    out = DimTiling::whole();
    tiling.operands[1].push_back(out);
  }
  for (size_t i = 0; i < getScaling().size(); ++i)
    tiling.operands.insert(tiling.operands.end() - 1, {DimTiling::whole(), out});
  return tiling;
}
