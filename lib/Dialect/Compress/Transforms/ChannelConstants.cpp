//===- ChannelConstants.cpp - Channels that are one number ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelConstants.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static std::optional<double> toDouble(Attribute number) {
  auto real = dyn_cast_or_null<FloatAttr>(number);
  if (!real || !real.getValue().isFinite())
    return std::nullopt;
  return real.getValueAsDouble();
}

ChannelConstants::ChannelConstants(func::FuncOp function, const Channels &channels)
    : channels(channels), undefined(UnitAttr::get(function.getContext())) {
  for (Operation &op : function.front())
    visit(&op);
}

std::optional<double> ChannelConstants::get(Value value, int64_t dim, int64_t index) {
  return toDouble(lookup(value, dim, index));
}

Attribute ChannelConstants::lookup(Value value, int64_t dim, int64_t index) {
  if (value.getDefiningOp<arith::ConstantOp>() && !known.contains({value, dim}))
    known[{value, dim}] = numbersOfConstant(value, dim);
  auto it = known.find({value, dim});
  if (it != known.end() && !it->second.empty())
    return it->second[dim == kEverywhere ? 0 : index];
  return dim == kEverywhere ? Attribute() : lookup(value, kEverywhere, 0);
}

ChannelConstants::Numbers ChannelConstants::numbersOfConstant(Value value, int64_t dim) {
  Attribute scalar;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return matchPattern(value, m_Constant(&scalar)) ? Numbers{scalar} : Numbers();
  auto values = constantValues(value);
  if (!values || values->empty() || !isa<FloatType>(type.getElementType()))
    return {};
  int64_t extent = dim == kEverywhere ? 1 : type.getDimSize(dim);
  int64_t stride = dim == kEverywhere ? 1 : computeStrides(type.getShape())[dim];
  Numbers numbers(extent);
  SmallVector<bool> isSeen(extent, false);
  SmallVector<double> first(extent);
  for (auto [at, number] : llvm::enumerate(*values)) {
    int64_t i = static_cast<int64_t>(at) / stride % extent;
    bool isSame = !isSeen[i] || first[i] == number;
    if (!isSeen[i])
      numbers[i] = FloatAttr::get(type.getElementType(), number);
    else if (!isSame)
      numbers[i] = nullptr;
    if (!isSeen[i])
      first[i] = number;
    isSeen[i] = true;
  }
  return numbers;
}

void ChannelConstants::set(Value result, llvm::function_ref<Attribute(int64_t, int64_t)> numberAt) {
  auto type = dyn_cast<RankedTensorType>(result.getType());
  for (int64_t dim = 0; type && dim < type.getRank(); ++dim) {
    if (!isOpen(result, dim))
      continue;
    Numbers numbers;
    for (int64_t i = 0; i < type.getDimSize(dim); ++i)
      numbers.push_back(numberAt(dim, i));
    known[{result, dim}] = std::move(numbers);
  }
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void ChannelConstants::visit(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](linalg::LinalgOp linalgOp) {
        if (const ChannelProduct *product = channels.productOf(op))
          visitProduct(*product);
        else if (linalgOp.hasPureTensorSemantics())
          visitLinalg(linalgOp);
      })
      .Case<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(
          [&](Operation *) { visitReshape(op, isa<tensor::CollapseShapeOp>(op)); })
      .Case([&](tensor::EmptyOp empty) { known[{empty.getResult(), kEverywhere}] = {undefined}; })
      .Case([&](tensor::PadOp pad) { visitPad(pad); })
      .Case([&](tensor::CastOp cast) {
        set(cast.getDest(), [&](int64_t dim, int64_t i) { return lookup(cast.getSource(), dim, i); });
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        if (slice.getSourceType().getRank() == slice.getType().getRank())
          set(slice.getResult(),
              [&](int64_t dim, int64_t i) { return lookup(slice.getSource(), dim, slice.getStaticOffset(dim) + i); });
      })
      .Case([&](tensor::InsertSliceOp slice) { visitInsert(slice); });
}

/// y[n] = init[n] + sum over the channels that filter n reads: a number if those are.
void ChannelConstants::visitProduct(const ChannelProduct &product) {
  linalg::LinalgOp op = product.op;
  Value init = op.getDpsInitOperand(0)->get(), result = op->getResult(0);
  Type element = getElementTypeOrSelf(result);
  set(result, [&](int64_t dim, int64_t out) -> Attribute {
    std::optional<double> number = dim == product.outDim ? get(init, dim, out) : std::nullopt;
    for (int64_t in = 0; number && in < product.ins; ++in) {
      if (!product.reads(out, in))
        continue;
      auto read = get(product.activation->get(), product.inDim, in);
      number = read ? std::optional<double>(*number + product.sum(out, in) * *read) : std::nullopt;
    }
    return number ? FloatAttr::get(element, *number) : FloatAttr();
  });
}

void ChannelConstants::visitLinalg(linalg::LinalgOp op) {
  for (OpOperand &init : op.getDpsInitsMutable()) {
    OpResult result = op.getTiedOpResult(&init);
    AffineMap map = op.getMatchingIndexingMap(&init);
    if (Attribute number = evaluate(op, result.getResultNumber(), kEverywhere, 0))
      known[{result, kEverywhere}] = {number};
    else
      set(result, [&](int64_t dim, int64_t i) -> Attribute {
        auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
        return loop ? evaluate(op, result.getResultNumber(), loop.getPosition(), i) : Attribute();
      });
  }
}

