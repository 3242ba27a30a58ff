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
#include "compress/Dialect/Compress/IR/Canonical.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/SchemeRules.h"
#include "compress/Obtain/Weighted.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
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

/// The moments that `layer` has, if they are of its weight; nullopt if there are none.
std::optional<SmallVector<double>> inputMomentsOf(DenseLayer &layer) {
  int64_t n = 1;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(layer.constant.getType()).getShape();
  for (auto [extent, role] : llvm::zip_equal(shape, layer.consumer.roles)) {
    if (role == Role::Batch)
      return std::nullopt;
    n *= role == Role::Out ? 1 : extent;
  }
  auto attribute = layer.op->getAttrOfType<ElementsAttr>(kInputMomentsAttr);
  if (!attribute || attribute.getShapedType().getShape() != ArrayRef<int64_t>({n, n}))
    return std::nullopt;
  if (auto resource = dyn_cast<DenseF64ResourceElementsAttr>(attribute))
    if (auto values = resource.tryGetAsArrayRef())
      return SmallVector<double>(*values);
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute); dense && dense.getElementType().isF64())
    return SmallVector<double>(dense.getValues<double>());
  return std::nullopt;
}

/// sum over rows d of d H d^T, of `values` whose dimensions have `roles`.
double weigh(ArrayRef<double> values, const DenseWeight &weight) {
  DenseWeight difference{weight.type, SmallVector<double>(values), weight.roles, {}};
  Canonical canonical(difference);
  return obtain::outputError(canonical.values, canonical.numColumns(), weight.hessian);
}

