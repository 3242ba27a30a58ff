//===- Unpack.cpp - Meaning and pullback of packed values -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// expand reads each box at its place among the stored ones, from a table of the mask's shape; -1 is a box of zeros:
//
//   W[m0, b0, m1, b1, …] = linalg.generic (places) { values[places[m0, m1, …], b0, b1, …] or 0 }     then merged
//
//===----------------------------------------------------------------------===//

#include "ListForm.h"
#include "PackedForm.h"
#include "RebuildForm.h"
#include "TensorEmitter.h"
#include "UnpackRows.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<int64_t> UnpackOp::getBox() {
  SmallVector<int64_t> box;
  for (auto [extent, count] : llvm::zip(getResultType().getShape(), getMaskShape()))
    box.push_back(extent / count);
  return box;
}

SmallVector<int64_t> UnpackOp::getPlaces() {
  SmallVector<int64_t> places;
  int64_t next = 0;
  for (bool isSet : cast<DenseElementsAttr>(getMask()).getValues<bool>())
    places.push_back(isSet ? next++ : -1);
  return places;
}

/// True if the entries of `mask` can be looked at one by one.
static bool isListable(RankedTensorType mask) {
  int64_t entries = 1;
  for (int64_t extent : mask.getShape())
    if (llvm::MulOverflow(entries, extent, entries) || entries > int64_t(1) << 28)
      return false;
  return true;
}

static int64_t countSet(DenseElementsAttr mask) {
  if (mask.isSplat())
    return mask.getSplatValue<bool>() ? mask.getNumElements() : 0;
  return llvm::count(mask.getValues<bool>(), true);
}

LogicalResult UnpackOp::verify() {
  RankedTensorType values = getValuesType(), result = getResultType();
  auto mask = dyn_cast<RankedTensorType>(getMask().getType());
  bool fits = isa<DenseElementsAttr>(getMask()) && mask && mask.getElementType().isInteger(1) &&
              mask.getRank() == result.getRank() && isListable(mask);
  for (int64_t d = 0; fits && d < result.getRank(); ++d)
    fits = mask.getDimSize(d) >= 1 && result.getDimSize(d) >= 1 && result.getDimSize(d) % mask.getDimSize(d) == 0;
  if (!fits) // unpack C1
    return emitOpError("expects a dense i1 mask of rank ")
           << result.getRank() << ", of at most 2^28 entries, whose extents divide those of " << result << ", got "
           << getMask().getType();
  SmallVector<int64_t> expected{countSet(cast<DenseElementsAttr>(getMask()))};
  llvm::append_range(expected, getBox());
  if (expected[0] < 1 || values.getShape() != ArrayRef(expected)) // unpack C2
    return emitOpError("expects values of shape [")
           << expected << "], a box per set entry, at least one, got " << values;
  if (values.getElementType() != result.getElementType()) // unpack C3
    return emitOpError("expects values and result of one element type, got ")
           << values.getElementType() << " and " << result.getElementType();
  return success();
}

namespace {

struct UnpackEmitter : TensorEmitter {
  UnpackOp op;
  int64_t rank;
  SmallVector<int64_t> box, mask;

  UnpackEmitter(OpBuilder &builder, UnpackOp op)
      : TensorEmitter{builder, op.getLoc()}, op(op), rank(op.getResultType().getRank()), box(op.getBox()),
        mask(op.getMaskShape()) {}

  Value integers(ArrayRef<int64_t> shape, ArrayRef<int64_t> numbers) {
    SmallVector<int32_t> narrow(numbers.begin(), numbers.end());
    ArrayRef<char> bytes(reinterpret_cast<const char *>(narrow.data()), narrow.size() * sizeof(int32_t));
    return materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getI32Type()), bytes);
  }

  /// The result with the mask's dimensions and those inside of boxes apart: m0, b0, m1, b1, …
  SmallVector<int64_t> apartShape() {
    SmallVector<int64_t> shape;
    for (auto [m, b] : llvm::zip(mask, box))
      shape.append({m, b});
    return shape;
  }
  SmallVector<ReassociationIndices> apartGroups() {
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0; d < rank; ++d)
      groups.push_back({2 * d, 2 * d + 1});
    return groups;
  }

  static Value toIndex(OpBuilder &b, Location l, Value integer) {
    return arith::IndexCastOp::create(b, l, b.getIndexType(), integer);
  }
};

} // namespace

