//===- WeightLoad.cpp - Load numbers, or decode them ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightLoad.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

bool WeightLoad::allowsLanes(int64_t lanes) const {
  if (!isContiguousInside(memref))
    return false;
  if (!coded)
    return true;
  // A vector of fewer than 8 bits a lane is packed, a buffer is not.
  bool isWholeBytes = cast<MemRefType>(memref.getType()).getElementTypeBitWidth() == 8;
  int64_t group = coded->group.back();
  auto scales = cast<MemRefType>(coded->scales.getType());
  bool isUniform = scales.getShape().back() == 1 || group % lanes == 0;
  return isWholeBytes && (group == 1 ? isContiguousInside(coded->scales) : isUniform);
}

Value WeightLoad::load(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const {
  if (inWords)
    return loadWords(nest, index, lanes);
  if (!coded)
    return nest.load(memref, index, lanes);
  OpBuilder &builder = nest.builder;
  Type type = cast<MemRefType>(coded->scales.getType()).getElementType();
  if (lanes > 1)
    type = VectorType::get({lanes}, type);
  Value codes = loadCodes(nest, index, lanes);
  Value numbers = cast<NumberCodeAttrInterface>(coded->code).decode(builder, nest.loc, codes, type);
  if (coded->zeros)
    numbers =
        arith::SubFOp::create(builder, nest.loc, numbers, loadShared(nest, coded->zeros, index, lanes)).getResult();
  return arith::MulFOp::create(builder, nest.loc, numbers, loadShared(nest, coded->scales, index, lanes));
}

Value WeightLoad::loadWords(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const {
  constexpr int64_t kBytes = 4;
  SmallVector<AffineExpr> at(index);
  at.back() = at.back() * kBytes;
  int64_t existing = nest.existingLanes;
  nest.existingLanes = lanes == 1 ? 0 : existing * kBytes;
  Value bytes = nest.load(memref, at, lanes * kBytes);
  nest.existingLanes = existing;
  auto type = VectorType::get({lanes}, nest.builder.getI32Type());
  Value words = vector::BitCastOp::create(nest.builder, nest.loc, type, bytes);
  return lanes == 1 ? vector::ExtractOp::create(nest.builder, nest.loc, words, ArrayRef<int64_t>{0}).getResult()
                    : words;
}

Value WeightLoad::loadBroadcast(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const {
  Value scalar = load(nest, index, 1);
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(nest.builder, nest.loc, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value WeightLoad::loadShared(AffineNest &nest, Value shared, ArrayRef<AffineExpr> index, int64_t lanes) const {
  auto type = cast<MemRefType>(shared.getType());
  SmallVector<AffineExpr> at;
  for (auto [d, expr] : llvm::enumerate(index))
    at.push_back(type.getDimSize(d) == 1 ? nest.constant(0) : expr.floorDiv(coded->group[d]));
  return coded->group.back() == 1 && type.getShape().back() != 1 ? nest.load(shared, at, lanes)
                                                                 : nest.loadBroadcast(shared, at, lanes);
}

/// `type`, or a vector of `lanes` of it.
static Type lanesOf(Type type, int64_t lanes) { return lanes == 1 ? type : Type(VectorType::get({lanes}, type)); }

/// A constant i32 in each lane, `value(lane)`.
static Value laneConstants(AffineNest &nest, int64_t lanes, function_ref<int32_t(int64_t)> value) {
  Type type = lanesOf(nest.builder.getI32Type(), lanes);
  if (lanes == 1)
    return arith::ConstantOp::create(nest.builder, nest.loc, nest.builder.getI32IntegerAttr(value(0)));
  SmallVector<int32_t> values;
  for (int64_t lane = 0; lane < lanes; ++lane)
    values.push_back(value(lane));
  return arith::ConstantOp::create(nest.builder, nest.loc,
                                   DenseElementsAttr::get(cast<ShapedType>(type), ArrayRef(values)));
}

Value WeightLoad::loadCodes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const {
  if (isPacked())
    return loadPackedCodes(nest, index, lanes);
  Value codes = nest.load(memref, index, lanes);
  return arith::ExtUIOp::create(nest.builder, nest.loc, lanesOf(nest.builder.getI32Type(), lanes), codes);
}

Value WeightLoad::loadPackedCodes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const {
  OpBuilder &builder = nest.builder;
  Location loc = nest.loc;
  int64_t field = cast<LayoutAttr>(coded->layout).getFieldBits(), perByte = 8 / field;
  int64_t bits = cast<NumberCodeAttrInterface>(coded->code).getNumBits();
  if (lanes > 1 && lanes < perByte) { // some codes of a byte
    SmallVector<Value> codes;
    SmallVector<AffineExpr> at(index);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      at.back() = index.back() + lane;
      codes.push_back(loadPackedCodes(nest, at, 1));
    }
    return vector::FromElementsOp::create(builder, loc, VectorType::get({lanes}, builder.getI32Type()), codes);
  }
  SmallVector<AffineExpr> at(index);
  at.back() = index.back().floorDiv(perByte);
  int64_t numBytes = std::max<int64_t>(lanes / perByte, 1);
  Value bytes = nest.load(memref, at, numBytes), shift;
  if (lanes == 1) {
    Value place = nest.materialize((index.back() % perByte) * field);
    shift = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), place);
  } else {
    // Each byte to the lanes of its codes.
    auto spread = VectorType::get({lanes}, builder.getI8Type());
    if (numBytes == 1) {
      bytes = vector::BroadcastOp::create(builder, loc, spread, bytes);
    } else {
      SmallVector<int64_t> source;
      for (int64_t lane = 0; lane < lanes; ++lane)
        source.push_back(lane / perByte);
      bytes = vector::ShuffleOp::create(builder, loc, bytes, bytes, source);
    }
    shift = laneConstants(nest, lanes, [&](int64_t lane) { return lane % perByte * field; });
  }
  Value raw = arith::ExtUIOp::create(builder, loc, lanesOf(builder.getI32Type(), lanes), bytes);
  raw = arith::ShRUIOp::create(builder, loc, raw, shift);
  Value mask = laneConstants(nest, lanes, [&](int64_t) { return (1 << bits) - 1; });
  return arith::AndIOp::create(builder, loc, raw, mask);
}
