//===- ShrinkChannels.cpp - Take channels out of a function ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ShrinkChannels.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

class Shrinker {
public:
  Shrinker(const Channels &channels, const llvm::BitVector &dropped) : channels(channels), dropped(dropped) {}

  void run(func::FuncOp function) {
    // Constants last: slots are found by values, and a constant is replaced.
    for (Operation &op : function.front())
      shrink(&op);
    for (auto constant : llvm::make_early_inc_range(function.front().getOps<arith::ConstantOp>()))
      shrinkConstant(constant);
  }

  /// The indices of `dim` that stay; nullopt for all.
  std::optional<SmallVector<int64_t>> kept(Value value, int64_t dim) const {
    int64_t number = channels.slotOf(value, dim);
    if (number < 0)
      return std::nullopt;
    const Slot &slot = channels.getSlots()[number];
    SmallVector<int64_t> indices;
    for (int64_t i = 0; i < slot.extent; ++i)
      if (!dropped.test(slot.first + i))
        indices.push_back(i);
    return static_cast<int64_t>(indices.size()) == slot.extent ? std::nullopt : std::optional(std::move(indices));
  }

private:
  /// The type of `value` without the dropped channels.
  RankedTensorType typeOf(Value value) const {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    for (auto [dim, extent] : llvm::enumerate(shape))
      if (auto indices = kept(value, dim))
        extent = indices->size();
    return type.clone(shape);
  }

  void shrinkConstant(arith::ConstantOp constant) {
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    if (!type || typeOf(constant) == type)
      return;
    SmallVector<double> values = *constantValues(constant);
    SmallVector<int64_t> shape(type.getShape());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      auto indices = kept(constant, dim);
      if (!indices)
        continue;
      int64_t inner = ShapedType::getNumElements(ArrayRef(shape).drop_front(dim + 1));
      int64_t outer = ShapedType::getNumElements(ArrayRef(shape).take_front(dim));
      SmallVector<double> rest;
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i : *indices)
          llvm::append_range(rest, ArrayRef(values).slice((o * shape[dim] + i) * inner, inner));
      values = std::move(rest);
      shape[dim] = indices->size();
    }
    OpBuilder builder(constant);
    Value smaller = materializeConstant(builder, constant.getLoc(), type.clone(shape), values);
    constant.getResult().replaceAllUsesWith(smaller);
    constant.erase();
  }

  void shrink(Operation *op) {
    if (isa<arith::ConstantOp>(op))
      return;
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      shrinkSlice(slice, slice.getSource(), slice.getResult());
    else if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
      shrinkSlice(slice, slice.getResult(), slice.getSource());
    for (Value result : op->getResults())
      if (isa<RankedTensorType>(result.getType()))
        result.setType(typeOf(result));
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      expand.setStaticOutputShape(expand.getResultType().getShape());
  }

  template <typename SliceOp>
  void shrinkSlice(SliceOp slice, Value whole, Value part) {
    SmallVector<int64_t> offsets(slice.getStaticOffsets()), sizes(slice.getStaticSizes());
    for (size_t dim = 0; dim < offsets.size(); ++dim) {
      if (auto indices = kept(whole, dim))
        offsets[dim] = llvm::count_if(*indices, [&](int64_t i) { return i < offsets[dim]; });
      if (auto indices = kept(part, dim))
        sizes[dim] = indices->size();
    }
    slice.setStaticOffsets(offsets);
    slice.setStaticSizes(sizes);
  }

  const Channels &channels;
  const llvm::BitVector &dropped;
};

/// The bias of an init that is a broadcast along `dim` of one number per channel, or one number everywhere.
std::optional<SmallVector<double>> biasOf(Value init, int64_t dim, int64_t extent) {
  FloatAttr number;
  if (auto fill = init.getDefiningOp<linalg::FillOp>()) {
    if (matchPattern(fill.getInputs()[0], m_Constant(&number)))
      return SmallVector<double>(extent, number.getValueAsDouble());
    return std::nullopt;
  }
  auto broadcast = init.getDefiningOp<linalg::BroadcastOp>();
  if (!broadcast || broadcast.getDimensions().size() + 1 != broadcast.getInit().getType().getShape().size() ||
      llvm::is_contained(broadcast.getDimensions(), dim))
    return std::nullopt;
  return constantValues(broadcast.getInput());
}

/// Adds `gain` to the init of `op` along `dim`: to the constant bias, where there is one.
void addToInit(linalg::LinalgOp op, int64_t dim, SmallVector<double> gain) {
  OpOperand &operand = op.getDpsInitsMutable()[0];
  Value init = operand.get();
  auto type = cast<RankedTensorType>(init.getType());
  auto vectorType = RankedTensorType::get({type.getDimSize(dim)}, type.getElementType());
  OpBuilder builder(op);
  Location loc = op.getLoc();
  if (auto bias = biasOf(init, dim, vectorType.getDimSize(0))) {
    for (auto [sum, number] : llvm::zip_equal(gain, *bias))
      sum += number;
    SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    dims.erase(dims.begin() + dim);
    Operation *old = init.getDefiningOp();
    Value destination = cast<linalg::LinalgOp>(old).getDpsInits()[0];
    operand.set(linalg::BroadcastOp::create(builder, loc, materializeConstant(builder, loc, vectorType, gain),
                                            destination, dims)
                    ->getResult(0));
    Operation *constant = old->getOperand(0).getDefiningOp();
    for (Operation *dead : {old, constant})
      if (dead && isOpTriviallyDead(dead))
        dead->erase();
    return;
  }
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  Value vector = materializeConstant(builder, loc, vectorType, gain);
  auto sum = linalg::GenericOp::create(
      builder, loc, TypeRange{type}, ValueRange{vector}, ValueRange{init},
      ArrayRef<AffineMap>{AffineMap::get(type.getRank(), 0, builder.getAffineDimExpr(dim)), identity}, iterators,
      [](OpBuilder &inner, Location at, ValueRange arguments) {
        Value added = arith::AddFOp::create(inner, at, arguments[1], arguments[0]);
        linalg::YieldOp::create(inner, at, added);
      });
  operand.set(sum.getResult(0));
}

} // namespace

void mlir::compress::shrinkChannels(func::FuncOp function, const Channels &channels, const llvm::BitVector &dropped,
                                    const InitGains &gains) {
  Shrinker shrinker(channels, dropped);
  SmallVector<SmallVector<double>> keptGains;
  for (auto [product, gain] : llvm::zip_equal(channels.getProducts(), gains)) {
    SmallVector<double> rest = gain;
    if (auto indices = shrinker.kept(product.op->getResult(0), product.outDim); indices && !gain.empty())
      rest = llvm::map_to_vector(*indices, [&, &all = gain](int64_t i) { return all[i]; });
    keptGains.push_back(std::move(rest));
  }
  shrinker.run(function);
  for (auto [product, gain] : llvm::zip_equal(channels.getProducts(), keptGains))
    if (llvm::any_of(gain, [](double number) { return number != 0; }))
      addToInit(product.op, product.outDim, gain);
}
