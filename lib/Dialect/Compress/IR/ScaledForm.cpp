//===- ScaledForm.cpp - Layers whose outputs have a scale each -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ESCALATE's ternary coefficients have a scale per filter (MICRO 2021), and so have ternary layers. By linearity it
// scales the sum, once, and what is left of the weight keeps its own forms:
//
//   W[k, …] = s[k] * V[k, …]       Y += X * W      =>      T = X * V       Y[k] += s[k] * T[k]
//
//===----------------------------------------------------------------------===//

#include "ScaledForm.h"
#include "Contraction.h"
#include "TensorEmitter.h"
#include "TwoStageForm.h"

using namespace mlir;
using namespace mlir::compress;

/// The consumer as one of the other representation, whose dimensions are those of `weight` but for some of extent 1;
/// nullopt if the op is something else.
static std::optional<LinearConsumer> unscaledConsumer(FactorizedOp weight, const LinearConsumer &consumer) {
  auto other = weight.getBasis().getDefiningOp<CompressedWeightOpInterface>();
  RankedTensorType inner = weight.getBasisType(), result = weight.getResultType();
  if (!other || weight.getBatch() != 1 || weight.getRank() != 1 || weight.getNumOuter() != 0 ||
      inner.getNumElements() != result.getNumElements() || consumer.roles[0] != Role::Out ||
      productDimOf(weight, 0) != 0 || !llvm::is_sorted(weight.getResultDims()))
    return std::nullopt;
  std::optional<SmallVector<int64_t>> dims = matchUnitReshape(inner, result);
  if (!dims)
    return std::nullopt;
  LinearConsumer unscaled = consumer;
  unscaled.weight = weight.getBasis();
  unscaled.roles.assign(inner.getRank(), Role::Batch);
  SmallVector<AffineExpr> loops(inner.getRank(), getAffineConstantExpr(0, weight.getContext()));
  for (auto [d, from] : llvm::enumerate(*dims)) {
    if (from < 0)
      continue;
    unscaled.roles[from] = consumer.roles[d];
    loops[from] = consumer.weightMap.getResult(d);
  }
  for (ActivationDim &dim : unscaled.dims)
    if (dim.tapDim >= 0 && (dim.tapDim = (*dims)[dim.tapDim]) < 0)
      return std::nullopt;
  unscaled.weightMap = AffineMap::get(consumer.weightMap.getNumDims(), 0, loops, weight.getContext());
  return unscaled;
}

SmallVector<Form> mlir::compress::scaledForms(FactorizedOp weight, const LinearConsumer &consumer,
                                              const Machine &machine) {
  std::optional<LinearConsumer> unscaled = unscaledConsumer(weight, consumer);
  if (!unscaled)
    return {};
  std::string whyNot;
  auto other = weight.getBasis().getDefiningOp<CompressedWeightOpInterface>();
  SmallVector<Form> forms = other.forms(*unscaled, machine, whyNot);
  if (forms.empty() && !machine.isProcessor && !needsMultiplier(weight.getBasis())) {
    forms.push_back({"dense", unscaled->denseCost(machine)}); // shifts
    forms.back().cost.multiplies = 0;
  }
  if (forms.empty())
    return {};
  auto best = llvm::min_element(
      forms, [&](const Form &a, const Form &b) { return a.cost.seconds(machine) < b.cost.seconds(machine); });
  Form form{kScaledForm.str(), best->cost};
  double outputs = static_cast<double>(consumer.positionsPerSample()) * weight.getResultType().getDimSize(0);
  form.cost.multiplies += outputs;
  form.cost.adds += outputs;
  form.cost.weightBytes = weight.storedBits() / 8;
  form.cost.roundings += 2;
  return {form};
}

Value mlir::compress::emitScaledForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder) {
  Location loc = consumer.op->getLoc();
  TensorEmitter emit{builder, loc};
  RankedTensorType result = weight.getResultType();
  Value inner = weight.getBasis();
  if (inner.getType() != result)
    inner = tensor::CollapseShapeOp::create(builder, loc, result, inner,
                                            *getReassociationIndicesForReshape(weight.getBasisType(), result));
  linalg::LinalgOp op = consumer.op;
  SmallVector<Value> operands(op->getOperands());
  operands[consumer.weightOperand] = WeightView::get(operands[consumer.weightOperand]).apply(builder, loc, inner);
  operands[op.getDpsInitOperand(0)->getOperandNumber()] = emitZeros(
      builder, loc, tensor::getMixedSizes(builder, loc, consumer.init), consumer.resultType().getElementType());
  Value sums = clone(builder, op.getOperation(), TypeRange{consumer.init.getType()}, operands)->getResult(0);
  Value scales = emit.collapse(weight.getCoefficients(), int64_t(0));
  int64_t rank = consumer.resultType().getRank();
  AffineMap all = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps{all, AffineMap::get(rank, 0, builder.getAffineDimExpr(consumer.outDim)), all};
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, consumer.init.getType(), ValueRange{sums, scales}, consumer.init, maps, loops,
             [](OpBuilder &b, Location l, ValueRange args) {
               Value scaled = arith::MulFOp::create(b, l, args[0], args[1]);
               linalg::YieldOp::create(b, l, arith::AddFOp::create(b, l, args[2], scaled).getResult());
             })
      .getResult(0);
}
