//===- HLSLint.cpp - Forms that tools for synthesis refuse -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"

namespace mlir::compress {
#define GEN_PASS_DEF_HLSLINTPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Most numbers of an array that is partitioned completely.
static constexpr int64_t kMostPartitioned = 4096;

static bool isPragma(emitc::VerbatimOp op, StringRef directive) {
  StringRef text = op.getValue();
  return text.consume_front("#pragma HLS ") && text.trim().starts_with_insensitive(directive);
}

/// True if `value` is a stream or a reference to one.
static bool isStream(Value value) {
  auto type = dyn_cast<emitc::OpaqueType>(value.getType());
  return type && type.getValue().starts_with("hls::stream<");
}

namespace {

class Linter {
public:
  explicit Linter(ModuleOp module) : module(module) {}

  LogicalResult run() {
    module.walk([&](emitc::FuncOp function) {
      bool isDataflow = llvm::any_of(function.getOps<emitc::VerbatimOp>(),
                                     [](emitc::VerbatimOp op) { return isPragma(op, "DATAFLOW"); });
      if (isDataflow)
        checkDataflow(function);
    });
    module.walk([&](emitc::ForOp loop) { checkLoop(loop); });
    module.walk([&](emitc::VerbatimOp op) { checkPartition(op); });
    return success(isClean);
  }

private:
  void report(Operation *op, const Twine &what) {
    op->emitError(what);
    isClean = false;
  }

  /// How a function uses an array argument.
  struct Access {
    bool reads = false, writes = false;
  };

  Access accessOf(emitc::FuncOp function, unsigned argument) {
    Access access;
    if (function.isExternal())
      return {true, true};
    for (Operation *user : function.getArgument(argument).getUsers()) {
      if (auto call = dyn_cast<emitc::CallOp>(user)) {
        auto callee = module.lookupSymbol<emitc::FuncOp>(call.getCallee());
        for (OpOperand &use : call->getOpOperands())
          if (callee && use.get() == function.getArgument(argument)) {
            Access inner = accessOf(callee, use.getOperandNumber());
            access.reads |= inner.reads;
            access.writes |= inner.writes;
          }
      }
      if (auto verbatim = dyn_cast<emitc::VerbatimOp>(user)) {
        bool isFirst = verbatim.getFmtArgs()[0] == function.getArgument(argument);
        access.reads |= isFirst && verbatim.getValue().starts_with("{}.read(");
        access.writes |= isFirst && verbatim.getValue().starts_with("{}.write(");
      }
      if (auto subscript = dyn_cast<emitc::SubscriptOp>(user))
        for (Operation *at : subscript->getUsers()) {
          access.reads |= isa<emitc::LoadOp>(at);
          access.writes |= isa<emitc::AssignOp>(at);
        }
    }
    return access;
  }

  struct Ends {
    SmallVector<Operation *> producers, consumers;
  };

  void checkDataflow(emitc::FuncOp function) {
    llvm::MapVector<Value, Ends> buffers;
    for (BlockArgument argument : function.getArguments())
      buffers[argument];
    for (Operation &op : function.getBody().front()) {
      if (auto call = dyn_cast<emitc::CallOp>(op)) {
        addCall(call, buffers);
      } else if (isa<emitc::VariableOp>(op) || (isa<emitc::LiteralOp>(op) && isStream(op.getResult(0)))) {
        buffers[op.getResult(0)];
      } else if (!isa<emitc::VerbatimOp, emitc::ReturnOp>(op)) {
        report(&op, "a region of DATAFLOW holds buffers and calls alone");
      }
    }
    for (auto &[buffer, ends] : buffers) {
      if (ends.producers.size() > 1)
        report(ends.producers[1], "a second task writes a buffer of DATAFLOW: expects one producer");
      if (ends.consumers.size() > 1)
        report(ends.consumers[1], "a second task reads a buffer of DATAFLOW: expects one consumer");
      bool isInside = !isa<BlockArgument>(buffer);
      if (isInside && ends.producers.empty() != ends.consumers.empty())
        report(buffer.getDefiningOp(),
               "a buffer of DATAFLOW has a " + Twine(ends.producers.empty() ? "consumer" : "producer") + " alone");
      if (!isInside && !ends.producers.empty() && !ends.consumers.empty())
        report(ends.consumers[0], "a port is written and read by tasks of DATAFLOW");
      if (isInside && !ends.producers.empty() && !ends.consumers.empty() &&
          ends.consumers[0]->isBeforeInBlock(ends.producers[0]))
        report(ends.consumers[0], "a task of DATAFLOW reads a buffer that a later one writes");
    }
  }

  void addCall(emitc::CallOp call, llvm::MapVector<Value, Ends> &buffers) {
    auto callee = module.lookupSymbol<emitc::FuncOp>(call.getCallee());
    for (OpOperand &use : call->getOpOperands()) {
      auto it = buffers.find(use.get());
      if (!callee || it == buffers.end())
        continue;
      Access access = accessOf(callee, use.getOperandNumber());
      if (isStream(use.get()) && access.reads && access.writes)
        report(call, "a task reads and writes a stream of DATAFLOW: expects one producer and one consumer");
      // What a task both writes and reads again is its own.
      if (access.writes)
        it->second.producers.push_back(call);
      else if (access.reads)
        it->second.consumers.push_back(call);
    }
  }

  void checkLoop(emitc::ForOp loop) {
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
      if (!isa_and_nonnull<emitc::LiteralOp, emitc::ConstantOp>(bound.getDefiningOp()))
        return report(loop, "a bound of a loop is no literal: how often it runs must be known");
    loop.getBody()->walk([&](Operation *op) {
      auto verbatim = dyn_cast<emitc::VerbatimOp>(op);
      StringRef text = verbatim ? verbatim.getValue().trim() : StringRef();
      StringRef word = text.take_while([](char c) { return llvm::isAlpha(c); });
      if (isa<emitc::ReturnOp>(op) || word == "break" || word == "goto" || word == "return")
        report(op, "a second exit of a loop: expects one, at its bound");
    });
  }

  void checkPartition(emitc::VerbatimOp op) {
    if (!isPragma(op, "ARRAY_PARTITION") || !op.getValue().contains("complete"))
      return;
    for (Value operand : op.getFmtArgs())
      if (auto array = dyn_cast<emitc::ArrayType>(operand.getType());
          array && array.getNumElements() > kMostPartitioned)
        report(op, "a complete partition of " + Twine(array.getNumElements()) + " numbers: expects at most " +
                       Twine(kMostPartitioned) + ", which become registers");
  }

  ModuleOp module;
  bool isClean = true;
};

struct HLSLintPass : compress::impl::HLSLintPassBase<HLSLintPass> {
  using Base = compress::impl::HLSLintPassBase<HLSLintPass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(Linter(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
