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

#include "LayerNames.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_SELECTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

std::string describe(const Cost &cost, const Machine &machine) {
  return llvm::formatv("{0:f3} us predicted, {1} multiplies, {2} weight bytes, error bound {3} eps",
                       cost.seconds(machine) * 1e6, static_cast<int64_t>(cost.multiplies), cost.weightBytes,
                       cost.roundings);
}

std::string nameOf(Operation *op) { return op->getName().getStringRef().str(); }

remark::RemarkOpts remarkOpts(Operation *op) { return weightRemark("select", op); }

/// True if `value` is constant, or what a representation of constants stands for. A slice that a loop takes is not.
bool isKnown(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<CompressedWeightOpInterface>(op))
    return llvm::all_of(op->getOperands(), isKnown);
  return isa_and_nonnull<arith::ConstantOp>(op);
}

/// What a rebuilt weight is made of is no layer: it folds.
bool isProductOfConstants(WeightConsumer &candidate) { return llvm::all_of(candidate.op.getDpsInputs(), isKnown); }

struct SelectPass : compress::impl::SelectPassBase<SelectPass> {
  using Base = compress::impl::SelectPassBase<SelectPass>;
  using Base::Base;

  void runOnOperation() override {
    auto described = Machine::get(machine);
    if (!described) {
      getOperation()->emitError("compress-select{machine=")
          << machine << "}: " << llvm::toString(described.takeError());
      return signalPassFailure();
    }
    if (objective != "time" && objective != "bytes") {
      getOperation()->emitError("compress-select{objective=") << objective << "}: expects time or bytes";
      return signalPassFailure();
    }
    std::string error;
    auto parsed = LayerPatterns::parse(force, error);
    if (!parsed) {
      getOperation()->emitError("compress-select{force=") << force << "}: " << error;
      return signalPassFailure();
    }
    forced = std::move(*parsed);
    // A form may leave a product with a factor that another representation defines: a layer again.
    decided.clear();
    for (bool isStage = false;; isStage = true) {
      SmallVector<WeightConsumer> candidates = findWeightConsumers(getOperation());
      llvm::erase_if(candidates, [&](WeightConsumer &candidate) {
        return decided.contains(candidate.op) || isProductOfConstants(candidate);
      });
      if (candidates.empty())
        break;
      // Both factors of a product may be representations; the next round looks at what one of them became.
      llvm::DenseSet<Operation *> seen;
      for (WeightConsumer &candidate : candidates)
        if (seen.insert(candidate.op).second && failed(rewrite(candidate, *described, isStage)))
          return signalPassFailure();
    }
    if (const LayerPatterns::Entry *unused = forced.findUnused()) {
      getOperation()->emitError("compress-select{force=")
          << force << "}: no layer with a compressed weight is left for '" << unused->pattern << "'";
      return signalPassFailure();
    }
    eraseDeadWeights(getOperation());
    expandRemaining();
  }

  /// The forms that the weight offers, as `precision` allows them.
  SmallVector<Form> formsOf(WeightConsumer &candidate, const LinearConsumer &consumer, const Machine &machine,
                            std::string &whyNot) {
    Attribute hint = candidate.op->getAttr(kRoundsActivations);
    Builder builder(&getContext());
    if (precision == "i8")
      candidate.op->setAttr(kRoundsActivations, builder.getUnitAttr());
    else if (precision == "auto" && !hint)
      candidate.op->setAttr(kRoundsActivations, builder.getF64FloatAttr(maxError));
    SmallVector<Form> forms = candidate.weight.forms(consumer, machine, whyNot);
    if (hint)
      candidate.op->setAttr(kRoundsActivations, hint);
    else
      candidate.op->removeAttr(kRoundsActivations);
    return forms;
  }

  bool savesBytes() const { return objective == "bytes"; }

