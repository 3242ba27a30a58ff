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
#include "compress/Obtain/Weighted.h"
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

/// The numbers that `nearest` gives in an order in which later entries of an output make up for the errors of earlier
/// ones. `nearest` takes an entry of the weight and its number.
static std::vector<double> roundWeighted(const Fitting &f, function_ref<double(int64_t, double)> nearest) {
  Canonical w(f.weight);
  SmallVector<int64_t> places = Canonical::places(f.weight);
  std::vector<double> result(places.size());
  obtain::roundByColumns(w.values, w.numColumns(), f.weight.hessian,
                         [&](int64_t at, double value) { return result[places[at]] = nearest(places[at], value); });
  return result;
}

/// trace((W - V) H (W - V)^T) of the values V.
static double outputErrorOf(const Fitting &f, ArrayRef<double> values) {
  DenseWeight difference{f.weight.type, f.weight.values, f.weight.roles, {}};
  for (auto [d, v] : llvm::zip_equal(difference.values, values))
    d -= v;
  Canonical d(difference);
  return obtain::outputError(d.values, d.numColumns(), f.weight.hessian);
}

/// Rounds anew, `nearest` being of an entry and its number over scale plus zero; then fits the scales, without zero
/// points only, and once more, as long as the error falls.
static void improveWeighted(const Fitting &f, ArrayRef<int64_t> group, function_ref<double(int64_t, double)> nearest,
                            obtain::Rounded &rounded) {
  std::vector<int64_t> scaleOf = obtain::scaleOfEntries(f.shape(), group, rounded.scaleShape);
  Canonical w(f.weight);
  SmallVector<int64_t> places = Canonical::places(f.weight);
  auto scaleOfPlaces = llvm::map_to_vector(places, [&](int64_t place) { return scaleOf[place]; });
  double best = outputErrorOf(f, obtain::dequantize(rounded, f.shape(), group));
  bool hasZeros = llvm::any_of(rounded.zeros, [](double zero) { return zero != 0; });
  obtain::Rounded next = rounded;
  for (int64_t round = 0; round < 4; ++round) {
    roundWeighted(f, [&](int64_t entry, double value) {
      double scale = next.scales[scaleOf[entry]], zero = next.zeros[scaleOf[entry]];
      next.numbers[entry] = nearest(entry, value / scale + zero);
      return scale * (next.numbers[entry] - zero);
    });
    double error = outputErrorOf(f, obtain::dequantize(next, f.shape(), group));
    if (error >= best)
      return;
    best = error;
    rounded = next;
    if (hasZeros)
      return;
    auto numbers = llvm::map_to_vector(places, [&](int64_t place) { return next.numbers[place]; });
    next.scales = f.rounded(
        obtain::weightedScales(w.values, numbers, w.numColumns(), f.weight.hessian, scaleOfPlaces, next.scales));
    error = outputErrorOf(f, obtain::dequantize(next, f.shape(), group));
    if (error < best) {
      best = error;
      rounded = next;
    }
  }
}

/// The numbers of `code` for the weight, with one scale of 1.
static Value dequantizeNearest(const Fitting &f, NumberCodeAttrInterface code) {
  if (!f.isWeighted())
    return dequantizeWithoutScale(f, code, f.shape(), f.weight.values);
  return dequantizeWithoutScale(
      f, code, f.shape(), roundWeighted(f, [&](int64_t, double value) { return code.valueOf(code.nearest(value)); }));
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
  if (f.isWeighted())
    improveWeighted(
        f, *group, [&](int64_t, double number) { return obtain::nearestInteger(number, options.low, options.high); },
        rounded);
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
    return dequantizeNearest(f, sumsOfPowersFor(f, getBits(), getTerms()));
  Pow2Attr code = pow2CodeFor(f.weight.values, getBits(), getZero(), f.builder.getContext());
  return dequantizeNearest(f, code);
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
  if (f.isWeighted()) {
    // Zeros stay where they are: their number is what was asked for.
    std::vector<double> plain = rounded.numbers;
    improveWeighted(
        f, group, [&](int64_t entry, double number) { return plain[entry] == 0 ? 0.0 : std::copysign(1.0, number); },
        rounded);
  }
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
  return dequantizeNearest(f, code);
}
