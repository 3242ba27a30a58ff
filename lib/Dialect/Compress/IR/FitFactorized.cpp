//===- FitFactorized.cpp - Low rank, ESCALATE, SmartDeal ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// %w = arith.constant … : tensor<64x96xf32>   =>   %u, %v = arith.constant …
//                                                    %w = compress.factorized %u, %v
//
//===----------------------------------------------------------------------===//

#include "Fitting.h"
#include "compress/Obtain/LowRank.h"
#include "compress/Obtain/SmartDeal.h"
#include "compress/Obtain/Weighted.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::compress;

static SmallVector<int64_t> concat(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> result(a);
  result.append(b.begin(), b.end());
  return result;
}

static FailureOr<Value> refuseRoles(const Fitting &f, StringRef what) {
  return f.refuse(what + " weight has out and in dimensions, and no batch dimension");
}

/// outs x r times r x ins x taps: the product has the weight's dimensions as they are.
FailureOr<Value> FitLowRankAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                     std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  Canonical w(f.weight);
  if (!w.isOneWeight(f.weight))
    return refuseRoles(f, "a low-rank");
  int64_t rows = computeProduct(w.outShape()), cols = w.values.size() / rows;
  auto factors = obtain::fitLowRank(w.values, rows, cols, {getRank(), getEnergy().convertToDouble()}, f.whyNot);
  if (!factors)
    return failure();
  if (f.isWeighted())
    factors = obtain::weightedSVD(w.values, rows, cols, f.weight.hessian, {factors->rank, 0});
  SmallVector<Role> outRoles(w.outs.size(), Role::Out), inRoles(1 + w.ins.size(), Role::In);
  outRoles.push_back(Role::In);
  inRoles.front() = Role::Out;
  inRoles.append(w.taps.size(), Role::Tap);
  auto coefficients = f.factor(getFactors(), concat(w.outShape(), factors->rank), factors->coefficients, outRoles);
  auto basis = f.factor(getFactors(), concat(factors->rank, ArrayRef(w.shape).drop_front(w.outs.size())),
                        factors->basis, inRoles);
  if (failed(coefficients) || failed(basis))
    return failure();
  return FactorizedOp::create(f.builder, f.loc, f.weight.type, *coefficients, *basis, /*batch=*/0, ArrayAttr(),
                              ArrayAttr(), w.order(f.builder))
      .getResult();
}

/// outs x ins x M times M x taps.
FailureOr<Value> FitEscalateAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                      std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  Canonical w(f.weight);
  if (!w.isOneWeight(f.weight))
    return refuseRoles(f, "a basis-kernel");
  int64_t numTaps = computeProduct(w.tapShape());
  if (numTaps == 1)
    return f.refuse("kernels of one tap have no basis kernels");
  obtain::Factors factors =
      obtain::fitEscalate(w.values, w.values.size() / numTaps, numTaps, {getBases(), getEnergy().convertToDouble()});
  std::vector<double> hessian;
  if (f.isWeighted()) {
    int64_t outs = computeProduct(w.outShape()), ins = computeProduct(w.inShape());
    factors = obtain::weightedEscalate(w.values, outs, ins, numTaps, f.weight.hessian, {factors.rank, 0});
    hessian = obtain::hessianOfCoefficients(factors.basis, ins, numTaps, f.weight.hessian);
  }
  SmallVector<Role> roles(w.outs.size(), Role::Out), basisRoles(1 + w.taps.size(), Role::Tap);
  roles.append(w.ins.size(), Role::In);
  roles.push_back(Role::Tap);
  basisRoles.front() = Role::Out;
  auto coefficients = f.factor(getCoefficients(), concat(ArrayRef(w.shape).drop_back(w.taps.size()), factors.rank),
                               factors.coefficients, roles, hessian);
  auto basis = f.factor(getBasis(), concat(factors.rank, w.tapShape()), factors.basis, basisRoles);
  if (failed(coefficients) || failed(basis))
    return failure();
  return FactorizedOp::create(f.builder, f.loc, f.weight.type, *coefficients, *basis, /*batch=*/0, ArrayAttr(),
                              ArrayAttr(), w.order(f.builder))
      .getResult();
}

/// How many slices reached an unchanged code, and in how many iterations.
static void remarkHistories(const Fitting &f, const obtain::SmartDealFit &fit) {
  size_t unchanged = 0, most = 0, restarts = 0;
  for (const obtain::SmartDealHistory &history : fit.histories) {
    unchanged += history.unchanged;
    most = std::max(most, history.errors.size());
    restarts += history.restarts;
  }
  remark::analysis(f.loc, remark::RemarkOpts::name("fit_smartdeal").category("compress"))
      << llvm::formatv("{0} of {1} slices reached an unchanged code; most iterations {2}, restarts {3}", unchanged,
                       fit.histories.size(), most, restarts)
             .str()
      << remark::metric("unchanged_slices", unchanged) << remark::metric("slices", fit.histories.size())
      << remark::metric("most_iterations", most);
}

