//===- ByteActivation.cpp - Activations as bytes with a scale --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ByteActivation.h"
#include "compress/Dialect/Compress/IR/ByteRounding.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

/// The factor that is no constant, and the constant, of `a * constant`.
static std::optional<std::pair<Value, float>> matchScaling(Value value) {
  auto multiply = value.getDefiningOp<arith::MulFOp>();
  if (!multiply)
    return std::nullopt;
  APFloat scale(0.0f);
  for (auto [number, constant] :
       {std::pair(multiply.getLhs(), multiply.getRhs()), std::pair(multiply.getRhs(), multiply.getLhs())})
    if (matchPattern(constant, m_ConstantFloat(&scale)))
      return std::pair(number, scale.convertToFloat());
  return std::nullopt;
}

/// Notes sign and zero point of `convert(extend(code) - zero)`; false if `number` is something else.
static bool matchInteger(Value number, Value code, ByteActivation &result) {
  auto widened = number.getDefiningOp();
  if (!isa_and_nonnull<arith::SIToFPOp, arith::UIToFPOp>(widened))
    return false;
  Value integer = widened->getOperand(0);
  APInt zero;
  if (auto minus = integer.getDefiningOp<arith::SubIOp>()) {
    if (!matchPattern(minus.getRhs(), m_ConstantInt(&zero)))
      return false;
    result.zero = zero.getSExtValue();
    integer = minus.getLhs();
  }
  Operation *extend = integer.getDefiningOp();
  if (!isa_and_nonnull<arith::ExtUIOp, arith::ExtSIOp>(extend) || extend->getOperand(0) != code)
    return false;
  result.isUnsigned = isa<arith::ExtUIOp>(extend);
  // What is below zero is no number without sign.
  return isa<arith::SIToFPOp>(widened) || (result.isUnsigned && result.zero == 0);
}

/// True if `op` computes a number from the one at the same place of another tensor.
static bool isUnary(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op->getNumResults() == 1 && op.getNumDpsInputs() == 1 &&
         op.getNumParallelLoops() == op.getNumLoops() &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); });
}

/// The number that `value` is, but for being replaced by `limit` where it is beyond it; null if it is anything else.
static Value withoutBound(Value value, arith::CmpFPredicate predicate, APFloat &limit) {
  auto select = value.getDefiningOp<arith::SelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : arith::CmpFOp();
  if (!compare || compare.getPredicate() != predicate || compare.getLhs() != select.getFalseValue() ||
      compare.getRhs() != select.getTrueValue() || !matchPattern(select.getTrueValue(), m_ConstantFloat(&limit)))
    return {};
  return select.getFalseValue();
}

std::optional<ByteRange> ByteRange::get(linalg::GenericOp op) {
  constexpr float kMostUnsigned = 255, kMostSigned = 127, kLeastSigned = -128;
  if (!isUnary(op))
    return std::nullopt;
  APFloat low(0.0f), high(0.0f), zero(0.0f), scale(0.0f);
  auto narrow = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::TruncIOp>();
  auto convert = narrow && narrow.getType().isInteger(8) ? narrow.getIn().getDefiningOp<arith::FPToSIOp>() : nullptr;
  Value code = convert ? withoutBound(convert.getIn(), arith::CmpFPredicate::OGT, high) : Value();
  code = code ? withoutBound(code, arith::CmpFPredicate::ULT, low) : Value();
  if (!code)
    return std::nullopt;
  bool isUnsigned = high.convertToFloat() == kMostUnsigned && low.isZero();
  if (!isUnsigned && (high.convertToFloat() != kMostSigned || low.convertToFloat() != kLeastSigned))
    return std::nullopt;
  if (auto add = code.getDefiningOp<arith::AddFOp>()) {
    if (!matchPattern(add.getRhs(), m_ConstantFloat(&zero)))
      return std::nullopt;
    code = add.getLhs();
  }
  auto round = code.getDefiningOp<math::RoundEvenOp>();
  auto divide = round ? round.getOperand().getDefiningOp<arith::DivFOp>() : arith::DivFOp();
  if (!divide || divide.getLhs() != op.getBody()->getArgument(0) ||
      !matchPattern(divide.getRhs(), m_ConstantFloat(&scale)) || !(scale.convertToFloat() > 0))
    return std::nullopt;
  return ByteRange{isUnsigned, static_cast<int64_t>(zero.convertToFloat()), scale.convertToFloat()};
}

