//===- Transforms.cpp - Transforms as integers -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

/// Bits of a twiddle factor.
static constexpr int64_t kFactorBits = 16;

namespace {
/// The loops of a step around the transforms along `dim` of a tensor: those of the other dimensions, in the order
/// `written`.
struct TransformLoops {
  AffineNest nest;
  unsigned dim;
  SmallVector<unsigned> others;
  SmallVector<AffineExpr> at;

  TransformLoops(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, ArrayRef<unsigned> written, unsigned dim)
      : nest(builder, loc), dim(dim), at(shape.size()) {
    for (unsigned d : written)
      if (d != dim) {
        others.push_back(d);
        at[d] = nest.loop(0, shape[d]);
      }
  }

  /// The indices of a transform of blocks `begin` to `end`, the block's in place of `dim`; opens their loop in `inner`.
  SmallVector<AffineExpr> blocks(AffineNest &inner, int64_t begin, int64_t end) const {
    SmallVector<AffineExpr> index(at);
    index[dim] = inner.loop(begin, end);
    return index;
  }
};
} // namespace

/// Calls `emit(begin, end, valid)` for whole blocks of k, and for a last one of `valid` numbers.
static LogicalResult forBlocks(int64_t extent, int64_t k, function_ref<LogicalResult(int64_t, int64_t, int64_t)> emit) {
  int64_t whole = extent / k;
  if (whole > 0 && failed(emit(0, whole, k)))
    return failure();
  return extent % k == 0 ? success() : emit(whole, whole + 1, extent % k);
}

LogicalResult FixedPointEmitter::emitTransform(RfftOp op) {
  const FixedTensor *found = input(op, op.getInput());
  auto largest = largestOf(op->getResult(0), op);
  if (!found || failed(largest))
    return failure();
  FixedTensor from = *found;
  int64_t k = op.getBlockSize();
  unsigned dim = op.getDim();
  if (operationCountUpperBound(k) > kMostEmittedOperations)
    return refuse(op, "its transforms of " + Twine(k) + " points are too long to be written out");
  const FixedPointWidths &widths = widthsOf(op);
  FixedFormat format = formatFor(widths.spectrum, *largest);
  // Dimension 0 of the result is the slot.
  SmallVector<unsigned> written = dimsInOrder(from), order;
  for (unsigned d : written)
    if (d != dim)
      order.push_back(d + 1);
  order.append({static_cast<unsigned>(dim + 1), 0});
  FixedTensor to = allocate(op->getResult(0), format, order);
  Step step = begin(op, "transform", {from}, to);
  MLIRContext *context = op.getContext();
  TransformLoops loops(step.builder, step.loc, from.shape, written, dim);
  return forBlocks(from.shape[dim], k, [&](int64_t first, int64_t last, int64_t valid) -> LogicalResult {
    FixedNetwork network(restrictInputs(rfft(k), valid), from.format, widths.transform(), kFactorBits);
    if (network.widest() > kMostFixedBits)
      return refuse(op, "a number of more than " + Twine(kMostFixedBits) + " bits is needed inside of a transform");
    OpBuilder::InsertionGuard guard(step.builder);
    AffineNest nest = loops.nest;
    SmallVector<AffineExpr> at = loops.blocks(nest, first, last);
    auto load = [&](int64_t t) {
      SmallVector<AffineExpr> index(at);
      index[dim] = index[dim] * k + t;
      return nest.load(step.inputs[0], flatten(index, from.shape, context), 1);
    };
    auto rounded = [&](Value x, const Requantization &how) { return round(step.builder, step.loc, x, how); };
    auto store = [&](int64_t slot, Value value) {
      SmallVector<AffineExpr> index{nest.constant(slot)};
      index.append(at);
      nest.store(rounded(value, {network.outputFormat(slot), format}), step.output, flatten(index, to.shape, context));
    };
    for (int64_t slot = 0; slot < k; ++slot)
      if (failed(check(op, {network.outputFormat(slot), format})))
        return failure();
    network.emit(step.builder, step.loc, load, rounded, store);
    return success();
  });
}

