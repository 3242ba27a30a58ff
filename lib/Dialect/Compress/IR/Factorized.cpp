//===- Factorized.cpp - Meaning and pullback of factorized weights --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   T = linalg.generic (coefficients, basis)     one contraction, unit batch extents of the basis dropped
//   T -> merged -> cropped -> split -> moved     the reshape
//
//===----------------------------------------------------------------------===//

#include "BasisDotForm.h"
#include "ListForm.h"
#include "RebuildForm.h"
#include "ScaledForm.h"
#include "TensorEmitter.h"
#include "TwoStageForm.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/Sequence.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Accessors
//===----------------------------------------------------------------------===//

SmallVector<int64_t> FactorizedOp::getProductShape() {
  SmallVector<int64_t> shape(getCoefficientsType().getShape().drop_back());
  llvm::append_range(shape, getBasisType().getShape().drop_front(getBatch() + 1));
  return shape;
}

static SmallVector<ReassociationIndices> spellOut(std::optional<ArrayAttr> groups, int64_t rank) {
  SmallVector<ReassociationIndices> result;
  if (!groups) {
    for (int64_t d = 0; d < rank; ++d)
      result.push_back({d});
    return result;
  }
  for (Attribute group : *groups) {
    result.emplace_back();
    for (Attribute dim : cast<ArrayAttr>(group))
      result.back().push_back(cast<IntegerAttr>(dim).getInt());
  }
  return result;
}

SmallVector<ReassociationIndices> FactorizedOp::getCollapseGroups() {
  return spellOut(getCollapse(), getProductShape().size());
}

SmallVector<ReassociationIndices> FactorizedOp::getExpandGroups() {
  return spellOut(getExpand(), getResultType().getRank());
}

SmallVector<int64_t> FactorizedOp::getResultDims() {
  if (auto order = getOrder())
    return SmallVector<int64_t>(*order);
  return llvm::to_vector(llvm::seq<int64_t>(0, getResultType().getRank()));
}

//===----------------------------------------------------------------------===//
// Verifier
//===----------------------------------------------------------------------===//

/// True if `groups` list 0, 1, … rank-1 in sequence, none of them empty.
static bool coversInSequence(ArrayRef<ReassociationIndices> groups, int64_t rank) {
  int64_t next = 0;
  for (const ReassociationIndices &group : groups) {
    if (group.empty())
      return false;
    for (int64_t dim : group)
      if (dim != next++)
        return false;
  }
  return next == rank;
}

static int64_t productOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  int64_t product = 1;
  for (int64_t dim : dims)
    product *= shape[dim];
  return product;
}

