//===- Moments.cpp - Second moments of what a layer is multiplied with ----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Moments.h"
#include "compress/Obtain/Weighted.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// Rows of one layer that suffice: some times as many as it has inputs.
static constexpr int64_t kMostRows = 1 << 16;
/// Numbers of the rows that are added together.
static constexpr int64_t kPending = 1 << 20;

/// What each result of the linear `map` is where loop `loop` is 1 and all others are 0; -1 for none: all are 0.
static SmallVector<int64_t> resultsAt(AffineMap map, int64_t loop) {
  Builder builder(map.getContext());
  SmallVector<Attribute> at(map.getNumDims(), builder.getIndexAttr(0)), results;
  if (loop >= 0)
    at[loop] = builder.getIndexAttr(1);
  (void)map.constantFold(at, results);
  return llvm::map_to_vector(results, [](Attribute result) { return cast<IntegerAttr>(result).getInt(); });
}

Moments::Moments(const DenseLayer &layer, int64_t numSamples) {
  const LinearConsumer &consumer = layer.consumer;
  AffineMap map = consumer.activationMap;
  extents.assign(map.getNumDims(), 1);
  for (auto [expr, extent] : llvm::zip(consumer.resultMap.getResults(), consumer.resultType().getShape()))
    if (auto loop = dyn_cast<AffineDimExpr>(expr))
      extents[loop.getPosition()] = extent;
  ArrayRef<int64_t> weightShape = cast<RankedTensorType>(consumer.weight.getType()).getShape();
  for (Role role : {Role::In, Role::Tap})
    for (auto [expr, extent, its] : llvm::zip_equal(consumer.weightMap.getResults(), weightShape, consumer.roles))
      if (auto loop = dyn_cast<AffineDimExpr>(expr); loop && its == role) {
        weightLoops.push_back(loop.getPosition());
        extents[loop.getPosition()] = extent;
        size *= extent;
      }
  SmallVector<int64_t> origin = resultsAt(map, -1);
  factors.assign(map.getNumResults(), SmallVector<int64_t>(map.getNumDims(), 0));
  for (int64_t loop = 0; loop < map.getNumDims(); ++loop)
    for (auto [d, at] : llvm::enumerate(resultsAt(map, loop)))
      factors[d][loop] = at - origin[d];
  for (const ActivationDim &dim : consumer.dims)
    padding.push_back(dim.padLow);
  int64_t positions = numSamples;
  for (auto [loop, extent] : llvm::enumerate(extents))
    if (ShapedType::isDynamic(extent))
      batchDim = map.getResultPosition(getAffineDimExpr(loop, map.getContext())).value_or(0);
    else if (!llvm::is_contained(weightLoops, loop) && map.isFunctionOfDim(loop))
      positions *= extent;
  // An odd step, so that the columns of an image of even width take turns.
  step = positions > kMostRows ? (positions / kMostRows) | 1 : 1;
  sum.assign(size * size, 0.0);
}

void Moments::add(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  SmallVector<int64_t> free, loops(extents.size(), 0), ends(extents);
  for (auto [loop, extent] : llvm::enumerate(extents)) {
    if (ShapedType::isDynamic(extent))
      ends[loop] = shape[batchDim];
    bool isRead = llvm::any_of(factors, [l = loop](ArrayRef<int64_t> factor) { return factor[l] != 0; });
    if (isRead && !llvm::is_contained(weightLoops, loop))
      free.push_back(loop);
  }
  for (bool isDone = false; !isDone;) {
    if (seen++ % step == 0)
      addRow(shape, values, loops);
    isDone = true;
    for (int64_t loop : llvm::reverse(free)) {
      if (++loops[loop] < ends[loop]) {
        isDone = false;
        break;
      }
      loops[loop] = 0;
    }
  }
  flush();
}

/// The numbers that the weight is multiplied with at one place of the free `loops`.
void Moments::addRow(ArrayRef<int64_t> shape, ArrayRef<float> values, ArrayRef<int64_t> loops) {
  SmallVector<int64_t> at(loops);
  for (int64_t i = 0; i < size; ++i) {
    int64_t place = 0;
    bool isInside = true;
    for (auto [factor, pad, extent] : llvm::zip_equal(factors, padding, shape)) {
      int64_t index = -pad;
      for (auto [f, l] : llvm::zip_equal(factor, at))
        index += f * l;
      isInside &= index >= 0 && index < extent;
      place = place * extent + index;
    }
    rows.push_back(isInside ? values[place] : 0.0f);
    for (int64_t loop : llvm::reverse(weightLoops)) {
      if (++at[loop] < extents[loop])
        break;
      at[loop] = 0;
    }
  }
  ++numRows;
  if (static_cast<int64_t>(rows.size()) >= kPending)
    flush();
}

void Moments::flush() {
  obtain::addMoments(rows, size, sum);
  rows.clear();
}

ElementsAttr Moments::toAttribute(MLIRContext *context) const {
  std::vector<double> mean(sum.size());
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = i; j < size; ++j)
      mean[i * size + j] = mean[j * size + i] = sum[i * size + j] / std::max<int64_t>(numRows, 1);
  auto type = RankedTensorType::get({size, size}, Float64Type::get(context));
  auto blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<double>(mean));
  Attribute attribute = DenseF64ResourceElementsAttr::get(type, "input_moments", std::move(blob));
  return cast<ElementsAttr>(attribute);
}
