//===- AffineNest.cpp - Affine loop nests with lanes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

AffineMap AffineNest::mapOf(ArrayRef<AffineExpr> indices) {
  return AffineMap::get(ivs.size(), 0, indices, builder.getContext());
}

SmallVector<Value> AffineNest::materialize(ArrayRef<AffineExpr> indices) {
  SmallVector<Value> values;
  SmallVector<OpFoldResult> operands(ivs.begin(), ivs.end());
  for (AffineExpr expr : indices)
    values.push_back(getValueOrCreateConstantIndexOp(
        builder, loc, affine::makeComposedFoldedAffineApply(builder, loc, mapOf(expr), operands)));
  return values;
}

Value AffineNest::materialize(AffineExpr index) { return materialize(ArrayRef(index))[0]; }

AffineExpr AffineNest::index(Value value) {
  isAffine = false;
  ivs.push_back(value);
  return builder.getAffineDimExpr(ivs.size() - 1);
}

AffineExpr AffineNest::loopOverDim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return loop(0, type.getDimSize(dim));
  return loopBetween(memref, dim, constant(0), builder.getAffineSymbolExpr(0));
}

Operation *AffineNest::openLoop(Value extent, AffineExpr begin, AffineExpr end, int64_t step, ValueRange values) {
  AffineMap beginMap = AffineMap::get(0, isa<AffineConstantExpr>(begin) ? 0 : 1, begin);
  AffineMap endMap = AffineMap::get(0, 1, end);
  if (affine::isValidSymbol(extent)) {
    SmallVector<Value> beginOperands(beginMap.getNumSymbols(), extent);
    auto op = affine::AffineForOp::create(builder, loc, beginOperands, beginMap, extent, endMap, step, values);
    builder.setInsertionPointToStart(op.getBody());
    ivs.push_back(op.getInductionVar());
    return op;
  }
  auto bound = [&](AffineExpr expr) {
    AffineMap map = AffineMap::get(0, 1, expr);
    return getValueOrCreateConstantIndexOp(
        builder, loc, affine::makeComposedFoldedAffineApply(builder, loc, map, {OpFoldResult(extent)}));
  };
  Value from = bound(begin), to = bound(end), by = arith::ConstantIndexOp::create(builder, loc, step);
  auto op = scf::ForOp::create(builder, loc, from, to, by, values);
  builder.setInsertionPointToStart(op.getBody());
  ivs.push_back(op.getInductionVar());
  isAffine = false;
  return op;
}

AffineExpr AffineNest::loopBetween(Value memref, int64_t dim, AffineExpr begin, AffineExpr end, int64_t step) {
  openLoop(memref::DimOp::create(builder, loc, memref, dim), begin, end, step);
  return builder.getAffineDimExpr(ivs.size() - 1);
}

AffineExpr AffineNest::loopOverWholeSteps(Value memref, int64_t dim, int64_t step) {
  return loopBetween(memref, dim, constant(0), builder.getAffineSymbolExpr(0).floorDiv(step) * step, step);
}

AffineExpr AffineNest::loopOverRest(Value memref, int64_t dim, ArrayRef<int64_t> before, int64_t step) {
  AffineExpr extent = builder.getAffineSymbolExpr(0), left = extent;
  for (int64_t taken : before)
    left = left % taken;
  return loopBetween(memref, dim, extent - left, extent - left % step, step);
}

AffineExpr AffineNest::loopOver(const LaneRun &run, Value memref, int64_t dim) {
  switch (run.part) {
  case LaneRun::Part::Static:
    return loop(run.begin, run.end, run.step);
  case LaneRun::Part::WholeSteps:
    return loopOverWholeSteps(memref, dim, run.step);
  case LaneRun::Part::Rest:
    return loopOverRest(memref, dim, run.before, run.step);
  }
  llvm_unreachable("a part of a dimension");
}

AffineExpr AffineNest::loop(int64_t begin, int64_t end, int64_t step) {
  if (begin < end && begin + step >= end) // one turn; an extent of 0 has none
    return constant(begin);
  return loopAlways(begin, end, step);
}

