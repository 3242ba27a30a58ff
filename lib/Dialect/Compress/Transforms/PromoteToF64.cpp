//===- PromoteToF64.cpp - Compute in double from stored parameters ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = arith.constant dense<…> : tensor<4xf32>              : tensor<4xf64>, the same values
//   %y = arith.mulf %x, %w : tensor<4xf32>             =>     %y = arith.mulf %x, %w : tensor<4xf64>
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PROMOTETOF64PASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct PromoteToF64Pass : compress::impl::PromoteToF64PassBase<PromoteToF64Pass> {
  void runOnOperation() override {
    WalkResult checked = getOperation()->walk([&](Operation *op) {
      if (isPromotable(op))
        return WalkResult::advance();
      op->emitError("compress-promote-to-f64: this op stays as it is when its values become f64");
      return WalkResult::interrupt();
    });
    if (checked.wasInterrupted())
      return signalPassFailure();
    getOperation()->walk([&](func::FuncOp function) {
      auto promoteAll = [&](TypeRange types) {
        return llvm::to_vector(llvm::map_range(types, [&](Type type) { return promote(type); }));
      };
      function.setType(FunctionType::get(&getContext(), promoteAll(function.getArgumentTypes()),
                                         promoteAll(function.getResultTypes())));
    });
    SmallVector<Operation *> constants, conversions;
    getOperation()->walk([&](Operation *op) {
      if (isa<arith::ConstantOp>(op) && op->getResult(0).getType() != promote(op->getResult(0).getType()))
        constants.push_back(op);
      if (isa<arith::ExtFOp, arith::TruncFOp>(op))
        conversions.push_back(op);
    });
    for (Operation *op : constants)
      promoteConstant(cast<arith::ConstantOp>(op));
    getOperation()->walk([&](Operation *op) {
      for (Value result : op->getResults())
        result.setType(promote(result.getType()));
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (BlockArgument argument : block.getArguments())
            argument.setType(promote(argument.getType()));
    });
    for (Operation *op : conversions) // now from f64 to f64
      if (op->getOperand(0).getType() == op->getResult(0).getType()) {
        op->getResult(0).replaceAllUsesWith(op->getOperand(0));
        op->erase();
      }
  }

  /// False if `op` holds f32 in an attribute, as memref.global does, or reads the bits of one: changing the types of
  /// its values is not enough.
  bool isPromotable(Operation *op) {
    // A quantized type keeps the type that it expresses; compress-normalize-quant makes an op of it.
    auto keepsF32 = [&](Type type) {
      auto quantized = dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(type));
      return (quantized && quantized.getExpressedType().isF32()) || holdsF32(promote(type));
    };
    if (llvm::any_of(op->getOperandTypes(), keepsF32) || llvm::any_of(op->getResultTypes(), keepsF32))
      return false;
    auto isF32 = [](Type type) { return getElementTypeOrSelf(type).isF32(); };
    if (isa<func::FuncOp, arith::ConstantOp>(op))
      return true;
    if (isa<func::ConstantOp, SpectralDotOp, CodedDotOp, BasisDotOp, BasisConvOp>(
            op)) // all but the first round to fewer bits than f32 has
      return false;
    if (isa<arith::BitcastOp, tensor::BitcastOp>(op))
      return llvm::none_of(op->getOperandTypes(), isF32) && llvm::none_of(op->getResultTypes(), isF32);
    Attribute inherent = op->getPropertiesAsAttribute();
    return !inherent || !holdsF32(inherent);
  }

  template <typename AttrOrType>
  static bool holdsF32(AttrOrType where) {
    return where.walk([](Float32Type) { return WalkResult::interrupt(); }).wasInterrupted();
  }

  Type promote(Type type) {
    if (type.isF32())
      return Float64Type::get(&getContext());
    if (auto shaped = dyn_cast<ShapedType>(type))
      return shaped.clone(promote(shaped.getElementType()));
    return type;
  }

  void promoteConstant(arith::ConstantOp op) {
    OpBuilder builder(op);
    Value promoted;
    if (auto scalar = dyn_cast<FloatAttr>(op.getValue())) {
      promoted = arith::ConstantOp::create(builder, op.getLoc(), builder.getF64FloatAttr(scalar.getValueAsDouble()));
    } else if (auto splat = dyn_cast<SplatElementsAttr>(op.getValue())) {
      auto type = cast<ShapedType>(promote(op.getType()));
      promoted = arith::ConstantOp::create(
          builder, op.getLoc(), SplatElementsAttr::get(type, static_cast<double>(splat.getSplatValue<float>())));
    } else if (auto values = constantValues(op)) {
      promoted = materializeConstant(builder, op.getLoc(), cast<RankedTensorType>(promote(op.getType())), *values);
    } else {
      op.emitError("compress-promote-to-f64: cannot read this constant");
      return signalPassFailure();
    }
    op.getResult().replaceAllUsesWith(promoted);
    op.erase();
  }
};

} // namespace
