//===- Pointwise.cpp - Pooling, relu, factors, padding as integers ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
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

std::optional<Scale> mlir::compress::matchScale(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (op.getNumReductionLoops() != 0 || op.getNumDpsInits() != 1 || op.getNumDpsInputs() > 2 || body->empty())
    return std::nullopt;
  Operation *inner = &body->front();
  Value yielded = body->getTerminator()->getOperand(0), init;
  if (auto add = yielded.getDefiningOp<arith::AddFOp>()) {
    Value destination = body->getArguments().back();
    if (add.getLhs() != destination)
      return std::nullopt;
    init = op.getDpsInits()[0];
    yielded = add.getRhs();
  }
  if (!llvm::hasNItems(body->without_terminator(), init ? 2 : 1) || !isa<arith::MulFOp, arith::DivFOp>(inner) ||
      yielded != inner->getResult(0))
    return std::nullopt;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  std::optional<Scale> scale;
  for (int side : {0, 1}) { // the activation's
    auto x = dyn_cast<BlockArgument>(inner->getOperand(side)), c = dyn_cast<BlockArgument>(inner->getOperand(1 - side));
    FloatAttr number;
    if (!x || x.getArgNumber() >= op.getNumDpsInputs() || (side == 1 && isa<arith::DivFOp>(inner)))
      continue;
    OpOperand *activation = op.getDpsInputOperand(x.getArgNumber());
    if (op.getMatchingIndexingMap(activation) != out || !out.isIdentity() || constantValues(activation->get()))
      continue;
    if (!c && matchPattern(inner->getOperand(1 - side), m_Constant(&number)))
      scale = {activation->get(),
               init,
               {number.getValueAsDouble()},
               {},
               AffineMap::get(out.getNumDims(), 0, op.getContext())};
    if (!c || c.getArgNumber() >= op.getNumDpsInputs())
      continue;
    OpOperand *factors = op.getDpsInputOperand(c.getArgNumber());
    auto type = dyn_cast<RankedTensorType>(factors->get().getType());
    if (auto values = type ? constantValues(factors->get()) : std::nullopt)
      scale = {activation->get(), init, *values, llvm::to_vector(type.getShape()), op.getMatchingIndexingMap(factors)};
  }
  if (!scale || (isa<arith::DivFOp>(inner) && llvm::is_contained(scale->factors, 0.0)))
    return std::nullopt;
  if (isa<arith::DivFOp>(inner))
    for (double &factor : scale->factors)
      factor = 1 / factor;
  return scale;
}

bool mlir::compress::isSumOfTwo(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (op.getNumReductionLoops() != 0 || op.getNumDpsInits() != 1 || op.getNumDpsInputs() != 2 ||
      !llvm::hasNItems(body->without_terminator(), 1) ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); }))
    return false;
  Operation *inner = &body->front();
  return isa<arith::AddFOp, arith::SubFOp>(inner) && body->getTerminator()->getOperand(0) == inner->getResult(0) &&
         inner->getOperand(0) == body->getArgument(0) && inner->getOperand(1) == body->getArgument(1);
}

bool mlir::compress::isFiller(Value value) {
  if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>())
    return isFiller(slice.getSource());
  Operation *op = value.getDefiningOp();
  return isa_and_nonnull<tensor::EmptyOp, linalg::FillOp>(op);
}

bool mlir::compress::keepsFormat(Operation *op) {
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::PadOp, tensor::InsertSliceOp>(op) || isRelu(op))
    return true;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && matchPooling(linalgOp) == Pooling::Max;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Opens the loops in which `tensor` is written; returns the place of its number.
static AffineExpr openPlaces(AffineNest &nest, const FixedTensor &tensor) {
  AffineExpr place = nest.constant(0);
  for (PlaceLoop loop : tensor.order)
    place = place + nest.loop(0, loop.extent) * loop.stride;
  return place;
}

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
  AffineMap in = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  SmallVector<unsigned> order =
      writingOrder(op->getResult(0), from, in, out.getResults(), [](AffineExpr) { return false; });
  FixedTensor to = allocate(op->getResult(0), format, order);
  Step step = begin(op, "pool", {from}, to);
  AffineNest nest(step.builder, step.loc);
  SmallVector<AffineExpr> at(extents.size(), nest.constant(0)), outIndex, inIndex;
  for (unsigned i : order) {
    unsigned d = cast<AffineDimExpr>(out.getResult(i)).getPosition();
    at[d] = nest.loop(0, extents[d]);
  }
  for (AffineExpr result : out.getResults())
    outIndex.push_back(at[cast<AffineDimExpr>(result).getPosition()]);
  SmallVector<Value> carried{integer(step.builder, step.loc, isMax ? format.lowest() : 0, format.width)};
  for (unsigned d : reductions)
    at[d] = nest.loopCarrying(extents[d], carried);
  for (AffineExpr expr : in.getResults())
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

