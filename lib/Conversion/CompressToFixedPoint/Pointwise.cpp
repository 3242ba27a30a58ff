//===- Pointwise.cpp - Pooling, relu, factors, padding as integers ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

//===----------------------------------------------------------------------===//
// What an op is
//===----------------------------------------------------------------------===//

Pooling mlir::compress::matchPooling(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1 || !llvm::hasNItems(body->getOperations(), 2))
    return Pooling::None;
  Operation *combine = &body->front();
  Value x = body->getArgument(0), result = body->getArguments().back();
  bool combinesBoth = combine->getNumOperands() == 2 && combine->getNumResults() == 1 &&
                      ((combine->getOperand(0) == x && combine->getOperand(1) == result) ||
                       (combine->getOperand(0) == result && combine->getOperand(1) == x));
  if (!combinesBoth || body->getTerminator()->getOperand(0) != combine->getResult(0))
    return Pooling::None;
  FloatAttr from;
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  if (!fill || !matchPattern(fill.getInputs()[0], m_Constant(&from)))
    return Pooling::None;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(combine) && from.getValue().isInfinity() && from.getValue().isNegative())
    return Pooling::Max;
  return isa<arith::AddFOp>(combine) && from.getValue().isZero() ? Pooling::Sum : Pooling::None;
}

/// True if `op` reads one tensor, number by number.
static bool isUnary(linalg::LinalgOp op) {
  return op.getNumReductionLoops() == 0 && op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 &&
         isa<RankedTensorType>(op.getDpsInputs()[0].getType()) &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); });
}

bool mlir::compress::isRelu(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !isUnary(linalgOp))
    return false;
  Block *body = linalgOp.getBlock();
  Value x = body->getArgument(0);
  Operation *last = body->getTerminator()->getOperand(0).getDefiningOp();
  auto isZero = [](Value value) { return matchPattern(value, m_AnyZeroFloat()); };
  if (!last)
    return false;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(last))
    return (last->getOperand(0) == x && isZero(last->getOperand(1))) ||
           (last->getOperand(1) == x && isZero(last->getOperand(0)));
  auto select = dyn_cast<arith::SelectOp>(last);
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : arith::CmpFOp();
  if (!compare || compare.getLhs() != x || !isZero(compare.getRhs()))
    return false;
  using Predicate = arith::CmpFPredicate;
  Predicate predicate = compare.getPredicate();
  if (llvm::is_contained({Predicate::OLT, Predicate::ULT, Predicate::OLE, Predicate::ULE}, predicate))
    return isZero(select.getTrueValue()) && select.getFalseValue() == x;
  if (llvm::is_contained({Predicate::OGT, Predicate::UGT, Predicate::OGE, Predicate::UGE}, predicate))
    return select.getTrueValue() == x && isZero(select.getFalseValue());
  return false;
}

std::optional<double> mlir::compress::matchScale(linalg::LinalgOp op) {
  if (!isUnary(op) || !llvm::hasNItems(op.getBlock()->without_terminator(), 1))
    return std::nullopt;
  Operation *inner = &op.getBlock()->front();
  Value x = op.getBlock()->getArgument(0);
  FloatAttr factor;
  if (op.getBlock()->getTerminator()->getOperand(0) != inner->getResult(0) || inner->getNumOperands() != 2)
    return std::nullopt;
  Value a = inner->getOperand(0), b = inner->getOperand(1);
  if (isa<arith::MulFOp>(inner) && b == x)
    std::swap(a, b);
  if (a != x || !matchPattern(b, m_Constant(&factor)))
    return std::nullopt;
  double value = factor.getValueAsDouble();
  if (isa<arith::MulFOp>(inner))
    return value;
  return isa<arith::DivFOp>(inner) && value != 0 ? std::optional<double>(1 / value) : std::nullopt;
}

bool mlir::compress::keepsFormat(Operation *op) {
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::PadOp>(op) || isRelu(op))
    return true;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && matchPooling(linalgOp) == Pooling::Max;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

