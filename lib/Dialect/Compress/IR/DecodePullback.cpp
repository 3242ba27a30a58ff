//===- DecodePullback.cpp - Gradients of decoded scales -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of W = s (v - z) with one s and z per group:   ds = sum of (v - z) dW,   dz = - sum of s dW
//
//===----------------------------------------------------------------------===//

#include "Groups.h"
#include "compress/Dialect/Compress/IR/Compress.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<Value> DecodeOp::pullback(OpBuilder &builder, Value gradient) {
  Location loc = getLoc();
  auto type = cast<RankedTensorType>(getInit().getType()), scalesType = cast<RankedTensorType>(getScales().getType());
  if (!type.hasStaticShape() || !scalesType.hasStaticShape())
    return {};
  GroupEmitter emit(builder, loc, getGroup(), type.getShape(), scalesType.getShape());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  auto multiply = [&](Value a, Value b) {
    return emit.generate({a, b}, {identity, identity}, type.getShape(), type.getElementType(),
                         [](OpBuilder &inner, Location l, ValueRange args) -> Value {
                           return arith::MulFOp::create(inner, l, args[0], args[1]);
                         });
  };
  auto fill = [&](double number) {
    auto constant = builder.getFloatAttr(type.getElementType(), number);
    Value scalar = arith::ConstantOp::create(builder, loc, constant);
    return linalg::FillOp::create(builder, loc, scalar, emit.empty(scalesType.getShape(), getScales())).getResult(0);
  };
  // v - z: what the codes stand for at scale 1.
  Value numbers = DecodeOp::create(builder, loc, type, getCodes(), fill(1.0), getZeros(),
                                   emit.empty(type.getShape(), getInit()), getCode(), getGroup(), getLayoutAttr())
                      .getResult(0);
  SmallVector<Value> gradients{emit.gather(multiply(gradient, numbers))};
  if (getZeros()) {
    Value negated =
        emit.generate(getScales(), builder.getMultiDimIdentityMap(scalesType.getRank()), scalesType.getShape(),
                      type.getElementType(), [](OpBuilder &inner, Location l, ValueRange args) -> Value {
                        return arith::NegFOp::create(inner, l, args[0]);
                      });
    gradients.push_back(emit.gather(multiply(gradient, emit.spread(negated))));
  }
  gradients.push_back(Value()); // the destination is not read
  return gradients;
}
