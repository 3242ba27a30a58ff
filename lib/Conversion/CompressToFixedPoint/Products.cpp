//===- Products.cpp - Products with constant weights as integers -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

/// The exact sum a + b of integers.
static Value exactSum(OpBuilder &builder, Location loc, Value a, Value b) {
  int64_t width = std::max(a.getType().getIntOrFloatBitWidth(), b.getType().getIntOrFloatBitWidth()) + 1;
  return arith::AddIOp::create(builder, loc, extend(builder, loc, a, width), extend(builder, loc, b, width));
}

namespace {
/// Exact sums of products in one width.
struct Accumulator {
  OpBuilder &builder;
  Location loc;
  int64_t productWidth, width;

  Accumulator(OpBuilder &builder, Location loc, FixedFormat x, FixedFormat w, int64_t terms)
      : builder(builder), loc(loc), productWidth(x.width + w.width), width(productWidth + ceilLog2(terms)) {}

  Value zero() { return integer(builder, loc, 0, width); }
  Value multiply(Value x, Value w) {
    Value product = arith::MulIOp::create(builder, loc, extend(builder, loc, x, productWidth),
                                          extend(builder, loc, w, productWidth));
    return extend(builder, loc, product, width);
  }
  Value add(Value sum, Value product) { return arith::AddIOp::create(builder, loc, sum, product); }
  Value subtract(Value sum, Value product) { return arith::SubIOp::create(builder, loc, sum, product); }
};
} // namespace

FailureOr<FixedConstant> FixedPointEmitter::biases(Operation *op, const Initial &start, int64_t fraction) {
  double largest = 0;
  for (double value : start.values)
    largest = std::max(largest, std::abs(value));
  constexpr int64_t kMostBiasBits = 48;
  SmallVector<int64_t> values;
  FixedFormat format{1, fraction};
  for (double value : start.values) {
    FixedFormat wide{kMostBiasBits, fraction};
    values.push_back(quantize(value, wide));
    format.width = std::max(format.width, bitsFor(values.back(), values.back()));
  }
  if (formatFor(kMostBiasBits, largest).fraction < fraction) {
    (void)refuse(op, "its bias is too large beside the range of its result");
    return failure();
  }
  return constant(op, "bias", start.shape, values, format);
}

LogicalResult FixedPointEmitter::emitProduct(linalg::LinalgOp op) {
  OpOperand *xOperand = op.getDpsInputOperand(0), *wOperand = op.getDpsInputOperand(1);
  if (!tensors.contains(xOperand->get()))
    std::swap(xOperand, wOperand);
  const FixedTensor *x = input(op, xOperand->get());
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!x)
    return failure();
  if (!out.isProjectedPermutation())
    return refuse(op, "it adds numbers of its result up");
  FixedTensor from = *x;
  auto w = weights(op, wOperand->get());
  auto format = activationFormat(op);
  auto start = initial(op, op.getDpsInits()[0]);
  if (failed(w) || failed(format) || failed(start))
    return failure();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  int64_t terms = 1;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  for (unsigned d : reductions)
    terms *= extents[d];

  int64_t fraction = from.format.fraction + w->format.fraction;
  FailureOr<FixedConstant> bias = start->isZero() ? FixedConstant() : biases(op, *start, fraction);
  if (failed(bias))
    return failure();
  int64_t sumWidth = from.format.width + w->format.width + ceilLog2(terms);
  if (!start->isZero())
    sumWidth = std::max(sumWidth, bias->format.width) + 1;
  Requantization how{{sumWidth, fraction}, *format};
  if (failed(check(op, how)))
    return failure();

  FixedTensor to = allocate(op->getResult(0), *format);
  Step step = begin(op, "accumulate", {from}, to);
  OpBuilder &builder = step.builder;
  Value ws = read(step, *w), bs = start->isZero() ? Value() : read(step, *bias);
  AffineNest nest(builder, step.loc);
  SmallVector<AffineExpr> at(extents.size(), nest.constant(0)), outIndex;
  for (AffineExpr result : out.getResults()) {
    unsigned d = cast<AffineDimExpr>(result).getPosition();
    at[d] = nest.loop(0, extents[d]);
    outIndex.push_back(at[d]);
  }
  Accumulator sum(builder, step.loc, from.format, w->format, terms);
  SmallVector<Value> carried{sum.zero()};
  for (unsigned d : reductions)
    at[d] = nest.loopCarrying(extents[d], carried);
  auto place = [&](OpOperand *operand, ArrayRef<int64_t> shape) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults())
      index.push_back(expr.replaceDims(at));
    return flatten(index, shape, op->getContext());
  };
  Value product = sum.multiply(nest.load(step.inputs[0], place(xOperand, from.shape), 1),
                               nest.load(ws, place(wOperand, w->shape), 1));
  carried[0] = sum.add(carried[0], product);
  for (size_t i = 0; i < reductions.size(); ++i)
    nest.closeCarrying(carried);
  Value result = carried[0];
  if (bs) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : start->map.getResults())
      index.push_back(expr.replaceDims(outIndex));
    result = exactSum(builder, step.loc, result, nest.load(bs, flatten(index, start->shape, op->getContext()), 1));
  }
  nest.store(round(builder, step.loc, result, how), step.output, flatten(outIndex, to.shape, op->getContext()));
  return success();
}

