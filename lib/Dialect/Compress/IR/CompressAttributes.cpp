//===- CompressAttributes.cpp - Schemes and codes -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

LogicalResult FitCirculantAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t k) {
  if (k < 1) // fit_circulant C1
    return emitError() << "expects a block size k of at least 1, got " << k;
  return success();
}

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
  Value params = materializeConstant(builder, loc, paramType, sum);
  auto orderAttr = llvm::is_sorted(order) ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(order);
  return CirculantOp::create(builder, loc, weight.type, params, Domain::time, orderAttr).getResult();
}
