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
#include "compress/Dialect/HLS/Transforms/Nest.h"
#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"
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

namespace {
/// A loop over places, `stride` apart.
struct CopyLoop {
  int64_t extent, stride;
};
} // namespace

/// Loops, outermost first, that go through `places` in their order; none if no such loops do.
static SmallVector<CopyLoop> loopsThrough(std::vector<int64_t> places) {
  SmallVector<CopyLoop> loops;
  while (places.size() > 1) {
    int64_t stride = places[1] - places[0], count = places.size(), extent = 1;
    while (extent < count && places[extent] - places[extent - 1] == stride)
      ++extent;
    std::vector<int64_t> outer;
    for (int64_t i = 0; i < count; ++i)
      if (i % extent == 0)
        outer.push_back(places[i]);
      else if (places[i] - places[i - 1] != stride)
        return {};
    if (count % extent != 0 || stride < 1)
      return {};
    loops.insert(loops.begin(), {extent, stride});
    places = outer;
  }
  return !places.empty() && places[0] == 0 ? loops : SmallVector<CopyLoop>();
}

/// Loops through a buffer in the order in which `writer`, an operand of a task, writes it: then readers get its numbers
/// one by one. Those of a port come in its order.
static SmallVector<CopyLoop> loopsOfWriter(Value buffer, OpOperand *writer, int64_t size) {
  SmallVector<CopyLoop> loops;
  if (auto port = dyn_cast<BlockArgument>(buffer); port && !writer)
    loops = loopsThrough(placesOfPort(port));
  if (writer) {
    auto task = cast<TaskOp>(writer->getOwner());
    ScopedDiagnosticHandler quiet(task.getContext(), [](Diagnostic &) { return success(); });
    auto step = task->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(task.getStep());
    if (auto nests = nestsOf(step); succeeded(nests))
      loops = loopsThrough(placesWritten(*nests, step.getArgument(writer->getOperandNumber())));
  }
  int64_t count = loops.empty() ? 0 : 1;
  for (CopyLoop loop : loops)
    count *= loop.extent;
  return count == size ? loops : SmallVector<CopyLoop>{{size, 1}};
}

/// A private function that copies its first argument to each of `number` others, along `loops`.
static func::FuncOp makeSplit(func::FuncOp network, MemRefType type, size_t number, ArrayRef<CopyLoop> loops) {
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
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(&function.getBody().front());
  AffineExpr place = builder.getAffineConstantExpr(0);
  SmallVector<Value> counts;
  for (CopyLoop level : loops) {
    auto loop = affine::AffineForOp::create(builder, loc, 0, level.extent);
    builder.setInsertionPointToStart(loop.getBody());
    place = place + builder.getAffineDimExpr(counts.size()) * level.stride;
    counts.push_back(loop.getInductionVar());
  }
  AffineMap map = AffineMap::get(counts.size(), 0, place);
  Value x = affine::AffineLoadOp::create(builder, loc, function.getArgument(0), map, counts);
  for (size_t i = 1; i <= number; ++i)
    affine::AffineStoreOp::create(builder, loc, x, function.getArgument(i), map, counts);
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
    for (memref::AllocOp alloc : llvm::make_early_inc_range(body.getOps<memref::AllocOp>())) {
      if (!isStaticBuffer(alloc))
        return alloc.emitError("is no buffer between tasks: expects integers, in a static shape");
      buffers.push_back(makeBuffer(alloc));
    }
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
      isInOrder &= isStaticBuffer(operand.get()) && (isOutput || outputs.empty());
      (isOutput ? outputs : inputs).push_back(operand.get());
    }
    if (!isInOrder || outputs.empty())
      return call.emitError("is no task: expects a step with a body, of buffers of integers in static shapes that it "
                            "reads, then those that "
                            "it writes ('")
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
    auto type = cast<MemRefType>(buffer.getType());
    func::FuncOp step = makeSplit(network, type, copies.size(), loopsOfWriter(buffer, writer, type.getNumElements()));
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
