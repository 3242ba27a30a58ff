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

#include "compress/Dialect/Compress/IR/Canonical.h"
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
  /// True if the error of the layer's output counts.
  bool isWeighted() const { return !weight.hessian.empty(); }
  /// A constant, or what the nested `scheme` makes of it.
  FailureOr<Value> factor(Attribute scheme, ArrayRef<int64_t> shape, ArrayRef<double> values, ArrayRef<Role> roles,
                          ArrayRef<double> hessian = {}) const {
    if (!scheme)
      return constant(shape, values);
    DenseWeight nested{RankedTensorType::get(shape, elementType()), SmallVector<double>(values),
                       SmallVector<Role>(roles), hessian};
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

/// The numbers of `shape`, each the nearest of `code`, with one scale of 1.
Value dequantizeWithoutScale(const Fitting &fitting, NumberCodeAttrInterface code, ArrayRef<int64_t> shape,
                             ArrayRef<double> numbers);

/// A power-of-two code of `bits` whose window ends at the largest magnitude of `values`.
Pow2Attr pow2CodeFor(ArrayRef<double> values, int64_t bits, bool zero, MLIRContext *context);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_FITTING_H