Value UnpackOp::expand(OpBuilder &builder) {
  UnpackEmitter emit(builder, *this);
  SmallVector<int64_t> shape = emit.apartShape();
  SmallVector<AffineExpr> maskDims;
  for (int64_t d = 0; d < emit.rank; ++d)
    maskDims.push_back(builder.getAffineDimExpr(2 * d));
  Value places = emit.integers(emit.mask, getPlaces()), values = getValues();
  Value apart =
      emit.generate(places, AffineMap::get(shape.size(), 0, maskDims, builder.getContext()), shape,
                    getResultType().getElementType(), [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                      Value none = arith::ConstantIntOp::create(b, l, 0, 32);
                      Value isSet = arith::CmpIOp::create(b, l, arith::CmpIPredicate::sge, args[0], none);
                      Value place = arith::MaxSIOp::create(b, l, args[0], none);
                      SmallVector<Value> at{UnpackEmitter::toIndex(b, l, place)};
                      for (int64_t d = 0; d < emit.rank; ++d)
                        at.push_back(linalg::IndexOp::create(b, l, 2 * d + 1));
                      Value stored = tensor::ExtractOp::create(b, l, values, at);
                      Value zero = arith::ConstantOp::create(b, l, b.getZeroAttr(stored.getType()));
                      return arith::SelectOp::create(b, l, isSet, stored, zero);
                    });
  return emit.collapse(apart, emit.apartGroups());
}

/// Reads the gradient of each stored box at its position.
SmallVector<Value> UnpackOp::pullback(OpBuilder &builder, Value gradient) {
  UnpackEmitter emit(builder, *this);
  Value apart = emit.expand(gradient, emit.apartShape(), emit.apartGroups());
  ArrayRef<int64_t> shape = getValuesType().getShape();
  // Positions of the set entries, one table per dimension of the mask.
  SmallVector<SmallVector<int64_t>> positions(emit.rank);
  SmallVector<int64_t> index(emit.rank, 0);
  for (int64_t place : getPlaces()) {
    for (int64_t d = 0; place >= 0 && d < emit.rank; ++d)
      positions[d].push_back(index[d]);
    for (int64_t d = emit.rank - 1; d >= 0 && ++index[d] == emit.mask[d]; --d)
      index[d] = 0;
  }
  SmallVector<Value> tables;
  for (ArrayRef<int64_t> table : positions)
    tables.push_back(emit.integers({shape[0]}, table));
  SmallVector<AffineMap> maps(emit.rank, AffineMap::get(shape.size(), 0, builder.getAffineDimExpr(0)));
  return {emit.generate(tables, maps, shape, getResultType().getElementType(),
                        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                          SmallVector<Value> at;
                          for (int64_t d = 0; d < emit.rank; ++d) {
                            at.push_back(UnpackEmitter::toIndex(b, l, args[d]));
                            at.push_back(linalg::IndexOp::create(b, l, d + 1));
                          }
                          return tensor::ExtractOp::create(b, l, apart, at);
                        })};
}

int64_t UnpackOp::storedBits() {
  return storedBitsOf(getValues()) + cast<ShapedType>(getMask().getType()).getNumElements();
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// Inside of a box that spans the dimension, or whole boxes of rows: elsewhere the number of stored boxes depends on
/// the offset.
int64_t UnpackOp::sliceStep(int64_t dim) {
  if (getMaskShape()[dim] == 1)
    return sliceStepOf(getValues(), dim + 1);
  return rowDimOf(*this) == dim ? getBox()[dim] : 0;
}

Value UnpackOp::emitSlice(OpBuilder &builder, int64_t dim, OpFoldResult offset, int64_t size) {
  if (getMaskShape()[dim] != 1)
    return emitUnpackRows(*this, builder, offset, size);
  Value values = emitSliceOf(builder, getLoc(), getValues(), dim + 1, offset, size);
  SmallVector<int64_t> shape(getResultType().getShape());
  shape[dim] = size;
  return UnpackOp::create(builder, getLoc(), getResultType().clone(shape), values, getMask());
}

Value UnpackOp::rebuild(OpBuilder &builder) {
  int64_t dim = rowDimOf(*this);
  return dim < 0 ? expand(builder)
                 : emitUnpackRows(*this, builder, builder.getIndexAttr(0), getResultType().getDimSize(dim));
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

SmallVector<Form> UnpackOp::forms(const LinearConsumer &consumer, const Machine &machine, std::string &whyNot) {
  SmallVector<Form> forms = packedForms(*this, consumer, machine, whyNot);
  llvm::append_range(forms, listForms(*this, consumer, machine));
  llvm::append_range(forms, rebuildForms(*this, consumer, machine, /*operations=*/2, whyNot));
  return forms;
}

Value UnpackOp::emitForm(StringRef name, const LinearConsumer &consumer, OpBuilder &builder) {
  if (name == "rebuild")
    return emitRebuildForm(*this, consumer, builder);
  if (name == kListForm || name == kRoundedListForm)
    return emitListForm(*this, name, consumer, builder);
  return emitPackedForm(*this, consumer, builder);
}
