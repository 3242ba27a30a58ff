//===- FixedPointToEmitC.cpp - C++ for high-level synthesis ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Dataflow.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTFIXEDPOINTTOEMITCPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Most bits of an integer, as of the numbers of a fixed-point network.
constexpr unsigned kMostBits = 64;

/// Emits the functions of one module. An op that is not listed here is an error, never text.
class Emitter {
public:
  Emitter(ModuleOp module, StringRef top, bool hasMemoryPorts)
      : module(module), top(top), hasMemoryPorts(hasMemoryPorts), builder(module.getContext()) {}

  LogicalResult run() {
    SmallVector<Operation *> ops;
    for (Operation &op : *module.getBody())
      ops.push_back(&op);
    builder.setInsertionPointToStart(module.getBody());
    for (Operation *op : ops) {
      builder.setInsertionPoint(op);
      auto done = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                      .Case([&](memref::GlobalOp global) { return emitGlobal(global); })
                      .Case([&](func::FuncOp function) { return emitFunction(function); })
                      .Default([&](Operation *) { return unknown(op); });
      if (failed(done))
        return failure();
    }
    for (Operation *op : ops)
      op->erase();
    return success();
  }

private:
  LogicalResult unknown(Operation *op) {
    return op->emitError() << "cannot be printed as C++ for synthesis: '" << op->getName()
                           << "' is nothing that convert-compress-to-fixed-point makes";
  }

  Type opaque(const Twine &text) { return emitc::OpaqueType::get(module.getContext(), text.str()); }
  Type sizeType() { return emitc::SizeTType::get(module.getContext()); }

  /// The C++ type of `type`; null, after an error at `op`, if there is none.
  Type convert(Operation *op, Type type) {
    if (auto integer = dyn_cast<IntegerType>(type); integer && integer.isSignless() && integer.getWidth() <= kMostBits)
      return opaque("ap_int<" + Twine(integer.getWidth()) + ">");
    if (auto memref = dyn_cast<MemRefType>(type); memref && memref.hasStaticShape() && memref.getRank() > 0 &&
                                                  memref.getNumElements() > 0 && memref.getLayout().isIdentity() &&
                                                  isa<IntegerType>(memref.getElementType()))
      if (Type element = convert(op, memref.getElementType()))
        return emitc::ArrayType::get(memref.getShape(), element);
    op->emitError() << "type " << type << " has no C++ type for synthesis";
    return {};
  }

  Value literal(Location loc, Type type, const Twine &text) {
    return emitc::LiteralOp::create(builder, loc, type, builder.getStringAttr(text));
  }
  Value size(Location loc, int64_t value) { return literal(loc, sizeType(), Twine(value)); }

  LogicalResult emitGlobal(memref::GlobalOp op) {
    Type type = convert(op, op.getType());
    auto values = dyn_cast_or_null<DenseIntElementsAttr>(op.getInitialValueAttr());
    if (!type)
      return failure();
    if (!values || !op.getConstant() || op.getType().getRank() != 1)
      return op.emitError("expects a constant of one dimension with its numbers");
    constexpr int64_t kPerLine = 16;
    std::string text = "{";
    for (auto [i, value] : llvm::enumerate(values.getValues<APInt>()))
      text += (i == 0 ? "\n  " : i % kPerLine == 0 ? ",\n  " : ", ") + std::to_string(value.getSExtValue());
    text += "\n}";
    auto initial = emitc::OpaqueAttr::get(module.getContext(), text);
    emitc::GlobalOp::create(builder, op.getLoc(), op.getSymNameAttr(), TypeAttr::get(type), initial,
                            /*extern_specifier=*/nullptr, builder.getUnitAttr(), builder.getUnitAttr());
    return success();
  }