LogicalResult FixedPointEmitter::emitSpectralProduct(Operation *op, Value xValue, Value wValue, Value init,
                                                     int64_t inDim, int64_t outDim, ArrayRef<int64_t> strides,
                                                     ArrayRef<int64_t> dilations) {
  const FixedTensor *found = input(op, xValue);
  if (!found)
    return failure();
  FixedTensor x = *found;
  auto w = weights(op, wValue);
  auto start = initial(op, init);
  auto largest = largestOf(op->getResult(0), op);
  if (failed(w) || failed(start) || failed(largest))
    return failure();
  if (!start->isZero())
    return refuse(op, "spectra are added to something: only biases of the result are supported");
  FixedFormat format = formatFor(widths.transform(), *largest);
  // Weights are k x taps… x q x p.
  int64_t k = w->shape.front(), q = w->shape[w->shape.size() - 2];
  ArrayRef<int64_t> taps = ArrayRef(w->shape).drop_front().drop_back(2);
  int64_t terms = q * ShapedType::getNumElements(taps);
  int64_t fraction = x.format.fraction + w->format.fraction;
  bool hasPairs = k > 2;
  auto howFor = [&](int64_t count) {
    return Requantization{{x.format.width + w->format.width + ceilLog2(count), fraction}, format};
  };
  if (failed(check(op, howFor(2 * terms))))
    return failure();

  FixedTensor to = allocate(op->getResult(0), format);
  Step step = begin(op, "accumulate", {x}, to);
  OpBuilder &builder = step.builder;
  MLIRContext *context = op->getContext();
  Value ws = read(step, *w);
  AffineNest outer(builder, step.loc);
  // The result's indices without the slot.
  SmallVector<AffineExpr> rest;
  for (int64_t extent : ArrayRef(to.shape).drop_front())
    rest.push_back(outer.loop(0, extent));
  AffineExpr o = rest[outDim];

  // A loop over slots, or over pairs of slots that are `numParts` reals, in the nest of the result's place.
  auto emitSlots = [&](int64_t first, int64_t count, int64_t numParts) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest = outer;
    AffineExpr slot = nest.loop(0, count) * numParts + first;
    Accumulator sum(builder, step.loc, x.format, w->format, numParts * terms);
    SmallVector<Value> carried(numParts, sum.zero());
    AffineExpr g = nest.loopCarrying(q, carried);
    SmallVector<AffineExpr> tapIndex;
    for (int64_t extent : taps)
      tapIndex.push_back(nest.loopCarrying(extent, carried));
    auto load = [&](int64_t part) {
      SmallVector<AffineExpr> xIndex{slot + part}, wIndex{slot + part};
      SmallVector<AffineExpr> others(rest);
      others.erase(others.begin() + outDim);
      size_t firstWindow = others.size() - taps.size();
      for (auto [i, tap] : llvm::enumerate(tapIndex))
        others[firstWindow + i] = others[firstWindow + i] * strides[i] + tap * dilations[i];
      others.insert(others.begin() + inDim, g);
      xIndex.append(others);
      wIndex.append(tapIndex);
      wIndex.append({g, o});
      return std::pair(nest.load(step.inputs[0], flatten(xIndex, x.shape, context), 1),
                       nest.load(ws, flatten(wIndex, w->shape, context), 1));
    };
    auto [xr, wr] = load(0);
    if (numParts == 1) {
      carried[0] = sum.add(carried[0], sum.multiply(xr, wr));
    } else {
      auto [xi, wi] = load(1);
      carried[0] = sum.subtract(sum.add(carried[0], sum.multiply(xr, wr)), sum.multiply(xi, wi));
      carried[1] = sum.add(sum.add(carried[1], sum.multiply(xi, wr)), sum.multiply(xr, wi));
    }
    for (size_t i = 0; i < taps.size() + 1; ++i)
      nest.closeCarrying(carried);
    for (int64_t part = 0; part < numParts; ++part) {
      SmallVector<AffineExpr> index{slot + part};
      index.append(rest);
      nest.store(round(builder, step.loc, carried[part], howFor(numParts * terms)), step.output,
                 flatten(index, to.shape, context));
    }
  };
  emitSlots(0, numRealSlots(k), 1);
  if (hasPairs)
    emitSlots(numRealSlots(k), (k - numRealSlots(k)) / 2, 2);
  return success();
}
