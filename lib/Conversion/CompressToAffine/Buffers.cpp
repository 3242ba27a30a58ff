//===- Buffers.cpp - What ops do to buffers ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Buffers.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::compress;

Value mlir::compress::rootOf(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

/// True if `root` is an argument of a function for a result: bufferization made it so, `restrict`.
static bool isResult(Value root) {
  auto argument = cast<BlockArgument>(root);
  auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  return static_cast<bool>(function.getArgAttr(argument.getArgNumber(), "compress.result"));
}

bool mlir::compress::mayAlias(Value a, Value b) {
  enum Kind { Fresh, Constant, Argument, Unknown };
  auto kindOf = [](Value root) {
    Operation *op = root.getDefiningOp();
    if (!op)
      return root.getParentBlock()->isEntryBlock() && isa<FunctionOpInterface>(root.getParentBlock()->getParentOp())
                 ? Argument
                 : Unknown;
    return isa<memref::AllocOp, memref::AllocaOp>(op) ? Fresh : isa<memref::GetGlobalOp>(op) ? Constant : Unknown;
  };
  a = rootOf(a);
  b = rootOf(b);
  Kind kindA = kindOf(a), kindB = kindOf(b);
  if (a == b || kindA == Unknown || kindB == Unknown)
    return true;
  if (kindA == Constant && kindB == Constant)
    return a.getDefiningOp<memref::GetGlobalOp>().getName() == b.getDefiningOp<memref::GetGlobalOp>().getName();
  return kindA == Argument && kindB == Argument && !isResult(a) && !isResult(b);
}

bool mlir::compress::mayTouch(Operation *op, Value memref, bool orReads) {
  auto effects = getEffectsRecursively(op);
  if (!effects)
    return true;
  return llvm::any_of(*effects, [&](const MemoryEffects::EffectInstance &effect) {
    if (isa<MemoryEffects::Allocate>(effect.getEffect()) || (isa<MemoryEffects::Read>(effect.getEffect()) && !orReads))
      return false;
    return !effect.getValue() || mayAlias(effect.getValue(), memref);
  });
}

bool mlir::compress::isAvailableBefore(Value value, Operation *op) {
  Operation *definition = value.getDefiningOp();
  return !definition || definition->getBlock() != op->getBlock() || definition->isBeforeInBlock(op);
}

bool mlir::compress::makeAvailableBefore(Value value, Operation *op) {
  if (isAvailableBefore(value, op))
    return true;
  Operation *definition = value.getDefiningOp();
  if (!isa<memref::AllocOp>(definition) && !isPure(definition))
    return false;
  if (!llvm::all_of(definition->getOperands(), [&](Value operand) { return makeAvailableBefore(operand, op); }))
    return false;
  definition->moveBefore(op);
  return true;
}