std::optional<ByteActivation> ByteActivation::get(Value value) {
  ByteActivation result;
  while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(value.getDefiningOp())) {
    result.reshapes.push_back(value.getDefiningOp());
    value = value.getDefiningOp()->getOperand(0);
  }
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!isUnary(generic))
    return std::nullopt;
  Block *body = generic.getBody();
  auto scaling = matchScaling(body->getTerminator()->getOperand(0));
  if (!scaling || !(scaling->second > 0) || !body->getArgument(0).getType().isInteger(8) ||
      !matchInteger(scaling->first, body->getArgument(0), result))
    return std::nullopt;
  result.codes = generic.getDpsInputs()[0];
  result.scale = scaling->second;
  return result;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// `body` of each number of `x`; of further operands with one number for each index of dimension 0, if they are given.
static linalg::GenericOp emitElementwise(OpBuilder &builder, Location loc, Value x, Value perSample, Type element,
                                         function_ref<Value(OpBuilder &, Location, ValueRange)> body,
                                         Value otherPerSample = {}) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, x);
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, element);
  AffineMap identity = builder.getMultiDimIdentityMap(sizes.size());
  SmallVector<AffineMap> maps{identity, identity};
  SmallVector<Value> inputs{x};
  for (Value further : {perSample, otherPerSample})
    if (further) {
      inputs.push_back(further);
      maps.insert(maps.begin() + 1, identity.getMajorSubMap(1));
    }
  SmallVector<utils::IteratorType> loops(sizes.size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(
      builder, loc, empty.getType(), inputs, empty, maps, loops,
      [&](OpBuilder &b, Location l, ValueRange arguments) { linalg::YieldOp::create(b, l, body(b, l, arguments)); });
}

static Value number(OpBuilder &builder, Location loc, float value) {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
}

Value ByteActivation::roundTo(OpBuilder &builder, Location loc, Value x, float scale, int64_t zero) {
  auto codes =
      emitElementwise(builder, loc, x, {}, builder.getI8Type(), [&](OpBuilder &b, Location l, ValueRange a) -> Value {
        Value ratio = arith::DivFOp::create(b, l, a[0], number(b, l, scale));
        Value shift = zero ? number(b, l, static_cast<float>(zero)) : Value();
        return roundToByte(b, l, ratio, shift, /*isUnsigned=*/true);
      });
  return emitElementwise(builder, loc, codes.getResult(0), {}, builder.getF32Type(),
                         [&](OpBuilder &b, Location l, ValueRange a) -> Value {
                           Value code = extendByte(b, l, a[0], /*isUnsigned=*/true);
                           if (zero)
                             code = arith::SubIOp::create(b, l, code,
                                                          arith::ConstantOp::create(b, l, b.getI32IntegerAttr(zero)));
                           Value integer = arith::SIToFPOp::create(b, l, b.getF32Type(), code);
                           return arith::MulFOp::create(b, l, integer, number(b, l, scale));
                         })
      .getResult(0);
}

/// The largest or the least of 0 and all numbers at each index of dimension 0; of magnitudes, if `ofMagnitudes`.
template <typename Op>
static Value emitExtreme(OpBuilder &builder, Location loc, Value x, bool ofMagnitudes = false) {
  auto type = cast<RankedTensorType>(x.getType());
  OpFoldResult samples = tensor::getMixedSize(builder, loc, x, 0);
  Value empty = tensor::EmptyOp::create(builder, loc, ArrayRef{samples}, type.getElementType());
  Value init = linalg::FillOp::create(builder, loc, number(builder, loc, 0), empty).getResult(0);
  return linalg::ReduceOp::create(builder, loc, ValueRange{x}, ValueRange{init},
                                  llvm::to_vector(llvm::seq<int64_t>(1, type.getRank())),
                                  [&](OpBuilder &b, Location l, ValueRange arguments) {
                                    Value value = arguments[0];
                                    if (ofMagnitudes)
                                      value = math::AbsFOp::create(b, l, value);
                                    Value extreme = Op::create(b, l, arguments[1], value);
                                    linalg::YieldOp::create(b, l, extreme);
                                  })
      .getResult(0);
}

/// `span / steps` for each sample; 1 for a span of nothing.
static Value emitScales(OpBuilder &builder, Location loc, Value span, float steps) {
  return emitElementwise(builder, loc, span, {}, builder.getF32Type(),
                         [&](OpBuilder &b, Location l, ValueRange a) -> Value {
                           Value isEmpty =
                               arith::CmpFOp::create(b, l, arith::CmpFPredicate::OEQ, a[0], number(b, l, 0));
                           Value scale = arith::DivFOp::create(b, l, a[0], number(b, l, steps));
                           return arith::SelectOp::create(b, l, isEmpty, number(b, l, 1), scale);
                         })
      .getResult(0);
}

