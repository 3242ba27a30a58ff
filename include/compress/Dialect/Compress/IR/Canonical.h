//===- Canonical.h - A weight by the roles of its dimensions --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_CANONICAL_H
#define COMPRESS_DIALECT_COMPRESS_IR_CANONICAL_H

#include "compress/Dialect/Compress/IR/LinearConsumer.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"
#include <vector>

namespace mlir::compress {

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
  /// The entry of the weight, in row-major order, that each of `values` is.
  static SmallVector<int64_t> places(const DenseWeight &weight) {
    DenseWeight counted{weight.type, {}, weight.roles, {}};
    for (size_t i = 0; i < weight.values.size(); ++i)
      counted.values.push_back(i);
    Canonical canonical(counted);
    return llvm::map_to_vector(canonical.values, [](double place) { return static_cast<int64_t>(place); });
  }
  /// Entries of an output.
  int64_t numColumns() const { return computeProduct(inShape()) * computeProduct(tapShape()); }
  ArrayRef<int64_t> outShape() const { return ArrayRef(shape).take_front(outs.size()); }
  ArrayRef<int64_t> inShape() const { return ArrayRef(shape).slice(outs.size(), ins.size()); }
  ArrayRef<int64_t> tapShape() const { return ArrayRef(shape).take_back(taps.size()); }
  DenseI64ArrayAttr order(OpBuilder &builder) const {
    return llvm::is_sorted(dims) ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(dims);
  }
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_CANONICAL_H
