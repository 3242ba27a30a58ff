//===- ChannelConstants.h - Channels that are one number ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELCONSTANTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELCONSTANTS_H

#include "Channels.h"

namespace mlir::compress {

/// Which slices of a function's tensors hold one number, whatever the arguments are: a layer whose filter n is zero
/// makes its init there, and element-wise ops, pooling without padding and moves map constants to constants. Numbers
/// are computed by upstream's folders, in the precision of the network.
class ChannelConstants {
public:
  ChannelConstants(func::FuncOp function, const Channels &channels);

  /// The number that `value` is wherever index `index` of `dim` is chosen; nullopt if it is no finite number, or
  /// unknown.
  std::optional<double> get(Value value, int64_t dim, int64_t index);

private:
  /// By index: a number, `undefined` for what nothing wrote yet, null for what is not known to be constant.
  using Numbers = SmallVector<Attribute>;
  /// A dimension, or `kEverywhere`: the one number of a whole tensor.
  static constexpr int64_t kEverywhere = -1;

  Attribute lookup(Value value, int64_t dim, int64_t index);
  bool isOpen(Value value, int64_t dim) const { return channels.isOpen(channels.slotOf(value, dim)); }
  Numbers numbersOfConstant(Value value, int64_t dim);

  void visit(Operation *op);
  void visitProduct(const ChannelProduct &product);
  void visitLinalg(linalg::LinalgOp op);
  Attribute evaluate(linalg::LinalgOp op, int64_t result, int64_t loop, int64_t index);
  void visitReshape(Operation *op, bool isCollapse);
  void visitPad(tensor::PadOp pad);
  void visitInsert(tensor::InsertSliceOp slice);
  /// Sets each open dimension of `result` from `numberAt(dim, index)`.
  void set(Value result, llvm::function_ref<Attribute(int64_t, int64_t)> numberAt);

  const Channels &channels;
  llvm::DenseMap<std::pair<Value, int64_t>, Numbers> known;
  Attribute undefined;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELCONSTANTS_H
