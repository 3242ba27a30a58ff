//===- TestPasses.cpp - Passes that only tests have -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestCompress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Replaces a function `f(params…, gradient)` that returns a representation of its parameters by its pullback: the
/// results become the gradients of the parameters.
struct TestPullbackPass : PassWrapper<TestPullbackPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestPullbackPass)

  StringRef getArgument() const override { return "test-compress-pullback"; }
  StringRef getDescription() const override { return "Turn a returned representation into its pullback"; }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto terminator = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    auto weight = terminator.getOperand(0).getDefiningOp<CompressedWeightOpInterface>();
    if (!weight)
      return;
    OpBuilder builder(terminator);
    SmallVector<Value> gradients = weight.pullback(builder, function.getArguments().back());
    terminator.getOperandsMutable().assign(gradients);
    function.setType(FunctionType::get(&getContext(), function.getArgumentTypes(), ValueRange(gradients).getTypes()));
    weight->erase();
  }
};

} // namespace

namespace mlir::compress::test {
void registerBytecodePass();
void registerCensusPasses();
void registerFuseConsumerPass();
void registerTilePass();

void registerTestPasses() {
  PassRegistration<TestPullbackPass>();
  registerBytecodePass();
  registerCensusPasses();
  registerFuseConsumerPass();
  registerTilePass();
}
} // namespace mlir::compress::test
