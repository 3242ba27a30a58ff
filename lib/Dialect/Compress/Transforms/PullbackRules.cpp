//===- PullbackRules.cpp - Gradients of upstream ops -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A linalg op adds f(a, b, …) to its destination at every step of its loops; f is the body. So
//
//   da = linalg.generic (dy, a, b, …) outs(zeros) { da += dy * df/da }          over the same loops
//
// Where a is indexed by windows, `stride*y + dilation*u`, the loop over y becomes one over the places of a: dy is
// scattered among zeros, and what is indexed by u is reversed.
//
//===----------------------------------------------------------------------===//

#include "PullbackRules.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static Value emitZeros(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type element) {
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value init = tensor::EmptyOp::create(builder, loc, sizes, element);
  return linalg::FillOp::create(builder, loc, zero, init).getResult(0);
}

Value mlir::compress::emitZerosLike(OpBuilder &builder, Location loc, Value value) {
  return emitZeros(builder, loc, tensor::getMixedSizes(builder, loc, value), typeOf(value).getElementType());
}

void mlir::compress::eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

//===----------------------------------------------------------------------===//
// Scalar bodies
//===----------------------------------------------------------------------===//

namespace {

/// Reverse mode over the scalar ops of a body.
struct ScalarTape {
  ScalarTape(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  OpBuilder &builder;
  Location loc;
  llvm::DenseMap<Value, Value> gradients;

  Value zero(Type type) { return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type)); }
  Value times(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value negate(Value a) { return arith::NegFOp::create(builder, loc, a); }

  void add(Value value, Value gradient) {
    Value &sum = gradients[value];
    sum = sum ? arith::AddFOp::create(builder, loc, sum, gradient).getResult() : gradient;
  }

  /// `gradient` where `a` is larger than `b`, or smaller; neither takes it at a tie.
  Value where(arith::CmpFPredicate predicate, Value a, Value b, Value gradient) {
    Value holds = arith::CmpFOp::create(builder, loc, predicate, a, b);
    return arith::SelectOp::create(builder, loc, holds, gradient, zero(gradient.getType()));
  }

  void choose(Operation *op, arith::CmpFPredicate predicate, Value g) {
    Value a = op->getOperand(0), b = op->getOperand(1);
    add(a, where(predicate, a, b, g));
    add(b, where(predicate, b, a, g));
  }

  /// False if the gradient of `op` is not known.
  bool reverse(Operation *op) {
    Value g = gradients.lookup(op->getResult(0));
    if (!g)
      return true;
    auto operand = [&](unsigned i) { return op->getOperand(i); };
    auto to = [&](unsigned i, Value gradient) { add(operand(i), gradient); };
    bool isKnown = true;
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](arith::AddFOp) { to(0, g), to(1, g); })
        .Case([&](arith::SubFOp) { to(0, g), to(1, negate(g)); })
        .Case([&](arith::MulFOp) { to(0, times(g, operand(1))), to(1, times(g, operand(0))); })
        .Case([&](arith::DivFOp) {
          Value quotient = arith::DivFOp::create(builder, loc, g, operand(1));
          to(0, quotient), to(1, negate(times(quotient, op->getResult(0))));
        })
        .Case([&](arith::NegFOp) { to(0, negate(g)); })
        .Case([&](arith::MaximumFOp) { choose(op, arith::CmpFPredicate::OGT, g); })
        .Case([&](arith::MinimumFOp) { choose(op, arith::CmpFPredicate::OLT, g); })
        .Case([&](arith::SelectOp) {
          Value none = zero(g.getType());
          to(1, arith::SelectOp::create(builder, loc, operand(0), g, none));
          to(2, arith::SelectOp::create(builder, loc, operand(0), none, g));
        })
        .Case([&](math::ExpOp) { to(0, times(g, op->getResult(0))); })
        .Case([&](math::TanhOp) {
          Value square = times(op->getResult(0), op->getResult(0));
          to(0, arith::SubFOp::create(builder, loc, g, times(g, square)));
        })
        .Default([&](Operation *) { isKnown = false; });
    return isKnown;
  }
};

