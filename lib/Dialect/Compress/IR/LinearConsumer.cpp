//===- LinearConsumer.cpp - Recognise consumers linear in a weight --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorEmitter.h"
#include "compress/Dialect/Compress/IR/ChannelConsumer.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// WeightView
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int64_t>> mlir::compress::matchUnitReshape(RankedTensorType from, RankedTensorType to) {
  SmallVector<int64_t> map(to.getRank(), -1);
  int64_t f = 0;
  for (int64_t t = 0; t < to.getRank(); ++t) {
    while (f < from.getRank() && from.getDimSize(f) == 1 && to.getDimSize(t) != 1)
      ++f;
    if (f < from.getRank() && from.getDimSize(f) == to.getDimSize(t))
      map[t] = f++;
    else if (to.getDimSize(t) != 1)
      return std::nullopt;
  }
  for (; f < from.getRank(); ++f)
    if (from.getDimSize(f) != 1)
      return std::nullopt;
  return map;
}

/// For an op that only moves dimensions of one tensor: that tensor, and its dimension for each dimension of the result.
static std::optional<std::pair<Value, SmallVector<int64_t>>> moveOfDims(Operation *op) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
    return std::make_pair(transpose.getInput(), SmallVector<int64_t>(transpose.getPermutation()));
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return std::make_pair(cast.getSource(), llvm::to_vector(llvm::seq<int64_t>(
                                                0, mlir::cast<RankedTensorType>(cast.getType()).getRank())));
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    Value source = op->getOperand(0);
    if (auto map = matchUnitReshape(cast<RankedTensorType>(source.getType()),
                                    cast<RankedTensorType>(op->getResult(0).getType())))
      return std::make_pair(source, *map);
    return std::nullopt;
  }
  // A generic that yields its only input: the transpose as torch-mlir writes it.
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops())
    return std::nullopt;
  auto yield = cast<linalg::YieldOp>(generic.getBody()->getTerminator());
  AffineMap in = generic.getMatchingIndexingMap(generic.getDpsInputOperand(0));
  AffineMap out = generic.getMatchingIndexingMap(generic.getDpsInitOperand(0));
  if (yield.getOperand(0) != generic.getBody()->getArgument(0) || !in.isPermutation() || !out.isPermutation())
    return std::nullopt;
  SmallVector<int64_t> map;
  for (AffineExpr expr : out.getResults())
    map.push_back(*in.getResultPosition(expr));
  return std::make_pair(generic.getDpsInputOperand(0)->get(), map);
}

WeightView WeightView::get(Value operand) {
  int64_t rank = cast<RankedTensorType>(operand.getType()).getRank();
  WeightView view{operand, llvm::to_vector(llvm::seq<int64_t>(0, rank))};
  while (Operation *op = view.source.getDefiningOp()) {
    auto move = moveOfDims(op);
    if (!move)
      break;
    for (int64_t &dim : view.sourceDims)
      dim = dim < 0 ? -1 : move->second[dim];
    view.source = move->first;
  }
  return view;
}

Value WeightView::apply(OpBuilder &builder, Location loc, Value value) const {
  TensorEmitter emit{builder, loc};
  int64_t rank = TensorEmitter::typeOf(value).getRank();
  SmallVector<int64_t> permutation;
  for (int64_t dim : sourceDims)
    if (dim >= 0)
      permutation.push_back(dim);
  int64_t kept = permutation.size();
  assert(kept > 0 && "a weight has a dimension of more than one entry");
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(sourceDims, dim))
      permutation.push_back(dim);
  value = emit.transpose(value, permutation);
  SmallVector<ReassociationIndices> groups(kept);
  for (int64_t d = 0; d < rank; ++d)
    groups[std::min(d, kept - 1)].push_back(d);
  value = emit.collapse(value, groups);
  // Inserted dimensions go to the group of the kept one before them, leading ones to the first.
  SmallVector<int64_t> shape;
  groups.assign(kept, {});
  int64_t next = 0;
  for (auto [d, dim] : llvm::enumerate(sourceDims)) {
    shape.push_back(dim < 0 ? 1 : TensorEmitter::typeOf(value).getDimSize(next));
    next += dim >= 0;
    groups[std::max<int64_t>(next - 1, 0)].push_back(d);
  }
  return emit.expand(value, shape, groups);
}