AffineExpr AffineNest::loopAlways(int64_t begin, int64_t end, int64_t step) {
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

AffineExpr AffineNest::loopOverDimCarrying(Value memref, int64_t dim, SmallVectorImpl<Value> &values) {
  Value extent = memref::DimOp::create(builder, loc, memref, dim);
  Operation *op = openLoop(extent, constant(0), builder.getAffineSymbolExpr(0), 1, values);
  auto inside = cast<LoopLikeOpInterface>(op).getRegionIterArgs();
  values.assign(inside.begin(), inside.end());
  carrying.push_back(op);
  return builder.getAffineDimExpr(ivs.size() - 1);
}

void AffineNest::closeCarrying(SmallVectorImpl<Value> &values) {
  Operation *op = carrying.pop_back_val();
  if (!op)
    return;
  if (isa<scf::ForOp>(op))
    scf::YieldOp::create(builder, loc, values);
  else
    affine::AffineYieldOp::create(builder, loc, values);
  builder.setInsertionPointAfter(op);
  values.assign(op->result_begin(), op->result_end());
  ivs.pop_back();
}

Value AffineNest::load(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes) {
  if (lanes == 1 && !isAffine)
    return memref::LoadOp::create(builder, loc, memref, materialize(indices));
  if (lanes == 1)
    return affine::AffineLoadOp::create(builder, loc, memref, mapOf(indices), ivs);
  auto type = VectorType::get({lanes}, cast<MemRefType>(memref.getType()).getElementType());
  if (existingLanes)
    return vector::MaskedLoadOp::create(builder, loc, type, memref, materialize(indices), mask(lanes),
                                        zero(memref, lanes));
  if (!isAffine)
    return vector::LoadOp::create(builder, loc, type, memref, materialize(indices));
  return affine::AffineVectorLoadOp::create(builder, loc, type, memref, mapOf(indices), ivs);
}

Value AffineNest::loadStrided(Value memref, ArrayRef<AffineExpr> indices, int64_t stride, int64_t lanes) {
  Value first = load(memref, indices, lanes);
  if (stride == 1 || lanes == 1)
    return first;
  // The even numbers of a vector are followed by the odd ones of another that ends with the last number.
  int64_t count = existingLanes ? existingLanes : lanes;
  SmallVector<AffineExpr> at(indices);
  at.back() = at.back() + (count - 1);
  SmallVector<int64_t> mask(lanes, 0);
  for (int64_t lane = 0; lane < count; ++lane)
    mask[lane] = 2 * lane < count ? 2 * lane : lanes + 2 * lane - (count - 1);
  return vector::ShuffleOp::create(builder, loc, first, load(memref, at, lanes), mask);
}

Value AffineNest::mask(int64_t lanes) {
  auto type = VectorType::get({lanes}, builder.getI1Type());
  return vector::ConstantMaskOp::create(builder, loc, type, ArrayRef<int64_t>{existingLanes});
}

Value AffineNest::loadBroadcast(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes) {
  Value scalar = load(memref, indices, 1);
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(builder, loc, VectorType::get({lanes}, scalar.getType()), scalar);
}

void AffineNest::store(Value value, Value memref, ArrayRef<AffineExpr> indices) {
  bool isVector = isa<VectorType>(value.getType());
  if (isVector && existingLanes)
    vector::MaskedStoreOp::create(builder, loc, memref, materialize(indices),
                                  mask(cast<VectorType>(value.getType()).getNumElements()), value);
  else if (isVector && !isAffine)
    vector::StoreOp::create(builder, loc, value, memref, materialize(indices));
  else if (!isAffine)
    memref::StoreOp::create(builder, loc, value, memref, materialize(indices));
  else if (isVector)
    affine::AffineVectorStoreOp::create(builder, loc, value, memref, mapOf(indices), ivs);
  else
    affine::AffineStoreOp::create(builder, loc, value, memref, mapOf(indices), ivs);
}

void AffineNest::prefetch(Value memref, ArrayRef<AffineExpr> indices, bool isWrite) {
  constexpr unsigned kSecondCache = 2; // on its way to the first one, which is in use
  memref::PrefetchOp::create(builder, loc, memref, materialize(indices), isWrite, kSecondCache,
                             /*isDataCache=*/true);
}

Value AffineNest::fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, loc, a, b, c); }

Value AffineNest::negate(Value a) { return arith::NegFOp::create(builder, loc, a); }