/// The codes of `x`, moved up by the number `zero` or by one of `zeros` for each sample.
static Value emitCodes(OpBuilder &builder, Location loc, Value x, Value scales, Value zeros, float zero) {
  return emitElementwise(
             builder, loc, x, scales, builder.getI8Type(),
             [&](OpBuilder &b, Location l, ValueRange a) -> Value {
               Value ratio = arith::DivFOp::create(b, l, a[0], a[1]);
               Value shift =
                   zeros ? arith::SIToFPOp::create(b, l, b.getF32Type(), a[2]).getResult() : number(b, l, zero);
               return roundToByte(b, l, ratio, shift, /*isUnsigned=*/true);
             },
             zeros)
      .getResult(0);
}

ByteActivation ByteActivation::round(OpBuilder &builder, Location loc, Value x, bool isSymmetric) {
  constexpr float kMostMagnitude = 127, kMiddle = 128, kMostCode = 255;
  if (isSymmetric) {
    Value largest = emitExtreme<arith::MaximumFOp>(builder, loc, x, /*ofMagnitudes=*/true);
    Value scales = emitScales(builder, loc, largest, kMostMagnitude);
    return ByteActivation{emitCodes(builder, loc, x, scales, {}, kMiddle), /*isUnsigned=*/true,
                          static_cast<int64_t>(kMiddle), 1, scales};
  }
  Value low = emitExtreme<arith::MinimumFOp>(builder, loc, x), high = emitExtreme<arith::MaximumFOp>(builder, loc, x);
  Value span = emitElementwise(builder, loc, high, low, builder.getF32Type(),
                               [](OpBuilder &b, Location l, ValueRange a) -> Value {
                                 return arith::SubFOp::create(b, l, a[0], a[1]);
                               })
                   .getResult(0);
  Value scales = emitScales(builder, loc, span, kMostCode);
  Value zeros = emitElementwise(builder, loc, low, scales, builder.getI32Type(),
                                [](OpBuilder &b, Location l, ValueRange a) -> Value {
                                  Value place = arith::DivFOp::create(b, l, a[0], a[1]);
                                  Value zero = math::RoundEvenOp::create(b, l, arith::NegFOp::create(b, l, place));
                                  return arith::FPToSIOp::create(b, l, b.getI32Type(), zero);
                                })
                    .getResult(0);
  return ByteActivation{emitCodes(builder, loc, x, scales, zeros, 0), /*isUnsigned=*/true, 0, 1, scales, zeros};
}

void ByteActivation::reshapeCodes(RewriterBase &rewriter) {
  for (Operation *reshape : llvm::reverse(reshapes)) {
    IRMapping mapping;
    mapping.map(reshape->getOperand(0), codes);
    Operation *moved = rewriter.clone(*reshape, mapping);
    codes = moved->getResult(0);
    codes.setType(cast<RankedTensorType>(codes.getType()).clone(rewriter.getI8Type()));
  }
  reshapes.clear();
}

void ByteActivation::makeUnsigned(RewriterBase &rewriter, Location loc) {
  constexpr int64_t kSign = -128;
  if (isUnsigned)
    return;
  auto moved = emitElementwise(rewriter, loc, codes, {}, rewriter.getI8Type(),
                               [&](OpBuilder &b, Location l, ValueRange a) -> Value {
                                 Value sign = arith::ConstantOp::create(b, l, b.getI8IntegerAttr(kSign));
                                 return arith::XOrIOp::create(b, l, a[0], sign);
                               });
  codes = moved.getResult(0);
  isUnsigned = true;
  zero -= kSign;
  // What rounds to these codes alone does so in its own loops.
  OpOperand *operand = moved.getDpsInputOperand(0);
  if (!operand->get().hasOneUse() || !linalg::areElementwiseOpsFusable(operand))
    return;
  Operation *rounding = operand->get().getDefiningOp();
  if (auto fused = linalg::fuseElementwiseOps(rewriter, operand); succeeded(fused)) {
    codes = fused->fusedOp->getResults().back();
    rewriter.replaceOp(moved, codes);
    rewriter.eraseOp(rounding);
  }
}
