//===- Select.cpp - Choose a form for each compressed layer ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = compress.circulant %c                        %xs = compress.rfft …
//   %y = linalg.matmul … ins(%x, %w)           =>     %ys = compress.spectral_matmul …
//                                                     %y  = compress.rfft_transpose …
//
// The pass knows no representation by name: forms and their costs come from CompressedWeightOpInterface.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_SELECTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A linalg op with a representation behind one of its inputs.
struct Candidate {
  linalg::LinalgOp op;
  OpOperand *operand;
  CompressedWeightOpInterface weight;
};

SmallVector<Candidate> findCandidates(Operation *root) {
  SmallVector<Candidate> candidates;
  root->walk([&](linalg::LinalgOp op) {
    if (op.getNumDpsInputs() < 2)
      return; // a move of dimensions, seen through by WeightView
    for (OpOperand *operand : op.getDpsInputOperands())
      if (isa<RankedTensorType>(operand->get().getType()))
        if (auto weight = WeightView::get(operand->get()).source.getDefiningOp<CompressedWeightOpInterface>())
          candidates.push_back({op, operand, weight});
  });
  return candidates;
}

std::string describe(const Cost &cost, const Machine &machine) {
  return llvm::formatv("{0:f3} us predicted, {1} multiplies, {2} weight bytes, error bound {3} eps",
                       cost.seconds(machine) * 1e6, static_cast<int64_t>(cost.multiplies), cost.weightBytes,
                       cost.roundings);
}

std::string nameOf(Operation *op) { return op->getName().getStringRef().str(); }

remark::RemarkOpts remarkOpts(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  return remark::RemarkOpts::name("select").category("compress").function(function ? function.getName() : "");
}

struct SelectPass : compress::impl::SelectPassBase<SelectPass> {
  using Base = compress::impl::SelectPassBase<SelectPass>;
  using Base::Base;

  void runOnOperation() override {
    Machine machine;
    for (Candidate &candidate : findCandidates(getOperation()))
      if (failed(rewrite(candidate, machine)))
        return signalPassFailure();
    eraseDeadWeights();
    expandRemaining();
  }

  /// Rewrites one consumer to its cheapest form, or says why it stays dense.
  LogicalResult rewrite(Candidate &candidate, const Machine &machine) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    SmallVector<Form> forms;
    if (consumer)
      forms = candidate.weight.forms(*consumer, machine, whyNot);
    const Form *best = nullptr;
    for (const Form &form : forms) {
      bool wanted = force.empty() || force == form.name;
      if (wanted && (!best || form.cost.seconds(machine) < best->cost.seconds(machine)))
        best = &form;
    }
    if (!force.empty() && force != "dense" && !best && consumer)
      return candidate.op->emitError("compress-select{force=")
             << force << "}: this layer has no such form" << (whyNot.empty() ? "" : ": ") << whyNot;
    if (!best) {
      keepDense(candidate, whyNot.empty() ? "dense was asked for" : whyNot);
      return success();
    }
    Cost dense = consumer->denseCost();
    if (force.empty() && dense.seconds(machine) <= best->cost.seconds(machine)) {
      keepDense(candidate, "the " + best->name + " form does not pay: " + describe(best->cost, machine) +
                               "; dense: " + describe(dense, machine));
      return success();
    }
    remark::passed(candidate.op.getLoc(), remarkOpts(candidate.op)) << nameOf(candidate.weight) + ": " + best->name +
                                                                           ": " + describe(best->cost, machine) +
                                                                           "; dense: " + describe(dense, machine);
    OpBuilder builder(candidate.op);
    Value result = candidate.weight.emitForm(best->name, *consumer, builder);
    candidate.op->getResult(0).replaceAllUsesWith(result);
    candidate.op->erase();
    ++numSelected;
    return success();
  }

  void keepDense(Candidate &candidate, const std::string &reason) {
    remark::missed(candidate.op.getLoc(), remarkOpts(candidate.op))
        << nameOf(candidate.weight) + ": expanded to dense: " + reason;
  }

  /// Erases what only led to consumers that are gone: representations and the moves behind them.
  void eraseDeadWeights() {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<CompressedWeightOpInterface, linalg::LinalgOp, tensor::PadOp, tensor::ExpandShapeOp,
              tensor::CollapseShapeOp, tensor::CastOp, tensor::EmptyOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : llvm::reverse(ops))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  void expandRemaining() {
    SmallVector<CompressedWeightOpInterface> weights;
    getOperation()->walk([&](CompressedWeightOpInterface weight) { weights.push_back(weight); });
    for (CompressedWeightOpInterface weight : weights) {
      bool hasOtherUser = llvm::any_of(weight->getUsers(), [](Operation *user) {
        return !isa<linalg::LinalgOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(user);
      });
      if (hasOtherUser)
        remark::missed(weight->getLoc(), remarkOpts(weight))
            << nameOf(weight) + ": expanded to dense: a user is no linear layer";
      OpBuilder builder(weight);
      weight->getResult(0).replaceAllUsesWith(weight.expand(builder));
      weight->erase();
      ++numExpanded;
    }
  }
};

} // namespace