//===----------------------------------------------------------------------===//
// Linalg ops
//===----------------------------------------------------------------------===//

/// A dimension of an operand that is indexed by `stride * position + dilation * tap`.
struct Window {
  int64_t operandDim, gradientDim;
  unsigned position, tap;
  int64_t stride, dilation;
};

class LinalgPullback {
public:
  LinalgPullback(OpBuilder &builder, linalg::LinalgOp op, Value gradient, function_ref<bool(Value)> isActive,
                 std::string &whyNot)
      : builder(builder), op(op), loc(op.getLoc()), gradient(gradient), isActive(isActive), whyNot(whyNot) {}

  std::optional<Gradients> run() {
    if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1)
      return refuse("it has not one result on tensors");
    if (!findSum())
      return std::nullopt;
    Gradients gradients(op->getNumOperands());
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (!isActive(input->get()))
        continue;
      if (!isa<RankedTensorType>(input->get().getType()))
        return refuse("it reads a number that depends on an argument");
      Value computed = toInput(*input);
      if (!computed)
        return std::nullopt;
      gradients[input->getOperandNumber()] = computed;
    }
    if (addsToInit)
      gradients[op.getDpsInitOperand(0)->getOperandNumber()] = gradient;
    return gradients;
  }

private:
  std::nullopt_t refuse(const char *reason) {
    whyNot = reason;
    return std::nullopt;
  }

  /// Finds what the body adds to the destination, or writes there.
  bool findSum() {
    Block *body = op.getBlock();
    Value yielded = body->getTerminator()->getOperand(0), destination = op.getRegionOutputArgs()[0];
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    if (llvm::any_of(captured, isActive)) {
      whyNot = "its body reads a tensor that depends on an argument; run compress-pullback before weights are expanded";
      return false;
    }
    auto add = yielded.getDefiningOp<arith::AddFOp>();
    addsToInit = add && destination.hasOneUse() && (add.getLhs() == destination || add.getRhs() == destination);
    summand = !addsToInit ? yielded : add.getLhs() == destination ? add.getRhs() : add.getLhs();
    if (!addsToInit && (!destination.use_empty() || op.getNumParallelLoops() != op.getNumLoops())) {
      whyNot = "it combines numbers with its destination otherwise than by a sum";
      return false;
    }
    return true;
  }

  /// The body of the op that computes the gradient of `input`: arguments are the gradient and the op's inputs; returns
  /// what is added. Null if it is not known.
  Value buildBody(Block &block, OpOperand &input) {
    block.addArgument(typeOf(gradient).getElementType(), loc);
    IRMapping mapping;
    for (BlockArgument argument : op.getRegionInputArgs())
      mapping.map(argument, block.addArgument(argument.getType(), loc));
    OpBuilder inner(op.getContext()); // the block has no parent yet
    inner.setInsertionPointToEnd(&block);
    for (Operation &original : op.getBlock()->without_terminator())
      if (!addsToInit || original.getResult(0) != op.getBlock()->getTerminator()->getOperand(0))
        inner.clone(original, mapping);
    SmallVector<Operation *> forward;
    for (Operation &cloned : block)
      forward.push_back(&cloned);
    ScalarTape tape(inner, loc);
    tape.add(mapping.lookupOrDefault(summand), block.getArgument(0));
    Value argument = mapping.lookup(op.getMatchingBlockArgument(&input));
    llvm::DenseSet<Value> reached = dependents(argument, block);
    for (Operation *cloned : llvm::reverse(forward))
      if (reached.contains(cloned->getResult(0)) && !tape.reverse(cloned)) {
        whyNot = "the gradient of " + cloned->getName().getStringRef().str() + " in its body is not known";
        return {};
      }
    Value result = tape.gradients.lookup(argument);
    return result ? result : tape.zero(typeOf(gradient).getElementType());
  }

  /// Floats of `block` that depend on `argument`.
  static llvm::DenseSet<Value> dependents(Value argument, Block &block) {
    llvm::DenseSet<Value> reached{argument};
    for (Operation &op : block)
      if (op.getNumResults() == 1 && isa<FloatType>(op.getResult(0).getType()) &&
          llvm::any_of(op.getOperands(), [&](Value operand) { return reached.contains(operand); }))
        reached.insert(op.getResult(0));
    return reached;
  }

  /// The windows by which `input` is indexed; false if it is indexed otherwise than by loops and windows.
  bool findWindows(OpOperand &input, SmallVectorImpl<Window> &windows) {
    AffineMap map = op.getMatchingIndexingMap(&input), out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      if (isa<AffineDimExpr>(expr))
        continue;
      auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
      if (!sum || sum.getKind() != AffineExprKind::Add)
        return false;
      auto a = termOf(sum.getLHS()), b = termOf(sum.getRHS());
      if (!a || !b)
        return false;
      if (!out.isFunctionOfDim(a->first))
        std::swap(a, b);
      auto position = out.getResultPosition(builder.getAffineDimExpr(a->first));
      if (!position || out.isFunctionOfDim(b->first))
        return false;
      windows.push_back({static_cast<int64_t>(d), *position, a->first, b->first, a->second, b->second});
      if (!fits(windows.back(), typeOf(input.get()).getDimSize(d)))
        return false;
    }
    // No loop is used twice, so that each entry of the gradient has one place.
    for (unsigned loop = 0; loop < map.getNumDims(); ++loop)
      if (llvm::count_if(map.getResults(), [&](AffineExpr expr) { return expr.isFunctionOfDim(loop); }) > 1)
        return false;
    return true;
  }

  /// Upstream's verifier compares the extents of windows only if all shapes are static.
  bool fits(const Window &window, int64_t operandExtent) {
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    int64_t positions = extents[window.position], taps = extents[window.tap];
    if (taps == 0)
      return false;
    if (ShapedType::isDynamic(positions) || ShapedType::isDynamic(taps) || ShapedType::isDynamic(operandExtent))
      return true;
    return (positions - 1) * window.stride + (taps - 1) * window.dilation < operandExtent;
  }

  /// A loop and the positive factor by which it is multiplied.
  static std::optional<std::pair<unsigned, int64_t>> termOf(AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return std::make_pair(dim.getPosition(), int64_t(1));
    auto product = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!product || product.getKind() != AffineExprKind::Mul)
      return std::nullopt;
    auto dim = dyn_cast<AffineDimExpr>(product.getLHS());
    auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
    if (!dim || !factor || factor.getValue() < 1)
      return std::nullopt;
    return std::make_pair(dim.getPosition(), factor.getValue());
  }

  /// The gradient with respect to `input`; null and the reason if it is not known.
  Value toInput(OpOperand &input) {
    SmallVector<Window> windows;
    if (!findWindows(input, windows)) {
      whyNot = "an operand is indexed by other expressions than loops and windows, or beyond its extents";
      return {};
    }
    auto block = std::make_unique<Block>();
    Value summand = buildBody(*block, input);
    if (!summand)
      return {};
    OpBuilder atEnd(op.getContext());
    atEnd.setInsertionPointToEnd(block.get());
    linalg::YieldOp::create(atEnd, loc, summand);
    eraseDeadOps(*block);

    // The gradient, and the inputs that the body reads.
    SmallVector<Value> operands{gradient};
    SmallVector<AffineMap> maps{op.getMatchingIndexingMap(op.getDpsInitOperand(0))};
    SmallVector<unsigned> arguments{0};
    AffineMap target = op.getMatchingIndexingMap(&input);
    for (OpOperand *other : op.getDpsInputOperands()) {
      unsigned argument = 1 + op.getMatchingBlockArgument(other).getArgNumber();
      AffineMap map = op.getMatchingIndexingMap(other);
      if (block->getArgument(argument).use_empty() && coversLoops(maps, target))
        continue;
      if (block->getArgument(argument).use_empty() && other == &input && !windows.empty())
        continue;
      operands.push_back(other->get());
      maps.push_back(map);
      arguments.push_back(argument);
    }
    if (!windows.empty() && !scatter(input, windows, *block, operands, maps, target))
      return {};
    return emit(input, *block, summand, operands, maps, arguments, target);
  }

  bool coversLoops(ArrayRef<AffineMap> maps, AffineMap target) {
    SmallVector<AffineMap> all(maps);
    all.push_back(target);
    return static_cast<bool>(inversePermutation(concatAffineMaps(all, builder.getContext())));
  }

  /// Makes the loop over positions one over the places of `input`: the gradient is scattered among zeros, operands that
  /// are indexed by taps are reversed.
  bool scatter(OpOperand &input, ArrayRef<Window> windows, Block &block, MutableArrayRef<Value> operands,
               MutableArrayRef<AffineMap> maps, AffineMap &target) {
    bool usesIndex = llvm::any_of(block, [](Operation &inner) { return isa<linalg::IndexOp>(inner); });
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, gradient), padded = sizes;
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
        steps(sizes.size(), builder.getIndexAttr(1));
    for (const Window &window : windows) {
      bool isRead =
          llvm::any_of(maps.drop_front(), [&](AffineMap map) { return map.isFunctionOfDim(window.position); });
      if (usesIndex || isRead || ShapedType::isDynamic(extents[window.tap])) {
        whyNot = "a windowed operand is not multiplied by numbers that depend on the taps alone, of static extent";
        return false;
      }
      int64_t reach = (extents[window.tap] - 1) * window.dilation;
      AffineExpr sum = builder.getAffineSymbolExpr(0) + reach;
      padded[window.gradientDim] =
          affine::makeComposedFoldedAffineApply(builder, loc, AffineMap::get(0, 1, sum),
                                                {tensor::getMixedSize(builder, loc, input.get(), window.operandDim)});
      offsets[window.gradientDim] = builder.getIndexAttr(reach);
      steps[window.gradientDim] = builder.getIndexAttr(window.stride);
      AffineExpr position = builder.getAffineDimExpr(window.position), tap = builder.getAffineDimExpr(window.tap);
      maps[0] = replaceResult(maps[0], window.gradientDim, position + tap * window.dilation);
      target = replaceResult(target, window.operandDim, position);
      for (size_t i = 1; i < operands.size(); ++i)
        if (auto dim = maps[i].getResultPosition(tap))
          operands[i] = reverse(operands[i], *dim);
    }
    Value zeros = emitZeros(builder, loc, padded, typeOf(gradient).getElementType());
    operands[0] = emitInsertSlice(builder, loc, gradient, zeros, offsets, sizes, steps);
    return true;
  }

  static AffineMap replaceResult(AffineMap map, int64_t at, AffineExpr expr) {
    SmallVector<AffineExpr> exprs(map.getResults());
    exprs[at] = expr;
    return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
  }

  /// `value` from its end to its start along `dim`.
  Value reverse(Value value, int64_t dim) {
    int64_t rank = typeOf(value).getRank(), last = typeOf(value).getDimSize(dim) - 1;
    if (last == 0)
      return value;
    Value init = tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, value),
                                         typeOf(value).getElementType());
    SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
    auto body = [&](OpBuilder &b, Location l, ValueRange) {
      SmallVector<Value> at;
      for (int64_t d = 0; d < rank; ++d)
        at.push_back(linalg::IndexOp::create(b, l, d));
      Value end = arith::ConstantIndexOp::create(b, l, last);
      at[dim] = arith::SubIOp::create(b, l, end, at[dim]);
      linalg::YieldOp::create(b, l, tensor::ExtractOp::create(b, l, value, at).getResult());
    };
    return linalg::GenericOp::create(builder, loc, init.getType(), ValueRange{}, init,
                                     builder.getMultiDimIdentityMap(rank), parallel, body)
        .getResult(0);
  }

  /// The op itself: `operands` are the arguments `arguments` of `block`.
  Value emit(OpOperand &input, Block &block, Value summand, ArrayRef<Value> operands, ArrayRef<AffineMap> maps,
             ArrayRef<unsigned> arguments, AffineMap target) {
    Value init = emitZerosLike(builder, loc, input.get());
    SmallVector<AffineMap> all(maps);
    all.push_back(target);
    SmallVector<utils::IteratorType> loops;
    for (unsigned d = 0; d < target.getNumDims(); ++d)
      loops.push_back(target.isFunctionOfDim(d) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
    auto body = [&](OpBuilder &b, Location l, ValueRange args) {
      IRMapping mapping;
      for (auto [i, argument] : llvm::enumerate(arguments))
        mapping.map(block.getArgument(argument), args[i]);
      for (Operation &inner : block.without_terminator())
        b.clone(inner, mapping);
      Value sum = arith::AddFOp::create(b, l, args.back(), mapping.lookupOrDefault(summand));
      linalg::YieldOp::create(b, l, sum);
    };
    return linalg::GenericOp::create(builder, loc, init.getType(), operands, init, all, loops, body).getResult(0);
  }

  OpBuilder &builder;
  linalg::LinalgOp op;
  Location loc;
  Value gradient;
  function_ref<bool(Value)> isActive;
  std::string &whyNot;
  bool addsToInit = false;
  Value summand;
};

} // namespace