SmallVector<unsigned> FixedPointEmitter::numberByNumber(Operation *op, const FixedTensor &from) {
  auto row = AffineMap::getMultiDimIdentityMap(from.shape.size(), op->getContext());
  return writingOrder(op->getResult(0), from, row, row.getResults(), [](AffineExpr) { return false; });
}

LogicalResult FixedPointEmitter::emitRelu(linalg::LinalgOp op) {
  const FixedTensor *found = input(op, op.getDpsInputs()[0]);
  if (!found)
    return failure();
  FixedTensor from = *found, to = allocate(op->getResult(0), from.format, numberByNumber(op, from));
  Step step = begin(op, "relu", {from}, to);
  AffineNest nest(step.builder, step.loc);
  AffineExpr place = openPlaces(nest, to);
  Value x = nest.load(step.inputs[0], place, 1), zero = integer(step.builder, step.loc, 0, from.format.width);
  nest.store(arith::MaxSIOp::create(step.builder, step.loc, x, zero), step.output, place);
  return success();
}

/// Both are aligned to the finer fraction, added exactly, and rounded once.
LogicalResult FixedPointEmitter::emitSum(linalg::LinalgOp op) {
  const FixedTensor *first = input(op, op.getDpsInputs()[0]), *second = input(op, op.getDpsInputs()[1]);
  auto format = activationFormat(op);
  if (!first || !second || failed(format))
    return failure();
  FixedTensor a = *first, b = *second;
  int64_t fraction = std::max(a.format.fraction, b.format.fraction);
  auto aligned = [&](FixedFormat of) { return of.width + fraction - of.fraction; };
  Requantization how{{std::max(aligned(a.format), aligned(b.format)) + 1, fraction}, *format};
  if (failed(check(op, how)))
    return failure();
  FixedTensor to = allocate(op->getResult(0), *format, numberByNumber(op, a));
  bool isSame = a.buffer == b.buffer; // a buffer is an argument once
  Step step = begin(op, "sum", isSame ? ArrayRef(a) : ArrayRef<FixedTensor>{a, b}, to);
  OpBuilder &builder = step.builder;
  AffineNest nest(builder, step.loc);
  AffineExpr place = openPlaces(nest, to);
  auto load = [&](Value buffer, FixedFormat of) {
    Value x = extend(builder, step.loc, nest.load(buffer, place, 1), how.from.width);
    int64_t shift = fraction - of.fraction;
    return shift == 0 ? x
                      : arith::ShLIOp::create(builder, step.loc, x, integer(builder, step.loc, shift, how.from.width));
  };
  Value x = load(step.inputs[0], a.format), y = load(step.inputs[isSame ? 0 : 1], b.format);
  Value sum = isa<arith::SubFOp>(op.getBlock()->front()) ? Value(arith::SubIOp::create(builder, step.loc, x, y))
                                                         : Value(arith::AddIOp::create(builder, step.loc, x, y));
  nest.store(round(builder, step.loc, sum, how), step.output, place);
  return success();
}