/// What `block` yields for its argument numbers; null where an op does not fold.
static Attribute runBody(Block &block, ArrayRef<Attribute> arguments, int64_t yielded) {
  llvm::SmallDenseMap<Value, Attribute> numbers;
  for (auto [argument, number] : llvm::zip(block.getArguments(), arguments))
    numbers[argument] = number;
  auto numberOf = [&](Value value) {
    Attribute constant;
    return matchPattern(value, m_Constant(&constant)) ? constant : numbers.lookup(value);
  };
  for (Operation &inner : block.without_terminator()) {
    SmallVector<Attribute> operands = llvm::map_to_vector(inner.getOperands(), numberOf);
    // With an operand missing, a folder may change the op instead.
    SmallVector<OpFoldResult> results;
    if (operands.empty() || llvm::is_contained(operands, Attribute()) || failed(inner.fold(operands, results)) ||
        results.size() != inner.getNumResults())
      continue;
    for (auto [result, folded] : llvm::zip(inner.getResults(), results)) {
      auto attr = dyn_cast<Attribute>(folded);
      numbers[result] = attr ? attr : numberOf(cast<Value>(folded));
    }
  }
  return numberOf(block.getTerminator()->getOperand(yielded));
}

/// For `acc + x`, the operand x; null for another body.
static Value summand(Block &block, int64_t yielded, BlockArgument accumulator) {
  auto add = block.getTerminator()->getOperand(yielded).getDefiningOp<arith::AddFOp>();
  if (!add)
    return {};
  Value other = add.getLhs() == accumulator ? add.getRhs() : add.getRhs() == accumulator ? add.getLhs() : Value();
  auto argument = dyn_cast_or_null<BlockArgument>(other);
  return argument && argument != accumulator && argument.getOwner() == &block ? other : Value();
}

/// The number of result `result` at index `index` of `loop`.
Attribute ChannelConstants::evaluate(linalg::LinalgOp op, int64_t result, int64_t loop, int64_t index) {
  SmallVector<Attribute> arguments;
  for (OpOperand &operand : op->getOpOperands()) {
    int64_t dim = kEverywhere;
    for (auto [d, expr] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (auto is = dyn_cast<AffineDimExpr>(expr); is && static_cast<int64_t>(is.getPosition()) == loop)
        dim = d;
    Attribute number = lookup(operand.get(), dim, index);
    arguments.push_back(number == undefined ? Attribute() : number);
  }
  Block &block = *op.getBlock();
  if (op.getNumReductionLoops() == 0)
    return runBody(block, arguments, result);
  double count = 1;
  for (auto [iterator, extent] : llvm::zip(op.getIteratorTypesArray(), op.getStaticLoopRanges()))
    if (iterator == utils::IteratorType::reduction)
      count *= ShapedType::isDynamic(extent) ? 0.0 : static_cast<double>(extent);
  if (count < 1 || op.getNumDpsInits() != 1)
    return {};
  // A reduction of the same number: a sum is a multiple, a maximum does not change after the first.
  int64_t accumulator = op.getNumDpsInputs() + result;
  if (Value term = summand(block, result, block.getArgument(accumulator))) {
    auto start = toDouble(arguments[accumulator]), step = toDouble(arguments[cast<BlockArgument>(term).getArgNumber()]);
    Type type = term.getType();
    return start && step ? FloatAttr::get(type, *start + count * *step) : FloatAttr();
  }
  Attribute once = runBody(block, arguments, result);
  arguments[accumulator] = once;
  return once && runBody(block, arguments, result) == once ? once : Attribute();
}

void ChannelConstants::visitReshape(Operation *op, bool isCollapse) {
  Value source = op->getOperand(0), result = op->getResult(0);
  if (Attribute number = lookup(source, kEverywhere, 0)) {
    known[{result, kEverywhere}] = {number};
    return;
  }
  for (const ReshapeTie &tie : channels.reshapeTies(op)) {
    auto type = cast<RankedTensorType>((isCollapse ? source : result).getType());
    auto flatType = cast<RankedTensorType>((isCollapse ? result : source).getType());
    int64_t extent = type.getDimSize(tie.multiDim);
    Numbers numbers(isCollapse ? flatType.getDimSize(tie.flatDim) : extent);
    for (int64_t f = 0; f < flatType.getDimSize(tie.flatDim); ++f) {
      int64_t channel = f / tie.inner % extent;
      if (isCollapse) {
        numbers[f] = lookup(source, tie.multiDim, channel);
        continue;
      }
      // One number of all features.
      bool isFirst = f == channel * tie.inner;
      Attribute number = lookup(source, tie.flatDim, f);
      numbers[channel] = isFirst || numbers[channel] == number ? number : Attribute();
    }
    known[{result, isCollapse ? tie.flatDim : tie.multiDim}] = std::move(numbers);
  }
}

void ChannelConstants::visitPad(tensor::PadOp pad) {
  Attribute fill;
  Value padding = pad.getConstantPaddingValue();
  if (padding && !matchPattern(padding, m_Constant(&fill)))
    fill = nullptr;
  auto toZero = toDouble(fill);
  set(pad.getResult(), [&](int64_t dim, int64_t i) {
    Attribute number = lookup(pad.getSource(), dim, i);
    auto real = toDouble(number);
    return number == fill || (real && toZero && *real == *toZero) ? number : Attribute();
  });
}

/// What lies beside the slice stays; where nothing was written, it may be anything, so also the number of the slice.
void ChannelConstants::visitInsert(tensor::InsertSliceOp slice) {
  if (slice.getSourceType().getRank() != slice.getType().getRank())
    return;
  set(slice.getResult(), [&](int64_t dim, int64_t i) {
    Attribute beside = lookup(slice.getDest(), dim, i);
    int64_t at = i - slice.getStaticOffset(dim);
    if (at < 0 || at >= slice.getSourceType().getDimSize(dim))
      return beside;
    Attribute inside = lookup(slice.getSource(), dim, at);
    return beside == undefined || beside == inside ? inside : Attribute();
  });
}
