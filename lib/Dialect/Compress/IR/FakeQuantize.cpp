//===- FakeQuantize.cpp - Meaning and surrogate gradient of rounding ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   W = linalg.generic (input, spread scales, spread zeros) { s * (round(x / s + z) - z) }
//
// The gradients are two such generics, and for scales the sum over each group. Rounding is the number code's.
//
//===----------------------------------------------------------------------===//

#include "Groups.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

SmallVector<int64_t> mlir::compress::groupSizes(std::optional<ArrayRef<int64_t>> group, ArrayRef<int64_t> shape,
                                                ArrayRef<int64_t> scales) {
  if (group)
    return SmallVector<int64_t>(*group);
  SmallVector<int64_t> sizes;
  for (auto [extent, count] : llvm::zip(shape, scales))
    sizes.push_back(extent / count);
  return sizes;
}

LogicalResult mlir::compress::verifyGroups(Operation *op, std::optional<ArrayRef<int64_t>> group,
                                           RankedTensorType numbers, RankedTensorType scales, Value zeros,
                                           NumberCodeAttrInterface code) {
  bool zerosFit = !zeros || cast<RankedTensorType>(zeros.getType()).getShape() == scales.getShape();
  if (scales.getRank() != numbers.getRank() || !zerosFit) // dequantize, fake_quantize C4
    return op->emitOpError("expects scales of rank ")
           << numbers.getRank() << ", and zeros of their shape, got " << scales;
  if (group) { // dequantize, fake_quantize C5
    bool fits = static_cast<int64_t>(group->size()) == numbers.getRank();
    for (int64_t d = 0; fits && d < numbers.getRank(); ++d)
      fits = (*group)[d] >= 1 &&
             static_cast<int64_t>(llvm::divideCeil(numbers.getDimSize(d), (*group)[d])) == scales.getDimSize(d);
    if (!fits)
      return op->emitOpError("expects a group size of at least 1 per dimension, and as many scales as groups, got [")
             << *group << "] for " << numbers << " and " << scales;
  } else { // dequantize, fake_quantize C6
    for (auto [extent, count] : llvm::zip(numbers.getShape(), scales.getShape()))
      if (count < 1 || extent % count != 0)
        return op->emitOpError("expects extents of scales that divide those of ")
               << numbers << ", or a group, got " << scales;
  }
  if (zeros && !code.takesZeros()) // dequantize, fake_quantize C7
    return op->emitOpError("expects no zeros: the code has no zero point");
  return success();
}

//===----------------------------------------------------------------------===//
// Verifier
//===----------------------------------------------------------------------===//

SmallVector<int64_t> FakeQuantizeOp::getGroupSizes() {
  return groupSizes(getGroup(), getResultType().getShape(), getScalesType().getShape());
}

LogicalResult FakeQuantizeOp::verify() {
  RankedTensorType scales = getScalesType(), result = getResultType();
  unsigned bits = getCode().getNumBits();
  if (getZeros() && !getElementTypeOrSelf(getZeros().getType()).isSignlessInteger(bits)) // fake_quantize C1
    return emitOpError("expects zeros of element type i") << bits << ", as the code says, got " << getZeros().getType();
  if (getInput().getType() != result ||
      llvm::any_of(result.getShape(), [](int64_t d) { return d < 1; })) // fake_quantize C2
    return emitOpError("expects a result of the type of input, extents at least 1, got ")
           << getInput().getType() << " and " << result;
  if (scales.getElementType() != result.getElementType()) // fake_quantize C3
    return emitOpError("expects scales and result of one element type, got ")
           << scales.getElementType() << " and " << result.getElementType();
  return verifyGroups(*this, getGroup(), result, scales, getZeros(), getCode());
}

//===----------------------------------------------------------------------===//
// Meaning and gradient
//===----------------------------------------------------------------------===//

namespace {

/// What one number, its scale and its zero point give, as scalars.
struct Place {
  OpBuilder &b;
  Location l;
  NumberCodeAttrInterface code;
  Value scale, zero, u;

  Value round() { return code.round(b, l, u); }
  Value minusZero(Value number) { return zero ? arith::SubFOp::create(b, l, number, zero).getResult() : number; }
  Value multiply(Value x, Value y) { return arith::MulFOp::create(b, l, x, y); }

