//===- Channels.cpp - Which indices of a function's tensors are one -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Channels.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

/// Indices are numbered one by one: larger dimensions, and what goes beyond the total, have no channels. No layer has
/// as many outputs as the first.
static constexpr int64_t kMostIndices = int64_t(1) << 17, kMostNodes = int64_t(1) << 24;

static RankedTensorType tensorType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Slots, ties, pins
//===----------------------------------------------------------------------===//

int64_t Channels::getSlot(Value value, int64_t dim) {
  if (auto it = numbers.find({value, dim}); it != numbers.end())
    return it->second;
  int64_t extent = tensorType(value).getDimSize(dim), number = -1;
  if (ShapedType::isStatic(extent) && extent <= kMostIndices && numNodes() + extent <= kMostNodes) {
    number = slots.size();
    slots.push_back({value, dim, numNodes(), extent});
    slotClasses.grow(slots.size());
    classes.grow(numNodes() + extent);
    pins.append(extent, 0);
  }
  numbers[{value, dim}] = number;
  return number;
}

void Channels::tieNodes(int64_t a, int64_t b) {
  a = channelOf(a);
  b = channelOf(b);
  unsigned reason = pins[a] ? pins[a] : pins[b];
  pins[classes.join(a, b)] = reason;
}

void Channels::pinNode(int64_t node, StringRef reason) {
  auto [it, isNew] = reasonNumbers.try_emplace(reason, reasons.size());
  if (isNew)
    reasons.push_back(reason.str());
  unsigned &pin = pins[channelOf(node)];
  pin = pin ? pin : it->second;
}

void Channels::pin(Value value, int64_t dim, StringRef reason) {
  int64_t number = getSlot(value, dim);
  if (number < 0)
    return;
  for (int64_t i = 0; i < slots[number].extent; ++i)
    pinNode(slots[number].first + i, reason);
}

void Channels::pinAll(Value value, StringRef reason) {
  if (auto type = tensorType(value))
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      pin(value, dim, reason);
}

/// Pins what the regions of `op` use from outside of it.
void Channels::pinCaptured(Operation *op, StringRef reason) {
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!op->isAncestor(operand.getParentRegion()->getParentOp()))
          pinAll(operand, reason);
    });
}

/// Ties two slots index by index; one without channels pins the other.
void Channels::tie(int64_t a, int64_t b) {
  if (a < 0 || b < 0 || slots[a].extent != slots[b].extent) {
    for (int64_t number : {a, b})
      if (number >= 0)
        pin(slots[number].value, slots[number].dim, "its dimension is not static");
    return;
  }
  slotClasses.join(slotClasses.findLeader(a), slotClasses.findLeader(b));
  for (int64_t i = 0; i < slots[a].extent; ++i)
    tieNodes(slots[a].first + i, slots[b].first + i);
}

bool Channels::isOpen(int64_t slot) const {
  for (int64_t i = 0; slot >= 0 && i < slots[slot].extent; ++i)
    if (!isPinned(slots[slot].first + i))
      return true;
  return false;
}

const ChannelProduct *Channels::productOf(Operation *op) const {
  auto it = productNumbers.find(op);
  return it == productNumbers.end() ? nullptr : &products[it->second];
}

ArrayRef<ReshapeTie> Channels::reshapeTies(Operation *op) const {
  auto it = ties.find(op);
  return it == ties.end() ? ArrayRef<ReshapeTie>() : ArrayRef<ReshapeTie>(it->second);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Channels::Channels(func::FuncOp function) {
  for (Value argument : function.getArguments())
    pinAll(argument, "it reaches an argument of the function");
  for (Operation &op : function.front())
    visit(&op);
  resolveReshapes();
}

void Channels::visit(Operation *op) {
  auto addReshapes = [&](Value multi, Value flat, ArrayRef<ReassociationIndices> groups) {
    for (auto [dim, dims] : llvm::enumerate(groups))
      reshapes.push_back({op, multi, flat, dims, static_cast<int64_t>(dim)});
    // Extents of 1 collapsed to a scalar are in no group.
    for (Value value : {multi, flat})
      if (groups.empty())
        pinAll(value, "a reshape drops it");
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](linalg::LinalgOp linalgOp) { visitLinalg(linalgOp); })
      .Case([&](tensor::CollapseShapeOp collapse) {
        addReshapes(collapse.getSrc(), collapse.getResult(), collapse.getReassociationIndices());
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        addReshapes(expand.getResult(), expand.getSrc(), expand.getReassociationIndices());
      })
      .Case([&](tensor::PadOp pad) { visitPad(pad); })
      .Case([&](tensor::CastOp cast) { visitCast(cast); })
      .Case([&](tensor::ExtractSliceOp slice) { visitSlice(slice, slice.getSource(), slice.getResult(), slice); })
      .Case([&](tensor::InsertSliceOp slice) {
        visitSlice(slice, slice.getResult(), slice.getSource(), slice);
        for (int64_t dim = 0; dim < slice.getType().getRank(); ++dim)
          tie(getSlot(slice.getDest(), dim), getSlot(slice.getResult(), dim));
      })
      .Case([&](tensor::DimOp dim) { visitDim(dim); })
      .Case([&](tensor::EmptyOp) {})
      .Case([&](arith::ConstantOp constant) {
        if (tensorType(constant) && !constantValues(constant))
          pinAll(constant, "a constant has it whose values are not known");
      })
      .Default([&](Operation *) {
        std::string reason = isa<func::ReturnOp>(op)
                                 ? "it reaches a result of the function"
                                 : ("'" + op->getName().getStringRef() + "' uses it, which is left alone").str();
        for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
          for (Value value : values)
            pinAll(value, reason);
        pinCaptured(op, reason);
      });
}

