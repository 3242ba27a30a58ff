//===- Dataflow.cpp - Steps of a network as tasks --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   relu(%a, %b)  conv(%b, %c)  sum(%b, %c, %d)
//   =>  relu(%a, %b)  split(%b, %b1, %b2)  conv(%b1, %c)  sum(%b2, %c, %d)
//
//===----------------------------------------------------------------------===//

#include "Dataflow.h"
#include "compress/Conversion/FixedPoint.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Calls that read a buffer, by operand; the call that writes it, if one does.
struct Users {
  SmallVector<OpOperand *> readers;
  OpOperand *writer = nullptr;

  Users(Value buffer, ModuleOp module) {
    for (OpOperand &use : buffer.getUses()) {
      auto call = dyn_cast<func::CallOp>(use.getOwner());
      auto callee = call ? module.lookupSymbol<func::FuncOp>(call.getCallee()) : func::FuncOp();
      if (!callee)
        continue;
      if (callee.getArgAttr(use.getOperandNumber(), kResultAttr))
        writer = &use;
      else
        readers.push_back(&use);
    }
    // Uses are listed in no order that a reader of the code would expect.
    llvm::sort(readers, [](OpOperand *a, OpOperand *b) {
      return a->getOwner() == b->getOwner() ? a->getOperandNumber() < b->getOperandNumber()
                                            : a->getOwner()->isBeforeInBlock(b->getOwner());
    });
  }
};

} // namespace

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

void mlir::compress::splitBuffers(func::FuncOp network) {
  auto module = network->getParentOfType<ModuleOp>();
  Block &body = network.getBody().front();
  SmallVector<Value> buffers(body.getArguments());
  for (memref::AllocOp alloc : body.getOps<memref::AllocOp>())
    buffers.push_back(alloc);
  for (Value buffer : buffers) {
    Users users(buffer, module);
    auto argument = dyn_cast<BlockArgument>(buffer);
    bool isResult = argument && network.getArgAttr(argument.getArgNumber(), kResultAttr);
    if (users.readers.size() + isResult <= 1)
      continue;
    auto type = cast<MemRefType>(buffer.getType());
    OpBuilder builder(network.getContext());
    builder.setInsertionPointToStart(&body);
    auto newBuffer = [&] { return memref::AllocOp::create(builder, network.getLoc(), type).getResult(); };
    SmallVector<Value> operands{buffer};
    if (isResult && users.writer) { // a result is only written
      operands[0] = newBuffer();
      users.writer->set(operands[0]);
      operands.push_back(buffer);
    }
    for (OpOperand *reader : users.readers) {
      operands.push_back(newBuffer());
      reader->set(operands.back());
    }
    func::FuncOp split = makeSplit(network, type, operands.size() - 1);
    if (users.writer)
      builder.setInsertionPointAfter(users.writer->getOwner());
    func::CallOp::create(builder, network.getLoc(), split, operands);
  }
}
