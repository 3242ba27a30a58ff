//===- FitCodes.cpp - Uniform, power-of-two, ternary, code book ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// %w = arith.constant … : tensor<64x96xf32>   =>   %q = arith.constant … : tensor<64x96xi4>, %s = arith.constant …
//                                                    %w = compress.dequantize %q, %s
//
//===----------------------------------------------------------------------===//

#include "Fitting.h"
#include "compress/Obtain/Rounding.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

Value mlir::compress::dequantizeWithoutScale(const Fitting &f, NumberCodeAttrInterface code, ArrayRef<int64_t> shape,
                                             ArrayRef<double> numbers) {
  int64_t bits = code.getNumBits();
  SmallVector<double> codes;
  for (double number : numbers)
    codes.push_back(llvm::SignExtend64(code.nearest(number), bits));
  auto type = RankedTensorType::get(shape, f.builder.getIntegerType(bits));
  SmallVector<int64_t> ones(shape.size(), 1);
  return DequantizeOp::create(f.builder, f.loc, RankedTensorType::get(shape, f.elementType()),
                              materializeConstant(f.builder, f.loc, type, codes), f.constant(ones, {1.0}), Value(),
                              code, DenseI64ArrayAttr());
}

Pow2Attr mlir::compress::pow2CodeFor(ArrayRef<double> values, int64_t bits, bool zero, MLIRContext *context) {
  obtain::PowerWindow window = obtain::windowOf(values, (int64_t(1) << (bits - 1)) - zero, zero);
  return Pow2Attr::get(context, bits, window.minExponent, zero);
}

/// Group sizes with a scale per entry of the dimensions `kept`.
static SmallVector<int64_t> groupWith(ArrayRef<int64_t> shape, ArrayRef<int64_t> kept) {
  SmallVector<int64_t> group(shape);
  for (int64_t dim : kept)
    group[dim] = 1;
  return group;
}

/// `group` as an attribute, if the extents of the scales do not say it.
static DenseI64ArrayAttr groupAttr(const Fitting &f, ArrayRef<int64_t> group) {
  bool divides = llvm::all_of(llvm::zip_equal(f.shape(), group),
                              [](auto pair) { return std::get<0>(pair) % std::get<1>(pair) == 0; });
  return divides ? DenseI64ArrayAttr() : f.builder.getDenseI64ArrayAttr(group);
}

static Value dequantize(const Fitting &f, NumberCodeAttrInterface code, const obtain::Rounded &rounded,
                        ArrayRef<int64_t> group, bool withZeros) {
  int64_t bits = code.getNumBits();
  Type integer = f.builder.getIntegerType(bits);
  auto codes = [&](ArrayRef<int64_t> shape, ArrayRef<double> numbers) {
    SmallVector<double> raw;
    for (double number : numbers)
      raw.push_back(llvm::SignExtend64(code.nearest(number), bits));
    return materializeConstant(f.builder, f.loc, RankedTensorType::get(shape, integer), raw);
  };
  Value zeros = withZeros ? codes(rounded.scaleShape, rounded.zeros) : Value();
  return DequantizeOp::create(f.builder, f.loc, f.weight.type, codes(f.shape(), rounded.numbers),
                              f.constant(rounded.scaleShape, rounded.scales), zeros, code, groupAttr(f, group));
}

/// Where scales differ: per entry of the batch dimensions and of `axis` or the out dimensions, per group of the in
/// ones.
static FailureOr<SmallVector<int64_t>> uniformGroups(FitUniformAttr scheme, const Fitting &f) {
  SmallVector<int64_t> group = groupWith(f.shape(), f.weight.dimsOf(Role::Batch)), outs = f.weight.dimsOf(Role::Out);
  int64_t axis = scheme.getAxis();
  if (axis >= f.weight.type.getRank()) {
    f.whyNot = llvm::formatv("axis {0} is none of the weight's {1} dimensions", axis, f.weight.type.getRank());
    return failure();
  }
  if (scheme.getPerTensor())
    return SmallVector<int64_t>(f.shape());
  if (axis >= 0)
    outs = {axis};
  else if (outs.empty() && f.weight.dimsOf(Role::Batch).empty())
    outs = {0};
  for (int64_t dim : outs)
    group[dim] = 1;
  SmallVector<int64_t> ins = f.weight.dimsOf(Role::In);
  if (scheme.getGroup() && !ins.empty())
    group[ins.back()] = std::min(group[ins.back()], scheme.getGroup());
  return group;
}