LogicalResult FixedPointEmitter::emitInverse(RfftTransposeOp op) {
  const FixedTensor *found = input(op, op.getInput());
  auto format = activationFormat(op);
  if (!found || failed(format))
    return failure();
  FixedTensor from = *found;
  Initial start{{0.0}, {}, AffineMap()};
  if (op.getAccumulate()) {
    auto given = initial(op, op.getInit());
    if (failed(given))
      return failure();
    start = *given;
  }
  int64_t k = op.getBlockSize();
  unsigned dim = op.getDim();
  if (operationCountUpperBound(k) > kMostEmittedOperations)
    return refuse(op, "its transforms of " + Twine(k) + " points are too long to be written out");
  Network whole = transpose(rfft(k));
  // Every output and the bias are aligned to the finest fraction of all.
  int64_t fraction = from.format.fraction;
  const FixedPointWidths &widths = widthsOf(op);
  FixedNetwork planned(whole, from.format, widths.transform(), kFactorBits);
  for (int64_t t = 0; t < k; ++t)
    fraction = std::max(fraction, planned.outputFormat(t).fraction);
  FailureOr<FixedConstant> bias = start.isZero() ? FixedConstant() : biases(op, start, fraction);
  if (failed(bias))
    return failure();
  // The spectrum's dimension 0 is the slot.
  SmallVector<unsigned> written, order;
  for (unsigned d : dimsInOrder(from))
    if (d != 0)
      written.push_back(d - 1);
  llvm::copy_if(written, std::back_inserter(order), [&](unsigned d) { return d != dim; });
  order.push_back(dim);
  FixedTensor to = allocate(op->getResult(0), *format, order);
  Step step = begin(op, "inverse", {from}, to);
  Value bs = start.isZero() ? Value() : read(step, *bias);
  MLIRContext *context = op.getContext();
  TransformLoops loops(step.builder, step.loc, to.shape, written, dim);
  return forBlocks(to.shape[dim], k, [&](int64_t first, int64_t last, int64_t valid) -> LogicalResult {
    FixedNetwork network(restrictOutputs(whole, valid), from.format, widths.transform(), kFactorBits);
    if (network.widest() > kMostFixedBits)
      return refuse(op, "a number of more than " + Twine(kMostFixedBits) + " bits is needed inside of a transform");
    OpBuilder::InsertionGuard guard(step.builder);
    AffineNest nest = loops.nest;
    SmallVector<AffineExpr> at = loops.blocks(nest, first, last);
    auto load = [&](int64_t slot) {
      SmallVector<AffineExpr> index{nest.constant(slot)};
      index.append(at);
      return nest.load(step.inputs[0], flatten(index, from.shape, context), 1);
    };
    auto rounded = [&](Value x, const Requantization &how) { return round(step.builder, step.loc, x, how); };
    auto formatBefore = [&](int64_t t) {
      FixedFormat before = network.outputFormat(t);
      return bs ? FixedFormat{std::max(before.width + fraction - before.fraction, bias->format.width) + 1, fraction}
                : before;
    };
    auto store = [&](int64_t t, Value value) {
      OpBuilder &builder = step.builder;
      SmallVector<AffineExpr> index(at);
      index[dim] = index[dim] * k + t;
      FixedFormat before = formatBefore(t);
      if (bs) {
        int64_t shift = fraction - network.outputFormat(t).fraction;
        value = extend(builder, step.loc, value, before.width);
        if (shift > 0)
          value = arith::ShLIOp::create(builder, step.loc, value, integer(builder, step.loc, shift, before.width));
        SmallVector<AffineExpr> biasIndex;
        for (AffineExpr expr : start.map.getResults())
          biasIndex.push_back(expr.replaceDims(index));
        Value b = nest.load(bs, flatten(biasIndex, start.shape, context), 1);
        value = arith::AddIOp::create(builder, step.loc, value, extend(builder, step.loc, b, before.width));
      }
      nest.store(rounded(value, {before, *format}), step.output, flatten(index, to.shape, context));
    };
    for (int64_t t = 0; t < valid; ++t)
      if (failed(check(op, {formatBefore(t), *format})))
        return failure();
    network.emit(step.builder, step.loc, load, rounded, store);
    return success();
  });
}
