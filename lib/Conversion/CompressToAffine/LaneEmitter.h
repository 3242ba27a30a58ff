//===- LaneEmitter.h - Arithmetic on scalars or vectors --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_LANEEMITTER_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_LANEEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// Makes ops on values of one number of lanes.
struct LaneEmitter {
  OpBuilder &builder;
  Location loc;
  int64_t lanes;

  Type typeOf(Type element) const { return lanes == 1 ? element : Type(VectorType::get({lanes}, element)); }
  Type f32() const { return typeOf(builder.getF32Type()); }
  Type i32() const { return typeOf(builder.getI32Type()); }

  Value constant(Type type, Attribute scalar) const {
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(vector, scalar));
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(scalar));
  }
  Value number(float value) const { return constant(f32(), builder.getF32FloatAttr(value)); }
  Value bits(uint32_t value) const { return constant(i32(), builder.getI32IntegerAttr(static_cast<int32_t>(value))); }

  Value bitsOf(Value value) const { return arith::BitcastOp::create(builder, loc, i32(), value); }
  Value numberOf(Value value) const { return arith::BitcastOp::create(builder, loc, f32(), value); }
  Value left(Value value, uint32_t by) const {
    return by == 0 ? value : arith::ShLIOp::create(builder, loc, value, bits(by)).getResult();
  }
  Value right(Value value, uint32_t by) const { return arith::ShRUIOp::create(builder, loc, value, bits(by)); }
  Value both(Value a, Value b) const { return arith::OrIOp::create(builder, loc, a, b); }
  Value masked(Value a, uint32_t mask) const { return arith::AndIOp::create(builder, loc, a, bits(mask)); }
  Value times(Value a, Value b) const { return arith::MulFOp::create(builder, loc, a, b); }
  Value spread(Value scalar) const {
    return lanes == 1 ? scalar
                      : vector::BroadcastOp::create(builder, loc, typeOf(scalar.getType()), scalar).getResult();
  }
};

inline constexpr uint32_t kSign = 0x80000000;
inline constexpr uint32_t kHighHalf = 0xffff0000;
inline constexpr float kMostI8 = 127.0f;
/// Activations that are all below this count as zero: the reciprocal of their scale would be infinite.
inline constexpr float kLeastScaled = 1e-30f;

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_LANEEMITTER_H