  LogicalResult emitFunction(func::FuncOp op) {
    if (!op.getBody().hasOneBlock() || op.getNumResults() > 1)
      return op.emitError("expects a function of one block and at most one result");
    SmallVector<Type> inputs, results;
    for (Type type : op.getArgumentTypes())
      inputs.push_back(convert(op, type));
    for (Type type : op.getResultTypes())
      results.push_back(convert(op, type));
    if (llvm::is_contained(inputs, Type()) || llvm::is_contained(results, Type()))
      return failure();
    bool isTop = op.getName() == "main";
    auto function = emitc::FuncOp::create(builder, op.getLoc(), isTop ? top : op.getName(),
                                          builder.getFunctionType(inputs, results));
    if (!isTop || !hasMemoryPorts)
      function.setSpecifiersAttr(results.empty() ? builder.getStrArrayAttr({"static"})
                                                 : builder.getStrArrayAttr({"static", "inline"}));
    OpBuilder::InsertionGuard guard(builder);
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToStart(body);
    values.clear();
    numLoops = 0;
    for (auto [from, to] : llvm::zip_equal(op.getArguments(), body->getArguments())) {
      values[from] = to;
      if (isTop && hasMemoryPorts)
        emitc::VerbatimOp::create(builder, op.getLoc(), "#pragma HLS INTERFACE ap_memory port={}", ValueRange{to});
    }
    if (isTop)
      emitc::VerbatimOp::create(builder, op.getLoc(), "#pragma HLS DATAFLOW");
    return emitBlock(op.getBody().front());
  }

  LogicalResult emitBlock(Block &block) {
    for (Operation &op : block)
      if (failed(emitOp(&op)))
        return failure();
    return success();
  }

