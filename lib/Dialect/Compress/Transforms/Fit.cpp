//===- Fit.cpp - Obtain compressed weights from dense ones -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = arith.constant … : tensor<512x1024xf32>          %c = arith.constant … : tensor<8x16x64xf32>
//   %y = linalg.matmul … ins(%x, %w)                =>    %w = compress.circulant %c
//                                                         %y = linalg.matmul … ins(%x, %w)
//
//===----------------------------------------------------------------------===//

#include "LayerNames.h"
#include "TensorEvaluator.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"
#include <cmath>

namespace mlir::compress {
#define GEN_PASS_DEF_FITPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

remark::RemarkOpts remarkOpts(Operation *op) {
  return remark::RemarkOpts::name("fit").category("compress").function(op->getParentOfType<func::FuncOp>().getName());
}

/// What to do with the layers of a name.
struct Rule {
  std::string layers, schemeText;
  std::shared_ptr<const llvm::Regex> regex;
  CompressionSchemeAttrInterface scheme;
  /// Statistics cannot be read: they are off in a release build of LLVM.
  bool hasFitted = false;
};

/// Emits the dense meaning of `value`, and of the representations that it is composed of.
Value expandAll(OpBuilder &builder, Value value) {
  auto weight = value.getDefiningOp<CompressedWeightOpInterface>();
  if (!weight)
    return value;
  IRMapping dense;
  for (Value operand : weight->getOperands())
    dense.map(operand, expandAll(builder, operand));
  return cast<CompressedWeightOpInterface>(builder.clone(*weight, dense)).expand(builder);
}

/// The last op of `weight`'s composition and those before it: `compress.factorized of compress.dequantize`.
std::string compositionOf(CompressedWeightOpInterface weight) {
  std::string text = weight->getName().getStringRef().str();
  llvm::StringSet<> inner;
  for (Value operand : weight->getOperands())
    if (auto nested = operand.getDefiningOp<CompressedWeightOpInterface>())
      if (std::string name = compositionOf(nested); inner.insert(name).second)
        text += (inner.size() == 1 ? " of " : " and ") + name;
  return text;
}

struct FitPass : compress::impl::FitPassBase<FitPass> {
  using Base = compress::impl::FitPassBase<FitPass>;
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Rule> rules;
    if (failed(readRules(rules)))
      return signalPassFailure();
    // The first rule that matches a layer counts.
    SmallVector<std::pair<linalg::LinalgOp, Rule *>> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      auto *rule = llvm::find_if(rules, [&](Rule &rule) { return rule.regex->match(layerName(op)); });
      if (op.getNumDpsInputs() == 2 && rule != rules.end())
        ops.emplace_back(op, &*rule);
    });
    for (auto [op, rule] : ops)
      for (OpOperand *operand : op.getDpsInputOperands())
        if (isa<RankedTensorType>(operand->get().getType()))
          fitOne(op, *operand, *rule);
    for (const Rule &rule : rules)
      if (!rule.hasFitted)
        getOperation().emitWarning("compress-fit touched no weight: no layer named ")
            << rule.layers << " has a dense constant weight that " << rule.schemeText << " can take";
  }

  /// The pairs, then the scheme for `layers`.
  LogicalResult readRules(SmallVectorImpl<Rule> &rules) {
    std::string error;
    auto pairs = LayerPatterns::parse(schemes, error);
    if (!pairs)
      return getOperation().emitError("compress-fit{schemes=") << schemes << "}: " << error;
    for (const LayerPatterns::Entry &entry : pairs->getEntries())
      if (failed(addRule(rules, entry.pattern.empty() ? ".*" : entry.pattern, entry.regex, entry.value)))
        return failure();
    if (scheme.empty() && !rules.empty())
      return success();
    auto regex = std::make_shared<const llvm::Regex>(("^(" + layers + ")$"));
    if (!regex->isValid(error))
      return getOperation().emitError("compress-fit{layers=") << layers << "}: " << error;
    return addRule(rules, layers, std::move(regex), scheme);
  }

  LogicalResult addRule(SmallVectorImpl<Rule> &rules, std::string names, std::shared_ptr<const llvm::Regex> regex,
                        const std::string &text) {
    auto attr = text.empty() ? Attribute() : parseAttribute(text, &getContext());
    auto parsed = dyn_cast_or_null<CompressionSchemeAttrInterface>(attr);
    if (!parsed)
      return getOperation().emitError("compress-fit{scheme=") << text << "}: expects a scheme attribute, such as "
                                                              << "#compress.fit_circulant<k = 8>";
    rules.push_back({std::move(names), text, std::move(regex), parsed});
    return success();
  }

  /// Fits the weight behind `operand`, if it is a dense constant.
  void fitOne(linalg::LinalgOp op, OpOperand &operand, Rule &rule) {
    auto constant = WeightView::get(operand.get()).source.getDefiningOp<arith::ConstantOp>();
    std::string whyNot;
    auto consumer = constant ? LinearConsumer::get(op, operand, whyNot) : std::nullopt;
    if (!consumer)
      return;
    auto values = constantValues(constant);
    if (!values)
      return;
    DenseWeight dense{cast<RankedTensorType>(constant.getType()), std::move(*values), consumer->roles, {}};
    OpBuilder builder(constant->getContext());
    builder.setInsertionPointAfter(constant);
    FailureOr<Value> weight = rule.scheme.fit(builder, op.getLoc(), dense, whyNot);
    if (failed(weight)) {
      remark::missed(op.getLoc(), remarkOpts(op)) << "not fitted: " + whyNot;
      return;
    }
    report(op, dense, *weight);
    constant.getResult().replaceAllUsesWith(*weight);
    constant.erase();
    ++numFitted;
    rule.hasFitted = true;
  }

  /// Emits the remark with relative error and bytes; warns if the result is larger than the dense weight.
  void report(linalg::LinalgOp op, const DenseWeight &dense, Value weight) {
    auto representation = weight.getDefiningOp<CompressedWeightOpInterface>();
    if (!representation)
      return;
    Block scratch;
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointToStart(&scratch);
    TensorEvaluator evaluator;
    double error = 0, norm = 0;
    if (const TensorEvaluator::Values *values = evaluator.evaluate(expandAll(builder, weight)))
      for (auto [is, was] : llvm::zip(*values, dense.values)) {
        error += (is - was) * (is - was);
        norm += was * was;
      }
    int64_t before = dense.type.getNumElements() * dense.type.getElementTypeBitWidth() / 8;
    int64_t after = representation.storedBits() / 8;
    double relative = norm > 0 ? std::sqrt(error / norm) : 0.0;
    remark::passed(op.getLoc(), remarkOpts(op))
        << llvm::formatv("{0}: relative error {1:f6}, {2} bytes before, {3} bytes after", compositionOf(representation),
                         relative, before, after)
               .str()
        << remark::metric("relative_error", relative) << remark::metric("bytes_before", before)
        << remark::metric("bytes_after", after);
    if (after > before)
      op->emitWarning("the fitted weight takes ") << after << " bytes, more than the " << before << " of the dense one";
    scratch.dropAllDefinedValueUses();
    scratch.clear();
  }
};

} // namespace