  /// `inside` where the code reaches as far as `u`, else `outside`. The ends are the numbers that codes are rounded to:
  /// not all raw codes are used.
  Value chooseWithin(Value inside, Value outside) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (int64_t c = 0; c < int64_t(1) << code.getNumBits(); ++c) {
      double number = code.valueOf(code.nearest(code.valueOf(c)));
      low = std::min(low, number);
      high = std::max(high, number);
    }
    auto isBeyond = [&](arith::CmpFPredicate predicate, double end) -> Value {
      Value constant = arith::ConstantOp::create(b, l, b.getFloatAttr(u.getType(), end));
      return arith::CmpFOp::create(b, l, predicate, u, constant);
    };
    Value above = arith::SelectOp::create(b, l, isBeyond(arith::CmpFPredicate::OGT, high), outside, inside);
    return arith::SelectOp::create(b, l, isBeyond(arith::CmpFPredicate::OLT, low), outside, above);
  }
};

struct FakeQuantizeEmitter : GroupEmitter {
  FakeQuantizeOp op;

  FakeQuantizeEmitter(OpBuilder &builder, FakeQuantizeOp op)
      : GroupEmitter(builder, op.getLoc(), op.getGroupSizes(), op.getResultType().getShape(),
                     op.getScalesType().getShape()),
        op(op) {}

  /// Applies `body` at every place; it also gets the entry of `gradient`, if that is not null.
  Value map(Value gradient, function_ref<Value(Place, Value gradient)> body) {
    SmallVector<Value> inputs{op.getInput(), spread(op.getScales())};
    if (op.getZeros())
      inputs.push_back(spread(op.getZeros()));
    if (gradient)
      inputs.push_back(gradient);
    SmallVector<AffineMap> maps(inputs.size(), builder.getMultiDimIdentityMap(shape.size()));
    return generate(inputs, maps, shape, op.getResultType().getElementType(),
                    [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                      Place place{b, l, op.getCode(), args[1], {}, {}};
                      place.u = arith::DivFOp::create(b, l, args[0], args[1]);
                      if (op.getZeros()) {
                        Value raw = arith::ExtUIOp::create(b, l, b.getI32Type(), args[2]);
                        place.zero = op.getCode().decode(b, l, raw, args[1].getType());
                        place.u = arith::AddFOp::create(b, l, place.u, place.zero);
                      }
                      return body(place, gradient ? args[inputs.size() - 1] : Value());
                    });
  }
};

} // namespace

Value FakeQuantizeOp::expand(OpBuilder &builder) {
  return FakeQuantizeEmitter(builder, *this).map(Value(), [](Place place, Value) {
    return place.multiply(place.scale, place.minusZero(place.round()));
  });
}

SmallVector<Value> FakeQuantizeOp::pullback(OpBuilder &builder, Value gradient) {
  FakeQuantizeEmitter emit(builder, *this);
  Value toInput = emit.map(gradient, [](Place place, Value gradient) {
    Value none = arith::ConstantOp::create(place.b, place.l, place.b.getFloatAttr(gradient.getType(), 0.0));
    return place.chooseWithin(gradient, none);
  });
  Value perNumber = emit.map(gradient, [](Place place, Value gradient) {
    Value rounded = place.round();
    Value inside = arith::SubFOp::create(place.b, place.l, rounded, place.u);
    return place.multiply(gradient, place.chooseWithin(inside, place.minusZero(rounded)));
  });
  return {toInput, emit.gather(perNumber)};
}

int64_t FakeQuantizeOp::storedBits() {
  int64_t bits = getResultType().getNumElements() * getCode().getNumBits() + storedBitsOf(getScales());
  return bits + (getZeros() ? storedBitsOf(getZeros()) : 0);
}

SmallVector<Form> FakeQuantizeOp::forms(const LinearConsumer &, const Machine &, std::string &whyNot) {
  whyNot = "rounding floats is for training: store the codes, and use compress.dequantize";
  return {};
}

Value FakeQuantizeOp::emitForm(StringRef, const LinearConsumer &, OpBuilder &) {
  llvm_unreachable("forms() offers none");
}
