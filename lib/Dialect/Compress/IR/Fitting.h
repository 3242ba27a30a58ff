//===- Fitting.h - What the fits share ----------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A fit goes from a dense weight to constants and representation ops, by the functions of Obtain/.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_FITTING_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_FITTING_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include <cmath>

namespace mlir::compress {

/// What a scheme is asked to do.
struct Fitting {
  OpBuilder &builder;
  Location loc;
  const DenseWeight &weight;
  std::string &whyNot;

  ArrayRef<int64_t> shape() const { return weight.type.getShape(); }
  Type elementType() const { return weight.type.getElementType(); }
  /// Decompositions and means are of finite numbers.
  bool isFinite() const {
    bool isFinite = llvm::all_of(weight.values, [](double value) { return std::isfinite(value); });
    if (!isFinite)
      whyNot = "it has numbers that are not finite";
    return isFinite;
  }
  FailureOr<Value> refuse(const Twine &why) const {
    whyNot = why.str();
    return failure();
  }
  Value constant(ArrayRef<int64_t> shape, ArrayRef<double> values) const {
    return materializeConstant(builder, loc, RankedTensorType::get(shape, elementType()), values);
  }
  /// A constant, or what the nested `scheme` makes of it.
  FailureOr<Value> factor(Attribute scheme, ArrayRef<int64_t> shape, ArrayRef<double> values,
                          ArrayRef<Role> roles) const {
    if (!scheme)
      return constant(shape, values);
    DenseWeight nested{
        RankedTensorType::get(shape, elementType()), SmallVector<double>(values), SmallVector<Role>(roles), {}};
    return cast<CompressionSchemeAttrInterface>(scheme).fit(builder, loc, nested, whyNot);
  }
  /// The numbers as the weight's type holds them.
  std::vector<double> rounded(std::vector<double> numbers) const {
    if (elementType().isF32())
      for (double &number : numbers)
        number = static_cast<float>(number);
    return numbers;
  }
};

/// The dimensions of a weight by role, and its values with out, in and tap dimensions in this order.
struct Canonical {
  SmallVector<int64_t> outs, ins, taps;
  /// Shape in canonical order, and the weight's dimension of each of its dimensions.
  SmallVector<int64_t> shape, dims;
  std::vector<double> values;

  explicit Canonical(const DenseWeight &weight)
      : outs(weight.dimsOf(Role::Out)), ins(weight.dimsOf(Role::In)), taps(weight.dimsOf(Role::Tap)) {
    for (ArrayRef<int64_t> part : {ArrayRef(outs), ArrayRef(ins), ArrayRef(taps)})
      dims.append(part.begin(), part.end());
    ArrayRef<int64_t> source = weight.type.getShape();
    SmallVector<int64_t> strides = computeStrides(source), index(dims.size(), 0);
    for (int64_t dim : dims)
      shape.push_back(source[dim]);
    values.reserve(weight.values.size());
    for (size_t count = 0; count < weight.values.size(); ++count) {
      int64_t at = 0;
      for (auto [i, dim] : llvm::zip_equal(index, dims))
        at += i * strides[dim];
      values.push_back(weight.values[at]);
      for (int64_t d = index.size() - 1; d >= 0 && ++index[d] == shape[d]; --d)
        index[d] = 0;
    }
  }
  /// False if the weight is a batch of weights, or has no out or in dimension.
  bool isOneWeight(const DenseWeight &weight) const {
    return !outs.empty() && !ins.empty() && dims.size() == weight.roles.size();
  }
  ArrayRef<int64_t> outShape() const { return ArrayRef(shape).take_front(outs.size()); }
  ArrayRef<int64_t> inShape() const { return ArrayRef(shape).slice(outs.size(), ins.size()); }
  ArrayRef<int64_t> tapShape() const { return ArrayRef(shape).take_back(taps.size()); }
  DenseI64ArrayAttr order(OpBuilder &builder) const {
    return llvm::is_sorted(dims) ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(dims);
  }
};

/// The numbers of `shape`, each the nearest of `code`, with one scale of 1.
Value dequantizeWithoutScale(const Fitting &fitting, NumberCodeAttrInterface code, ArrayRef<int64_t> shape,
                             ArrayRef<double> numbers);

/// A power-of-two code of `bits` whose window ends at the largest magnitude of `values`.
Pow2Attr pow2CodeFor(ArrayRef<double> values, int64_t bits, bool zero, MLIRContext *context);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_FITTING_H
