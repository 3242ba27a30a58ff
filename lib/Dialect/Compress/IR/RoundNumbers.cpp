//===- RoundNumbers.cpp - Round floats to the numbers of a code -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `round` of each number code, as IR: comparisons with the places where the nearest number changes. It is `nearest` and
// `valueOf` of NumberCodes.cpp in one; a unit test compares them on every number and at every tie.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Emits float arithmetic on scalars or vectors of one type.
struct NumberEmitter {
  OpBuilder &builder;
  Location loc;
  Type type;

  Value number(double value) {
    TypedAttr scalar = FloatAttr::get(getElementTypeOrSelf(type), value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      scalar = DenseElementsAttr::get(shaped, static_cast<Attribute>(scalar));
    return arith::ConstantOp::create(builder, loc, scalar);
  }
  Value select(arith::CmpFPredicate predicate, Value a, double b, Value yes, Value no) {
    Value holds = arith::CmpFOp::create(builder, loc, predicate, a, number(b));
    return arith::SelectOp::create(builder, loc, holds, yes, no);
  }
};

} // namespace

/// Bounds are integers: to saturate first is the same, and keeps the rounding in range.
Value UniformAttr::round(OpBuilder &builder, Location loc, Value number) const {
  NumberEmitter emit{builder, loc, number.getType()};
  double span = std::ldexp(1.0, static_cast<int>(getBits())), low = getUnsignedCodes() ? 0 : -span / 2;
  Value least = arith::MaximumFOp::create(builder, loc, number, emit.number(low));
  Value within = arith::MinimumFOp::create(builder, loc, least, emit.number(low + span - 1));
  return math::RoundEvenOp::create(builder, loc, within);
}

Value Pow2Attr::round(OpBuilder &builder, Location loc, Value number) const {
  NumberEmitter emit{builder, loc, number.getType()};
  auto power = [](int64_t exponent) { return std::ldexp(1.0, static_cast<int>(exponent)); };
  Value magnitude = math::AbsFOp::create(builder, loc, number);
  Value result = emit.number(power(getMinExponent()));
  for (int64_t e = getMinExponent(); e < getMaxExponent(); ++e)
    result = emit.select(arith::CmpFPredicate::OGT, magnitude, 1.5 * power(e), emit.number(power(e + 1)), result);
  if (getZero())
    result = emit.select(arith::CmpFPredicate::OGT, magnitude, 0.5 * power(getMinExponent()), result, emit.number(0.0));
  Value negative = arith::NegFOp::create(builder, loc, result);
  return emit.select(arith::CmpFPredicate::OLT, number, 0.0, negative, result);
}

Value TernaryAttr::round(OpBuilder &builder, Location loc, Value number) const {
  NumberEmitter emit{builder, loc, number.getType()};
  Value result = emit.select(arith::CmpFPredicate::OGT, number, 0.5, emit.number(1.0), emit.number(0.0));
  return emit.select(arith::CmpFPredicate::OLT, number, -0.5, emit.number(-1.0), result);
}

/// From one number of the sorted table to the next one where `number` is above their midpoint, or at it if the tie is
/// the next one's.
Value CodebookAttr::round(OpBuilder &builder, Location loc, Value number) const {
  NumberEmitter emit{builder, loc, number.getType()};
  SmallVector<double> sorted(getValues().asArrayRef());
  llvm::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  Value result = emit.number(sorted[0]);
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    double below = sorted[i], above = sorted[i + 1], middle = 0.5 * below + 0.5 * above;
    bool tieIsAbove = valueOf(nearest(middle)) == above;
    arith::CmpFPredicate predicate = tieIsAbove ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT;
    result = emit.select(predicate, number, middle, emit.number(above), result);
  }
  return result;
}
