//===- VerifyPhase.cpp - Check what a phase promises -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSwitch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Emits an error if `op` breaks the promise of a phase.
using Check = LogicalResult (*)(Operation *op);

LogicalResult checkSelect(Operation *op) {
  if (isa<CompressedWeightOpInterface>(op))
    return op->emitOpError("is left after select: expand it (compress-expand) or choose a form (compress-select)");
  return success();
}

/// A type of the signature or the results of `op` of which bufferization would make a type that does not exist.
Type typeWithoutBuffer(Operation *op) {
  SmallVector<Type> types(op->getResultTypes());
  if (auto function = dyn_cast<FunctionOpInterface>(op)) {
    llvm::append_range(types, function.getArgumentTypes());
    llvm::append_range(types, function.getResultTypes());
  }
  auto found = llvm::find_if(types, [](Type type) {
    auto tensor = dyn_cast<TensorType>(type);
    return tensor && !BaseMemRefType::isValidElementType(tensor.getElementType());
  });
  return found == types.end() ? Type() : *found;
}

LogicalResult checkPack(Operation *op) {
  if (Type type = typeWithoutBuffer(op))
    return op->emitOpError("has ") << type << " after packing, whose elements no buffer can hold: give it the numbers "
                                   << "that are stored (quant.scast) instead";
  auto type = isa<arith::ConstantOp>(op) ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
  if (type && type.getElementType().isInteger() && type.getElementTypeBitWidth() > 1 &&
      type.getElementTypeBitWidth() < 8)
    return op->emitOpError("is a constant of fewer than 8 bits after packing: no kernel op reads it "
                           "(compress-pack-weights), and no pass has evaluated it (compress-fold-weights)");
  return success();
}

LogicalResult checkBufferize(Operation *op) {
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  if (llvm::any_of(op->getResultTypes(), isTensor) || llvm::any_of(op->getOperandTypes(), isTensor))
    return op->emitOpError("is still on tensors after bufferize");
  return success();
}

LogicalResult checkAffine(Operation *op) {
  if (isa<CompressDialect, linalg::LinalgDialect>(op->getDialect()))
    return op->emitOpError("is left after the lowering to affine loops");
  return success();
}

LogicalResult checkPackage(Operation *op) {
  if (isa<memref::AllocOp, memref::DeallocOp>(op))
    return op->emitOpError("is left after packaging: the library would allocate memory while it runs");
  return success();
}

LogicalResult checkLLVM(Operation *op) {
  StringRef dialect = op->getDialect()->getNamespace();
  if (dialect != "llvm" && !isa<ModuleOp>(op))
    return op->emitOpError("is left after the lowering to LLVM");
  return success();
}

struct VerifyPhasePass : compress::impl::VerifyPhasePassBase<VerifyPhasePass> {
  using Base = compress::impl::VerifyPhasePassBase<VerifyPhasePass>;
  using Base::Base;

  void runOnOperation() override {
    Check check = llvm::StringSwitch<Check>(after)
                      .Case("select", checkSelect)
                      .Case("pack", checkPack)
                      .Case("bufferize", checkBufferize)
                      .Case("affine", checkAffine)
                      .Case("package", checkPackage)
                      .Case("llvm", checkLLVM)
                      .Default(nullptr);
    if (!check) {
      getOperation()->emitError("compress-verify-phase{after=")
          << after.getValue() << "}: expects select, pack, bufferize, affine, package or llvm";
      return signalPassFailure();
    }
    bool broken = false;
    getOperation()->walk([&](Operation *op) { broken |= op->getDialect() && failed(check(op)); });
    if (broken)
      signalPassFailure();
    else
      markAllAnalysesPreserved();
  }
};

} // namespace
