//===- FixedPointToEmitC.cpp - C++ for high-level synthesis ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ValueEmitter.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/HLS/Transforms/Nest.h"
#include "compress/Dialect/HLS/Transforms/Partition.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTFIXEDPOINTTOEMITCPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Emits the functions of one module. An op that is not listed here is an error, never text.
class Emitter : ValueEmitter {
public:
  Emitter(ModuleOp module, StringRef top, bool hasMemoryPorts)
      : ValueEmitter(module, hasMemoryPorts), top(top), hasMemoryPorts(hasMemoryPorts) {}

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
    for (BlockArgument argument : op.getArguments())
      inputs.push_back(streams.contains(argument) ? streamType(argument) : convert(op, argument.getType()));
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
    beginFunction();
    for (auto [from, to] : llvm::zip_equal(op.getArguments(), body->getArguments())) {
      values[from] = to;
      if (!isTop || !hasMemoryPorts)
        continue;
      emitc::VerbatimOp::create(builder, op.getLoc(), "#pragma HLS INTERFACE ap_memory port={}", ValueRange{to});
      emitPartition(op.getLoc(), to, partitions.lookup(from));
    }
    if (isTop)
      emitc::VerbatimOp::create(builder, op.getLoc(), "#pragma HLS DATAFLOW");
    if (!isTop && failed(hls::checkPartitions(op)))
      return failure();
    for (BlockArgument argument : op.getArguments()) {
      auto partition = op.getArgAttrOfType<hls::PartitionAttr>(argument.getArgNumber(), hls::kPartitionAttr);
      if (streams.contains(argument) && op.getArgAttr(argument.getArgNumber(), hls::kWindowAttr))
        emitWindow(argument, partition);
      else if (!streams.contains(argument))
        emitPartition(op.getLoc(), values.lookup(argument), partition);
    }
    return emitBlock(op.getBody().front());
  }

  /// Numbers of streams are read before, and written behind, all else that is done between two loops, in the order of
  /// the schedule.
  LogicalResult emitBlock(Block &block) {
    emitReads(block.begin(), block.end());
    SmallVector<affine::AffineStoreOp> writes;
    for (Operation &op : block) {
      if (isa<affine::AffineForOp>(op) || op.hasTrait<OpTrait::IsTerminator>())
        emitWrites(writes);
      if (isa<func::ReturnOp>(op))
        takeRest(op.getLoc());
      if (auto store = dyn_cast<affine::AffineStoreOp>(op); store && streams.contains(store.getMemRef()))
        writes.push_back(store);
      else if (!values.contains(op.getNumResults() ? op.getResult(0) : Value()) && failed(emitOp(&op)))
        return failure();
      if (isa<affine::AffineForOp>(op))
        emitReads(std::next(op.getIterator()), block.end());
    }
    return success();
  }

  LogicalResult emitOp(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](arith::ConstantOp constant) { return emitConstant(constant); })
        .Case<arith::ExtSIOp, arith::TruncIOp>([&](Operation *) { return emitAs<emitc::CastOp>(op); })
        .Case([&](arith::AddIOp) {
          return op->getResult(0).getType().isIndex() ? emitGather(op) : emitAs<emitc::AddOp>(op);
        })
        .Case([&](arith::SubIOp) { return emitAs<emitc::SubOp>(op); })
        .Case([&](arith::MulIOp) { return emitAs<emitc::MulOp>(op); })
        .Case([&](arith::AndIOp) { return emitAs<emitc::BitwiseAndOp>(op); })
        .Case<arith::ShRSIOp, arith::ShLIOp>([&](Operation *) { return emitShift(op); })
        .Case([&](arith::MaxSIOp) { return emitChoice(op, emitc::CmpPredicate::gt); })
        .Case([&](arith::MinSIOp) { return emitChoice(op, emitc::CmpPredicate::lt); })
        .Case([&](arith::CmpIOp compare) { return emitCompare(compare); })
        .Case([&](arith::SelectOp select) { return emitSelect(select); })
        .Case([&](hls::BufferOp buffer) { return emitBuffer(buffer); })
        .Case([&](hls::StreamOp stream) {
          emitStream(stream);
          return success();
        })
        .Case([&](memref::GetGlobalOp get) { return emitGetGlobal(get); })
        .Case([&](affine::AffineLoadOp load) { return emitLoad(load); })
        .Case([&](affine::AffineStoreOp store) { return emitStore(store); })
        .Case<arith::IndexCastOp, affine::AffineApplyOp, memref::LoadOp>([&](Operation *) { return emitGather(op); })
        .Case([&](affine::AffineForOp loop) { return emitLoop(loop); })
        .Case([&](affine::AffineYieldOp) { return success(); }) // the loop's
        .Case([&](func::CallOp call) { return emitCall(call, call.getCallee()); })
        .Case([&](hls::TaskOp task) { return emitCall(task, task.getStep()); })
        .Case([&](func::ReturnOp exit) {
          emitc::ReturnOp::create(builder, op->getLoc(),
                                  exit.getNumOperands() ? values.lookup(exit.getOperand(0)) : Value());
          return success();
        })
        .Default([&](Operation *) { return unknown(op); });
  }

  LogicalResult emitConstant(arith::ConstantOp constant) {
    auto number = dyn_cast<IntegerAttr>(constant.getValue());
    Type type = convert(constant, constant.getType());
    if (!type || !number)
      return unknown(constant);
    values[constant] =
        literal(constant.getLoc(), type,
                cast<emitc::OpaqueType>(type).getValue() + "(" + Twine(number.getValue().getSExtValue()) + ")");
    return success();
  }

  LogicalResult emitSelect(arith::SelectOp select) {
    Type type = convert(select, select.getType());
    if (!type)
      return failure();
    values[select] =
        emitc::ConditionalOp::create(builder, select.getLoc(), type, values.lookup(select.getCondition()),
                                     values.lookup(select.getTrueValue()), values.lookup(select.getFalseValue()));
    return success();
  }

  LogicalResult emitGetGlobal(memref::GetGlobalOp get) {
    Type type = convert(get, get.getType());
    if (!type)
      return failure();
    values[get] = emitc::GetGlobalOp::create(builder, get.getLoc(), type, get.getName());
    emitPartition(get.getLoc(), values.lookup(get), get->getAttrOfType<hls::PartitionAttr>(hls::kPartitionAttr));
    return success();
  }

  LogicalResult emitLoad(affine::AffineLoadOp load) {
    Type type = convert(load, load.getType());
    if (!type || failed(checkPlace(load, load.getAffineMap())))
      return failure();
    auto kept = keptNumber(load);
    auto place =
        kept ? *kept : subscript(load.getLoc(), type, load.getMemRef(), load.getAffineMap(), load.getMapOperands());
    values[load] = emitc::LoadOp::create(builder, load.getLoc(), type, place);
    return success();
  }

  LogicalResult emitStore(affine::AffineStoreOp store) {
    Type type = convert(store, store.getValueToStore().getType());
    if (!type || failed(checkPlace(store, store.getAffineMap())))
      return failure();
    auto place = subscript(store.getLoc(), type, store.getMemRef(), store.getAffineMap(), store.getMapOperands());
    emitc::AssignOp::create(builder, store.getLoc(), place, values.lookup(store.getValueToStore()));
    return success();
  }

  /// What a load from where a number says is made of: the number, where it counts from, their sum, the load.
  LogicalResult emitGather(Operation *op) {
    Location loc = op->getLoc();
    if (auto index = dyn_cast<arith::IndexCastOp>(op)) { // by way of an int, which ap_int converts to
      Value number = emitc::CastOp::create(builder, loc, builder.getI32Type(), values.lookup(index.getIn()));
      values[index] = emitc::CastOp::create(builder, loc, sizeType(), number);
    } else if (auto first = dyn_cast<affine::AffineApplyOp>(op)) {
      if (failed(checkPlace(op, first.getAffineMap())))
        return failure();
      SmallVector<Value> ivs;
      for (Value operand : first.getMapOperands())
        ivs.push_back(values.lookup(operand));
      values[first] = emitIndex(loc, first.getAffineMap().getResult(0), ivs);
    } else if (auto sum = dyn_cast<arith::AddIOp>(op)) {
      values[sum] =
          emitc::AddOp::create(builder, loc, sizeType(), values.lookup(sum.getLhs()), values.lookup(sum.getRhs()));
    } else {
      auto load = dyn_cast<memref::LoadOp>(op);
      Type type = convert(op, load.getType());
      if (!type || !hls::Gather::of(op) || streams.contains(load.getMemRef()))
        return type ? unknown(op) : failure();
      auto place = emitc::SubscriptOp::create(builder, loc, emitc::LValueType::get(type),
                                              values.lookup(load.getMemRef()), values.lookup(load.getIndices()[0]));
      values[load] = emitc::LoadOp::create(builder, loc, type, cast<TypedValue<emitc::LValueType>>(place.getResult()));
    }
    return success();
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

  LogicalResult emitBuffer(hls::BufferOp buffer) {
    Type type = convert(buffer, buffer.getNumbers().getType());
    if (!type)
      return failure();
    values[buffer] = variable(buffer.getLoc(), type);
    emitPartition(buffer.getLoc(), values.lookup(buffer), partitions.lookup(buffer));
    return success();
  }

  /// A call of `callee`: that of a rounding, or a task.
  LogicalResult emitCall(Operation *call, StringRef callee) {
    SmallVector<Type> types;
    for (Type type : call->getResultTypes())
      if (types.push_back(convert(call, type)); !types.back())
        return failure();
    SmallVector<Value> operands;
    for (Value operand : call->getOperands())
      operands.push_back(values.lookup(operand));
    auto emitted = emitc::CallOp::create(builder, call->getLoc(), callee, types, operands);
    for (auto [from, to] : llvm::zip_equal(call->getResults(), emitted.getResults()))
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
      takeIn(loop, /*isBehind=*/false);
      if (failed(emitBlock(*loop.getBody())))
        return failure();
      takeIn(loop, /*isBehind=*/true);
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

  StringRef top;
  bool hasMemoryPorts;
};

struct ConvertFixedPointToEmitCPass : compress::impl::ConvertFixedPointToEmitCPassBase<ConvertFixedPointToEmitCPass> {
  using Base = compress::impl::ConvertFixedPointToEmitCPassBase<ConvertFixedPointToEmitCPass>;
  using Base::Base;

  void runOnOperation() override {
    if (ports != "memory" && ports != "stream") {
      getOperation()->emitError() << getArgument() << "{ports=" << ports << "}: expects memory or stream";
      return signalPassFailure();
    }
    if (failed(checkStreams(getOperation(), ports == "stream")) ||
        failed(Emitter(getOperation(), top, ports == "memory").run()))
      signalPassFailure();
  }
};

} // namespace
