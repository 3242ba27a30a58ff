//===- HLSDataflow.cpp - Steps of a network as tasks -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %b = memref.alloc()   call @relu(%a, %b)   call @conv(%b, %c)   call @sum(%b, %c, %d)
//   =>  hls.task @relu ins(%a) outs(%b)   hls.task @split_2 ins(%b) outs(%b1, %b2)   hls.task @conv ins(%b1) outs(%c)
//       hls.task @sum ins(%b2, %c) outs(%d),   each of them an hls.buffer
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_HLSDATAFLOWPASS
#include "compress/Dialect/HLS/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

/// A private function that copies its first argument to each of the others.
static func::FuncOp makeSplit(func::FuncOp network, MemRefType type, size_t number) {
  OpBuilder builder(network);
  Location loc = network.getLoc();
  SmallVector<Type> types(number + 1, type);
  std::string base = "split_" + std::to_string(number), name = base;
  for (int i = 2; network->getParentOfType<ModuleOp>().lookupSymbol(name); ++i)
    name = base + "_" + std::to_string(i);
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  function.setPrivate();
  for (size_t i = 1; i <= number; ++i)
    function.setArgAttr(i, kResultAttr, builder.getUnitAttr());
  builder.setInsertionPointToStart(function.addEntryBlock());
  auto loop = affine::AffineForOp::create(builder, loc, 0, type.getNumElements());
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(loop.getBody());
  Value x = affine::AffineLoadOp::create(builder, loc, function.getArgument(0), loop.getInductionVar());
  for (size_t i = 1; i <= number; ++i)
    affine::AffineStoreOp::create(builder, loc, x, function.getArgument(i), loop.getInductionVar());
  return function;
}

namespace {

class Dataflow {
public:
  explicit Dataflow(func::FuncOp network) : network(network), module(network->getParentOfType<ModuleOp>()) {}

  LogicalResult run() {
    Block &body = network.getBody().front();
    for (func::CallOp call : llvm::make_early_inc_range(body.getOps<func::CallOp>()))
      if (failed(makeTask(call)))
        return failure();
    SmallVector<Value> buffers(body.getArguments());
    for (memref::AllocOp alloc : llvm::make_early_inc_range(body.getOps<memref::AllocOp>()))
      buffers.push_back(makeBuffer(alloc));
    for (Value buffer : buffers)
      if (isa<MemRefType>(buffer.getType()))
        split(buffer);
    return success();
  }

private:
  LogicalResult makeTask(func::CallOp call) {
    auto step = module.lookupSymbol<func::FuncOp>(call.getCallee());
    SmallVector<Value> inputs, outputs;
    bool isInOrder = step && !step.isExternal() && call.getNumResults() == 0;
    for (OpOperand &operand : call->getOpOperands()) {
      bool isOutput = isInOrder && step.getArgAttr(operand.getOperandNumber(), kResultAttr);
      isInOrder &= isa<MemRefType>(operand.get().getType()) && (isOutput || outputs.empty());
      (isOutput ? outputs : inputs).push_back(operand.get());
    }
    if (!isInOrder || outputs.empty())
      return call.emitError(
                 "is no task: expects a step with a body, of buffers that it reads, then those that it writes ('")
             << kResultAttr << "')";
    OpBuilder builder(call);
    TaskOp::create(builder, call.getLoc(), step.getName(), inputs, outputs, CyclesAttr());
    call.erase();
    return success();
  }

  static Value makeBuffer(memref::AllocOp alloc) {
    OpBuilder builder(alloc);
    Value buffer = BufferOp::create(builder, alloc.getLoc(), alloc.getType(), IntegerAttr(), BanksAttr());
    for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    alloc.replaceAllUsesWith(buffer);
    alloc.erase();
    return buffer;
  }

  /// Copies what several tasks read, or the result of the network if a task reads it, for each of them.
  void split(Value buffer) {
    SmallVector<OpOperand *> readers;
    OpOperand *writer = nullptr;
    for (OpOperand &use : buffer.getUses())
      if (auto task = dyn_cast<TaskOp>(use.getOwner())) {
        if (task.isInput(use))
          readers.push_back(&use);
        else
          writer = &use;
      }
    // Uses are listed in no order that a reader of the code would expect.
    llvm::sort(readers, [](OpOperand *a, OpOperand *b) {
      return a->getOwner() == b->getOwner() ? a->getOperandNumber() < b->getOperandNumber()
                                            : a->getOwner()->isBeforeInBlock(b->getOwner());
    });
    auto argument = dyn_cast<BlockArgument>(buffer);
    bool isResult = argument && network.getArgAttr(argument.getArgNumber(), kResultAttr);
    if (readers.size() + isResult <= 1)
      return;
    OpBuilder builder = OpBuilder::atBlockBegin(&network.getBody().front());
    auto newBuffer = [&] {
      return BufferOp::create(builder, network.getLoc(), buffer.getType(), IntegerAttr(), BanksAttr()).getResult();
    };
    Value from = buffer;
    SmallVector<Value> copies;
    if (isResult && writer) { // a result is only written
      from = newBuffer();
      writer->set(from);
      copies.push_back(buffer);
    }
    for (OpOperand *reader : readers) {
      copies.push_back(newBuffer());
      reader->set(copies.back());
    }
    func::FuncOp step = makeSplit(network, cast<MemRefType>(buffer.getType()), copies.size());
    if (writer)
      builder.setInsertionPointAfter(writer->getOwner());
    TaskOp::create(builder, network.getLoc(), step.getName(), from, copies, CyclesAttr());
  }

  func::FuncOp network;
  ModuleOp module;
};

struct HLSDataflowPass : compress::impl::HLSDataflowPassBase<HLSDataflowPass> {
  using Base = compress::impl::HLSDataflowPassBase<HLSDataflowPass>;
  using Base::Base;

  void runOnOperation() override {
    auto network = getOperation().lookupSymbol<func::FuncOp>("main");
    if (network && network.getBody().hasOneBlock() && failed(Dataflow(network).run()))
      signalPassFailure();
  }
};

} // namespace