FailureOr<Value> FitUniformAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                     std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  FailureOr<SmallVector<int64_t>> group = uniformGroups(*this, f);
  if (failed(group))
    return failure();
  int64_t half = int64_t(1) << (getBits() - 1);
  obtain::UniformOptions options{-half, half - 1, getSymmetric(), getSearch()};
  obtain::Rounded rounded = obtain::fitUniform(f.weight.values, f.shape(), *group, options);
  rounded.scales = f.rounded(rounded.scales);
  // A scale may underflow in the weight's type; its numbers are then next to nothing.
  for (double &scale : rounded.scales)
    scale = scale > 0 ? scale : 1.0;
  obtain::roundAtScales(f.weight.values, f.shape(), *group, options.low, options.high, rounded);
  auto code = UniformAttr::get(f.builder.getContext(), getBits(), /*unsigned_codes=*/false);
  return dequantize(f, code, rounded, *group, !getSymmetric());
}

/// Sums of powers of two, times what makes the largest of them the weight's largest magnitude.
static CodebookAttr sumsOfPowersFor(const Fitting &f, int64_t bits, int64_t terms) {
  double largest = 0;
  for (double value : f.weight.values)
    largest = std::max(largest, std::abs(value));
  std::vector<double> table = obtain::sumsOfPowers(bits, terms);
  double scale = largest > 0 ? largest / table.back() : 1.0;
  for (double &number : table)
    number *= scale;
  return CodebookAttr::get(f.builder.getContext(), f.builder.getDenseF64ArrayAttr(f.rounded(std::move(table))));
}

FailureOr<Value> FitPow2Attr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                  std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  if (getTerms() > 1)
    return dequantizeWithoutScale(f, sumsOfPowersFor(f, getBits(), getTerms()), f.shape(), f.weight.values);
  Pow2Attr code = pow2CodeFor(f.weight.values, getBits(), getZero(), f.builder.getContext());
  return dequantizeWithoutScale(f, code, f.shape(), f.weight.values);
}

FailureOr<Value> FitTernaryAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                     std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  for (int64_t axis : getAxes())
    if (axis >= f.weight.type.getRank())
      return f.refuse("axis " + Twine(axis) + " is none of the weight's " + Twine(f.weight.type.getRank()) +
                      " dimensions");
  SmallVector<int64_t> group = groupWith(f.shape(), getAxes());
  double sparsity = getSparsity().convertToDouble();
  obtain::Rounded rounded =
      sparsity > 0 ? obtain::fitTernaryWithZeros(
                         f.weight.values, f.shape(), group,
                         obtain::leastMagnitudes(f.weight.values, f.shape(), group, sparsity, getBalanced()))
                   : obtain::fitTernary(f.weight.values, f.shape(), group, {getThreshold().convertToDouble(), false});
  return dequantize(f, TernaryAttr::get(f.builder.getContext()), rounded, group, /*withZeros=*/false);
}

FailureOr<Value> FitCodebookAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                      std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  obtain::Codebook book = obtain::fitCodebook(f.weight.values, int64_t(1) << getBits());
  // A code has at least two numbers.
  if (book.table.size() == 1)
    book.table.push_back(book.table.front());
  auto code = CodebookAttr::get(f.builder.getContext(), f.builder.getDenseF64ArrayAttr(book.table));
  return dequantizeWithoutScale(f, code, f.shape(), f.weight.values);
}
