//===- Constants.cpp - Weights as constants -------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

/// Weights above this are resources (DESIGN section 2): never printed inline, uniqued or folded upstream.
static constexpr size_t kInlineBytes = 1024;
/// One cache line, and the width of the widest vector.
static constexpr size_t kWeightAlignment = 64;

ElementsAttr mlir::compress::constantElements(RankedTensorType type, ArrayRef<char> bytes) {
  if (type.getElementType().isInteger(1))
    return DenseElementsAttr::get(type, SmallVector<bool>(bytes.begin(), bytes.end()));
  if (bytes.size() <= kInlineBytes)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(type, "weight",
                                        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, kWeightAlignment));
}

Value mlir::compress::materializeConstant(OpBuilder &builder, Location loc, RankedTensorType type,
                                          ArrayRef<char> bytes) {
  return arith::ConstantOp::create(builder, loc, type, cast<TypedAttr>(constantElements(type, bytes)));
}

template <typename T>
static Value materializeAs(OpBuilder &builder, Location loc, RankedTensorType type, ArrayRef<double> values) {
  SmallVector<T> rounded(values.begin(), values.end());
  ArrayRef<char> bytes(reinterpret_cast<const char *>(rounded.data()), rounded.size() * sizeof(T));
  return materializeConstant(builder, loc, type, bytes);
}

Value mlir::compress::materializeConstant(OpBuilder &builder, Location loc, RankedTensorType type,
                                          ArrayRef<double> values) {
  assert(static_cast<int64_t>(values.size()) == type.getNumElements() && "one value per element");
  if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
    return integer.getWidth() <= 8    ? materializeAs<int8_t>(builder, loc, type, values)
           : integer.getWidth() <= 16 ? materializeAs<int16_t>(builder, loc, type, values)
                                      : materializeAs<int32_t>(builder, loc, type, values);
  return type.getElementType().isF64() ? materializeAs<double>(builder, loc, type, values)
                                       : materializeAs<float>(builder, loc, type, values);
}

template <typename T>
static SmallVector<double> widen(ArrayRef<char> bytes) {
  SmallVector<double> values(bytes.size() / sizeof(T));
  for (auto [i, value] : llvm::enumerate(values)) {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    value = element;
  }
  return values;
}

/// The integers of `elements`, sign-extended; codes of fewer than 8 bits take a byte each.
static std::optional<SmallVector<double>> integerValues(Attribute elements, RankedTensorType type) {
  unsigned bits = type.getElementTypeBitWidth();
  if (bits > 32)
    return std::nullopt; // beyond what a double holds for all that is computed from it
  SmallVector<double> values;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    size_t width = llvm::divideCeil(bits, 8);
    ArrayRef<char> bytes = resource.getData();
    if (bytes.size() != type.getNumElements() * width)
      return std::nullopt; // the resource is missing
    for (size_t at = 0; at < bytes.size(); at += width) {
      uint64_t raw = 0;
      std::memcpy(&raw, bytes.data() + at, width);
      values.push_back(static_cast<double>(llvm::SignExtend64(raw, bits)));
    }
    return values;
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  for (const APInt &value : dense.getValues<APInt>())
    values.push_back(static_cast<double>(value.getSExtValue()));
  return values;
}

bool mlir::compress::isEvaluable(ShapedType type) {
  if (!type.hasStaticShape())
    return false;
  int64_t count = 1;
  for (int64_t extent : type.getShape())
    if (llvm::MulOverflow(count, extent, count) || count > kMostEvaluatedElements)
      return llvm::is_contained(type.getShape(), 0);
  return true;
}

std::optional<SmallVector<double>> mlir::compress::constantValues(Value value) {
  Attribute attr;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && matchPattern(value, m_Constant(&attr)) ? constantValues(attr, type) : std::nullopt;
}

std::optional<SmallVector<double>> mlir::compress::constantValues(Attribute attr, RankedTensorType type) {
  if (!isEvaluable(type))
    return std::nullopt;
  if (type.getElementType().isSignlessInteger())
    return integerValues(attr, type);
  bool isF64 = type.getElementType().isF64();
  if (!isF64 && !type.getElementType().isF32())
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    ArrayRef<char> bytes = resource.getData();
    if (static_cast<int64_t>(bytes.size()) != type.getNumElements() * (isF64 ? 8 : 4))
      return std::nullopt; // the resource is missing
    return isF64 ? widen<double>(bytes) : widen<float>(bytes);
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  SmallVector<double> values;
  values.reserve(type.getNumElements());
  if (isF64)
    llvm::append_range(values, dense.getValues<double>());
  else
    llvm::append_range(values, dense.getValues<float>());
  return values;
}
