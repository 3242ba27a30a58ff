//===- Channels.h - Which indices of a function's tensors are one ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A *slot* is a dimension of a tensor value. Ops tie the indices of their operands' and results' slots: index i of a
// loop is index i of every slot that the loop runs over; feature f of a flattened tensor is channel f / (H W) of what
// was flattened. What is tied, directly or not, is one *channel*: it can only be dropped as a whole. A channel that
// something else depends on is *pinned*, with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELS_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::compress {

/// A product of an activation and a dense constant weight: it makes channels and reads others.
struct ChannelProduct {
  linalg::LinalgOp op;
  /// Of `op`: the activation's operand and its dimension that is summed over, the result's that numbers filters.
  OpOperand *activation = nullptr;
  int64_t inDim = -1, outDim = -1, outs = 0, ins = 0;
  /// outs x ins: whether a tap is not zero; the sum of taps.
  llvm::BitVector isRead;
  SmallVector<double> sums;

  bool reads(int64_t out, int64_t in) const { return isRead[out * ins + in]; }
  double sum(int64_t out, int64_t in) const { return sums[out * ins + in]; }
};

/// A dimension of a tensor value, whose index i is node `first + i`.
struct Slot {
  Value value;
  int64_t dim;
  int64_t first, extent;
};

/// Dimension `multiDim` of `multi`, collapsed with others to dimension `flatDim` of `flat`: index f there is
/// index f / inner mod extent here.
struct ReshapeTie {
  int64_t multiDim, flatDim, inner;
};

class Channels {
public:
  explicit Channels(func::FuncOp function);

  /// Dimensions that are one if a channel is in both.
  ArrayRef<Slot> getSlots() const { return slots; }
  /// The number of the slot; -1 if it has no channels: dynamic, or too large.
  int64_t slotOf(Value value, int64_t dim) const { return numbers.lookup_or({value, dim}, -1); }
  int64_t classOf(int64_t slot) const { return slotClasses.findLeader(slot); }

  int64_t numNodes() const { return pins.size(); }
  /// The channel that `node` is one index of, by its first node.
  int64_t channelOf(int64_t node) const { return classes.findLeader(node); }
  /// Why a channel cannot be dropped; empty if it can.
  StringRef whyPinned(int64_t node) const { return reasons[pins[channelOf(node)]]; }
  bool isPinned(int64_t node) const { return pins[channelOf(node)] != 0; }
  /// True if a channel of the slot may be dropped.
  bool isOpen(int64_t slot) const;

  ArrayRef<ChannelProduct> getProducts() const { return products; }
  const ChannelProduct *productOf(Operation *op) const;
  ArrayRef<ReshapeTie> reshapeTies(Operation *op) const;

private:
  int64_t getSlot(Value value, int64_t dim);
  void tie(int64_t a, int64_t b);
  void tieNodes(int64_t a, int64_t b);
  void pinNode(int64_t node, StringRef reason);
  void pin(Value value, int64_t dim, StringRef reason);
  void pinAll(Value value, StringRef reason);
  void pinCaptured(Operation *op, StringRef reason);

  void visit(Operation *op);
  void visitLinalg(linalg::LinalgOp op);
  void visitPad(tensor::PadOp op);
  void visitCast(tensor::CastOp op);
  void visitSlice(Operation *op, Value whole, Value part, OffsetSizeAndStrideOpInterface slice);
  void visitDim(tensor::DimOp op);
  void addProduct(linalg::LinalgOp op);

  /// One dimension against the several that it is collapsed from.
  struct Reshape {
    Operation *op;
    Value multi, flat;
    ReassociationIndices dims;
    int64_t flatDim;
  };
  void resolveReshapes();
  bool resolve(const Reshape &reshape, bool isLast);

  SmallVector<Slot> slots;
  llvm::DenseMap<std::pair<Value, int64_t>, int64_t> numbers;
  llvm::IntEqClasses classes, slotClasses;
  SmallVector<unsigned> pins;
  SmallVector<std::string> reasons{""};
  llvm::StringMap<unsigned> reasonNumbers;
  SmallVector<Reshape> reshapes;
  llvm::DenseMap<Operation *, SmallVector<ReshapeTie>> ties;
  std::vector<ChannelProduct> products;
  llvm::DenseMap<Operation *, size_t> productNumbers;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CHANNELS_H