LogicalResult FixedPointEmitter::emitPooling(linalg::LinalgOp op, bool isMax) {
  const FixedTensor *found = input(op, op.getDpsInputs()[0]);
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!found || !out.isProjectedPermutation())
    return failure();
  FixedTensor from = *found;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  int64_t terms = 1;
  for (unsigned d : reductions)
    terms *= extents[d];
  FixedFormat format = from.format;
  if (!isMax)
    format.width += ceilLog2(terms);
  if (failed(check(op, {format, format})))
    return failure();
  FixedTensor to = allocate(op->getResult(0), format);
  Step step = begin(op, "pool", {from}, to);
  AffineNest nest(step.builder, step.loc);
  SmallVector<AffineExpr> at(extents.size(), nest.constant(0)), outIndex, inIndex;
  for (AffineExpr result : out.getResults()) {
    unsigned d = cast<AffineDimExpr>(result).getPosition();
    outIndex.push_back(at[d] = nest.loop(0, extents[d]));
  }
  SmallVector<Value> carried{integer(step.builder, step.loc, isMax ? format.lowest() : 0, format.width)};
  for (unsigned d : reductions)
    at[d] = nest.loopCarrying(extents[d], carried);
  for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInputOperand(0)).getResults())
    inIndex.push_back(expr.replaceDims(at));
  Value x = extend(step.builder, step.loc, nest.load(step.inputs[0], flatten(inIndex, from.shape, op->getContext()), 1),
                   format.width);
  carried[0] = isMax ? Value(arith::MaxSIOp::create(step.builder, step.loc, carried[0], x))
                     : Value(arith::AddIOp::create(step.builder, step.loc, carried[0], x));
  for (size_t i = 0; i < reductions.size(); ++i)
    nest.closeCarrying(carried);
  nest.store(carried[0], step.output, flatten(outIndex, to.shape, op->getContext()));
  return success();
}

LogicalResult FixedPointEmitter::emitRelu(linalg::LinalgOp op) {
  const FixedTensor *found = input(op, op.getDpsInputs()[0]);
  if (!found)
    return failure();
  FixedTensor from = *found, to = allocate(op->getResult(0), from.format);
  Step step = begin(op, "relu", {from}, to);
  AffineNest nest(step.builder, step.loc);
  AffineExpr place = nest.loop(0, ShapedType::getNumElements(from.shape));
  Value x = nest.load(step.inputs[0], place, 1), zero = integer(step.builder, step.loc, 0, from.format.width);
  nest.store(arith::MaxSIOp::create(step.builder, step.loc, x, zero), step.output, place);
  return success();
}

LogicalResult FixedPointEmitter::emitScale(linalg::LinalgOp op, double factor) {
  const FixedTensor *found = input(op, op.getDpsInputs()[0]);
  auto format = activationFormat(op);
  if (!found || failed(format))
    return failure();
  FixedTensor from = *found;
  constexpr int64_t kFactorBits = 16;
  FixedFormat factorFormat = formatFor(kFactorBits, std::abs(factor));
  int64_t width = from.format.width + kFactorBits;
  Requantization how{{width, from.format.fraction + factorFormat.fraction}, *format};
  if (failed(check(op, how)))
    return failure();
  FixedTensor to = allocate(op->getResult(0), *format);
  Step step = begin(op, "scale", {from}, to);
  AffineNest nest(step.builder, step.loc);
  AffineExpr place = nest.loop(0, ShapedType::getNumElements(from.shape));
  Value x = extend(step.builder, step.loc, nest.load(step.inputs[0], place, 1), width);
  Value product = arith::MulIOp::create(step.builder, step.loc, x,
                                        integer(step.builder, step.loc, quantize(factor, factorFormat), width));
  nest.store(round(step.builder, step.loc, product, how), step.output, place);
  return success();
}

LogicalResult FixedPointEmitter::emitPad(tensor::PadOp op) {
  const FixedTensor *found = input(op, op.getSource());
  FloatAttr number;
  Value value = op.getConstantPaddingValue();
  if (!found)
    return failure();
  if (!value || !matchPattern(value, m_Constant(&number)) || ShapedType::isDynamicShape(op.getStaticLow()))
    return refuse(op, "its padding is no constant");
  FixedTensor from = *found, to = allocate(op.getResult(), from.format);
  Step step = begin(op, "pad", {from}, to);
  double filling = number.getValueAsDouble();
  int64_t filled = std::isinf(filling) ? (filling < 0 ? from.format.lowest() : from.format.highest())
                                       : quantize(filling, from.format);
  {
    OpBuilder::InsertionGuard guard(step.builder);
    AffineNest nest(step.builder, step.loc);
    AffineExpr place = nest.loop(0, ShapedType::getNumElements(to.shape));
    nest.store(integer(step.builder, step.loc, filled, to.format.width), step.output, place);
  }
  AffineNest nest(step.builder, step.loc);
  SmallVector<AffineExpr> at, shifted;
  for (auto [extent, low] : llvm::zip(from.shape, op.getStaticLow())) {
    at.push_back(nest.loop(0, extent));
    shifted.push_back(at.back() + low);
  }
  Value x = nest.load(step.inputs[0], flatten(at, from.shape, op.getContext()), 1);
  nest.store(x, step.output, flatten(shifted, to.shape, op.getContext()));
  return success();
}

LogicalResult FixedPointEmitter::emitReshape(Operation *op) {
  const FixedTensor *found = input(op, op->getOperand(0));
  if (!found)
    return failure();
  FixedTensor tensor = *found;
  tensor.shape = llvm::to_vector(cast<RankedTensorType>(op->getResult(0).getType()).getShape());
  tensors[op->getResult(0)] = tensor;
  return success();
}
