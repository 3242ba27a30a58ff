//===- TwoStageForm.cpp - Factorized layers in two products ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ESCALATE's two execution orders, by linearity (MICRO 2021):
//
//   order A:  Z[c,m] = X[c] * B[m]                     Y[k] += sum over c, m of Ce[k,c,m] Z[c,m]
//   order B:  T[k,m] = sum over c of Ce[k,c,m] X[c]    Y[k] += sum over m of T[k,m] * B[m]
//
// Both are written over the loops of the consumer, one more for m and, in order B, one for each window of the input,
// which the first stage leaves as it is. The factors stay what they are: where another representation defines one,
// compress-select finds the stage as a consumer of it.
//
//===----------------------------------------------------------------------===//

#include "TwoStageForm.h"
#include "Contraction.h"
#include "SliceForm.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "compress/Dialect/Compress/IR/TileLoop.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The loops of the two stages.
class TwoStages {
public:
  TwoStages(FactorizedOp weight, const LinearConsumer &consumer)
      : weight(weight), consumer(consumer), context(weight.getContext()),
        rank(getAffineDimExpr(consumer.resultMap.getNumDims(), context)) {
    // The loop of each dimension of T, which is one of the result, beside others of extent 1.
    SmallVector<int64_t> shape = weight.getProductShape();
    SmallVector<AffineExpr> product(shape.size());
    for (int64_t dim = 0; dim < weight.getResultType().getRank(); ++dim)
      if (int64_t t = productDimOf(weight, dim); t >= 0 && weight.getResultType().getDimSize(dim) == shape[t])
        product[t] = consumer.weightMap.getResult(dim);
    isPlain = llvm::all_of(product, [](AffineExpr loop) { return static_cast<bool>(loop); });
    if (!isPlain)
      return;
    int64_t batch = weight.getBatch(), outer = weight.getNumOuter();
    coefficients.assign(product.begin(), product.begin() + batch + outer);
    coefficients.push_back(rank);
    for (int64_t d = 0; d < batch; ++d)
      basis.push_back(weight.getBasisType().getDimSize(d) == 1 ? getAffineConstantExpr(0, context) : product[d]);
    basis.push_back(rank);
    basis.append(product.begin() + batch + outer, product.end());
  }

  /// The basis has no dimension of the result, so that what it gives serves all outputs; the coefficients no window.
  bool allowsBasisFirst() const { return isPlain && !hasRole(basis, Role::Out) && !hasRole(coefficients, Role::Tap); }
  /// The coefficients alone sum over inputs, the basis alone over windows.
  bool allowsCoefficientsFirst() const {
    return isPlain && hasRole(basis, Role::Tap) && !hasRole(basis, Role::In) && !hasRole(basis, Role::Out) &&
           !hasRole(coefficients, Role::Tap);
  }

  /// A matrix whose coefficients sum over inputs and whose basis gives outputs.
  bool allowsMatrixCoefficientsFirst() const {
    return isPlain && !llvm::is_contained(consumer.roles, Role::Tap) && !hasRole(basis, Role::In) &&
           !hasRole(coefficients, Role::Out);
  }

  Value emitBasisFirst(OpBuilder &builder) {
    SmallVector<AffineExpr> between;
    SmallVector<OpFoldResult> sizes;
    layOut(builder, basis, /*keepWindows=*/false, between, sizes);
    Value stage = emitStage(builder, consumer.activationMap.getResults(), weight.getBasis(), basis, between, sizes);
    return emitContraction(builder, consumer.op->getLoc(), stage, between, weight.getCoefficients(), coefficients,
                           consumer.init, consumer.resultMap.getResults());
  }

  Value emitCoefficientsFirst(OpBuilder &builder) {
    // Windows of the input become loops of their own; the second stage reads them as the consumer does.
    SmallVector<AffineExpr> input, between, windows;
    SmallVector<OpFoldResult> sizes;
    unsigned next = consumer.resultMap.getNumDims() + 1;
    for (AffineExpr expr : consumer.activationMap.getResults())
      input.push_back(isa<AffineDimExpr>(expr) ? expr : getAffineDimExpr(next++, context));
    layOut(builder, coefficients, /*keepWindows=*/true, windows, sizes);
    next = consumer.resultMap.getNumDims() + 1;
    for (AffineExpr expr : windows)
      between.push_back(isa<AffineDimExpr>(expr) ? expr : getAffineDimExpr(next++, context));
    Value stage = emitStage(builder, input, weight.getCoefficients(), coefficients, between, sizes);
    return emitContraction(builder, consumer.op->getLoc(), stage, windows, weight.getBasis(), basis, consumer.init,
                           consumer.resultMap.getResults());
  }

private:
  bool hasRole(ArrayRef<AffineExpr> dims, Role role) const {
    for (auto [expr, has] : llvm::zip(consumer.weightMap.getResults(), consumer.roles))
      if (has == role && isa<AffineDimExpr>(expr) && llvm::is_contained(dims, expr))
        return true;
    return false;
  }

