//===- ScalarProducts.cpp - Products one number at a time -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"

using namespace mlir;
using namespace mlir::compress;

/// The operand dimension that is the reduction `loop`, for its extent.
static std::pair<Value, int64_t> findExtent(const Product &product, int64_t loop) {
  for (const ProductFactor &factor : product.factors) {
    AffineExpr dim = getAffineDimExpr(loop, product.outMap.getContext());
    auto position = factor.map.getResultPosition(dim);
    bool isInBytes = position && factor.load.isPacked() && *position + 1 == factor.map.getNumResults();
    if (position && !isInBytes)
      return {factor.load.getMemref(), *position};
  }
  llvm_unreachable("verified: each loop of dynamic extent is a dimension of an operand");
}

void mlir::compress::lowerProductToScalars(const Product &product, OpBuilder &builder, Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  AffineNest nest(builder, loc);
  SmallVector<AffineExpr> index(product.extents.size()), outIndex;
  for (auto [position, expr] : llvm::enumerate(product.outMap.getResults())) {
    outIndex.push_back(nest.loopOverDim(product.out, position));
    index[cast<AffineDimExpr>(expr).getPosition()] = outIndex.back();
  }
  SmallVector<Value> sums{nest.load(product.out, outIndex, 1)};
  int64_t numCarrying = 0;
  for (auto [loop, extent] : llvm::enumerate(product.extents)) {
    if (product.outMap.isFunctionOfDim(loop))
      continue;
    ++numCarrying;
    if (ShapedType::isStatic(extent)) {
      index[loop] = nest.loopCarrying(extent, sums);
      continue;
    }
    auto [memref, dim] = findExtent(product, loop);
    index[loop] = nest.loopOverDimCarrying(memref, dim, sums);
  }
  SmallVector<Value> operands;
  for (const ProductFactor &factor : product.factors) {
    SmallVector<AffineExpr> at;
    for (AffineExpr expr : factor.map.getResults())
      at.push_back(expr.replaceDims(index));
    operands.push_back(factor.load.load(nest, at, 1));
  }
  sums[0] = nest.fma(operands[0], operands[1], sums[0]);
  for (int64_t i = 0; i < numCarrying; ++i)
    nest.closeCarrying(sums);
  nest.store(sums[0], product.out, outIndex);
}
