//===- CompressKernelOps.cpp - Verifiers and effects of the kernel ops ----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

LogicalResult mlir::compress::verifyResults(Operation *op, Value init) {
  if (isa<RankedTensorType>(init.getType())) {
    if (op->getNumResults() != 1 || op->getResult(0).getType() != init.getType()) // rfft*, spectral_* C5
      return op->emitOpError("expects one result of the type of its init ") << init.getType();
  } else if (op->getNumResults() != 0) { // rfft*, spectral_* C5
    return op->emitOpError("expects no result for an init that is a buffer");
  }
  return success();
}

LogicalResult mlir::compress::verifyDestination(Operation *op, Value init, ValueRange operands) {
  Type element = shaped(init).getElementType();
  for (Value operand : operands)
    if (shaped(operand).getElementType() != element) // rfft*, spectral_* C5
      return op->emitOpError("expects operands of one element type, got ")
             << shaped(operand).getElementType() << " and " << element;
  return verifyResults(op, init);
}

/// C1 to C4 of the transforms: `flat` holds the numbers, `planes` the slots.
static LogicalResult verifyTransform(Operation *op, ShapedType flat, ShapedType planes, int64_t dim, StringRef flatName,
                                     StringRef planesName) {
  if (dim < 0 || dim >= flat.getRank()) // rfft* C1
    return op->emitOpError("expects dim to be a dimension of ")
           << flatName << ", below " << flat.getRank() << ", got " << dim;
  if (planes.getRank() != flat.getRank() + 1) // rfft* C2
    return op->emitOpError("expects ") << planesName << " of rank " << flat.getRank() + 1 << ", got " << planes;
  int64_t k = planes.getDimSize(0), n = flat.getDimSize(dim), blocks = planes.getDimSize(dim + 1);
  if (ShapedType::isDynamic(k) || k < 1) // rfft* C3
    return op->emitOpError("expects a static block size of at least 1");
  if (ShapedType::isStatic(n) && extentsDiffer(blocks, llvm::divideCeil(n, k))) // rfft* C3
    return op->emitOpError("expects ") << llvm::divideCeil(n, k) << " blocks of " << k << " for an extent of " << n
                                       << ", got " << blocks;
  for (int64_t d = 0; d < flat.getRank(); ++d) // rfft* C4
    if (d != dim && extentsDiffer(flat.getDimSize(d), planes.getDimSize(d + 1)))
      return op->emitOpError("expects extents of ")
             << flatName << " and " << planesName << " to agree, got " << flat.getDimSize(d) << " and "
             << planes.getDimSize(d + 1) << " at dimension " << d;
  return success();
}

/// C1 to C4 of the spectral products, with `taps` window dimensions.
static LogicalResult verifySpectral(Operation *op, ShapedType input, ShapedType weights, ShapedType init, int64_t inDim,
                                    int64_t outDim, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  int64_t rank = input.getRank() - 1, taps = strides.size();
  if (init.getRank() != input.getRank() || inDim < 0 || inDim >= rank || outDim < 0 || outDim >= rank) // spectral_* C1
    return op->emitOpError("expects in_dim and out_dim below ") << rank << ", the rank of input and init less one";
  if (weights.getRank() != 3 + taps) // spectral_* C2
    return op->emitOpError("expects weights of rank ") << 3 + taps << ", got " << weights;
  int64_t k = init.getDimSize(0);
  if (ShapedType::isDynamic(k) || k < 1 || input.getDimSize(0) != k || weights.getDimSize(0) != k) // spectral_* C2
    return op->emitOpError("expects one static slot extent, got ")
           << input.getDimSize(0) << ", " << weights.getDimSize(0) << " and " << k;
  if (llvm::any_of(weights.getShape().slice(1, taps), ShapedType::isDynamic)) // spectral_conv C2
    return op->emitOpError("expects static taps, got ") << weights;
  int64_t q = weights.getDimSize(1 + taps), p = weights.getDimSize(2 + taps);
  // spectral_* C3
  if (extentsDiffer(input.getDimSize(inDim + 1), q) || extentsDiffer(init.getDimSize(outDim + 1), p))
    return op->emitOpError("expects ") << q << " in blocks and " << p << " out blocks, got "
                                       << input.getDimSize(inDim + 1) << " and " << init.getDimSize(outDim + 1);
  SmallVector<int64_t> ins, outs;
  for (int64_t d = 0; d < rank; ++d) {
    if (d != inDim)
      ins.push_back(input.getDimSize(d + 1));
    if (d != outDim)
      outs.push_back(init.getDimSize(d + 1));
  }
  int64_t free = rank - 1 - taps;
  if (free < 0) // spectral_conv C6
    return op->emitOpError("expects at least ") << taps << " dimensions beside slot and block";
  for (int64_t d = 0; d < free; ++d) // spectral_* C4
    if (extentsDiffer(ins[d], outs[d]))
      return op->emitOpError("expects extents of input and init to agree, got ") << ins[d] << " and " << outs[d];
  // spectral_dot C7
  for (int64_t t = 0; t < taps; ++t) { // spectral_conv C7
    int64_t in = ins[free + t], out = outs[free + t];
    int64_t last = (out - 1) * strides[t] + (weights.getDimSize(1 + t) - 1) * dilations[t];
    if (ShapedType::isStatic(in) && ShapedType::isStatic(out) && last >= in)
      return op->emitOpError("expects window ") << t << " of input to reach " << last + 1 << ", got " << in;
  }
  return success();
}

