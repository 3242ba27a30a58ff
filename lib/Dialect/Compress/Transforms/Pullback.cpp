//===- Pullback.cpp - Reverse mode over functions on tensors ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func @f(%x, %c) -> %y {              func @f_pullback(%x, %c, %dy) -> (%dx, %dc) {
//     %w = compress.circulant %c           %w = compress.circulant %c           the ops of @f, as far as they are used
//     %y = linalg.matmul(%x, %w)     =>    %dx = linalg.generic(%dy, %w)        then backwards, op by op
//   }                                      %dw = linalg.generic(%dy, %x)
//                                          %dc = …                              transpose of the circulant's meaning
//                                        }
//
//===----------------------------------------------------------------------===//

#include "PullbackRules.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PULLBACKPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

static bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

namespace {

/// Reverse mode over one block.
class Tape {
public:
  Tape(OpBuilder &builder, Block &block) : builder(builder) {
    for (Value argument : block.getArguments())
      if (isFloatTensor(argument.getType()))
        active.insert(argument);
    for (Operation &op : block.without_terminator()) {
      ops.push_back(&op);
      llvm::SetVector<Value> operands(op.operand_begin(), op.operand_end());
      getUsedValuesDefinedAbove(op.getRegions(), operands);
      if (llvm::none_of(operands, [&](Value operand) { return active.contains(operand); }))
        continue;
      for (Value result : op.getResults())
        if (isa<FloatType>(getElementTypeOrSelf(result.getType())))
          active.insert(result);
    }
  }

  /// Emits the gradients of all that `result` depends on, given its own.
  LogicalResult run(Value result, Value gradient) {
    add(result, gradient);
    for (Operation *op : llvm::reverse(ops)) {
      if (llvm::none_of(op->getResults(), [&](Value value) { return gradients.contains(value); }))
        continue;
      std::string whyNot =
          "it is neither linear algebra on tensors nor an op that implements DifferentiableOpInterface";
      std::optional<Gradients> computed;
      if (op->getNumResults() == 1)
        computed = pullback(op, gradients.lookup(op->getResult(0)), whyNot);
      if (!computed)
        return op->emitOpError("compress-pullback: the gradient of this op is not known: ") << whyNot;
      for (auto [operand, value] : llvm::zip(op->getOperands(), *computed))
        if (value)
          add(operand, value);
    }
    return success();
  }

  /// The gradient of `value`: zeros if nothing depends on it.
  Value gradientOf(Value value) {
    Value gradient = gradients.lookup(value);
    return gradient ? gradient : emitZerosLike(builder, value.getLoc(), value);
  }

private:
  std::optional<Gradients> pullback(Operation *op, Value gradient, std::string &whyNot) {
    if (auto weight = dyn_cast<CompressedWeightOpInterface>(op))
      return ofFloatOperands(op, weight.pullback(builder, gradient));
    if (auto differentiable = dyn_cast<DifferentiableOpInterface>(op)) {
      SmallVector<Value> computed = differentiable.pullback(builder, gradient);
      if (!computed.empty())
        return ofFloatOperands(op, computed);
      whyNot = "it needs static extents, but has dynamic ones";
      return std::nullopt;
    }
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      return pullbackLinalg(builder, linalgOp, gradient, [&](Value value) { return active.contains(value); }, whyNot);
    return pullbackMove(builder, op, gradient, whyNot);
  }

  /// Gradients of the float operands, placed among all operands.
  static Gradients ofFloatOperands(Operation *op, ArrayRef<Value> computed) {
    Gradients result;
    for (Value operand : op->getOperands()) {
      bool isFloat = isa<FloatType>(getElementTypeOrSelf(operand.getType())) && !computed.empty();
      result.push_back(isFloat ? computed.front() : Value());
      computed = computed.drop_front(isFloat);
    }
    return result;
  }

  void add(Value value, Value gradient) {
    if (!active.contains(value))
      return;
    Value &sum = gradients[value];
    if (!sum) {
      sum = gradient;
      return;
    }
    Location loc = gradient.getLoc();
    Value init = tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, value),
                                         getElementTypeOrSelf(value.getType()));
    sum = linalg::AddOp::create(builder, loc, ValueRange{sum, gradient}, ValueRange{init}).getResult(0);
  }

  OpBuilder &builder;
  SmallVector<Operation *> ops;
  llvm::DenseSet<Value> active;
  llvm::DenseMap<Value, Value> gradients;
};

struct PullbackPass : compress::impl::PullbackPassBase<PullbackPass> {
  using Base = compress::impl::PullbackPassBase<PullbackPass>;
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (isDifferentiable(function))
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(addPullback(function, symbols)))
        return signalPassFailure();
  }

  static bool isDifferentiable(func::FuncOp function) {
    return function.isPublic() && !function.isExternal() && function.getBody().hasOneBlock() &&
           isa<func::ReturnOp>(function.getBody().front().getTerminator()) && function.getNumResults() == 1 &&
           isFloatTensor(function.getResultTypes()[0]) && llvm::any_of(function.getArgumentTypes(), isFloatTensor);
  }

  LogicalResult addPullback(func::FuncOp function, SymbolTable &symbols) {
    std::string name = (function.getName() + "_pullback").str();
    if (symbols.lookup(name))
      return function.emitError("compress-pullback: there is a symbol @") << name << " already; rename it";
    func::FuncOp pullback = function.clone();
    pullback.setName(name);
    symbols.insert(pullback, std::next(function->getIterator()));

    Block &body = pullback.getBody().front();
    auto terminator = cast<func::ReturnOp>(body.getTerminator());
    OpBuilder builder(terminator);
    Tape tape(builder, body); // before the gradient is an argument, too
    SmallVector<Value> arguments(body.getArguments()), results;
    Value value = terminator.getOperand(0);
    Value gradient = body.addArgument(value.getType(), value.getLoc());
    if (failed(tape.run(value, gradient)))
      return failure();
    SmallVector<DictionaryAttr> argumentAttrs, resultAttrs;
    pullback.getAllArgAttrs(argumentAttrs);
    argumentAttrs.push_back(named("gradient"));
    if (withValue) {
      results.push_back(value);
      resultAttrs.push_back(function.getResultAttrDict(0));
    }
    for (Value argument : arguments)
      if (isFloatTensor(argument.getType())) {
        results.push_back(tape.gradientOf(argument));
        resultAttrs.push_back(nameOfGradient(function, cast<BlockArgument>(argument).getArgNumber()));
      }
    terminator.getOperandsMutable().assign(results);
    pullback.setType(FunctionType::get(&getContext(), body.getArgumentTypes(), ValueRange(results).getTypes()));
    pullback.setAllArgAttrs(argumentAttrs);
    pullback.setAllResultAttrs(resultAttrs);
    eraseDeadOps(body);
    ++numFunctions;
    return success();
  }

  DictionaryAttr named(StringRef name) {
    Builder builder(&getContext());
    return builder.getDictionaryAttr(builder.getNamedAttr("compress.name", builder.getStringAttr(name)));
  }

  /// A name in the library, if the argument has one.
  DictionaryAttr nameOfGradient(func::FuncOp function, unsigned argument) {
    auto name = function.getArgAttrOfType<StringAttr>(argument, "compress.name");
    return name ? named((name.getValue() + "_gradient").str()) : DictionaryAttr::get(&getContext());
  }
};

} // namespace
