//===- AffineNest.cpp - Affine loop nests with lanes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

AffineMap AffineNest::mapOf(ArrayRef<AffineExpr> indices) {
  return AffineMap::get(ivs.size(), 0, indices, builder.getContext());
}

AffineExpr AffineNest::loopOverDim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return loop(0, type.getDimSize(dim));
  Value extent = memref::DimOp::create(builder, loc, memref, dim);
  return openLoop(extent, builder.getConstantAffineMap(0), AffineMap::get(0, 1, builder.getAffineSymbolExpr(0)), 1);
}

AffineExpr AffineNest::openLoop(Value extent, AffineMap begin, AffineMap end, int64_t step) {
  SmallVector<Value> beginOperands(begin.getNumSymbols(), extent);
  auto op = affine::AffineForOp::create(builder, loc, beginOperands, begin, extent, end, step);
  builder.setInsertionPointToStart(op.getBody());
  ivs.push_back(op.getInductionVar());
  return builder.getAffineDimExpr(ivs.size() - 1);
}

AffineExpr AffineNest::loopOverWholeSteps(Value memref, int64_t dim, int64_t step) {
  Value extent = memref::DimOp::create(builder, loc, memref, dim);
  AffineMap whole = AffineMap::get(0, 1, builder.getAffineSymbolExpr(0).floorDiv(step) * step);
  return openLoop(extent, builder.getConstantAffineMap(0), whole, step);
}

AffineExpr AffineNest::loopOverRest(Value memref, int64_t dim, int64_t step) {
  Value extent = memref::DimOp::create(builder, loc, memref, dim);
  AffineMap whole = AffineMap::get(0, 1, builder.getAffineSymbolExpr(0).floorDiv(step) * step);
  return openLoop(extent, whole, AffineMap::get(0, 1, builder.getAffineSymbolExpr(0)), 1);
}

AffineExpr AffineNest::loop(int64_t begin, int64_t end, int64_t step) {
  if (begin + step >= end)
    return constant(begin);
  auto op = affine::AffineForOp::create(builder, loc, begin, end, step);
  builder.setInsertionPointToStart(op.getBody());
  ivs.push_back(op.getInductionVar());
  return builder.getAffineDimExpr(ivs.size() - 1);
}

AffineExpr AffineNest::loopCarrying(int64_t extent, SmallVectorImpl<Value> &values) {
  if (extent == 1) {
    carrying.push_back(nullptr);
    return constant(0);
  }
  auto op = affine::AffineForOp::create(builder, loc, 0, extent, 1, values);
  builder.setInsertionPointToStart(op.getBody());
  ivs.push_back(op.getInductionVar());
  values.assign(op.getRegionIterArgs().begin(), op.getRegionIterArgs().end());
  carrying.push_back(op);
  return builder.getAffineDimExpr(ivs.size() - 1);
}

void AffineNest::closeCarrying(SmallVectorImpl<Value> &values) {
  affine::AffineForOp op = carrying.pop_back_val();
  if (!op)
    return;
  affine::AffineYieldOp::create(builder, loc, values);
  builder.setInsertionPointAfter(op);
  values.assign(op.getResults().begin(), op.getResults().end());
  ivs.pop_back();
}

Value AffineNest::load(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes) {
  if (lanes == 1)
    return affine::AffineLoadOp::create(builder, loc, memref, mapOf(indices), ivs);
  auto type = VectorType::get({lanes}, cast<MemRefType>(memref.getType()).getElementType());
  return affine::AffineVectorLoadOp::create(builder, loc, type, memref, mapOf(indices), ivs);
}

Value AffineNest::loadBroadcast(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes) {
  Value scalar = load(memref, indices, 1);
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(builder, loc, VectorType::get({lanes}, scalar.getType()), scalar);
}

void AffineNest::store(Value value, Value memref, ArrayRef<AffineExpr> indices) {
  if (isa<VectorType>(value.getType()))
    affine::AffineVectorStoreOp::create(builder, loc, value, memref, mapOf(indices), ivs);
  else
    affine::AffineStoreOp::create(builder, loc, value, memref, mapOf(indices), ivs);
}

Value AffineNest::fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, loc, a, b, c); }

Value AffineNest::negate(Value a) { return arith::NegFOp::create(builder, loc, a); }

void mlir::compress::forEachLaneRun(int64_t extent, int64_t lanes, function_ref<void(int64_t, int64_t, int64_t)> body) {
  int64_t begin = 0;
  for (int64_t width = lanes; width >= 1 && begin < extent; width /= 2) {
    int64_t end = begin + (extent - begin) / width * width;
    if (end > begin)
      body(begin, end, width);
    begin = end;
  }
}

bool mlir::compress::allowsLanes(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  return type.getRank() > 0 && !type.isDynamicDim(type.getRank() - 1) && type.isLastDimUnitStride();
}
