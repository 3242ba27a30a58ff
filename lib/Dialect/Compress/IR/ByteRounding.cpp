//===- ByteRounding.cpp - Numbers as bytes with a scale --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/ByteRounding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

Value mlir::compress::extendByte(OpBuilder &builder, Location loc, Value code, bool isUnsigned) {
  Type wide = builder.getI32Type();
  if (code.getType() == wide)
    return code;
  return isUnsigned ? arith::ExtUIOp::create(builder, loc, wide, code).getResult()
                    : arith::ExtSIOp::create(builder, loc, wide, code).getResult();
}

Value mlir::compress::roundToByte(OpBuilder &builder, Location loc, Value number, Value zero, bool isUnsigned) {
  Value code = math::RoundEvenOp::create(builder, loc, number);
  if (zero)
    code = arith::AddFOp::create(builder, loc, code, zero);
  auto bound = [&](arith::CmpFPredicate predicate, float limit) {
    Value constant = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(limit));
    Value isBeyond = arith::CmpFOp::create(builder, loc, predicate, code, constant);
    code = arith::SelectOp::create(builder, loc, isBeyond, constant, code);
  };
  bound(arith::CmpFPredicate::ULT, isUnsigned ? 0 : -128);
  bound(arith::CmpFPredicate::OGT, isUnsigned ? 255 : 127);
  code = arith::FPToSIOp::create(builder, loc, builder.getI32Type(), code);
  return arith::TruncIOp::create(builder, loc, builder.getI8Type(), code);
}