  bool isSummedBy(ArrayRef<AffineExpr> factor, AffineExpr loop) const {
    return llvm::is_contained(factor, loop) &&
           !consumer.resultMap.isFunctionOfDim(cast<AffineDimExpr>(loop).getPosition());
  }

  /// The dimensions between the stages: those of the input in its order, with what the first `factor` sums over
  /// replaced by what it brings (outputs, m). A window is the position of the result, or stays what it is.
  void layOut(OpBuilder &builder, ArrayRef<AffineExpr> factor, bool keepWindows, SmallVectorImpl<AffineExpr> &dims,
              SmallVectorImpl<OpFoldResult> &sizes) {
    Location loc = consumer.op->getLoc();
    bool isBrought = false;
    auto bring = [&] {
      for (auto [d, expr] : llvm::enumerate(factor)) {
        bool isNew = expr == rank || (isa<AffineDimExpr>(expr) && isOut(expr));
        if (isBrought || !isNew)
          continue;
        dims.push_back(expr);
        sizes.push_back(builder.getIndexAttr(factorExtent(factor, d)));
      }
      isBrought = true;
    };
    for (auto [d, expr] : llvm::enumerate(consumer.activationMap.getResults())) {
      bool isIn = consumer.dims[d].kind == ActivationDim::In;
      if (isa<AffineDimExpr>(expr) && isSummedBy(factor, expr)) {
        bring();
        continue;
      }
      bool isWindow = consumer.dims[d].kind == ActivationDim::Window && !keepWindows;
      dims.push_back(isWindow ? consumer.resultMap.getResult(consumer.dims[d].resultDim) : expr);
      sizes.push_back(isWindow ? tensor::getMixedSize(builder, loc, consumer.init, consumer.dims[d].resultDim)
                               : tensor::getMixedSize(builder, loc, consumer.paddedActivation, d));
      if (isIn)
        bring();
    }
    bring();
  }

  bool isOut(AffineExpr loop) const {
    for (auto [expr, role] : llvm::zip(consumer.weightMap.getResults(), consumer.roles))
      if (expr == loop)
        return role == Role::Out;
    return false;
  }

  int64_t factorExtent(ArrayRef<AffineExpr> factor, int64_t d) {
    bool isBasis = factor.data() == basis.data();
    return (isBasis ? weight.getBasisType() : weight.getCoefficientsType()).getDimSize(d);
  }

  Value emitStage(OpBuilder &builder, ArrayRef<AffineExpr> input, Value factor, ArrayRef<AffineExpr> factorDims,
                  ArrayRef<AffineExpr> between, ArrayRef<OpFoldResult> sizes) {
    Location loc = consumer.op->getLoc();
    Value zeros = emitZeros(builder, loc, sizes, consumer.resultType().getElementType());
    return emitContraction(builder, loc, consumer.paddedActivation, input, factor, factorDims, zeros, between);
  }

  FactorizedOp weight;
  const LinearConsumer &consumer;
  MLIRContext *context;
  AffineExpr rank;
  bool isPlain = false;
  SmallVector<AffineExpr> coefficients, basis;
};

/// Outputs that order B keeps between its stages at a time.
constexpr int64_t kStreamedOutputs = 1;

} // namespace

/// Positions of the activation per sample: the pixels that the first stage of order B visits.
static double inputPositions(const LinearConsumer &consumer) {
  double positions = 1;
  auto type = cast<RankedTensorType>(consumer.paddedActivation.getType());
  for (auto [dim, extent] : llvm::zip(consumer.dims, type.getShape()))
    if (dim.kind != ActivationDim::In && ShapedType::isStatic(extent))
      positions *= extent;
  return positions;
}

bool mlir::compress::needsMultiplier(Value factor) {
  if (auto packed = factor.getDefiningOp<UnpackOp>())
    return needsMultiplier(packed.getValues());
  auto weight = factor.getDefiningOp<CompressedWeightOpInterface>();
  std::optional<CodedTensor> coded = weight ? weight.getCoded() : std::nullopt;
  if (!coded || coded->zeros)
    return true;
  auto code = cast<NumberCodeAttrInterface>(coded->code);
  for (int64_t raw = 0; raw < int64_t(1) << code.getNumBits(); ++raw) {
    int exponent;
    double magnitude = std::abs(std::frexp(code.valueOf(raw), &exponent));
    if (magnitude != 0 && magnitude != 0.5)
      return true;
  }
  return false;
}