void mlir::compress::addDestinationEffects(
    Operation *op, OpOperand &init, bool readsInit,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isInit = &operand == &init;
    if (!isInit || readsInit)
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
  }
}

OperandTiling mlir::compress::tileRows(KernelTiling &tiling, Value init) {
  OperandTiling rows;
  for (int64_t d = 0; d + 1 < shaped(init).getRank(); ++d) {
    tiling.iterators.push_back(utils::IteratorType::parallel);
    rows.push_back(DimTiling::along(d));
  }
  rows.push_back(DimTiling::whole());
  return rows;
}

LogicalResult mlir::compress::reifyFromInit(OpBuilder &builder, Operation *op, Value init,
                                            ReifiedRankedShapedTypeDims &shapes) {
  if (op->getNumResults())
    shapes.push_back(tensor::getMixedSizes(builder, op->getLoc(), init));
  return success();
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

LogicalResult RfftOp::verify() {
  if (failed(verifyTransform(*this, shaped(getInput()), shaped(getInit()), getDim(), "input", "init")))
    return failure();
  return verifyDestination(*this, getInit(), getInput());
}

LogicalResult RfftTransposeOp::verify() {
  if (failed(verifyTransform(*this, shaped(getInit()), shaped(getInput()), getDim(), "init", "input")))
    return failure();
  return verifyDestination(*this, getInit(), getInput());
}

void RfftOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

void RfftTransposeOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult RfftOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

LogicalResult RfftTransposeOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

LogicalResult SpectralMatmulOp::verify() {
  ShapedType weights = shaped(getWeights());
  if (int64_t panel = getPanel()) {
    if (!weights.hasStaticShape()) // spectral_matmul C2
      return emitOpError("expects weights in panels of a static shape, got ") << weights;
    weights = weights.clone({weights.getDimSize(0), weights.getDimSize(2), weights.getDimSize(1) * panel});
  }
  if (failed(verifySpectral(*this, shaped(getInput()), weights, shaped(getInit()), getInDim(), getOutDim(), {}, {})))
    return failure();
  return verifyDestination(*this, getInit(), {getInput(), getWeights()});
}

/// `type` with panels and in blocks swapped: k x p / P x q x P to k x q x p / P x P, and back.
static RankedTensorType swapPanels(RankedTensorType type) {
  return type.clone({type.getDimSize(0), type.getDimSize(2), type.getDimSize(1), type.getDimSize(3)});
}

static Value swapPanels(OpBuilder &builder, Location loc, Value weights) {
  RankedTensorType type = swapPanels(cast<RankedTensorType>(weights.getType()));
  Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
  return linalg::TransposeOp::create(builder, loc, weights, empty, ArrayRef<int64_t>{0, 2, 1, 3})->getResult(0);
}

static SmallVector<ReassociationIndices> panelDims() { return {{0}, {1}, {2, 3}}; }

Value SpectralMatmulOp::emitPlainWeights(OpBuilder &builder, Value weights) {
  return tensor::CollapseShapeOp::create(builder, getLoc(), swapPanels(builder, getLoc(), weights), panelDims());
}

Value SpectralMatmulOp::emitPanels(OpBuilder &builder, Value weights) {
  RankedTensorType split = swapPanels(cast<RankedTensorType>(getWeights().getType()));
  return swapPanels(builder, getLoc(), tensor::ExpandShapeOp::create(builder, getLoc(), split, weights, panelDims()));
}

/// C6 of the products with windows.
static LogicalResult verifyWindows(Operation *op, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  auto positive = [](int64_t v) { return v >= 1; };
  bool fits =
      strides.size() == dilations.size() && llvm::all_of(strides, positive) && llvm::all_of(dilations, positive);
  // spectral_dot C6
  if (!fits) // spectral_conv C6
    return op->emitOpError("expects as many strides as dilations, all of them positive");
  return success();
}

LogicalResult SpectralConvOp::verify() {
  ArrayRef<int64_t> strides = getStrides(), dilations = getDilations();
  if (strides.empty()) // spectral_conv C6
    return emitOpError("expects at least one stride");
  if (failed(verifyWindows(*this, strides, dilations)))
    return failure();
  if (failed(verifySpectral(*this, shaped(getInput()), shaped(getWeights()), shaped(getInit()), getInDim(), getOutDim(),
                            strides, dilations)))
    return failure();
  return verifyDestination(*this, getInit(), {getInput(), getWeights()});
}

/// C9 of compress.spectral_dot.
static LogicalResult verifyScaling(SpectralDotOp op, ArrayRef<int64_t> shape) {
  auto fits = [&](Value value, unsigned number) {
    ShapedType type = shaped(value);
    bool hasType = number == 0 ? type.getElementType().isF32() : type.getElementType().isInteger(32);
    return hasType && type.getShape() == shape;
  };
  OperandRange scaling = op.getScaling();
  unsigned asked = op.getWords() == WordFormat::i8 ? 2 : 0;
  bool isFine = scaling.size() == asked;
  for (auto [number, value] : llvm::enumerate(scaling))
    isFine = isFine && fits(value, number);
  if (!isFine) // spectral_dot C9
    return op.emitOpError("expects ") << (asked ? "f32 scales and i32 offsets of " : "no scales; i8 has them, of ")
                                      << shape[0] << " frequencies by " << shape[1] << " out blocks";
  return success();
}

LogicalResult SpectralDotOp::verify() {
  ArrayRef<int64_t> strides = getStrides(), dilations = getDilations();
  if (failed(verifyWindows(*this, strides, dilations)))
    return failure();
  ShapedType input = shaped(getInput()), weights = shaped(getWeights()), init = shaped(getInit());
  int64_t inDim = getInDim(), rank = input.getRank() - 1, taps = strides.size(), panels = getPanel() ? 1 : 0;
  if (weights.getRank() != 3 + taps + panels || !weights.hasStaticShape() || inDim < 0 || inDim >= rank ||
      input.isDynamicDim(inDim + 1) ||
      llvm::any_of(input.getShape().take_back(taps), ShapedType::isDynamic)) // spectral_dot C1, C2
    return emitOpError("expects static weights of rank ")
           << 3 + taps << " or, in panels, " << 4 + taps << ", and static in blocks and windows of input";
  // What the words stand for.
  int64_t k = init.getDimSize(0), q = input.getDimSize(inDim + 1);
  SmallVector<int64_t> shape{k};
  llvm::append_range(shape, weights.getShape().slice(1 + panels, taps));
  shape.append({q, weights.getShape().back() * (panels ? weights.getDimSize(1) : 1)});
  if (failed(verifySpectral(*this, input, weights.clone(shape), init, inDim, getOutDim(), strides, dilations)))
    return failure();
  int64_t frequencies = llvm::divideCeil(k, 2), numWords = llvm::divideCeil(q, blocksPerWord(getWords(), k));
  if (weights.getDimSize(0) != frequencies || weights.getDimSize(weights.getRank() - 2) != numWords) // spectral_dot C8
    return emitOpError("expects weights of ")
           << frequencies << " frequencies and " << numWords << " in words, got " << weights;
  if (failed(verifyScaling(*this, {frequencies, shape.back()})))
    return failure();
  return verifyResults(*this, getInit());
}

void SpectralMatmulOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

void SpectralDotOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

void SpectralConvOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult SpectralMatmulOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

LogicalResult SpectralDotOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

LogicalResult SpectralConvOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}
