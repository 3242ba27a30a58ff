//===- UnpackRows.cpp - Rows of packed values that can be sliced -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the entries of row r of a mask begin among the stored ones depends on all rows before. A table of these places,
// one for each row, makes rows independent of each other. Rows of a box of the mask have the same bits:
//
//   %w = compress.unpack %values mask(%mask)         64 x 4 x 36, 7 % of the entries set
//   =>
//   %rows = compress.unpack_rows … ins(values, bits of 16 rows, starts of 16 rows) outs(tensor<16x144xf32>)
//   tensor.expand_shape %rows                        16 x 4 x 36
//
//===----------------------------------------------------------------------===//

#include "UnpackRows.h"
#include "KernelOpHelpers.h"
#include "TensorEmitter.h"
#include "WeightNumbers.h"
#include "compress/Analysis/CostModel.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

int64_t UnpackRowsOp::getColumns() { return shaped(getInit()).getDimSize(1); }

int64_t UnpackRowsOp::getEntryBits() {
  return getCode() ? llvm::PowerOf2Ceil(getCode()->getNumBits())
                   : getElementTypeOrSelf(getInit()).getIntOrFloatBitWidth();
}

int64_t UnpackRowsOp::maskBytes(int64_t columns) {
  constexpr int64_t kBits = 8, kBytes = 2;
  return llvm::alignTo(llvm::divideCeil(columns, kBits), kBytes);
}

LogicalResult UnpackRowsOp::verify() {
  ShapedType init = shaped(getInit()), mask = shaped(getMask()), starts = shaped(getStarts());
  auto share = static_cast<int64_t>(getShare());
  auto sharing = [&](int64_t rows) { return ShapedType::isDynamic(rows) ? rows : rows * share; };
  if (init.getRank() != 2 || init.isDynamicDim(1) || init.getDimSize(1) < 1 || mask.getRank() != 2 || share < 1 ||
      mask.getDimSize(1) != maskBytes(init.getDimSize(1)) ||
      extentsDiffer(sharing(mask.getDimSize(0)), init.getDimSize(0))) // unpack_rows C1
    return emitOpError("expects init of rows by a static number of columns, and a mask of rows by whole pairs of bytes "
                       "that hold a bit for each column, one for each ")
           << share << " of these rows, at least 1, got " << init << " and " << mask;
  if (starts.getRank() != 1 || extentsDiffer(starts.getDimSize(0), init.getDimSize(0))) // unpack_rows C2
    return emitOpError("expects a start for each of the rows, got ") << starts << " for " << init;
  Type stored = shaped(getValues()).getElementType(), element = init.getElementType();
  if (shaped(getValues()).getRank() != 1 || stored != (getCode() ? IntegerType::get(getContext(), 8) : element))
    return emitOpError("expects values of rank 1, bytes with a code and else of the element type of init, got ")
           << getValues().getType();                                         // unpack_rows C3
  if (getLongest() < 1 || static_cast<int64_t>(getLongest()) > getColumns()) // unpack_rows C4
    return emitOpError("expects from 1 to ") << getColumns() << " entries in the longest row, got " << getLongest();
  if (!getCode() && getScale().convertToDouble() != 1) // unpack_rows C5
    return emitOpError("expects a scale only beside a code");
  return verifyResults(*this, getInit()); // unpack_rows C6
}

void UnpackRowsOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult UnpackRowsOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

KernelTiling UnpackRowsOp::getKernelTiling() {
  // The loop is that of the mask's rows.
  DimTiling sharing = DimTiling::blocks(0, getShare()), whole = DimTiling::whole();
  return {{utils::IteratorType::parallel}, {{whole}, {DimTiling::along(0), whole}, {sharing}, {sharing, whole}}};
}

/// An entry is decoded, scaled and stored; a place reads its bit and its entry, and is stored.
double UnpackRowsOp::getArithmeticSeconds(const Machine &machine, int64_t batch) {
  constexpr double kPerPlace = 3, kPerEntry = 2;
  double decoding = getCode() ? static_cast<double>(getCode()->decodeOperations()) : 0;
  int64_t rows = shaped(getInit()).getDimSize(0);
  double perRow =
      kPerPlace * static_cast<double>(getColumns()) + (decoding + kPerEntry) * static_cast<double>(getLongest());
  return static_cast<double>(ShapedType::isDynamic(rows) ? batch : rows) * perRow / (machine.peakFlops * kDenseReach);
}

//===----------------------------------------------------------------------===//
// Made of compress.unpack
//===----------------------------------------------------------------------===//

static bool isEvaluableConstant(Value value) {
  return value && value.getDefiningOp<arith::ConstantOp>() && isEvaluable(cast<ShapedType>(value.getType()));
}

/// True if what `weight` stores is constant, or constant codes with one scale.
static bool storesConstants(UnpackOp weight) {
  auto stored = weight.getValues().getDefiningOp<CompressedWeightOpInterface>();
  if (!stored)
    return isEvaluableConstant(weight.getValues());
  std::optional<CodedTensor> coded = stored.getCoded();
  return coded && !coded->zeros && isEvaluableConstant(coded->codes) && isEvaluableConstant(coded->scales) &&
         cast<ShapedType>(coded->scales.getType()).getNumElements() == 1;
}

int64_t mlir::compress::rowDimOf(UnpackOp weight) {
  ArrayRef<int64_t> shape = weight.getResultType().getShape();
  int64_t dim = llvm::find_if(shape, [](int64_t extent) { return extent != 1; }) - shape.begin();
  bool hasColumns = dim + 1 < static_cast<int64_t>(shape.size());
  return hasColumns && weight.getMaskShape()[dim] != 1 && storesConstants(weight) ? dim : -1;
}