//===----------------------------------------------------------------------===//
// LinearConsumer
//===----------------------------------------------------------------------===//

/// One term of an indexing expression: loop dimension times factor.
using Term = std::pair<unsigned, int64_t>;

/// Splits `sum of d_i * c_i` into its terms; nullopt for anything else.
static std::optional<SmallVector<Term>> splitTerms(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return SmallVector<Term>{{dim.getPosition(), 1}};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Mul) {
    auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
    auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (!dim || !factor)
      return std::nullopt;
    return SmallVector<Term>{{dim.getPosition(), factor.getValue()}};
  }
  if (binary.getKind() != AffineExprKind::Add)
    return std::nullopt;
  auto lhs = splitTerms(binary.getLHS()), rhs = splitTerms(binary.getRHS());
  if (!lhs || !rhs)
    return std::nullopt;
  lhs->append(rhs->begin(), rhs->end());
  return lhs;
}

/// The result of `map` that is the loop dimension `loop` alone, or -1.
static int64_t positionOf(AffineMap map, unsigned loop) {
  auto position = map.getResultPosition(getAffineDimExpr(loop, map.getContext()));
  return position ? static_cast<int64_t>(*position) : -1;
}

/// True if `map` mentions the loop dimension `loop`.
static bool uses(AffineMap map, unsigned loop) { return map.isFunctionOfDim(loop); }

static bool isZero(Value value) {
  return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_PosZeroFloat());
}

/// Steps over a zero tensor.pad that touches only windows, and notes the zeros in `consumer.dims`.
static void absorbPadding(LinearConsumer &consumer) {
  auto pad = consumer.activation.getDefiningOp<tensor::PadOp>();
  if (!pad)
    return;
  Value fill = pad.getConstantPaddingValue();
  auto isStatic = [](int64_t v) { return ShapedType::isStatic(v) && v >= 0; };
  if (!fill || !isZero(fill) || !llvm::all_of(pad.getStaticLow(), isStatic) ||
      !llvm::all_of(pad.getStaticHigh(), isStatic))
    return;
  for (auto [dim, low, high] : llvm::zip(consumer.dims, pad.getStaticLow(), pad.getStaticHigh()))
    if ((low || high) && dim.kind != ActivationDim::Window)
      return;
  for (auto [dim, low, high] : llvm::zip(consumer.dims, pad.getStaticLow(), pad.getStaticHigh())) {
    dim.padLow = low;
    dim.padHigh = high;
  }
  consumer.activation = pad.getSource();
}

/// Fills `consumer.roles` from the weight's indexing map; false and the reason if a dimension has no role.
static bool assignRoles(LinearConsumer &consumer, ArrayRef<int64_t> sourceDims, AffineMap weightMap,
                        AffineMap activationMap, AffineMap resultMap, std::string &whyNot) {
  int64_t rank = cast<RankedTensorType>(consumer.weight.getType()).getRank();
  SmallVector<bool> seen(rank, false);
  SmallVector<AffineExpr> loops(rank, getAffineConstantExpr(0, weightMap.getContext()));
  consumer.roles.assign(rank, Role::Batch);
  int64_t firstIn = -1, firstOut = -1;
  for (auto [operandDim, expr] : llvm::enumerate(weightMap.getResults())) {
    int64_t dim = sourceDims[operandDim];
    if (dim < 0)
      continue; // an inserted unit dimension
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop) {
      whyNot = "a weight dimension is not indexed by one loop";
      return false;
    }
    bool inActivation = uses(activationMap, loop.getPosition()), inResult = uses(resultMap, loop.getPosition());
    bool alone = positionOf(activationMap, loop.getPosition()) >= 0;
    seen[dim] = true;
    loops[dim] = loop;
    consumer.roles[dim] = inActivation && inResult ? Role::Batch : inResult ? Role::Out : alone ? Role::In : Role::Tap;
    if (consumer.roles[dim] == Role::In && (firstIn < 0 || dim < firstIn)) {
      firstIn = dim;
      consumer.inDim = positionOf(activationMap, loop.getPosition());
    }
    if (consumer.roles[dim] == Role::Out && (firstOut < 0 || dim < firstOut)) {
      firstOut = dim;
      consumer.outDim = positionOf(resultMap, loop.getPosition());
    }
  }
  consumer.weightMap = AffineMap::get(weightMap.getNumDims(), 0, loops, weightMap.getContext());
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!seen[dim] && cast<RankedTensorType>(consumer.weight.getType()).getDimSize(dim) != 1) {
      whyNot = "a weight dimension is dropped on the way to its consumer";
      return false;
    }
  return true;
}