  LogicalResult emitOp(Operation *op) {
    Location loc = op->getLoc();
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](arith::ConstantOp constant) {
          auto number = dyn_cast<IntegerAttr>(constant.getValue());
          Type type = convert(op, constant.getType());
          if (!type || !number)
            return unknown(op);
          values[constant] =
              literal(loc, type,
                      cast<emitc::OpaqueType>(type).getValue() + "(" + Twine(number.getValue().getSExtValue()) + ")");
          return success();
        })
        .Case<arith::ExtSIOp, arith::TruncIOp>([&](Operation *) { return emitAs<emitc::CastOp>(op); })
        .Case([&](arith::AddIOp) { return emitAs<emitc::AddOp>(op); })
        .Case([&](arith::SubIOp) { return emitAs<emitc::SubOp>(op); })
        .Case([&](arith::MulIOp) { return emitAs<emitc::MulOp>(op); })
        .Case([&](arith::AndIOp) { return emitAs<emitc::BitwiseAndOp>(op); })
        .Case<arith::ShRSIOp, arith::ShLIOp>([&](Operation *) { return emitShift(op); })
        .Case([&](arith::MaxSIOp) { return emitChoice(op, emitc::CmpPredicate::gt); })
        .Case([&](arith::MinSIOp) { return emitChoice(op, emitc::CmpPredicate::lt); })
        .Case([&](arith::CmpIOp compare) { return emitCompare(compare); })
        .Case([&](arith::SelectOp select) {
          Type type = convert(op, select.getType());
          if (!type)
            return failure();
          values[select] =
              emitc::ConditionalOp::create(builder, loc, type, values.lookup(select.getCondition()),
                                           values.lookup(select.getTrueValue()), values.lookup(select.getFalseValue()));
          return success();
        })
        .Case([&](memref::AllocOp alloc) {
          Type type = convert(op, alloc.getType());
          if (!type)
            return failure();
          values[alloc] = variable(loc, type);
          return success();
        })
        .Case([&](memref::DeallocOp) { return success(); })
        .Case([&](memref::GetGlobalOp get) {
          Type type = convert(op, get.getType());
          if (!type)
            return failure();
          values[get] = emitc::GetGlobalOp::create(builder, loc, type, get.getName());
          return success();
        })
        .Case([&](affine::AffineLoadOp load) {
          Type type = convert(op, load.getType());
          if (!type)
            return failure();
          if (failed(checkPlace(op, load.getAffineMap())))
            return failure();
          auto place = subscript(loc, type, load.getMemRef(), load.getAffineMap(), load.getMapOperands());
          values[load] = emitc::LoadOp::create(builder, loc, type, place);
          return success();
        })
        .Case([&](affine::AffineStoreOp store) {
          Type type = convert(op, store.getValueToStore().getType());
          if (!type)
            return failure();
          if (failed(checkPlace(op, store.getAffineMap())))
            return failure();
          auto place = subscript(loc, type, store.getMemRef(), store.getAffineMap(), store.getMapOperands());
          emitc::AssignOp::create(builder, loc, place, values.lookup(store.getValueToStore()));
          return success();
        })
        .Case([&](affine::AffineForOp loop) { return emitLoop(loop); })
        .Case([&](affine::AffineYieldOp) { return success(); }) // the loop's
        .Case([&](func::CallOp call) { return emitCall(call); })
        .Case([&](func::ReturnOp exit) {
          emitc::ReturnOp::create(builder, loc, exit.getNumOperands() ? values.lookup(exit.getOperand(0)) : Value());
          return success();
        })
        .Default([&](Operation *) { return unknown(op); });
  }

  template <typename To>
  LogicalResult emitAs(Operation *op) {
    Type type = convert(op, op->getResult(0).getType());
    if (!type)
      return failure();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(values.lookup(operand));
    values[op->getResult(0)] = To::create(builder, op->getLoc(), TypeRange{type}, operands)->getResult(0);
    return success();
  }

  /// The amount of a shift is printed as an int: a shift by an ap_int of few bits would be one by a negative number.
  LogicalResult emitShift(Operation *op) {
    Type type = convert(op, op->getResult(0).getType());
    if (!type)
      return failure();
    auto amount = op->getOperand(1).getDefiningOp<arith::ConstantOp>();
    if (!amount && !isa<arith::ShLIOp>(op)) // of codes, which are exponents
      return op->emitError("a shift to the right by no constant cannot be printed as C++ for synthesis");
    Value by = amount
                   ? literal(op->getLoc(), builder.getI32Type(), Twine(cast<IntegerAttr>(amount.getValue()).getInt()))
                   : Value(emitc::CastOp::create(builder, op->getLoc(), builder.getI32Type(),
                                                 values.lookup(op->getOperand(1))));
    Value x = values.lookup(op->getOperand(0));
    values[op->getResult(0)] = isa<arith::ShLIOp>(op)
                                   ? Value(emitc::BitwiseLeftShiftOp::create(builder, op->getLoc(), type, x, by))
                                   : Value(emitc::BitwiseRightShiftOp::create(builder, op->getLoc(), type, x, by));
    return success();
  }

  LogicalResult emitCompare(arith::CmpIOp op) {
    std::optional<emitc::CmpPredicate> predicate;
    if (op.getPredicate() == arith::CmpIPredicate::slt)
      predicate = emitc::CmpPredicate::lt;
    if (op.getPredicate() == arith::CmpIPredicate::eq)
      predicate = emitc::CmpPredicate::eq;
    if (!predicate || !convert(op, op.getLhs().getType()))
      return predicate ? failure() : unknown(op);
    values[op] = emitc::CmpOp::create(builder, op.getLoc(), builder.getI1Type(), *predicate, values.lookup(op.getLhs()),
                                      values.lookup(op.getRhs()));
    return success();
  }

  /// `a > b ? a : b`, or with another comparison.
  LogicalResult emitChoice(Operation *op, emitc::CmpPredicate predicate) {
    Type type = convert(op, op->getResult(0).getType());
    if (!type)
      return failure();
    Value a = values.lookup(op->getOperand(0)), b = values.lookup(op->getOperand(1));
    Value isFirst = emitc::CmpOp::create(builder, op->getLoc(), builder.getI1Type(), predicate, a, b);
    values[op->getResult(0)] = emitc::ConditionalOp::create(builder, op->getLoc(), type, isFirst, a, b);
    return success();
  }

  Value variable(Location loc, Type type) {
    auto none = emitc::OpaqueAttr::get(module.getContext(), "");
    return emitc::VariableOp::create(builder, loc, isa<emitc::ArrayType>(type) ? type : emitc::LValueType::get(type),
                                     none);
  }

  LogicalResult emitCall(func::CallOp call) {
    SmallVector<Type> types;
    for (Type type : call.getResultTypes())
      if (types.push_back(convert(call, type)); !types.back())
        return failure();
    SmallVector<Value> operands;
    for (Value operand : call.getOperands())
      operands.push_back(values.lookup(operand));
    auto emitted = emitc::CallOp::create(builder, call.getLoc(), call.getCallee(), types, operands);
    for (auto [from, to] : llvm::zip_equal(call.getResults(), emitted.getResults()))
      values[from] = to;
    return success();
  }

  /// Values that a loop carries are variables, read where its body begins and assigned where it ends.
  LogicalResult emitLoop(affine::AffineForOp loop) {
    Location loc = loop.getLoc();
    if (!loop.hasConstantLowerBound() || !loop.hasConstantUpperBound())
      return loop.emitError("expects constant bounds");
    SmallVector<Value> variables;
    for (Value initial : loop.getInits()) {
      Type type = convert(loop, initial.getType());
      if (!type)
        return failure();
      variables.push_back(variable(loc, type));
      emitc::AssignOp::create(builder, loc, variables.back(), values.lookup(initial));
    }
    emitc::VerbatimOp::create(builder, loc, "loop_" + std::to_string(++numLoops) + ":");
    auto emitted = emitc::ForOp::create(builder, loc, size(loc, loop.getConstantLowerBound()),
                                        size(loc, loop.getConstantUpperBound()), size(loc, loop.getStepAsInt()));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(emitted.getBody()->getTerminator());
      emitPragmas(loop);
      values[loop.getInductionVar()] = emitted.getInductionVar();
      for (auto [argument, variable] : llvm::zip_equal(loop.getRegionIterArgs(), variables))
        values[argument] = readVariable(loc, variable);
      if (failed(emitBlock(*loop.getBody())))
        return failure();
      for (auto [yielded, variable] : llvm::zip_equal(loop.getBody()->getTerminator()->getOperands(), variables))
        emitc::AssignOp::create(builder, loc, variable, values.lookup(yielded));
    }
    for (auto [result, variable] : llvm::zip_equal(loop.getResults(), variables))
      values[result] = readVariable(loc, variable);
    return success();
  }

  /// Those of the schedule; an innermost loop without one is asked to issue an iteration in each cycle.
  void emitPragmas(affine::AffineForOp loop) {
    auto pipeline = loop->getAttrOfType<hls::PipelineAttr>(hls::kPipelineAttr);
    bool isInnermost =
        !loop.getBody()->walk([](affine::AffineForOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (!isInnermost) // straight code beside an inner loop has a schedule, but no pragma of its own
      return;
    auto verbatim = [&](const Twine &text) { emitc::VerbatimOp::create(builder, loop.getLoc(), text.str()); };
    verbatim("#pragma HLS PIPELINE II=" + Twine(pipeline ? pipeline.getIi() : 1));
    if (pipeline && pipeline.getLanes() > 1)
      verbatim("#pragma HLS UNROLL factor=" + Twine(pipeline.getLanes()));
  }

  Value readVariable(Location loc, Value variable) {
    return emitc::LoadOp::create(builder, loc, cast<emitc::LValueType>(variable.getType()).getValueType(), variable);
  }

  /// Places are sums and products of indices of loops: a division would be hardware.
  LogicalResult checkPlace(Operation *op, AffineMap map) {
    bool isSimple = map.getNumSymbols() == 0;
    map.walkExprs([&](AffineExpr expr) {
      isSimple &=
          !llvm::is_contained({AffineExprKind::FloorDiv, AffineExprKind::CeilDiv, AffineExprKind::Mod}, expr.getKind());
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      isSimple &= !constant || constant.getValue() >= 0;
    });
    return isSimple ? success() : op->emitError("a place with a division cannot be printed as C++ for synthesis");
  }

  /// The element of `memref` at `map` of `operands`: indices are expressions on size_t.
  TypedValue<emitc::LValueType> subscript(Location loc, Type type, Value memref, AffineMap map, ValueRange operands) {
    SmallVector<Value> ivs, indices;
    for (Value operand : operands)
      ivs.push_back(values.lookup(operand));
    for (AffineExpr expr : map.getResults())
      indices.push_back(emitIndex(loc, expr, ivs));
    auto place = emitc::SubscriptOp::create(builder, loc, emitc::LValueType::get(type), values.lookup(memref), indices);
    return cast<TypedValue<emitc::LValueType>>(place.getResult());
  }

  Value emitIndex(Location loc, AffineExpr expr, ArrayRef<Value> ivs) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return size(loc, constant.getValue());
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return ivs[dim.getPosition()];
    // Literals are no operations of an expression: they come in from outside.
    SmallVector<Value> inputs(ivs);
    llvm::DenseMap<AffineExpr, unsigned> numbers;
    expr.walk([&](AffineExpr inner) {
      if (isa<AffineConstantExpr>(inner) && numbers.try_emplace(inner, inputs.size()).second)
        inputs.push_back(size(loc, cast<AffineConstantExpr>(inner).getValue()));
    });
    auto expression = emitc::ExpressionOp::create(builder, loc, sizeType(), inputs, /*do_not_inline=*/false);
    OpBuilder::InsertionGuard guard(builder);
    Block &body = expression.createBody();
    builder.setInsertionPointToStart(&body);
    Value result = emitIndexOps(loc, expr, body.getArguments(), numbers);
    emitc::YieldOp::create(builder, loc, result);
    return expression;
  }

  Value emitIndexOps(Location loc, AffineExpr expr, ValueRange inputs,
                     const llvm::DenseMap<AffineExpr, unsigned> &numbers) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return inputs[dim.getPosition()];
    if (isa<AffineConstantExpr>(expr))
      return inputs[numbers.lookup(expr)];
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Value a = emitIndexOps(loc, binary.getLHS(), inputs, numbers),
          b = emitIndexOps(loc, binary.getRHS(), inputs, numbers);
    if (expr.getKind() == AffineExprKind::Add)
      return emitc::AddOp::create(builder, loc, sizeType(), a, b);
    return emitc::MulOp::create(builder, loc, sizeType(), a, b);
  }

  ModuleOp module;
  StringRef top;
  bool hasMemoryPorts;
  OpBuilder builder;
  llvm::DenseMap<Value, Value> values;
  int numLoops = 0;
};

struct ConvertFixedPointToEmitCPass : compress::impl::ConvertFixedPointToEmitCPassBase<ConvertFixedPointToEmitCPass> {
  using Base = compress::impl::ConvertFixedPointToEmitCPassBase<ConvertFixedPointToEmitCPass>;
  using Base::Base;

  void runOnOperation() override {
    if (ports != "memory" && ports != "stream") {
      getOperation()->emitError() << getArgument() << "{ports=" << ports << "}: expects memory or stream";
      return signalPassFailure();
    }
    if (auto network = getOperation().lookupSymbol<func::FuncOp>("main"); network && network.getBody().hasOneBlock())
      splitBuffers(network);
    if (failed(Emitter(getOperation(), top, ports == "memory").run()))
      signalPassFailure();
  }
};

} // namespace