struct FitPass : compress::impl::FitPassBase<FitPass> {
  using Base = compress::impl::FitPassBase<FitPass>;
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    std::string error;
    auto parsed = parseSchemeRules(schemes, context, error);
    auto rivals = parseSchemeRules("int8; int4", context, error);
    if (!parsed || !rivals)
      return emitError(UnknownLoc::get(context), "compress-fit{schemes}: ") << error;
    rules = std::move(*parsed);
    int8 = rivals->front().scheme;
    int4 = rivals->back().scheme;
    return success();
  }

  void runOnOperation() override {
    SmallVector<DenseLayer> layers = findDenseLayers(getOperation());
    // Statistics cannot be read: they are off in a release build of LLVM.
    SmallVector<bool> isUsed(rules.size(), false);
    for (DenseLayer &layer : layers) {
      if (const SchemeRule *rule = ruleOf(layerName(layer.op)); !rule || !rule->scheme) {
        keep(layer);
        if (rule)
          isUsed[rule - rules.data()] = true;
      } else if (fitOne(layer, *rule)) {
        isUsed[rule - rules.data()] = true;
      }
      layer.op->removeAttr(kInputMomentsAttr);
    }
    for (auto [rule, used] : llvm::zip_equal(rules, isUsed))
      if (!used && (!rule.isDefault || rules.size() == 1))
        getOperation().emitWarning("compress-fit touched no weight: no layer named ")
            << rule.layers << " has a dense constant weight that " << rule.schemeText << " can take";
  }

  /// The first rule that names `layer`, or else the default.
  const SchemeRule *ruleOf(StringRef layer) const {
    const SchemeRule *otherwise = nullptr;
    for (const SchemeRule &rule : rules)
      if (rule.isDefault)
        otherwise = otherwise ? otherwise : &rule;
      else if (rule.matches(layer))
        return &rule;
    return otherwise;
  }

  void keep(DenseLayer &layer) {
    auto remark = remark::analysis(layer.op.getLoc(), remarkOpts(layer.op));
    remark << "stays dense";
    describe(layer, "none", layer.constant, std::move(remark));
  }

  /// Fits a weight; false if the scheme cannot take it.
  bool fitOne(DenseLayer &layer, const SchemeRule &rule) {
    auto values = constantValues(layer.constant);
    if (!values)
      return false;
    std::string whyNot;
    auto moments = inputMomentsOf(layer);
    DenseWeight dense{cast<RankedTensorType>(layer.constant.getType()), std::move(*values), layer.consumer.roles,
                      moments ? ArrayRef<double>(*moments) : ArrayRef<double>()};
    OpBuilder builder(layer.constant->getContext());
    builder.setInsertionPointAfter(layer.constant);
    FailureOr<Value> weight = rule.scheme.fit(builder, layer.op.getLoc(), dense, whyNot);
    if (failed(weight)) {
      auto remark = remark::missed(layer.op.getLoc(), remarkOpts(layer.op));
      remark << "not fitted: " + whyNot;
      describe(layer, "none", layer.constant, std::move(remark));
      return false;
    }
    report(layer, rule, dense, *weight);
    layer.constant.getResult().replaceAllUsesWith(*weight);
    layer.constant.erase();
    ++numFitted;
    return true;
  }

  /// Emits the remark with relative error and bytes; warns if the result is larger than the dense weight.
  void report(DenseLayer &layer, const SchemeRule &rule, const DenseWeight &dense, Value weight) {
    auto representation = weight.getDefiningOp<CompressedWeightOpInterface>();
    if (!representation)
      return;
    Block scratch;
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointToStart(&scratch);
    TensorEvaluator evaluator;
    double error = 0, norm = 0;
    SmallVector<double> difference;
    if (const TensorEvaluator::Values *values = evaluator.evaluate(expandAll(builder, weight)))
      for (auto [is, was] : llvm::zip(*values, dense.values)) {
        difference.push_back(is - was);
        error += (is - was) * (is - was);
        norm += was * was;
      }
    scratch.dropAllDefinedValueUses();
    scratch.clear();
    int64_t before = bytesOf(layer.constant), after = bytesOf(weight);
    double relative = norm > 0 ? std::sqrt(error / norm) : 0.0;
    auto remark = remark::passed(layer.op.getLoc(), remarkOpts(layer.op));
    remark << llvm::formatv("{0}: relative error {1:f6}, {2} bytes before, {3} bytes after",
                            compositionOf(representation), relative, before, after)
                  .str()
           << remark::metric("relative_error", relative);
    if (!dense.hessian.empty() && difference.size() == dense.values.size()) {
      double all = weigh(dense.values, dense);
      remark << remark::metric("output_error", all > 0 ? std::sqrt(weigh(difference, dense) / all) : 0.0);
    }
    describe(layer, rule.schemeText, weight, std::move(remark));
    if (after > before)
      layer.op->emitWarning("the fitted weight takes ")
          << after << " bytes, more than the " << before << " of the dense one";
  }

  static int64_t bytesOf(Value weight) { return llvm::divideCeil(storedBitsOf(weight), 8); }

  /// Stored numbers, codes and zero points among them; a mask is none.
  static int64_t numbersOf(Value value) {
    auto weight = value.getDefiningOp<CompressedWeightOpInterface>();
    if (!weight)
      return cast<RankedTensorType>(value.getType()).getNumElements();
    int64_t numbers = 0;
    for (Value operand : weight->getOperands())
      numbers += numbersOf(operand);
    return numbers;
  }

  /// Adds the figures of a table's row to `remark`.
  void describe(DenseLayer &layer, StringRef scheme, Value weight, remark::detail::InFlightRemark remark) {
    if (!remark)
      return;
    Cost cost = layer.consumer.denseCost(Machine()); // whose operations no machine changes
    remark << remark::metric("scheme", scheme) << remark::metric("bytes_before", bytesOf(layer.constant))
           << remark::metric("bytes_after", bytesOf(weight))
           << remark::metric("numbers_before", numbersOf(layer.constant))
           << remark::metric("numbers_after", numbersOf(weight))
           << remark::metric("bytes_int8", rivalBytes(layer, int8))
           << remark::metric("bytes_int4", rivalBytes(layer, int4))
           << remark::metric("dense_multiplies", cost.multiplies) << remark::metric("dense_adds", cost.adds);
  }

  /// What `scheme` would store; the dense bytes if it takes the weight not.
  static int64_t rivalBytes(DenseLayer &layer, CompressionSchemeAttrInterface scheme) {
    auto values = constantValues(layer.constant);
    if (!values)
      return bytesOf(layer.constant);
    DenseWeight dense{cast<RankedTensorType>(layer.constant.getType()), std::move(*values), layer.consumer.roles, {}};
    Block scratch;
    OpBuilder builder(layer.op.getContext());
    builder.setInsertionPointToStart(&scratch);
    std::string whyNot;
    FailureOr<Value> weight = scheme.fit(builder, layer.op.getLoc(), dense, whyNot);
    int64_t bytes = bytesOf(succeeded(weight) ? *weight : layer.constant.getResult());
    scratch.dropAllDefinedValueUses();
    scratch.clear();
    return bytes;
  }

  std::vector<SchemeRule> rules;
  CompressionSchemeAttrInterface int8, int4;
};

} // namespace
