//===- FitStructured.cpp - Block-circulant, packed ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// %w = arith.constant … : tensor<64x96xf32>   =>   %c = arith.constant …
//                                                    %w = compress.circulant %c
//
//===----------------------------------------------------------------------===//

#include "Fitting.h"
#include "compress/Obtain/Packing.h"
#include "compress/Obtain/Weighted.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// The nearest block-circulant weight: the mean over each wrapped diagonal, over the entries inside of the tensor.
FailureOr<Value> FitCirculantAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                       std::string &whyNot) const {
  SmallVector<int64_t> outs = weight.dimsOf(Role::Out), ins = weight.dimsOf(Role::In), taps = weight.dimsOf(Role::Tap);
  if (outs.size() != 1 || ins.size() != 1 || weight.roles.size() != 2 + taps.size()) {
    whyNot = "a circulant weight has one out and one in dimension, and taps";
    return failure();
  }
  ArrayRef<int64_t> shape = weight.type.getShape();
  int64_t k = getK(), p = llvm::divideCeil(shape[outs[0]], k), q = llvm::divideCeil(shape[ins[0]], k);
  SmallVector<int64_t> paramShape{p, q, k}, order{outs[0], ins[0]};
  for (int64_t tap : taps) {
    paramShape.push_back(shape[tap]);
    order.push_back(tap);
  }
  auto paramType = RankedTensorType::get(paramShape, weight.type.getElementType());
  SmallVector<double> sum(paramType.getNumElements(), 0.0);
  SmallVector<int64_t> count(sum.size(), 0), index(shape.size(), 0);
  for (double value : weight.values) {
    int64_t row = index[outs[0]], col = index[ins[0]];
    int64_t at = ((row / k) * q + col / k) * k + ((row - col) % k + k) % k;
    for (int64_t tap : taps)
      at = at * shape[tap] + index[tap];
    sum[at] += value;
    ++count[at];
    for (int64_t d = shape.size() - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
  for (auto [s, n] : llvm::zip(sum, count))
    s = n ? s / n : 0.0;
  if (!weight.hessian.empty()) {
    Canonical w(weight);
    std::vector<double> best = obtain::weightedCirculant(w.values, shape[outs[0]], shape[ins[0]],
                                                         computeProduct(w.tapShape()), k, weight.hessian, sum);
    sum.assign(best.begin(), best.end());
  }
  Value params = materializeConstant(builder, loc, paramType, sum);
  auto orderAttr = llvm::is_sorted(order) ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(order);
  return CirculantOp::create(builder, loc, weight.type, params, Domain::time, orderAttr).getResult();
}

/// There is a Pattern of rewriting too.
using Structure = mlir::compress::Pattern;

/// True if boxes of `pattern` are told apart along a dimension of `role`.
static bool separates(Structure pattern, Role role) {
  switch (role) {
  case Role::Batch:
    return true;
  case Role::Out:
    return pattern == Structure::rows || pattern == Structure::vectors || pattern == Structure::elements;
  case Role::In:
    return pattern != Structure::rows;
  case Role::Tap:
    return pattern == Structure::taps || pattern == Structure::vectors || pattern == Structure::elements;
  }
  llvm_unreachable("unknown role");
}

/// Each entry times the root mean square of what it is multiplied with: its part in the output.
static SmallVector<double> weighedEntries(const Fitting &f) {
  SmallVector<double> values(f.weight.values);
  if (!f.isWeighted())
    return values;
  int64_t n = Canonical(f.weight).numColumns();
  for (auto [at, place] : llvm::enumerate(Canonical::places(f.weight)))
    values[place] *= std::sqrt(f.weight.hessian[at % n * (n + 1)]);
  return values;
}

/// The weight, where whole inputs or taps are left out, with the best numbers for those that stay.
static std::vector<double> refitKept(const Fitting &f, ArrayRef<int64_t> maskShape, const std::vector<bool> &kept) {
  Canonical w(f.weight);
  SmallVector<int64_t> places = Canonical::places(f.weight), columns;
  std::vector<double> ones(llvm::count(kept, true) * (places.size() / kept.size()), 1.0);
  std::vector<double> isKept = obtain::unpackBoxes(ones, f.shape(), maskShape, kept);
  int64_t n = w.numColumns();
  for (int64_t column = 0; column < n; ++column)
    if (isKept[places[column]] != 0)
      columns.push_back(column);
  std::vector<double> best = obtain::refitColumns(w.values, n, f.weight.hessian, columns);
  std::vector<double> values(f.weight.values.begin(), f.weight.values.end());
  for (int64_t i = 0, size = columns.size(), e = best.size(); i < e; ++i)
    values[places[i / size * n + columns[i % size]]] = best[i];
  return values;
}

FailureOr<Value> FitPackedAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                    std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  Structure pattern = getPattern();
  SmallVector<int64_t> maskShape, valuesShape{0};
  for (auto [extent, role] : llvm::zip_equal(f.shape(), f.weight.roles)) {
    int64_t box = separates(pattern, role) ? 1 : extent;
    if (pattern == Structure::vectors && role == Role::Out)
      box = getVector();
    if (extent % box)
      return f.refuse("vectors of " + Twine(box) + " do not divide " + Twine(extent) + " outputs");
    maskShape.push_back(extent / box);
    valuesShape.push_back(box);
  }
  double sparsity = getSparsity().convertToDouble();
  std::vector<bool> kept =
      sparsity > 0 ? obtain::largestBoxes(weighedEntries(f), f.shape(), maskShape, sparsity)
                   : obtain::keptBoxes(f.weight.values, f.shape(), maskShape, getThreshold().convertToDouble());
  if (llvm::all_of(kept, [](bool isKept) { return isKept; }))
    return f.refuse("none of its " + stringifyPattern(pattern) + " is zero");
  if (llvm::none_of(kept, [](bool isKept) { return isKept; }))
    kept[0] = true; // a tensor has entries
  bool isByIn = pattern == Structure::columns || pattern == Structure::taps;
  std::vector<double> packed = f.isWeighted() && isByIn
                                   ? obtain::packBoxes(refitKept(f, maskShape, kept), f.shape(), maskShape, kept)
                                   : obtain::packBoxes(f.weight.values, f.shape(), maskShape, kept);
  valuesShape[0] = llvm::count(kept, true);
  SmallVector<Role> roles{isByIn ? Role::In : Role::Out};
  llvm::append_range(roles, f.weight.roles);
  auto values = f.factor(getValues(), valuesShape, packed, roles);
  if (failed(values))
    return failure();
  auto maskType = RankedTensorType::get(maskShape, f.builder.getI1Type());
  SmallVector<bool> mask(kept.begin(), kept.end());
  return UnpackOp::create(f.builder, f.loc, f.weight.type, *values, DenseElementsAttr::get(maskType, mask)).getResult();
}