LogicalResult FactorizedOp::verify() {
  RankedTensorType coefficients = getCoefficientsType(), basis = getBasisType(), result = getResultType();
  int64_t batch = getBatch();
  auto isEmpty = [](RankedTensorType type) { return llvm::any_of(type.getShape(), [](int64_t d) { return d < 1; }); };
  if (batch < 0 || batch >= coefficients.getRank() || batch >= basis.getRank() || isEmpty(coefficients) ||
      isEmpty(basis) || isEmpty(result)) // factorized C1
    return emitOpError("expects a batch below the ranks of coefficients and basis, extents at least 1, got ")
           << batch << " for " << coefficients << " and " << basis;
  for (int64_t d = 0; d < batch; ++d) // factorized C2
    if (basis.getDimSize(d) != 1 && basis.getDimSize(d) != coefficients.getDimSize(d))
      return emitOpError("expects batch extent ")
             << d << " of basis to be " << coefficients.getDimSize(d) << " or 1, got " << basis.getDimSize(d);
  if (coefficients.getShape().back() != basis.getDimSize(batch)) // factorized C3
    return emitOpError("expects as many basis entries as coefficients are contracted, got ")
           << basis.getDimSize(batch) << " and " << coefficients.getShape().back();
  if (coefficients.getElementType() != result.getElementType() ||
      basis.getElementType() != result.getElementType()) // factorized C4
    return emitOpError("expects operands and result of one element type, got ")
           << coefficients.getElementType() << ", " << basis.getElementType() << " and " << result.getElementType();
  SmallVector<int64_t> product = getProductShape(), dims = getResultDims(), sorted = dims;
  SmallVector<ReassociationIndices> from = getCollapseGroups(), to = getExpandGroups();
  if (getCollapse().has_value() != getExpand().has_value() || from.size() != to.size() ||
      !coversInSequence(from, product.size()) || !coversInSequence(to, result.getRank())) // factorized C5
    return emitOpError("expects collapse and expand with as many groups, that list ")
           << product.size() << " and " << result.getRank() << " dimensions in sequence";
  llvm::sort(sorted);
  if (sorted != llvm::to_vector(llvm::seq<int64_t>(0, result.getRank()))) // factorized C7
    return emitOpError("expects order to be a permutation of the result's ")
           << result.getRank() << " dimensions, got [" << dims << "]";
  SmallVector<int64_t> canonical = applyPermutation(result.getShape(), dims);
  for (auto [fromDims, toDims] : llvm::zip(from, to)) { // factorized C6
    int64_t has = productOf(product, fromDims), needs = productOf(canonical, toDims);
    if (needs > has || (!getCollapse() && needs != has))
      return emitOpError("expects the product to hold the result's extents, got ")
             << has << " for " << needs << " at dimension " << toDims.front();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Meaning and pullback
//===----------------------------------------------------------------------===//

namespace {

/// The loops of the contraction: batch, outer, inner, r.
struct FactorizedEmitter : TensorEmitter {
  FactorizedOp op;
  int64_t batch, outer, inner, loops;
  SmallVector<int64_t> product;

  FactorizedEmitter(OpBuilder &builder, FactorizedOp op)
      : TensorEmitter{builder, op.getLoc()}, op(op), batch(op.getBatch()), outer(op.getNumOuter()),
        inner(op.getNumInner()), loops(batch + outer + inner + 1), product(op.getProductShape()) {}

  AffineMap mapOf(ArrayRef<int64_t> dims) {
    SmallVector<AffineExpr> exprs;
    for (int64_t d : dims)
      exprs.push_back(builder.getAffineDimExpr(d));
    return AffineMap::get(loops, 0, exprs, builder.getContext());
  }

  /// Dimensions of T.
  AffineMap productMap() { return mapOf(llvm::to_vector(llvm::seq<int64_t>(0, loops - 1))); }

  AffineMap coefficientsMap() {
    SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, batch + outer));
    dims.push_back(loops - 1);
    return mapOf(dims);
  }

  bool isSharedBatch(int64_t d) { return op.getBasisType().getDimSize(d) == 1; }

  /// The basis without the batch dimensions that serve all.
  AffineMap basisMap() {
    SmallVector<int64_t> dims;
    for (int64_t d = 0; d < batch; ++d)
      if (!isSharedBatch(d))
        dims.push_back(d);
    dims.push_back(loops - 1);
    for (int64_t d = 0; d < inner; ++d)
      dims.push_back(batch + outer + d);
    return mapOf(dims);
  }

  /// Groups of a reshape that merges the shared batch dimensions of the basis into their neighbours.
  SmallVector<ReassociationIndices> basisGroups() {
    SmallVector<ReassociationIndices> groups(1);
    for (int64_t d = 0, e = op.getBasisType().getRank(); d < e; ++d) {
      groups.back().push_back(d);
      bool endsGroup = !(d < batch && isSharedBatch(d));
      if (endsGroup && d + 1 < e)
        groups.emplace_back();
    }
    return groups;
  }

  Value droppedBasis() { return collapse(op.getBasis(), basisGroups()); }

  /// Merges dimension `at`, of extent 1, with the one before it, or with the one behind the first.
  Value dropUnit(Value value, int64_t at) { return collapse(value, std::max<int64_t>(at - 1, 0)); }

  /// Of rank 1, where one factor has all dimensions of T: it, each number times one of the other factor, in its place
  /// if nobody else reads it. Null otherwise.
  Value scaled() {
    bool isShared = llvm::any_of(llvm::seq<int64_t>(0, batch), [&](int64_t d) { return isSharedBatch(d); });
    if (op.getRank() != 1 || isShared || batch == 0 || (inner > 0 && outer > 0))
      return {};
    Value numbers = dropUnit(op.getCoefficients(), batch + outer), scales = dropUnit(op.getBasis(), batch);
    if (inner > 0)
      std::swap(numbers, scales);
    AffineMap all = builder.getMultiDimIdentityMap(product.size());
    SmallVector<utils::IteratorType> loopTypes(product.size(), utils::IteratorType::parallel);
    return linalg::GenericOp::create(builder, loc, numbers.getType(), scales, numbers,
                                     ArrayRef<AffineMap>{all.getMajorSubMap(batch), all}, loopTypes,
                                     [](OpBuilder &b, Location l, ValueRange args) {
                                       linalg::YieldOp::create(
                                           b, l, arith::MulFOp::create(b, l, args[1], args[0]).getResult());
                                     })
        .getResult(0);
  }

  /// The extents of merged dimensions, as they are and cropped.
  SmallVector<int64_t> mergedShape() {
    SmallVector<int64_t> shape;
    for (const ReassociationIndices &group : op.getCollapseGroups())
      shape.push_back(productOf(product, group));
    return shape;
  }
  SmallVector<int64_t> canonicalShape() { return applyPermutation(op.getResultType().getShape(), op.getResultDims()); }
  SmallVector<int64_t> croppedShape() {
    SmallVector<int64_t> shape, canonical = canonicalShape();
    for (const ReassociationIndices &group : op.getExpandGroups())
      shape.push_back(productOf(canonical, group));
    return shape;
  }
};

} // namespace