  /// True if `objective` is better served by a layer of cost `a` than by one of cost `b`.
  bool isBetter(const Cost &a, const Cost &b, const Machine &machine) const {
    if (savesBytes() && a.weightBytes != b.weightBytes)
      return a.weightBytes < b.weightBytes;
    return a.seconds(machine) < b.seconds(machine);
  }

  /// Rewrites one consumer to its best form, or says why it stays dense. A stage is what another form left.
  LogicalResult rewrite(WeightConsumer &candidate, const Machine &machine, bool isStage) {
    std::string whyNot;
    auto consumer = LinearConsumer::get(candidate.op, *candidate.operand, whyNot);
    // What is no linear layer has no form, and is not asked for one.
    const LayerPatterns::Entry *entry = consumer ? forced.lookup(layerName(candidate.op)) : nullptr;
    StringRef wanted = entry ? StringRef(entry->value) : StringRef();
    SmallVector<Form> forms;
    if (consumer)
      forms = formsOf(candidate, *consumer, machine, whyNot);
    bool isOffered = llvm::any_of(forms, [&](const Form &form) { return form.name == wanted; });
    if (isStage && wanted != "dense" && !isOffered)
      wanted = ""; // what the layer was made of chooses for itself
    const Form *best = nullptr;
    for (const Form &form : forms) {
      bool isWanted = wanted.empty() || wanted == form.name;
      if (isWanted && (!best || isBetter(form.cost, best->cost, machine)))
        best = &form;
    }
    if (!wanted.empty() && wanted != "dense" && !best)
      return candidate.op->emitError("compress-select{force=")
             << force << "}: this layer has no form '" << wanted << "'" << (whyNot.empty() ? "" : ": ") << whyNot;
    if (!best) {
      keepDense(candidate, whyNot.empty() ? "dense was asked for" : whyNot);
      return success();
    }
    Cost dense = consumer->denseCost(machine);
    if (wanted.empty() && !pays(best->cost, dense, machine)) {
      keepDense(candidate, "the " + best->name + " form does not pay: " + describe(best->cost, machine) +
                               "; dense: " + describe(dense, machine));
      return success();
    }
    std::string text = nameOf(candidate.weight) + ": " + best->name + ": " + describe(best->cost, machine);
    for (const Form &form : forms)
      if (&form != best)
        text += "; " + form.name + ": " + describe(form.cost, machine);
    remark::passed(candidate.op.getLoc(), remarkOpts(candidate.op))
        << text + "; dense: " + describe(dense, machine) << remark::metric("form", best->name)
        << remark::metric("multiplies", best->cost.multiplies) << remark::metric("adds", best->cost.adds)
        << remark::metric("predicted_us", best->cost.seconds(machine) * 1e6);
    OpBuilder builder(candidate.op);
    Value result = candidate.weight.emitForm(best->name, *consumer, builder);
    candidate.op->getResult(0).replaceAllUsesWith(result);
    candidate.op->erase();
    ++numSelected;
    return success();
  }

  /// A form must be faster than the dense product, or as fast as far as predictions can tell, with fewer bytes.
  bool pays(const Cost &form, const Cost &dense, const Machine &machine) const {
    if (savesBytes())
      return isBetter(form, dense, machine);
    constexpr double kAlike = 1.25;
    bool isSmaller = form.weightBytes < dense.weightBytes;
    return form.seconds(machine) < dense.seconds(machine) * (isSmaller ? kAlike : 1.0);
  }

  /// What `force` says of layers by name.
  LayerPatterns forced;
  /// Consumers that stay dense.
  llvm::DenseSet<Operation *> decided;

  void keepDense(WeightConsumer &candidate, const std::string &reason) {
    decided.insert(candidate.op);
    remark::missed(candidate.op.getLoc(), remarkOpts(candidate.op))
        << nameOf(candidate.weight) + ": expanded to dense: " + reason;
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
      weight->getResult(0).replaceAllUsesWith(isKnown(weight->getResult(0)) ? weight.expand(builder)
                                                                            : weight.rebuild(builder));
      weight->erase();
      ++numExpanded;
    }
  }
};

} // namespace
