//===- HLSOps.cpp - Tasks and what is between them -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#define GET_OP_CLASSES
#include "compress/Dialect/HLS/IR/HLSOps.cpp.inc"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

//===----------------------------------------------------------------------===//
// Between tasks
//===----------------------------------------------------------------------===//

/// One task writes `numbers`, the result of `op`, and one behind that reads them.
static LogicalResult verifyEnds(Operation *op, Value numbers) {
  TaskOp writer, reader;
  for (OpOperand &use : numbers.getUses()) {
    auto task = dyn_cast<TaskOp>(use.getOwner());
    if (!task || task->getBlock() != op->getBlock()) // buffer C1
      return use.getOwner()->emitError("uses what is between tasks: expects hls.task, in the same block");
    TaskOp &end = task.isInput(use) ? reader : writer;
    if (end) { // stream C1
      TaskOp second = end->isBeforeInBlock(task) ? task : end;
      return second.emitError("is a second ")
             << (task.isInput(use) ? "reader" : "writer") << " of what is between tasks: expects one";
    }
    end = task;
  }
  if (!writer || !reader) // stream C1
    return op->emitError("has no task that ") << (writer ? "reads" : "writes") << " it: expects one";
  if (!writer->isBeforeInBlock(reader)) // stream C1
    return reader->emitError("reads what a later task writes");
  return success();
}

LogicalResult BufferOp::verify() {
  if (getDepthAttr() && getDepthAttr().getInt() < 1) // buffer C2
    return emitOpError() << "of depth " << getDepthAttr().getInt() << ": expects 1 or more";
  return verifyEnds(*this, getNumbers());
}

LogicalResult StreamOp::verify() {
  if (getDepthAttr().getInt() < 1) // stream C2
    return emitOpError() << "of depth " << getDepthAttr().getInt() << ": expects 1 or more";
  if (getBanks() && getBanks()->getKeeps() != "window") // stream C3
    return emitOpError("is kept whole in banks: expects a window, or hls.buffer");
  return verifyEnds(*this, getNumbers());
}

Channel Channel::of(Value numbers) {
  if (auto argument = dyn_cast<BlockArgument>(numbers)) {
    auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    auto port = function.getArgAttrOfType<PortAttr>(argument.getArgNumber(), kPortAttr);
    return port ? Channel{port.getKind() == "stream", port.getDepth(), port.getBanks()} : Channel();
  }
  if (auto stream = numbers.getDefiningOp<StreamOp>())
    return {true, stream.getDepthAttr().getInt(), stream.getBanksAttr()};
  auto buffer = numbers.getDefiningOp<BufferOp>();
  if (!buffer)
    return {};
  return {false, buffer.getDepthAttr() ? buffer.getDepthAttr().getInt() : 0, buffer.getBanksAttr()};
}

void Channel::set(Value numbers) const {
  MLIRContext *context = numbers.getContext();
  if (auto argument = dyn_cast<BlockArgument>(numbers)) {
    auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    function.setArgAttr(argument.getArgNumber(), kPortAttr,
                        PortAttr::get(context, isStream ? "stream" : "buffer", depth, banks));
    return;
  }
  Operation *old = numbers.getDefiningOp();
  OpBuilder builder(old);
  IntegerAttr of = depth ? builder.getI64IntegerAttr(depth) : IntegerAttr();
  Value made = isStream ? StreamOp::create(builder, old->getLoc(), numbers.getType(), of, banks).getResult()
                        : BufferOp::create(builder, old->getLoc(), numbers.getType(), of, banks).getResult();
  numbers.replaceAllUsesWith(made);
  old->erase();
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

LogicalResult TaskOp::verify() {
  if (getOutputs().empty()) // task C2
    return emitOpError("writes nothing: expects outputs");
  for (Value output : getOutputs())
    if (llvm::is_contained(getInputs(), output)) // task C2
      return emitOpError("reads what it writes");
  return success();
}

LogicalResult TaskOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto function = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getStepAttr());
  if (!function || function.isExternal() || !function.getResultTypes().empty() ||
      function.getArgumentTypes() != ArrayRef<Type>(llvm::to_vector(getOperandTypes()))) // task C1
    return emitOpError("runs ") << getStepAttr() << ": expects a function with a body, of its inputs, then its outputs";
  for (OpOperand &operand : (*this)->getOpOperands())
    if (isInput(operand) == (function.getArgAttr(operand.getOperandNumber(), kResultAttr) != nullptr)) // task C3
      return emitOpError("runs ") << getStepAttr() << ", whose argument " << operand.getOperandNumber()
                                  << (isInput(operand) ? " is written: expects an output there"
                                                       : " is not written: expects an input there");
  return success();
}
