//===- RoundActivations.cpp - Groups of activations as bytes ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RoundActivations.h"
#include "LaneEmitter.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<AffineExpr> mlir::compress::indexAt(ArrayRef<AffineExpr> row, AffineExpr last) {
  SmallVector<AffineExpr> index(row);
  index.push_back(last);
  return index;
}

int64_t mlir::compress::stepsAtOnce(int64_t count, int64_t most) {
  int64_t unrolled = std::min(count, most);
  while (count % unrolled != 0)
    --unrolled;
  return unrolled;
}

void mlir::compress::forEachStep(AffineNest &nest, int64_t count, int64_t most, SmallVectorImpl<Value> &values,
                                 function_ref<void(AffineExpr)> body) {
  int64_t unrolled = stepsAtOnce(count, most);
  AffineExpr step = nest.loopCarrying(count / unrolled, values);
  for (int64_t i = 0; i < unrolled; ++i)
    body(step * unrolled + i);
  nest.closeCarrying(values);
}

Value mlir::compress::emitLargest(AffineNest &nest, Value largest, Value numbers, ArrayRef<AffineExpr> index,
                                  int64_t width) {
  LaneEmitter emit{nest.builder, nest.loc, width};
  // As bits, which of numbers without sign are in the same order, and largest of a NaN.
  Value bits = emit.bitsOf(nest.load(numbers, index, width));
  return arith::MaxSIOp::create(nest.builder, nest.loc, largest, emit.masked(bits, ~kSign));
}

Value mlir::compress::emitScaleOf(AffineNest &nest, Value largest, Value scales, ArrayRef<AffineExpr> index) {
  OpBuilder &builder = nest.builder;
  Location loc = nest.loc;
  LaneEmitter scalar{builder, loc, 1};
  if (isa<VectorType>(largest.getType()))
    largest = vector::ReductionOp::create(builder, loc, vector::CombiningKind::MAXSI, largest);
  Value most = scalar.numberOf(largest);
  nest.store(scalar.times(most, scalar.number(1 / kMostI8)), scales, index);
  Value isTiny = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, most, scalar.number(kLeastScaled));
  Value inverse = arith::DivFOp::create(builder, loc, scalar.number(kMostI8), most);
  return arith::SelectOp::create(builder, loc, isTiny, scalar.number(0), inverse);
}

Value mlir::compress::emitScale(AffineNest &nest, Value numbers, ArrayRef<AffineExpr> row, AffineExpr column,
                                int64_t extent, Value scales, AffineExpr number, int64_t lanes) {
  int64_t width = overlappingWidth(extent, lanes);
  SmallVector<Value> largest{LaneEmitter{nest.builder, nest.loc, width}.bits(0)};
  auto take = [&](AffineExpr offset) {
    largest[0] = emitLargest(nest, largest[0], numbers, indexAt(row, column + offset), width);
  };
  forEachStep(nest, extent / width, 8, largest, [&](AffineExpr step) { take(step * width); });
  if (extent % width != 0) // overlaps the one before: a number may count twice
    take(nest.constant(extent - width));
  return emitScaleOf(nest, largest[0], scales, indexAt(row, number));
}

SmallVector<AffineExpr> mlir::compress::loopOverRows(AffineNest &nest, Value memref) {
  SmallVector<AffineExpr> row;
  for (int64_t d = 0, e = cast<MemRefType>(memref.getType()).getRank(); d + 1 < e; ++d)
    row.push_back(nest.loopOverDim(memref, d));
  return row;
}

void mlir::compress::emitLastInputs(OpBuilder &builder, Location loc, Value input, int64_t count, Value padded,
                                    int64_t lanes) {
  OpBuilder::InsertionGuard guard(builder);
  AffineNest rows(builder, loc);
  SmallVector<AffineExpr> row = loopOverRows(rows, input);
  int64_t first = cast<MemRefType>(input.getType()).getShape().back() - count;
  auto write = [&](int64_t begin, int64_t end, function_ref<Value(AffineNest &, AffineExpr, int64_t)> number) {
    forEachLaneRun(end - begin, lanes, [&](int64_t from, int64_t to, int64_t width) {
      OpBuilder::InsertionGuard inner(builder);
      AffineNest nest(rows);
      AffineExpr column = nest.loop(begin + from, begin + to, width);
      nest.store(number(nest, column, width), padded, indexAt(row, column));
    });
  };
  write(0, count, [&](AffineNest &nest, AffineExpr column, int64_t width) {
    return nest.load(input, indexAt(row, column + first), width);
  });
  write(count, cast<MemRefType>(padded.getType()).getShape().back(),
        [&](AffineNest &nest, AffineExpr, int64_t width) { return nest.zero(padded, width); });
}