/// Where each loop of `op` is a dimension of an operand or result by itself; other indexing is pinned, its loops too.
static SmallVector<SmallVector<std::pair<Value, int64_t>>>
dimsOfLoops(linalg::LinalgOp op, llvm::function_ref<void(Value, int64_t)> pin, llvm::BitVector &windows) {
  SmallVector<SmallVector<std::pair<Value, int64_t>>> dims(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = tensorType(operand.get());
    if (!type)
      continue;
    for (auto [d, expr] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop) {
        for (unsigned i = 0; i < op.getNumLoops(); ++i)
          if (expr.isFunctionOfDim(i))
            windows.set(i);
        if (type.getDimSize(d) != 1)
          pin(operand.get(), d);
        continue;
      }
      dims[loop.getPosition()].emplace_back(operand.get(), d);
      if (op.isDpsInit(&operand))
        dims[loop.getPosition()].emplace_back(op.getTiedOpResult(&operand), d);
    }
  }
  return dims;
}

void Channels::visitLinalg(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics()) {
    for (Value operand : op->getOperands())
      pinAll(operand, "an op on buffers uses it");
    return;
  }
  std::string name = ("'" + op->getName().getStringRef() + "'").str();
  pinCaptured(op, name + " reads it by index");
  addProduct(op);
  const ChannelProduct *product = productOf(op);
  llvm::BitVector windows(op.getNumLoops());
  auto dims = dimsOfLoops(op, [&](Value value, int64_t dim) { pin(value, dim, "a window slides over it"); }, windows);
  SmallVector<std::string> why(op.getNumLoops());
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (windows.test(loop))
      why[loop] = "a window slides over it";
    else if (iterator == utils::IteratorType::reduction)
      why[loop] = name + " sums over it, and has no dense constant weight of one group";
  }
  if (product) {
    AffineExpr in = op.getMatchingIndexingMap(product->activation).getResult(product->inDim);
    why[cast<AffineDimExpr>(in).getPosition()].clear();
  }
  op.getBlock()->walk([&](linalg::IndexOp index) { why[index.getDim()] = name + " computes with its index"; });
  for (auto [loop, places] : llvm::enumerate(dims)) {
    for (auto [value, dim] : places) {
      int64_t slot = getSlot(value, dim); // may add slots
      tie(getSlot(places.front().first, places.front().second), slot);
    }
    if (!places.empty() && !why[loop].empty())
      pin(places.front().first, places.front().second, why[loop]);
  }
}

/// Notes the product with a dense constant weight of one group that `op` is, if it is one.
void Channels::addProduct(linalg::LinalgOp op) {
  for (OpOperand *operand : op.getDpsInputOperands()) {
    std::string whyNot;
    if (!tensorType(operand->get()) || !WeightView::get(operand->get()).source.getDefiningOp<arith::ConstantOp>())
      continue;
    auto consumer = LinearConsumer::get(op, *operand, whyNot);
    auto values = consumer ? constantValues(consumer->weight) : std::nullopt;
    if (!values)
      continue;
    auto type = cast<RankedTensorType>(consumer->weight.getType());
    DenseWeight weight{type, std::move(*values), consumer->roles, {}};
    SmallVector<int64_t> out = weight.dimsOf(Role::Out), in = weight.dimsOf(Role::In);
    if (out.size() != 1 || in.size() != 1 || !weight.dimsOf(Role::Batch).empty())
      continue;
    ChannelProduct product{op,
                           op.getDpsInputOperand(1 - operand->getOperandNumber()),
                           consumer->inDim,
                           consumer->outDim,
                           type.getDimSize(out[0]),
                           type.getDimSize(in[0]),
                           {},
                           {}};
    product.isRead.resize(product.outs * product.ins);
    product.sums.assign(product.outs * product.ins, 0.0);
    SmallVector<int64_t> strides = computeStrides(type.getShape());
    for (auto [i, value] : llvm::enumerate(weight.values)) {
      int64_t at = static_cast<int64_t>(i), o = at / strides[out[0]] % product.outs,
              n = at / strides[in[0]] % product.ins;
      product.sums[o * product.ins + n] += value;
      if (value != 0)
        product.isRead.set(o * product.ins + n);
    }
    productNumbers[op] = products.size();
    products.push_back(std::move(product));
    return;
  }
}

