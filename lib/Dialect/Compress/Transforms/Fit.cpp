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

#include "TensorEvaluator.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Remarks.h"
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

/// The ONNX node name of `op`, or "" if its location has none.
StringRef layerName(Operation *op) {
  auto name = op->getLoc()->findInstanceOf<NameLoc>();
  return name ? name.getName().getValue() : StringRef();
}

remark::RemarkOpts remarkOpts(Operation *op) {
  return remark::RemarkOpts::name("fit").category("compress").function(op->getParentOfType<func::FuncOp>().getName());
}

struct FitPass : compress::impl::FitPassBase<FitPass> {
  using Base = compress::impl::FitPassBase<FitPass>;
  using Base::Base;

  void runOnOperation() override {
    hasFitted = false;
    auto attr = scheme.empty() ? Attribute() : parseAttribute(scheme, &getContext());
    auto fitted = dyn_cast_or_null<CompressionSchemeAttrInterface>(attr);
    if (!fitted) {
      getOperation().emitError("compress-fit{scheme=") << scheme << "}: expects a scheme attribute, such as "
                                                       << "#compress.fit_circulant<k = 8>";
      return signalPassFailure();
    }
    std::string pattern = "^(" + layers + ")$", error;
    llvm::Regex regex(pattern);
    if (!regex.isValid(error)) {
      getOperation().emitError("compress-fit{layers=") << layers << "}: " << error;
      return signalPassFailure();
    }
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.getNumDpsInputs() == 2 && regex.match(layerName(op)))
        ops.push_back(op);
    });
    for (linalg::LinalgOp op : ops)
      for (OpOperand *operand : op.getDpsInputOperands())
        if (isa<RankedTensorType>(operand->get().getType()))
          fitOne(op, *operand, fitted);
    if (!hasFitted)
      getOperation().emitWarning("compress-fit touched no weight: no layer named ")
          << layers << " has a dense constant weight that " << scheme << " can take";
  }

  /// Statistics cannot be read: they are off in a release build of LLVM.
  bool hasFitted = false;

  /// Fits the weight behind `operand`, if it is a dense constant.
  void fitOne(linalg::LinalgOp op, OpOperand &operand, CompressionSchemeAttrInterface fitted) {
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
    FailureOr<Value> weight = fitted.fit(builder, op.getLoc(), dense, whyNot);
    if (failed(weight)) {
      remark::missed(op.getLoc(), remarkOpts(op)) << "not fitted: " << whyNot;
      return;
    }
    report(op, dense, *weight);
    constant.getResult().replaceAllUsesWith(*weight);
    constant.erase();
    ++numFitted;
    hasFitted = true;
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
    if (const TensorEvaluator::Values *values = evaluator.evaluate(representation.expand(builder)))
      for (auto [is, was] : llvm::zip(*values, dense.values)) {
        error += (is - was) * (is - was);
        norm += was * was;
      }
    int64_t before = dense.type.getNumElements() * dense.type.getElementTypeBitWidth() / 8;
    int64_t after = representation.storedBits() / 8;
    remark::passed(op.getLoc(), remarkOpts(op))
        << llvm::formatv("{0}: relative error {1:f6}, {2} bytes before, {3} bytes after",
                         representation->getName().getStringRef(), norm > 0 ? std::sqrt(error / norm) : 0.0, before,
                         after)
               .str();
    if (after > before)
      op->emitWarning("the fitted weight takes ") << after << " bytes, more than the " << before << " of the dense one";
    scratch.dropAllDefinedValueUses();
    scratch.clear();
  }
};

} // namespace