/// Upstream's verifier compares the extents of windows only if all shapes are static.
static bool windowsFit(const LinearConsumer &consumer) {
  ArrayRef<int64_t> in = cast<RankedTensorType>(consumer.activation.getType()).getShape();
  ArrayRef<int64_t> taps = cast<RankedTensorType>(consumer.weight.getType()).getShape();
  return llvm::all_of(llvm::enumerate(consumer.dims), [&](auto entry) {
    const ActivationDim &dim = entry.value();
    if (dim.kind != ActivationDim::Window)
      return true;
    if (dim.stride < 1 || dim.dilation < 1)
      return false;
    if (ShapedType::isDynamic(in[entry.index()]))
      return true;
    int64_t out = consumer.resultType().getDimSize(dim.resultDim);
    return ShapedType::isDynamic(out) ||
           (out - 1) * dim.stride + (taps[dim.tapDim] - 1) * dim.dilation < in[entry.index()];
  });
}

/// What consumers have in common, whatever the channels of the weight are.
static std::optional<LinearConsumer> analyze(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot) {
  auto reject = [&](const char *reason) {
    whyNot = reason;
    return std::nullopt;
  };
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return reject("its consumer is not an op of two tensors and one result");
  if (!linalg::isaContractionOpInterface(op) && !linalg::isaConvolutionOpInterface(op))
    return reject("its consumer is neither a contraction nor a convolution");
  if (weight.getOperandNumber() > 1 || op->getOperand(0) == op->getOperand(1))
    return reject("it is no single factor of its consumer");

  LinearConsumer consumer;
  consumer.op = op;
  consumer.weightOperand = weight.getOperandNumber();
  WeightView view = WeightView::get(weight.get());
  consumer.weight = view.source;
  OpOperand *activation = op.getDpsInputOperand(1 - weight.getOperandNumber());
  consumer.activation = activation->get();
  consumer.init = op.getDpsInitOperand(0)->get();
  Type element = cast<RankedTensorType>(view.source.getType()).getElementType();
  if (!isa<FloatType>(element) || consumer.resultType().getElementType() != element ||
      cast<RankedTensorType>(consumer.activation.getType()).getElementType() != element)
    return reject("activation, weight and result are not of one float type");

  AffineMap weightMap = op.getMatchingIndexingMap(&weight), activationMap = op.getMatchingIndexingMap(activation);
  AffineMap resultMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!assignRoles(consumer, view.sourceDims, weightMap, activationMap, resultMap, whyNot))
    return std::nullopt;
  consumer.paddedActivation = consumer.activation;
  consumer.activationMap = activationMap;
  consumer.resultMap = resultMap;

  for (auto [d, expr] : llvm::enumerate(activationMap.getResults())) {
    ActivationDim dim;
    auto terms = splitTerms(expr);
    if (!terms || terms->size() > 2)
      return reject("an activation dimension is not indexed by a loop or a window");
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (loop && !uses(resultMap, loop.getPosition())) {
      dim.kind = ActivationDim::In;
      if (!uses(weightMap, loop.getPosition()))
        return reject("an activation dimension is summed over that the weight does not have");
    } else if (terms->size() == 1) {
      dim.resultDim = positionOf(resultMap, terms->front().first);
      if (terms->front().second != 1 || dim.resultDim < 0)
        return reject("an activation dimension does not reach the result");
    } else {
      dim.kind = ActivationDim::Window;
      for (auto [loop, factor] : *terms) {
        if (int64_t position = positionOf(resultMap, loop); position >= 0) {
          dim.resultDim = position;
          dim.stride = factor;
        } else if (int64_t tap = positionOf(weightMap, loop); tap >= 0) {
          dim.tapDim = view.sourceDims[tap];
          dim.dilation = factor;
        }
      }
      if (dim.resultDim < 0 || dim.tapDim < 0)
        return reject("a window is not made of one position and one tap");
    }
    consumer.dims.push_back(dim);
  }
  for (AffineExpr expr : resultMap.getResults()) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop || !(uses(activationMap, loop.getPosition()) || uses(weightMap, loop.getPosition())))
      return reject("the result has a dimension that neither activation nor weight gives");
  }
  if (!windowsFit(consumer))
    return reject("a window does not move forwards, or reaches beyond its activation");
  absorbPadding(consumer);
  return consumer;
}

