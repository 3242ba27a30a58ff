//===- Zeros.cpp - Sums that leave out zero weights ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights with zeros at single places, two ways:
//
//   sum over i of x[i] * w[o * 6 + i]                     a code for zero
//   sum over n of x[places[o * 2 + n]] * w[o * 2 + n]     places of the others, as many for each output
//
// The second takes as many cycles as the output with most weights has of them, but its memories hold a place for each,
// and what is read anywhere is a whole sample. Cycles times bits of memory decide: both are what the schedule makes of
// a sum with one lane.
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

namespace {

/// The weights that are not zero, by output: how far the number that each is multiplied with is from the first one of
/// that output, and the stored code.
class NonZeros {
public:
  NonZeros(const FixedProduct &product, const FixedTensor &from, const FixedWeights &weights)
      : product(product), from(from), weights(weights) {}

  /// False if numbers are not found by an output and a weight alone.
  bool collect() {
    if (!isFoundByWeight() || (from.order.size() > 1 && !isOfAllOutputs()))
      return false;
    ArrayRef<int64_t> shape = weights.codes.shape;
    SmallVector<int64_t> index(shape.size(), 0);
    memref::GlobalOp global = weights.codes.global;
    for (const APInt &code : cast<DenseIntElementsAttr>(global.getInitialValueAttr()).getValues<APInt>()) {
      SmallVector<int64_t> at(product.extents.size(), 0);
      int64_t output = 0;
      for (auto [expr, extent, i] : llvm::zip_equal(product.weightMap.getResults(), shape, index)) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        if (dim && isSummed(dim))
          at[dim.getPosition()] = i;
        else
          output = output * extent + i;
      }
      auto &row = rows[output];
      if (code.getSExtValue() != zeroCode())
        row.push_back({placeOf(at), code.getSExtValue()});
      for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0 && ++index[d] == shape[d]; --d)
        index[d] = 0;
    }
    for (auto &[output, row] : rows) {
      longest = std::max<int64_t>(longest, row.size());
      for (auto [place, code] : row)
        farthest = std::max(farthest, place);
    }
    if (from.order.size() > 1) // hardware puts turns, in which numbers come, in place of places
      farthest = ShapedType::getNumElements(from.shape) - 1;
    return longest > 0;
  }

  /// Cycles of a sample, one product in each, times bits of memory: of `perOutput` weights for each output with `bits`.
  double cost(int64_t perOutput, int64_t bits) const {
    double sample = 2.0 * ShapedType::getNumElements(from.shape) * from.format.width; // one is read, one arrives
    return static_cast<double>(perOutput) * (static_cast<double>(rows.size() * perOutput * bits) + sample);
  }

  bool isSummed(AffineExpr dim) const {
    return !product.resultMap.isFunctionOfDim(cast<AffineDimExpr>(dim).getPosition());
  }
  int64_t zeroCode() const { return weights.isShifts ? weights.span + 1 : 0; }

  llvm::MapVector<int64_t, SmallVector<std::pair<int64_t, int64_t>>> rows;
  int64_t longest = 0, farthest = 0;

private:
  bool isFoundByWeight() const {
    auto isPlain = [](AffineExpr expr) { return isa<AffineDimExpr, AffineConstantExpr>(expr); };
    bool isLinear = true;
    product.activationMap.walkExprs([&](AffineExpr expr) {
      isLinear &=
          !llvm::is_contained({AffineExprKind::FloorDiv, AffineExprKind::CeilDiv, AffineExprKind::Mod}, expr.getKind());
    });
    if (!isLinear || !llvm::all_of(product.weightMap.getResults(), isPlain) || (weights.isShifts && !weights.hasZero))
      return false;
    for (auto [d, extent] : llvm::enumerate(product.extents)) // a window, or pixels one after the other
      if (extent > 1 && product.activationMap.isFunctionOfDim(d) && !product.weightMap.isFunctionOfDim(d))
        return false;
    return true;
  }

  /// True if every output reads from the first number on: then a place is all that says where.
  bool isOfAllOutputs() const {
    for (unsigned d = 0; d < product.extents.size(); ++d)
      if (product.extents[d] > 1 && product.resultMap.isFunctionOfDim(d) && product.activationMap.isFunctionOfDim(d))
        return false;
    return true;
  }

  int64_t placeOf(ArrayRef<int64_t> at) const {
    int64_t place = 0;
    for (auto [i, extent] : llvm::zip_equal(product.activationMap.compose(at), from.shape))
      place = place * extent + i;
    return place;
  }

  const FixedProduct &product;
  const FixedTensor &from;
  const FixedWeights &weights;
};

} // namespace

std::optional<SparseWeights> FixedPointEmitter::withoutZeros(Operation *op, const FixedProduct &product,
                                                             const FixedTensor &from, const FixedWeights &weights) {
  NonZeros found(product, from, weights);
  Zeros zeros = widthsOf(op).zeros;
  if (zeros == Zeros::Codes || !found.collect())
    return std::nullopt;
  FixedFormat places{bitsFor(0, found.farthest), 0}, codes = weights.codes.format;
  int64_t all = ShapedType::getNumElements(weights.codes.shape) / static_cast<int64_t>(found.rows.size());
  if (zeros == Zeros::Auto && found.cost(found.longest, codes.width + places.width) >= found.cost(all, codes.width))
    return std::nullopt;
  SparseWeights sparse;
  sparse.perOutput = found.longest;
  SmallVector<int64_t> shape, placeValues, codeValues;
  for (auto [expr, extent] : llvm::zip_equal(product.weightMap.getResults(), weights.codes.shape))
    if (isa<AffineDimExpr>(expr) && !found.isSummed(expr)) {
      sparse.outputs.push_back(cast<AffineDimExpr>(expr).getPosition());
      shape.push_back(extent);
    }
  shape.push_back(found.longest);
  for (auto &[output, row] : found.rows)
    for (int64_t n = 0; n < found.longest; ++n) { // an output with fewer adds zeros
      bool isThere = n < static_cast<int64_t>(row.size());
      placeValues.push_back(isThere ? row[n].first : 0);
      codeValues.push_back(isThere ? row[n].second : found.zeroCode());
    }
  memref::GlobalOp dense = weights.codes.global;
  names.erase(dense.getName());
  dense.erase();
  sparse.places = constant(op, "places", shape, placeValues, places);
  sparse.codes = constant(op, weights.isShifts ? "shifts" : "weights", shape, codeValues, codes);
  return sparse;
}

Value mlir::compress::loadAt(AffineNest &nest, Value buffer, AffineExpr first, Value place) {
  Value at = arith::IndexCastOp::create(nest.builder, nest.loc, nest.builder.getIndexType(), place);
  if (auto constant = dyn_cast<AffineConstantExpr>(first); !constant || constant.getValue() != 0)
    at = arith::AddIOp::create(nest.builder, nest.loc, nest.materialize(first), at);
  return memref::LoadOp::create(nest.builder, nest.loc, buffer, at);
}
