//===- SpectralTiles.cpp - Products of spectra in tile registers ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.spectral_dot bf16 ins(%words : memref<32x2x?x64xi32>, %w : memref<32x2x64x32xi32>) outs(%y :
//   memref<64x?x64xf32>)
//   =>
//   the product y[f, c, b, p, n] += words[f, c, b, g] * w[f, p, g, n] of words of two bf16, into
//   memref<32x2x?x2x32xf32>
//
// Words have the real and the imaginary part next to each other, for each part c of the result as its sum takes them:
// one product of tiles is a complex one. Dense weights (k = 1) have neighbours along the sum there.
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"
#include "Words.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;

/// `init` with its slots as frequencies by parts, and its out blocks in panels, if there are some.
static Value splitResult(OpBuilder &builder, Location loc, Value init, int64_t parts, int64_t panel) {
  auto type = cast<MemRefType>(init.getType());
  SmallVector<int64_t> shape;
  SmallVector<OpFoldResult> sizes;
  SmallVector<ReassociationIndices> groups;
  auto add = [&](int64_t extent, OpFoldResult size, bool isNew = true) {
    if (isNew)
      groups.emplace_back();
    groups.back().push_back(shape.size());
    shape.push_back(extent);
    sizes.push_back(size);
  };
  auto addStatic = [&](int64_t extent, bool isNew) { add(extent, builder.getIndexAttr(extent), isNew); };
  addStatic(type.getDimSize(0) / parts, /*isNew=*/true);
  addStatic(parts, /*isNew=*/false);
  int64_t last = type.getRank() - 1, outs = type.getDimSize(last);
  for (int64_t d = 1; d < last; ++d)
    add(type.getDimSize(d), extentOf(builder, loc, init, d));
  if (panel)
    addStatic(outs / panel, /*isNew=*/true);
  addStatic(panel ? panel : outs, /*isNew=*/!panel);
  return memref::ExpandShapeOp::create(builder, loc, shape, init, groups, sizes);
}

bool mlir::compress::lowerSpectralDotToTiles(Value words, Value weights, Value init, const PlaneWindows &windows,
                                             int64_t panel, bool startsFromZero, function_ref<void()> lowerFewRows,
                                             OpBuilder &builder, Location loc) {
  auto type = cast<MemRefType>(init.getType()), weightsType = cast<MemRefType>(weights.getType());
  int64_t last = type.getRank() - 1, k = type.getDimSize(0), parts = k == 1 ? 1 : 2, outs = type.getDimSize(last);
  if (k % parts != 0 || ShapedType::isDynamic(outs))
    return false;
  SmallVector<int64_t> extents;
  auto loop = [&](int64_t extent) {
    extents.push_back(extent);
    return builder.getAffineDimExpr(extents.size() - 1);
  };
  AffineExpr frequency = loop(k / parts), part = loop(parts);
  SmallVector<AffineExpr> y{frequency, part}, x{frequency, part}, w{frequency};
  for (int64_t d = 1; d < last; ++d) {
    AffineExpr position = y.emplace_back(loop(type.getDimSize(d)));
    x.push_back(position * windows.strides[d - 1]);
  }
  if (panel)
    w.push_back(y.emplace_back(loop(outs / panel)));
  AffineExpr column = y.emplace_back(loop(panel ? panel : outs));
  for (const PlaneWindows::Tap &tap : windows.taps) {
    AffineExpr step = w.emplace_back(loop(weightsType.getDimSize(w.size())));
    x[2 + tap.position] = x[2 + tap.position] + step * tap.step;
  }
  x.push_back(w.emplace_back(loop(weightsType.getDimSize(w.size()))));
  w.push_back(column);
  auto mapOf = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(extents.size(), 0, results, builder.getContext());
  };
  Product product{splitResult(builder, loc, init, parts, panel),
                  mapOf(y),
                  {{WeightLoad(words), mapOf(x)}, {WeightLoad(weights), mapOf(w)}},
                  extents};
  return lowerProductToTiles(product, WordFormat::bf16, startsFromZero, lowerFewRows, builder, loc);
}
