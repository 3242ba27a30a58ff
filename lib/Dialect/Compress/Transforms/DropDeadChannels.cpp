//===- DropDeadChannels.cpp - Channels that carry no information ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   h = act(W1 x + b1)                     h' = act(W1[keep, :] x + b1[keep])
//   y = W2 h + b2                    =>    y  = W2[:, keep] h' + (b2 + W2[:, n] act(b1[n]))
//   where W1[n, :] = 0
//
// Which channels are constants are facts about the network as it is, found in one pass forwards; which are read depends
// on what is dropped, and is repeated until nothing changes.
//
//===----------------------------------------------------------------------===//

#include "ChannelConstants.h"
#include "ShrinkChannels.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_DROPDEADCHANNELSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What was dropped of a group of slots that are tied.
struct Drops {
  int64_t total = 0, channels = 0, constant = 0, unread = 0, bytesBefore = 0, bytesAfter = 0;
};

/// Finds the dead channels of a function.
class DeadChannels {
public:
  DeadChannels(func::FuncOp function, const Channels &channels)
      : channels(channels), constants(function, channels), dropped(channels.numNodes()) {
    for (auto [number, slot] : llvm::enumerate(channels.getSlots())) {
      kept.push_back(slot.extent);
      for (int64_t i = 0; i < slot.extent; ++i) {
        int64_t channel = channels.channelOf(slot.first + i);
        if (!channels.isPinned(channel))
          members[channel].emplace_back(number, i);
      }
    }
    for (const ChannelProduct &product : channels.getProducts()) {
      int64_t slot = channels.slotOf(product.activation->get(), product.inDim);
      if (slot >= 0)
        readers[slot].push_back(&product);
    }
  }

  /// Marks channels until nothing changes. The first of several that must keep one stays.
  void find() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto &[channel, places] : llvm::reverse(members))
        if (!dropped.test(channel) && !isNeeded(places) && leavesOne(places)) {
          drop(channel, places);
          changed = true;
        }
    }
  }

  const llvm::BitVector &getDropped() const { return dropped; }

  /// What the products' inits gain for the constants that they no longer read.
  InitGains gains() {
    InitGains all;
    for (const ChannelProduct &product : channels.getProducts()) {
      SmallVector<double> gain(product.outs, 0.0);
      for (int64_t in = 0; in < product.ins; ++in) {
        if (!isDropped(product.activation->get(), product.inDim, in))
          continue;
        auto number = constants.get(product.activation->get(), product.inDim, in);
        for (int64_t out = 0; number && out < product.outs; ++out)
          if (product.reads(out, in))
            gain[out] += product.sum(out, in) * *number;
      }
      all.push_back(std::move(gain));
    }
    return all;
  }

  bool isDropped(Value value, int64_t dim, int64_t index) const {
    int64_t slot = channels.slotOf(value, dim);
    return slot >= 0 && dropped.test(channels.getSlots()[slot].first + index);
  }

  /// Drops by class of slots.
  llvm::MapVector<int64_t, Drops> count() const;

  /// Why a channel that carries nothing is there still; empty if another layer reads it.
  StringRef whyKept(int64_t node) const {
    if (channels.isPinned(node))
      return channels.whyPinned(node);
    return leavesOne(members.find(channels.channelOf(node))->second) ? "" : "it is the last one";
  }