std::optional<Gradients> mlir::compress::pullbackLinalg(OpBuilder &builder, linalg::LinalgOp op, Value gradient,
                                                        function_ref<bool(Value)> isActive, std::string &whyNot) {
  return LinalgPullback(builder, op, gradient, isActive, whyNot).run();
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

std::optional<Gradients> mlir::compress::pullbackMove(OpBuilder &builder, Operation *op, Value gradient,
                                                      std::string &whyNot) {
  Location loc = op->getLoc();
  Gradients gradients(op->getNumOperands());
  auto sizesOf = [&](Value value) { return tensor::getMixedSizes(builder, loc, value); };
  bool isKnown = true;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tensor::CastOp cast) {
        gradients[0] = tensor::CastOp::create(builder, loc, cast.getSource().getType(), gradient);
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        gradients[0] = tensor::CollapseShapeOp::create(builder, loc, expand.getSrcType(), gradient,
                                                       expand.getReassociationIndices());
      })
      .Case([&](tensor::CollapseShapeOp collapse) {
        gradients[0] = tensor::ExpandShapeOp::create(builder, loc, collapse.getSrcType(), gradient,
                                                     collapse.getReassociationIndices(), sizesOf(collapse.getSrc()));
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        Value zeros = emitZerosLike(builder, loc, slice.getSource());
        gradients[0] = tensor::InsertSliceOp::create(builder, loc, gradient, zeros, slice.getMixedOffsets(),
                                                     slice.getMixedSizes(), slice.getMixedStrides());
      })
      .Case([&](tensor::InsertSliceOp slice) {
        gradients[0] =
            tensor::ExtractSliceOp::create(builder, loc, slice.getSourceType(), gradient, slice.getMixedOffsets(),
                                           slice.getMixedSizes(), slice.getMixedStrides());
        Value zeros = emitZerosLike(builder, loc, slice.getSource());
        gradients[1] = tensor::InsertSliceOp::create(builder, loc, zeros, gradient, slice.getMixedOffsets(),
                                                     slice.getMixedSizes(), slice.getMixedStrides());
      })
      .Case([&](tensor::PadOp pad) {
        isKnown = static_cast<bool>(pad.getConstantPaddingValue());
        whyNot = "it pads with a number that is not constant";
        SmallVector<OpFoldResult> ones(pad.getSourceType().getRank(), builder.getIndexAttr(1));
        gradients[0] = emitExtractSlice(builder, loc, gradient, pad.getMixedLowPad(), sizesOf(pad.getSource()), ones);
      })
      .Default([&](Operation *) { isKnown = false; });
  return isKnown ? std::optional<Gradients>(gradients) : std::nullopt;
}