std::optional<LinearConsumer> LinearConsumer::get(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot) {
  auto consumer = analyze(op, weight, whyNot);
  if (consumer && (consumer->inDim < 0 || consumer->outDim < 0)) {
    whyNot = "the weight has no out or no in dimension here";
    return std::nullopt;
  }
  return consumer;
}

std::optional<ChannelConsumer> ChannelConsumer::get(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot) {
  auto consumer = analyze(op, weight, whyNot);
  if (!consumer)
    return std::nullopt;
  // The other dimensions of the weight are taps, or of one number that the consumer does not see.
  int64_t channel = -1, in = -1, out = -1;
  bool isPerChannel = true;
  for (auto [d, expr] : llvm::enumerate(consumer->weightMap.getResults()))
    if (auto loop = dyn_cast<AffineDimExpr>(expr); loop && consumer->roles[d] != Role::Tap) {
      isPerChannel &= channel < 0 && consumer->roles[d] == Role::Batch;
      channel = d;
      in = positionOf(consumer->activationMap, loop.getPosition());
      out = positionOf(consumer->resultMap, loop.getPosition());
    }
  if (!isPerChannel || in < 0 || out < 0) {
    whyNot = "the weight's channels are not those of activation and result, one of each";
    return std::nullopt;
  }
  consumer->inDim = in;
  consumer->outDim = out;
  return ChannelConsumer{std::move(*consumer), channel};
}

bool LinearConsumer::initIsZero() const {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    return isZero(fill.getInputs()[0]);
  return isZero(init);
}

int64_t LinearConsumer::positionsPerSample() const {
  int64_t positions = 1;
  for (auto [expr, extent] : llvm::zip(resultMap.getResults(), resultType().getShape()))
    if (!uses(weightMap, cast<AffineDimExpr>(expr).getPosition()) && ShapedType::isStatic(extent))
      positions *= extent;
  return positions;
}

Cost LinearConsumer::denseCost(const Machine &machine) const {
  auto type = cast<RankedTensorType>(weight.getType());
  Cost cost;
  cost.multiplies = cost.adds = static_cast<double>(type.getNumElements()) * positionsPerSample();
  // The innermost dimension of the result is in lanes.
  if (int64_t extent = resultType().getShape().back(); ShapedType::isStatic(extent))
    cost.productLanes = laneFactor(static_cast<double>(extent), machine);
  cost.weightBytes = type.getNumElements() * (type.getElementTypeBitWidth() / 8);
  cost.roundings = 1;
  for (auto [role, extent] : llvm::zip(roles, type.getShape()))
    cost.roundings *= role == Role::In || role == Role::Tap ? extent : 1;
  return cost;
}

SmallVector<int64_t> DenseWeight::dimsOf(Role role) const {
  SmallVector<int64_t> dims;
  for (auto [d, r] : llvm::enumerate(roles))
    if (r == role)
      dims.push_back(d);
  return dims;
}