/// `numbers`, each 0 or a power of the window of `code`. If the code has no zero, zeros are in a mask beside the
/// others.
static Value powersWithZeros(const Fitting &f, Pow2Attr code, ArrayRef<int64_t> shape, ArrayRef<double> numbers) {
  SmallVector<bool> mask;
  SmallVector<double> kept;
  for (double number : numbers) {
    mask.push_back(number != 0);
    if (number != 0)
      kept.push_back(number);
  }
  MLIRContext *context = f.builder.getContext();
  if (kept.empty()) // a tensor has entries: all of them are the zero that the code lacks
    code = Pow2Attr::get(context, code.getBits(), code.getMinExponent(), /*zero=*/true);
  if (code.getZero() || kept.size() == numbers.size())
    return dequantizeWithoutScale(f, code, shape, numbers);
  SmallVector<int64_t> keptShape(1 + shape.size(), 1);
  keptShape[0] = kept.size();
  Value values = dequantizeWithoutScale(f, code, keptShape, kept);
  auto maskType = RankedTensorType::get(shape, f.builder.getI1Type());
  return UnpackOp::create(f.builder, f.loc, RankedTensorType::get(shape, f.elementType()), values,
                          DenseElementsAttr::get(maskType, mask));
}

/// The same, of `numbers` whose rows (of O x slices x rows x r) are zero for `share` outputs at once: boxes of kept
/// rows where these divide the outputs.
static Value powersOfSharedRows(const Fitting &f, Pow2Attr code, ArrayRef<int64_t> shape, ArrayRef<double> numbers,
                                int64_t share) {
  if (shape[0] % share != 0)
    return dequantizeWithoutScale(f, code, shape, numbers);
  int64_t perOut = shape[1] * shape[2], r = shape[3];
  SmallVector<bool> mask;
  SmallVector<double> kept;
  for (int64_t group = 0; group < shape[0] / share; ++group)
    for (int64_t row = 0; row < perOut; ++row) {
      SmallVector<double> box;
      for (int64_t out = group * share; out < (group + 1) * share; ++out)
        llvm::append_range(box, numbers.slice((out * perOut + row) * r, r));
      mask.push_back(llvm::any_of(box, [](double number) { return number != 0; }));
      if (mask.back())
        llvm::append_range(kept, box);
    }
  if (kept.empty())
    return dequantizeWithoutScale(f, code, shape, numbers);
  SmallVector<int64_t> keptShape{static_cast<int64_t>(kept.size()) / (share * r), share, 1, 1, r};
  Value values = dequantizeWithoutScale(f, code, keptShape, kept);
  auto maskType = RankedTensorType::get({shape[0] / share, shape[1], shape[2], 1}, f.builder.getI1Type());
  return UnpackOp::create(f.builder, f.loc, RankedTensorType::get(shape, f.elementType()), values,
                          DenseElementsAttr::get(maskType, mask));
}

/// O x slices x rows x r times O x slices x r x r, slices and rows merged and cropped.
FailureOr<Value> FitSmartDealAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                       std::string &whyNot) const {
  Fitting f{builder, loc, weight, whyNot};
  if (!f.isFinite())
    return failure();
  Canonical w(f.weight);
  if (!w.isOneWeight(f.weight))
    return refuseRoles(f, "a SmartDeal");
  SmallVector<int64_t> shape{computeProduct(w.outShape()), computeProduct(w.inShape())};
  shape.append(w.tapShape().begin(), w.tapShape().end());
  Pow2Attr code = pow2CodeFor(w.values, getBits(), /*zero=*/!getMask(), f.builder.getContext());
  obtain::SmartDealOptions options;
  options.theta = getTheta().convertToDouble();
  options.window = {code.getMinExponent(), code.getMaxExponent(), true};
  options.maxIterations = getIterations();
  options.byRow = getByRow();
  options.scaleColumns = getScaleColumns();
  options.share = getShare();
  if (getShare() > 1) {
    options.rowSparsity = getSparsity().convertToDouble();
    options.theta = 0;
  } else if (double sparsity = getSparsity().convertToDouble(); sparsity > 0)
    options.theta = obtain::smartDealThetaFor(w.values, shape, sparsity, options, getRows());
  obtain::SmartDealFit fit = obtain::fitSmartDeal(w.values, shape, options, getRows());
  if (f.isWeighted())
    obtain::refitBases(fit, w.values, w.numColumns(), f.weight.hessian);
  remarkHistories(f, fit);
  auto [slices, rows, r] = fit.slicing;
  SmallVector<int64_t> extents{fit.outs, slices, rows, r};
  Value coefficients = getShare() > 1 ? powersOfSharedRows(f, code, extents, fit.coefficients, getShare())
                                      : powersWithZeros(f, code, extents, fit.coefficients);
  auto basis =
      f.factor(getBasis(), {fit.outs, slices, r, r}, fit.basis, {Role::Batch, Role::Batch, Role::In, Role::In});
  if (failed(basis))
    return failure();
  // The width of a kernel is the basis' own dimension; otherwise r splits the flat row.
  bool isKernel = shape.size() > 2 && shape.back() > 1;
  SmallVector<ReassociationIndices> collapse{{0}, {1, 2, 3}}, expand(2);
  for (int64_t d = 0, e = w.dims.size(); d < e; ++d)
    expand[d >= static_cast<int64_t>(w.outs.size())].push_back(d);
  if (isKernel) {
    collapse = {{0}, {1, 2}, {3}};
    expand.push_back({expand[1].pop_back_val()});
  }
  return FactorizedOp::create(f.builder, f.loc, f.weight.type, coefficients, *basis, /*batch=*/2,
                              getReassociationIndicesAttribute(f.builder, collapse),
                              getReassociationIndicesAttribute(f.builder, expand), w.order(f.builder))
      .getResult();
}