void Channels::visitPad(tensor::PadOp pad) {
  pinCaptured(pad, "it is what is padded with");
  auto isZero = [](int64_t amount) { return amount == 0; };
  for (auto [dim, low, high] : llvm::enumerate(pad.getStaticLow(), pad.getStaticHigh())) {
    if (isZero(low) && isZero(high)) {
      int64_t source = getSlot(pad.getSource(), dim);
      tie(source, getSlot(pad.getResult(), dim));
      continue;
    }
    pin(pad.getSource(), dim, "it is padded");
    pin(pad.getResult(), dim, "it is padded");
  }
}

void Channels::visitCast(tensor::CastOp cast) {
  auto from = tensorType(cast.getSource()), to = tensorType(cast.getDest());
  for (int64_t dim = 0; from && to && dim < from.getRank(); ++dim) {
    int64_t source = getSlot(cast.getSource(), dim);
    tie(source, getSlot(cast.getDest(), dim));
  }
  for (Value value : {cast.getSource(), cast.getDest()})
    if (!from || !to)
      pinAll(value, "a cast drops its rank");
}

/// `part` is the slice of `whole`: index i there is index offset + i here, where offset and extent are static.
void Channels::visitSlice(Operation *op, Value whole, Value part, OffsetSizeAndStrideOpInterface slice) {
  bool sameRank = tensorType(whole).getRank() == tensorType(part).getRank();
  for (Value value : {whole, part})
    if (!sameRank)
      pinAll(value, "a slice drops a dimension");
  for (int64_t dim = 0; sameRank && dim < tensorType(whole).getRank(); ++dim) {
    int64_t of = getSlot(whole, dim), to = getSlot(part, dim);
    bool isStatic = of >= 0 && to >= 0 && !slice.isDynamicOffset(dim) && !slice.isDynamicSize(dim) &&
                    !slice.isDynamicStride(dim) && slice.getStaticStride(dim) == 1;
    if (!isStatic || slice.getStaticOffset(dim) < 0 ||
        slice.getStaticOffset(dim) + slots[to].extent > slots[of].extent) {
      pin(whole, dim, "a slice takes it with an offset or stride");
      pin(part, dim, "a slice takes it with an offset or stride");
      continue;
    }
    slotClasses.join(slotClasses.findLeader(of), slotClasses.findLeader(to));
    for (int64_t i = 0; i < slots[to].extent; ++i)
      tieNodes(slots[of].first + slice.getStaticOffset(dim) + i, slots[to].first + i);
  }
}

/// The extent of a dimension, as a number, must stay.
void Channels::visitDim(tensor::DimOp dim) {
  std::optional<int64_t> index = dim.getConstantIndex();
  auto type = tensorType(dim.getSource());
  if (!type)
    return;
  if (index && *index >= 0 && *index < type.getRank())
    pin(dim.getSource(), *index, "its extent is computed with");
  else
    pinAll(dim.getSource(), "its extent is computed with");
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

/// Of the dimensions that are collapsed to one, at most one can have channels that are dropped: the only open one.
/// Which that is may only be known once other reshapes are.
void Channels::resolveReshapes() {
  for (bool isLast : {false, true})
    for (bool changed = true; changed;) {
      SmallVector<Reshape> rest;
      for (const Reshape &reshape : reshapes)
        if (!resolve(reshape, isLast))
          rest.push_back(reshape);
      changed = rest.size() < reshapes.size();
      reshapes = std::move(rest);
    }
}

/// False if it cannot be decided yet.
bool Channels::resolve(const Reshape &reshape, bool isLast) {
  SmallVector<int64_t> open;
  int64_t inner = 1, innerOfOpen = 1;
  for (int64_t dim : llvm::reverse(reshape.dims)) {
    int64_t slot = getSlot(reshape.multi, dim), extent = tensorType(reshape.multi).getDimSize(dim);
    if (extent != 1 && isOpen(slot)) {
      open.push_back(slot);
      innerOfOpen = inner;
    }
    inner = ShapedType::isStatic(extent) ? inner * extent : inner;
  }
  int64_t flat = getSlot(reshape.flat, reshape.flatDim);
  if (open.size() > 1 && flat >= 0 && isOpen(flat) && !isLast)
    return false;
  if (open.size() != 1 || flat < 0) {
    pin(reshape.flat, reshape.flatDim, "a reshape mixes it with another dimension");
    for (int64_t dim : reshape.dims)
      pin(reshape.multi, dim, "a reshape mixes it with another dimension");
    return true;
  }
  const Slot &multi = slots[open.front()];
  slotClasses.join(slotClasses.findLeader(open.front()), slotClasses.findLeader(flat));
  for (int64_t f = 0; f < slots[flat].extent; ++f)
    tieNodes(multi.first + f / innerOfOpen % multi.extent, slots[flat].first + f);
  ties[reshape.op].push_back({multi.dim, reshape.flatDim, innerOfOpen});
  return true;
}