namespace {

/// The operands of all rows, of which `share` next to each other have one row of the mask.
struct PackedRows {
  int64_t rows, columns, share, maskBytes, longest = 1;
  SmallVector<int8_t> mask, codes;
  SmallVector<int32_t> starts;
  /// What is stored if there are no codes.
  SmallVector<double> numbers;

  /// `bits` of each entry, or 0 if `stored` are numbers.
  PackedRows(UnpackOp weight, int64_t dim, ArrayRef<double> stored, int64_t bits)
      : rows(weight.getResultType().getDimSize(dim)), columns(weight.getResultType().getNumElements() / rows),
        share(weight.getBox()[dim]), maskBytes(UnpackRowsOp::maskBytes(columns)), mask(rows / share * maskBytes, 0) {
    SmallVector<int64_t> places = placesOfEntries(weight);
    for (int64_t row = 0; row < rows; ++row) {
      starts.push_back(bits ? codes.size() : numbers.size());
      int64_t ofRow = 0;
      for (int64_t column = 0; column < columns; ++column) {
        int64_t place = places[row * columns + column];
        if (place < 0)
          continue;
        mask[row / share * maskBytes + column / 8] |= static_cast<int8_t>(1 << (column % 8));
        append(stored[place], ofRow++, bits);
      }
      longest = std::max(longest, ofRow);
    }
    // Whole vectors are read from each start on, of which the last one lies furthest behind.
    constexpr int64_t kVector = 16;
    int64_t entries = llvm::alignTo(longest, kVector);
    if (bits)
      codes.resize(std::max<int64_t>(codes.size(), starts.back() + entries * bits / 8), 0);
    else
      numbers.resize(std::max<int64_t>(numbers.size(), starts.back() + entries), 0);
  }

private:
  void append(double stored, int64_t ofRow, int64_t bits) {
    if (bits == 0) {
      numbers.push_back(stored);
      return;
    }
    int64_t shift = ofRow * bits % 8;
    if (shift == 0)
      codes.push_back(0);
    codes.back() |= static_cast<int8_t>((static_cast<int64_t>(stored) & ((1 << bits) - 1)) << shift);
  }
};

} // namespace

/// The constant of these bytes, which may be there: slices of one weight share its constants.
static Value findOrMake(OpBuilder &builder, Location loc, RankedTensorType type, ArrayRef<char> bytes) {
  for (Operation &op : llvm::make_range(builder.getBlock()->begin(), builder.getInsertionPoint())) {
    auto constant = dyn_cast<arith::ConstantOp>(op);
    if (!constant || constant.getType() != type)
      continue;
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue()))
      if (resource.getData() == bytes)
        return constant;
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      if (dense == DenseElementsAttr::getFromRawBuffer(type, bytes))
        return constant;
  }
  return materializeConstant(builder, loc, type, bytes);
}

template <typename T>
static Value constantOf(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, ArrayRef<T> numbers, Type element) {
  ArrayRef<char> bytes(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T));
  return findOrMake(builder, loc, RankedTensorType::get(shape, element), bytes);
}

Value mlir::compress::emitUnpackRows(UnpackOp weight, OpBuilder &builder, OpFoldResult offset, int64_t size) {
  int64_t dim = rowDimOf(weight);
  Location loc = weight.getLoc();
  RankedTensorType result = weight.getResultType();
  Type element = result.getElementType();
  auto stored = weight.getValues().getDefiningOp<CompressedWeightOpInterface>();
  std::optional<CodedTensor> coded = stored ? stored.getCoded() : std::nullopt;
  auto code = coded ? cast<NumberCodeAttrInterface>(coded->code) : NumberCodeAttrInterface();
  double scale = coded ? constantValues(coded->scales)->front() : 1;
  int64_t bits = coded ? llvm::PowerOf2Ceil(code.getNumBits()) : 0;
  PackedRows packed(weight, dim, *constantValues(coded ? coded->codes : weight.getValues()), bits);
  int64_t rows = packed.rows, columns = packed.columns, share = packed.share;
  Value values, mask, starts;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(weight);
    int64_t count = bits ? packed.codes.size() : packed.numbers.size();
    values = bits ? constantOf<int8_t>(builder, loc, {count}, packed.codes, builder.getI8Type())
             : element.isF64()
                 ? constantOf<double>(builder, loc, {count}, packed.numbers, element)
                 : constantOf<float>(builder, loc, {count},
                                     SmallVector<float>(packed.numbers.begin(), packed.numbers.end()), element);
    mask = constantOf<int8_t>(builder, loc, {rows / share, packed.maskBytes}, packed.mask, builder.getI8Type());
    starts = constantOf<int32_t>(builder, loc, {rows}, packed.starts, builder.getI32Type());
  }
  OpFoldResult maskOffset = affine::makeComposedFoldedAffineApply(
      builder, loc, AffineMap::get(0, 1, builder.getAffineSymbolExpr(0).floorDiv(share)), {offset});
  mask = emitSliceOf(builder, loc, mask, 0, maskOffset, size / share);
  starts = emitSliceOf(builder, loc, starts, 0, offset, size);
  Value init = tensor::EmptyOp::create(builder, loc, {size, columns}, element);
  Value unpacked = UnpackRowsOp::create(builder, loc, init.getType(), values, mask, starts, init, code, packed.longest,
                                        share, llvm::APFloat(scale))
                       .getResult(0);
  SmallVector<int64_t> shape(result.getShape());
  shape[dim] = size;
  SmallVector<ReassociationIndices> groups{llvm::to_vector<2>(llvm::seq<int64_t>(0, dim + 1)),
                                           llvm::to_vector<2>(llvm::seq<int64_t>(dim + 1, result.getRank()))};
  return TensorEmitter{builder, loc}.expand(unpacked, shape, groups);
}