LogicalResult FixedPointEmitter::emitScale(linalg::LinalgOp op, const Scale &scale) {
  const FixedTensor *found = input(op, scale.activation);
  auto format = activationFormat(op);
  if (!found || failed(format))
    return failure();
  FixedTensor from = *found;
  constexpr int64_t kFactorBits = 16;
  double largest = 0;
  for (double factor : scale.factors)
    largest = std::max(largest, std::abs(factor));
  FixedFormat factorFormat = formatFor(kFactorBits, largest);
  SmallVector<int64_t> factors;
  for (double factor : scale.factors)
    factors.push_back(quantize(factor, factorFormat));
  int64_t width = from.format.width + kFactorBits, fraction = from.format.fraction + factorFormat.fraction;
  FailureOr<Initial> start = scale.init ? initial(op, scale.init) : Initial();
  if (failed(start))
    return failure();
  bool hasBias = scale.init && !start->isZero();
  FailureOr<FixedConstant> bias = hasBias ? biases(op, *start, fraction) : FixedConstant();
  if (failed(bias))
    return failure();
  Requantization how{{hasBias ? std::max(width, bias->format.width) + 1 : width, fraction}, *format};
  if (failed(check(op, how)))
    return failure();
  std::optional<FixedConstant> table;
  if (factors.size() > 1)
    table = constant(op, "factors", scale.shape, factors, factorFormat);
  SmallVector<unsigned> order = numberByNumber(op, from);
  FixedTensor to = allocate(op->getResult(0), *format, order);
  Step step = begin(op, "scale", {from}, to);
  AffineNest nest(step.builder, step.loc);
  Value values = table ? read(step, *table) : Value(), bs = hasBias ? read(step, *bias) : Value();
  SmallVector<AffineExpr> index(from.shape.size()), factorIndex, biasIndex;
  for (unsigned d : order)
    index[d] = nest.loop(0, from.shape[d]);
  for (AffineExpr expr : scale.map.getResults())
    factorIndex.push_back(expr.replaceDims(index));
  AffineExpr place = flatten(index, from.shape, op->getContext());
  Value x = extend(step.builder, step.loc, nest.load(step.inputs[0], place, 1), width);
  Value factor = table ? extend(step.builder, step.loc,
                                nest.load(values, flatten(factorIndex, scale.shape, op->getContext()), 1), width)
                       : integer(step.builder, step.loc, factors[0], width);
  Value product = arith::MulIOp::create(step.builder, step.loc, x, factor);
  if (hasBias) {
    for (AffineExpr expr : start->map.getResults())
      biasIndex.push_back(expr.replaceDims(index));
    product =
        exactSum(step.builder, step.loc, product, nest.load(bs, flatten(biasIndex, start->shape, op->getContext()), 1));
  }
  nest.store(round(step.builder, step.loc, product, how), step.output, place);
  return success();
}

namespace {
/// Writes each number of a padded tensor once, in order: along the outermost dimension that is padded, what fills,
/// then the padded slices, then what fills.
struct Padding {
  const FixedTensor &from, &to;
  Value input, output;
  ArrayRef<int64_t> low;
  ArrayRef<unsigned> order;
  int64_t filled;

  /// Dimensions from `depth` of the order on; `at`, indices of the result, is known for those before.
  void emit(AffineNest nest, size_t depth, SmallVector<AffineExpr> at) const {
    OpBuilder::InsertionGuard guard(nest.builder);
    MLIRContext *context = nest.builder.getContext();
    if (depth == order.size()) {
      SmallVector<AffineExpr> source;
      for (auto [index, shift] : llvm::zip_equal(at, low))
        source.push_back(index - shift);
      nest.store(nest.load(input, flatten(source, from.shape, context), 1), output, flatten(at, to.shape, context));
      return;
    }
    unsigned d = order[depth];
    fill(nest, depth, at, 0, low[d]);
    {
      OpBuilder::InsertionGuard slices(nest.builder);
      AffineNest inner = nest;
      at[d] = inner.loop(0, from.shape[d]) + low[d];
      emit(inner, depth + 1, at);
    }
    fill(nest, depth, at, low[d] + from.shape[d], to.shape[d]);
  }

private:
  /// Indices `begin` to `end` of dimension `depth`, all of those inside.
  void fill(AffineNest nest, size_t depth, SmallVector<AffineExpr> at, int64_t begin, int64_t end) const {
    if (begin == end)
      return;
    OpBuilder::InsertionGuard guard(nest.builder);
    at[order[depth]] = nest.loopAlways(begin, end);
    for (unsigned d : order.drop_front(depth + 1))
      at[d] = nest.loop(0, to.shape[d]);
    nest.store(integer(nest.builder, nest.loc, filled, to.format.width), output,
               flatten(at, to.shape, nest.builder.getContext()));
  }
};
} // namespace

LogicalResult FixedPointEmitter::emitPad(Operation *op, Value source, ArrayRef<int64_t> low, Value filling) {
  const FixedTensor *found = input(op, source);
  FloatAttr number;
  if (!found)
    return failure();
  if (!filling || !matchPattern(filling, m_Constant(&number)) || ShapedType::isDynamicShape(low))
    return refuse(op, "its padding is no constant");
  SmallVector<unsigned> order = numberByNumber(op, *found);
  FixedTensor from = *found, to = allocate(op->getResult(0), from.format, order);
  Step step = begin(op, "pad", {from}, to);
  double value = number.getValueAsDouble();
  int64_t filled =
      std::isinf(value) ? (value < 0 ? from.format.lowest() : from.format.highest()) : quantize(value, from.format);
  Padding padding{from, to, step.inputs[0], step.output, low, order, filled};
  padding.emit(AffineNest(step.builder, step.loc), 0, SmallVector<AffineExpr>(low.size()));
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