Value FactorizedOp::expand(OpBuilder &builder) {
  FactorizedEmitter emit(builder, *this);
  Value value = emit.scaled();
  if (!value)
    value = emit.contract(getCoefficients(), emit.coefficientsMap(), emit.droppedBasis(), emit.basisMap(),
                          emit.productMap(), emit.product);
  value = emit.crop(emit.collapse(value, getCollapseGroups()), emit.croppedShape());
  value = emit.expand(value, emit.canonicalShape(), getExpandGroups());
  return emit.transpose(value, invertPermutationVector(getResultDims()));
}

/// dC = sum over inner of dT * B, dB = sum over outer and shared batch of dT * C.
SmallVector<Value> FactorizedOp::pullback(OpBuilder &builder, Value gradient) {
  FactorizedEmitter emit(builder, *this);
  Value value = emit.transpose(gradient, getResultDims());
  value = emit.padTo(emit.collapse(value, getExpandGroups()), emit.mergedShape());
  value = emit.expand(value, emit.product, getCollapseGroups());
  Value basis = emit.droppedBasis();
  Value toCoefficients = emit.contract(value, emit.productMap(), basis, emit.basisMap(), emit.coefficientsMap(),
                                       getCoefficientsType().getShape());
  Value toBasis = emit.contract(value, emit.productMap(), getCoefficients(), emit.coefficientsMap(), emit.basisMap(),
                                TensorEmitter::typeOf(basis).getShape());
  return {toCoefficients, emit.expand(toBasis, getBasisType().getShape(), emit.basisGroups())};
}

int64_t FactorizedOp::storedBits() { return storedBitsOf(getCoefficients()) + storedBitsOf(getBasis()); }

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

int64_t mlir::compress::productDimOf(FactorizedOp op, int64_t dim) {
  SmallVector<int64_t> dims = op.getResultDims();
  int64_t canonical = llvm::find(dims, dim) - dims.begin();
  for (auto [from, to] : llvm::zip(op.getCollapseGroups(), op.getExpandGroups())) {
    if (!llvm::is_contained(to, canonical))
      continue;
    bool isAlone = llvm::all_of(
        to, [&](int64_t other) { return other == canonical || op.getResultType().getDimSize(dims[other]) == 1; });
    return from.size() == 1 && isAlone ? from[0] : -1;
  }
  return -1;
}

/// The dimension of coefficients and of basis that is dimension `t` of T, -1 where there is none.
static std::pair<int64_t, int64_t> factorDims(FactorizedOp op, int64_t t) {
  int64_t batch = op.getBatch(), outer = op.getNumOuter();
  if (t < batch)
    return {t, op.getBasisType().getDimSize(t) == 1 ? -1 : t};
  if (t < batch + outer)
    return {t, -1};
  return {-1, t - outer + 1};
}

int64_t FactorizedOp::sliceStep(int64_t dim) {
  int64_t t = productDimOf(*this, dim);
  if (t < 0)
    return 0;
  auto [c, b] = factorDims(*this, t);
  int64_t step = c < 0 ? 1 : sliceStepOf(getCoefficients(), c), basisStep = b < 0 ? 1 : sliceStepOf(getBasis(), b);
  return step && basisStep ? std::lcm(step, basisStep) : 0;
}

Value FactorizedOp::emitSlice(OpBuilder &builder, int64_t dim, OpFoldResult offset, int64_t size) {
  auto [c, b] = factorDims(*this, productDimOf(*this, dim));
  Value coefficients = getCoefficients(), basis = getBasis();
  if (c >= 0)
    coefficients = emitSliceOf(builder, getLoc(), coefficients, c, offset, size);
  if (b >= 0)
    basis = emitSliceOf(builder, getLoc(), basis, b, offset, size);
  SmallVector<int64_t> shape(getResultType().getShape());
  shape[dim] = size;
  return FactorizedOp::create(builder, getLoc(), getResultType().clone(shape), coefficients, basis, getBatch(),
                              getCollapseAttr(), getExpandAttr(), getOrderAttr());
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

SmallVector<Form> FactorizedOp::forms(const LinearConsumer &consumer, const Machine &machine, std::string &whyNot) {
  SmallVector<Form> forms = twoStageForms(*this, consumer, machine, whyNot);
  llvm::append_range(forms, scaledForms(*this, consumer, machine));
  llvm::append_range(forms, basisDotForms(*this, consumer, machine));
  llvm::append_range(forms, listForms(*this, consumer, machine));
  llvm::append_range(forms, rebuildForms(*this, consumer, machine, 2 * getRank(), whyNot));
  return forms;
}

Value FactorizedOp::emitForm(StringRef name, const LinearConsumer &consumer, OpBuilder &builder) {
  if (name == "rebuild")
    return emitRebuildForm(*this, consumer, builder);
  if (name == kScaledForm)
    return emitScaledForm(*this, consumer, builder);
  if (name == kBasisDotForm)
    return emitBasisDotForm(*this, consumer, builder);
  if (name == kListForm || name == kRoundedListForm)
    return emitListForm(*this, name, consumer, builder);
  return emitTwoStageForm(*this, name, consumer, builder);
}