private:
  using Places = SmallVector<std::pair<int64_t, int64_t>>;

  /// True if a filter of `product` that stays reads channel `index`.
  bool isReadBy(const ChannelProduct &product, int64_t index) const {
    for (int64_t out = 0; out < product.outs; ++out)
      if (product.reads(out, index) && !isDropped(product.op->getResult(0), product.outDim, out))
        return true;
    return false;
  }

  /// True if a layer that stays reads the channel at `index` of `slot`.
  bool isRead(int64_t slot, int64_t index) const {
    return llvm::any_of(readers.lookup(slot), [&](const auto *product) { return isReadBy(*product, index); });
  }

  /// True if a channel that stays depends on this one, and not as on a constant.
  bool isNeeded(const Places &places) {
    for (auto [slot, index] : places)
      for (const ChannelProduct *product : readers.lookup(slot))
        if (isReadBy(*product, index) && !constants.get(product->activation->get(), product->inDim, index))
          return true;
    return false;
  }

  /// True if each tensor has a channel left without those at `places`.
  bool leavesOne(const Places &places) const {
    llvm::SmallDenseMap<int64_t, int64_t> counts;
    for (auto [slot, index] : places)
      if (++counts[slot] >= kept[slot])
        return false;
    return true;
  }

  void drop(int64_t channel, const Places &places) {
    for (auto [slot, index] : places) {
      dropped.set(channels.getSlots()[slot].first + index);
      --kept[slot];
    }
    dropped.set(channel);
  }

  const Channels &channels;
  ChannelConstants constants;
  llvm::BitVector dropped;
  /// Indices by slot that are not dropped.
  SmallVector<int64_t> kept;
  /// The places, slot and index, of each channel that is not pinned.
  llvm::MapVector<int64_t, Places> members;
  llvm::DenseMap<int64_t, SmallVector<const ChannelProduct *>> readers;
};

llvm::MapVector<int64_t, Drops> DeadChannels::count() const {
  llvm::MapVector<int64_t, Drops> drops;
  for (const auto &[channel, places] : members)
    if (dropped.test(channel)) {
      Drops &drop = drops[channels.classOf(places.front().first)];
      ++drop.channels;
      bool isConstant = llvm::any_of(places, [&](auto place) { return isRead(place.first, place.second); });
      ++(isConstant ? drop.constant : drop.unread);
    }
  llvm::DenseSet<int64_t> seen;
  for (auto [number, slot] : llvm::enumerate(channels.getSlots()))
    if (auto drop = drops.find(channels.classOf(number)); drop != drops.end())
      for (int64_t i = 0; i < slot.extent; ++i)
        drop->second.total += seen.insert(channels.channelOf(slot.first + i)).second;
  // A weight loses bytes to the class of each of its dimensions, one after the other.
  llvm::DenseMap<Value, int64_t> bytes;
  for (auto &[of, drop] : drops)
    for (auto [number, slot] : llvm::enumerate(channels.getSlots())) {
      if (channels.classOf(number) != of || !slot.value.getDefiningOp<arith::ConstantOp>())
        continue;
      auto type = cast<RankedTensorType>(slot.value.getType());
      int64_t all = type.getNumElements() * type.getElementTypeBitWidth() / 8;
      int64_t &left = bytes.try_emplace(slot.value, all).first->second;
      drop.bytesBefore += left;
      left = left / std::max<int64_t>(slot.extent, 1) * kept[number];
      drop.bytesAfter += left;
    }
  return drops;
}

/// True for what layers may share without having anything in common: destinations, fills, biases that are equal.
bool isShareable(Operation *op) {
  if (isa<tensor::EmptyOp, linalg::FillOp>(op))
    return true;
  if (isa<linalg::BroadcastOp>(op))
    return op->getOperand(0).getDefiningOp<arith::ConstantOp>();
  // A weight that two layers share is stored once, and stays so.
  auto type = isa<arith::ConstantOp>(op) ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
  return type && llvm::count_if(type.getShape(), [](int64_t extent) { return extent != 1; }) <= 1;
}

/// Gives each use of what is shareable its own copy, which would tie the channels of its users otherwise.
void unshare(func::FuncOp function) {
  for (Operation &op : llvm::reverse(function.front()))
    for (OpOperand &operand : op.getOpOperands()) {
      Operation *source = operand.get().getDefiningOp();
      if (!source || source->getBlock() != op.getBlock() || operand.get().hasOneUse() || !isShareable(source))
        continue;
      // After the source, so that its own operands are visited later.
      OpBuilder builder(source->getContext());
      builder.setInsertionPointAfter(source);
      operand.set(builder.clone(*source)->getResult(0));
    }
}