SmallVector<Form> mlir::compress::twoStageForms(FactorizedOp weight, const LinearConsumer &consumer,
                                                const Machine &machine, std::string &whyNot) {
  TwoStages stages(weight, consumer);
  double coefficients = weight.getCoefficientsType().getNumElements(), basis = weight.getBasisType().getNumElements();
  double rank = weight.getRank(), positions = consumer.positionsPerSample(), in = 1, out = 1;
  int64_t taps = 1;
  for (auto [role, extent] : llvm::zip(consumer.roles, weight.getResultType().getShape())) {
    in *= role == Role::In ? extent : 1;
    out *= role == Role::Out ? extent : 1;
    taps *= role == Role::Tap ? extent : 1;
  }
  bool isConvolution = llvm::is_contained(consumer.roles, Role::Tap);
  double lanes = consumer.denseCost(machine).productLanes;
  SmallVector<Form> forms;
  bool shiftsCoefficients = !machine.isProcessor && !needsMultiplier(weight.getCoefficients());
  auto add = [&](StringRef name, double byCoefficients, double byBasis) {
    Form form{name.str(), {}};
    form.cost.adds = byCoefficients + byBasis;
    form.cost.multiplies = shiftsCoefficients ? byBasis : form.cost.adds;
    form.cost.productLanes = lanes;
    form.cost.weightBytes = weight.storedBits() / 8;
    form.cost.roundings = static_cast<int64_t>(in * rank) + taps + 2;
    forms.push_back(std::move(form));
  };
  if (stages.allowsBasisFirst()) {
    double first = isConvolution ? positions * in * rank * taps : positions * basis;
    add(isConvolution ? "order_a" : "two_stage", positions * coefficients, first);
  }
  if (stages.allowsMatrixCoefficientsFirst())
    add("two_stage", positions * coefficients, positions * basis);
  if (stages.allowsCoefficientsFirst())
    add(machine.isProcessor ? "order_b" : "order_b_whole", inputPositions(consumer) * coefficients,
        positions * out * rank * taps);
  if (!machine.isProcessor)
    llvm::append_range(forms, sliceForms(weight, consumer, whyNot));
  if (forms.empty())
    whyNot = "its factors share dimensions of the result, or are reshaped: neither can be applied before the other";
  return forms;
}

/// `emit` on the consumer of `size` outputs from `offset` on, whose results go to these places of `carried`.
static Value emitOnOutputs(OpBuilder &builder, const LinearConsumer &consumer, OpFoldResult offset, int64_t size,
                           Value carried, function_ref<Value(const LinearConsumer &)> emit) {
  Location loc = consumer.op->getLoc();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, carried);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)), ones(sizes.size(), builder.getIndexAttr(1));
  offsets[consumer.outDim] = offset;
  sizes[consumer.outDim] = builder.getIndexAttr(size);
  LinearConsumer part = consumer;
  part.init = emitExtractSlice(builder, loc, carried, offsets, sizes, ones);
  return emitInsertSlice(builder, loc, emit(part), carried, offsets, sizes, ones);
}

Value mlir::compress::emitTwoStageForm(FactorizedOp weight, StringRef name, const LinearConsumer &consumer,
                                       OpBuilder &builder) {
  if (name == kSliceForm)
    return emitSliceForm(weight, consumer, builder);
  if (name != "order_b") {
    TwoStages stages(weight, consumer);
    return name != "order_b_whole" && stages.allowsBasisFirst() ? stages.emitBasisFirst(builder)
                                                                : stages.emitCoefficientsFirst(builder);
  }
  std::string whyNot;
  int64_t tile = outTileOf(weight, consumer, kStreamedOutputs, whyNot);
  if (tile == 0)
    return TwoStages(weight, consumer).emitCoefficientsFirst(builder);
  int64_t dim = llvm::find(consumer.roles, Role::Out) - consumer.roles.begin();
  return emitTileLoop(builder, consumer.op->getLoc(), weight.getResultType().getDimSize(dim), tile, consumer.init,
                      [&](OpBuilder &b, OpFoldResult offset, int64_t size, Value carried) {
                        auto slice = weight.emitSlice(b, dim, offset, size).getDefiningOp<FactorizedOp>();
                        return emitOnOutputs(b, consumer, offset, size, carried, [&](const LinearConsumer &part) {
                          Value result = TwoStages(slice, part).emitCoefficientsFirst(b);
                          slice->erase();
                          return result;
                        });
                      });
}