Value AffineNest::zero(Value memref, int64_t lanes) {
  Type type = cast<MemRefType>(memref.getType()).getElementType();
  if (lanes > 1)
    type = VectorType::get({lanes}, type);
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

void mlir::compress::forEachLaneRun(int64_t extent, int64_t lanes, function_ref<void(int64_t, int64_t, int64_t)> body) {
  int64_t begin = 0;
  for (int64_t width = lanes; width >= 1 && begin < extent; width /= 2) {
    int64_t end = begin + (extent - begin) / width * width;
    if (end > begin)
      body(begin, end, width);
    begin = end;
  }
}

void mlir::compress::forEachLaneRun(int64_t extent, int64_t lanes, function_ref<void(LaneRun)> body) {
  if (ShapedType::isStatic(extent))
    return forEachLaneRun(
        extent, lanes, [&](int64_t begin, int64_t end, int64_t width) { body(LaneRun::of(begin, end, width, width)); });
  body(LaneRun::wholeSteps(lanes, lanes));
  if (lanes > 1)
    body(LaneRun::rest({lanes}));
}

SmallVector<LaneRun> mlir::compress::cutIntoRows(int64_t most) {
  SmallVector<LaneRun> runs{LaneRun::wholeSteps(most, 1)};
  SmallVector<int64_t> before{most};
  for (int64_t step : {4, 3, 2, 1})
    if (step < most) {
      runs.push_back(LaneRun::rest(before, step));
      before.push_back(step);
    }
  return runs;
}

bool mlir::compress::fitsMaskedVector(int64_t extent, int64_t lanes) {
  constexpr int64_t kMaskedLanes = 16; // of AVX-512, whose masked loads and stores cost nothing
  return lanes >= kMaskedLanes && extent > 0 && extent < lanes && !llvm::isPowerOf2_64(extent);
}

int64_t mlir::compress::overlappingWidth(int64_t extent, int64_t lanes) {
  return std::min<int64_t>(lanes, llvm::bit_floor<uint64_t>(extent));
}

int64_t mlir::compress::countOverlapping(int64_t extent, int64_t lanes) {
  return extent == 0 ? 0 : llvm::divideCeil(extent, overlappingWidth(extent, lanes));
}

SmallVector<TileRun> mlir::compress::cutIntoTiles(int64_t extent, int64_t lanes, int64_t perChunk, bool mayRecompute) {
  SmallVector<TileRun> runs;
  if (extent == 0)
    return runs;
  int64_t width = overlappingWidth(extent, lanes), vectors = countOverlapping(extent, lanes), tail = 0;
  auto add = [&](int64_t first, int64_t last, int64_t count) {
    if (first == last)
      return;
    TileRun tile{LaneRun::of(first * width, last * width, count * width, width), {}};
    for (int64_t i = 0; i < count; ++i)
      tile.offsets.push_back(std::min(i * width, extent - width - first * width));
    runs.push_back(std::move(tile));
  };
  if (extent % width != 0) {
    tail = (vectors - 1) % perChunk + 1;
    if (tail == 1 && !mayRecompute)
      tail = 2;
  }
  int64_t plain = vectors - tail, whole = plain / perChunk * perChunk;
  add(0, whole, perChunk);
  add(whole, plain, plain - whole);
  add(plain, vectors, tail);
  return runs;
}

LogicalResult mlir::compress::verifyVectorLanes(Operation *op, StringRef pass, int64_t lanes) {
  constexpr int64_t kMostLanes = 256;
  if (lanes >= 1 && lanes <= kMostLanes && llvm::isPowerOf2_64(lanes))
    return success();
  return op->emitError() << pass << "{vector-lanes=" << lanes << "}: expects a power of two from 1 to " << kMostLanes;
}

std::optional<int64_t> mlir::compress::strideAlong(AffineMap map, int64_t loop) {
  if (!map.isFunctionOfDim(loop))
    return 0;
  for (AffineExpr outer : map.getResults().drop_back())
    if (outer.isFunctionOfDim(loop))
      return std::nullopt;
  AffineExpr lane = getAffineDimExpr(loop, map.getContext());
  for (int64_t stride : {1, 2}) {
    AffineExpr rest = simplifyAffineExpr(map.getResults().back() - lane * stride, map.getNumDims(), 0);
    if (!rest.isFunctionOfDim(loop))
      return stride;
  }
  return std::nullopt;
}

bool mlir::compress::isContiguousInside(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  return type.getRank() > 0 && type.isLastDimUnitStride();
}

bool mlir::compress::allowsLanes(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  return isContiguousInside(memref) && !type.isDynamicDim(type.getRank() - 1);
}