remark::RemarkOpts remarkOpts(Operation *op) { return weightRemark("drop-dead-channels", op); }

struct DropDeadChannelsPass : compress::impl::DropDeadChannelsPassBase<DropDeadChannelsPass> {
  using Base = compress::impl::DropDeadChannelsPassBase<DropDeadChannelsPass>;
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      if (llvm::hasSingleElement(function.getBody()))
        runOn(function);
      else
        remark::missed(function.getLoc(), remarkOpts(function)) << "no channel is dropped: the function has branches";
    }
  }

  /// Works on a copy, which replaces the body if a channel is dropped.
  void runOn(func::FuncOp original) {
    OwningOpRef<func::FuncOp> copy = original.clone();
    func::FuncOp function = *copy;
    unshare(function);
    Channels channels(function);
    DeadChannels dead(function, channels);
    dead.find();
    reportDrops(channels, dead);
    for (const ChannelProduct &product : channels.getProducts())
      reportKept(channels, dead, product);
    if (dead.getDropped().none())
      return;
    InitGains gains = dead.gains();
    for (const auto &gain : gains)
      numFolded += llvm::any_of(gain, [](double number) { return number != 0; });
    shrinkChannels(function, channels, dead.getDropped(), gains);
    original.getBody().takeBody(function.getBody());
  }

  /// A remark per class, on the first layer that makes its channels.
  void reportDrops(const Channels &channels, const DeadChannels &dead) {
    for (auto &[number, drop] : dead.count()) {
      numDropped += drop.channels;
      numBytes += drop.bytesBefore - drop.bytesAfter;
      auto makes = [&, of = number](const ChannelProduct &product) {
        int64_t slot = channels.slotOf(product.op->getResult(0), product.outDim);
        return slot >= 0 && channels.classOf(slot) == of;
      };
      const auto *product = llvm::find_if(channels.getProducts(), makes);
      if (product == channels.getProducts().end())
        continue; // what nothing uses
      remark::passed(product->op->getLoc(), remarkOpts(product->op))
          << llvm::formatv("{0} of {1} channels dropped, {2} constant and {3} not read: {4} bytes before, {5} after",
                           drop.channels, drop.total, drop.constant, drop.unread, drop.bytesBefore, drop.bytesAfter)
                 .str()
          << remark::metric("channels_dropped", drop.channels) << remark::metric("bytes_before", drop.bytesBefore)
          << remark::metric("bytes_after", drop.bytesAfter);
    }
  }

  /// Says why zero filters of `product`, and channels that it does not read, are there still.
  void reportKept(const Channels &channels, const DeadChannels &dead, const ChannelProduct &product) {
    llvm::MapVector<StringRef, std::pair<int64_t, int64_t>> counts;
    auto add = [&](Value value, int64_t dim, int64_t index, bool isFilter) {
      int64_t slot = channels.slotOf(value, dim);
      if (slot < 0 || dead.isDropped(value, dim, index))
        return;
      StringRef why = dead.whyKept(channels.getSlots()[slot].first + index);
      if (why.empty() && isFilter)
        why =
            "what reads it sees no constant, as it is padded with another number, combined with others, or in a group";
      if (!why.empty())
        ++(isFilter ? counts[why].first : counts[why].second);
    };
    for (int64_t out = 0; out < product.outs; ++out)
      if (!llvm::any_of(llvm::seq(product.ins), [&](int64_t in) { return product.reads(out, in); }))
        add(product.op->getResult(0), product.outDim, out, /*isFilter=*/true);
    for (int64_t in = 0; in < product.ins; ++in)
      if (!llvm::any_of(llvm::seq(product.outs), [&](int64_t out) { return product.reads(out, in); }))
        add(product.activation->get(), product.inDim, in, /*isFilter=*/false);
    for (const auto &[why, count] : counts)
      remark::missed(product.op->getLoc(), remarkOpts(product.op))
          << llvm::formatv("{0} zero filters and {1} channels that it does not read stay: {2}", count.first,
                           count.second, why)
                 .str();
  }
};

} // namespace
