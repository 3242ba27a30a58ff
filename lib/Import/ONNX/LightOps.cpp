//===- LightOps.cpp - Light weights of ONNX files -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nodes of the model-local functions of domain `compress` (docs/LightONNX.md), each of which becomes the representation
// op of its meaning. The functions' bodies are not looked at.
//
//===----------------------------------------------------------------------===//

#include "LinearOps.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Circulant, CirculantSpectrum
//===----------------------------------------------------------------------===//

static LogicalResult importCirculantIn(Node &node, Domain domain) {
  if (node.numInputs() != 1 || !node.has(0))
    return node.refuse("expects one operand, the circulant vectors");
  auto type = node.type(0);
  int64_t rows = node.integer("rows", 0), cols = node.integer("cols", 0);
  if (type.getRank() < 3 || !type.hasStaticShape())
    return node.refuse("its operand is not p x q x k, or p x q x k x taps");
  auto needs = [&](int64_t extent, int64_t blocks) {
    int64_t k = type.getDimSize(2);
    return extent > (blocks - 1) * k && extent <= blocks * k;
  };
  if (!isa<FloatType>(type.getElementType()) || llvm::is_contained(type.getShape(), 0) ||
      !needs(rows, type.getDimSize(0)) || !needs(cols, type.getDimSize(1)))
    return node.refuse("rows = " + llvm::Twine(rows) + " and cols = " + llvm::Twine(cols) +
                       " do not fit its operand, which has " + llvm::Twine(type.getDimSize(0)) + " x " +
                       llvm::Twine(type.getDimSize(1)) + " blocks of " + llvm::Twine(type.getDimSize(2)));
  Shape shape{rows, cols};
  llvm::append_range(shape, type.getShape().drop_front(3));
  auto result = node.activation(shape, type.getElementType());
  if (failed(result))
    return failure();
  return node.yield(CirculantOp::create(node.builder, node.loc, *result, node.input(0), domain, nullptr));
}

static LogicalResult importCirculant(Node &node) { return importCirculantIn(node, Domain::time); }
static LogicalResult importCirculantSpectrum(Node &node) { return importCirculantIn(node, Domain::spectrum); }

//===----------------------------------------------------------------------===//
// Bit streams
//===----------------------------------------------------------------------===//

/// The product of the extents of a list that says a shape; nullopt if there is none, or it is of nothing.
static std::optional<int64_t> sizeOf(const std::optional<Shape> &shape) {
  if (!shape)
    return std::nullopt;
  int64_t size = 1;
  for (int64_t extent : *shape)
    if (extent < 1 || llvm::MulOverflow(size, extent, size) || size > kMostEvaluatedElements)
      return std::nullopt;
  return size;
}

/// The `count` numbers of `bits` bits, 1 to 8, that operand `i` packs, the lowest bits of a byte first.
static FailureOr<SmallVector<uint8_t>> unpackBits(Node &node, int i, StringRef what, int64_t count, int64_t bits) {
  const Tensor *packed = node.constant(i);
  if (!packed || !packed->isUnsigned || !packed->type.getElementType().isInteger(8))
    return node.refuse("its " + what + " are no constant of bytes");
  if (packed->bytes.size() != llvm::divideCeil(static_cast<uint64_t>(count * bits), 8))
    return node.refuse("its " + what + " need " + llvm::Twine(llvm::divideCeil(count * bits, 8)) +
                       " bytes, but it holds " + llvm::Twine(packed->bytes.size()));
  SmallVector<uint8_t> numbers(count, 0);
  for (int64_t at = 0; at < count * bits; ++at) {
    uint8_t bit = static_cast<uint8_t>(packed->bytes[at / 8]) >> (at % 8) & 1;
    numbers[at / bits] |= bit << (at % bits);
  }
  return numbers;
}

/// A constant at the start of the function, where those of operands are.
static Value constantAtStart(Node &node, RankedTensorType type, ArrayRef<char> bytes) {
  OpBuilder::InsertionGuard guard(node.builder);
  node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
  return materializeConstant(node.builder, node.loc, type, bytes);
}

//===----------------------------------------------------------------------===//
// Dequantize
//===----------------------------------------------------------------------===//

/// The code whose raw codes stand for the numbers of `table`: the first of the dialect's that fits, else a codebook.
/// The table of ternary codes is that of integers of 2 bits, so that it depends on whether -2 occurs.
static NumberCodeAttrInterface codeOfTable(MLIRContext *context, ArrayRef<double> table, int64_t bits,
                                           ArrayRef<uint8_t> codes) {
  SmallVector<NumberCodeAttrInterface> known{UniformAttr::get(context, bits, /*unsigned_codes=*/true)};
  if (bits == 2 && !llvm::is_contained(codes, 2))
    known.push_back(TernaryAttr::get(context));
  if (bits > 1)
    known.push_back(UniformAttr::get(context, bits, /*unsigned_codes=*/false));
  double least = std::abs(*llvm::min_element(table, [](double a, double b) {
    // The smallest power of two, whatever its sign.
    return (a == 0 ? INFINITY : std::abs(a)) < (b == 0 ? INFINITY : std::abs(b));
  }));
  int exponent = least > 0 ? std::ilogb(least) : 0;
  for (bool zero : {false, true})
    if (bits >= 2 && bits <= 6 && exponent >= -126 && exponent + (1 << (bits - 1)) - 1 <= 127)
      known.push_back(Pow2Attr::get(context, bits, exponent, zero));
  for (NumberCodeAttrInterface code : known) {
    bool isThis = true;
    for (auto [raw, number] : llvm::enumerate(table))
      isThis &= code.valueOf(static_cast<int64_t>(raw)) == number;
    if (isThis)
      return code;
  }
  return CodebookAttr::get(context, DenseF64ArrayAttr::get(context, table));
}

static LogicalResult importDequantize(Node &node) {
  auto shape = node.list("shape"), group = node.list("group");
  auto table = node.reals("table");
  int64_t bits = node.integer("bits", 0);
  auto count = sizeOf(shape);
  if (!count || shape->empty())
    return node.refuse("'shape' is no list of positive extents of at most 2^28 numbers");
  if (bits < 1 || bits > 8 || !table || static_cast<int64_t>(table->size()) != int64_t(1) << bits)
    return node.refuse("'table' does not have 2^bits numbers, for 1 to 8 'bits'");
  if (llvm::any_of(*table, [](double number) { return !std::isfinite(number); }))
    return node.refuse("'table' has a number that is not finite");
  if (!group || group->size() != shape->size() || llvm::any_of(*group, [](int64_t g) { return g < 1; }))
    return node.refuse("'group' does not have an extent of 1 or more for each of 'shape'");
  auto raw = unpackBits(node, 0, "codes", *count, bits);
  if (failed(raw))
    return failure();
  if (!node.has(1) || !isa<FloatType>(node.type(1).getElementType()))
    return node.refuse("expects scales of floats");
  Shape scales;
  for (auto [extent, along] : llvm::zip_equal(*shape, *group))
    scales.push_back(static_cast<int64_t>(llvm::divideCeil(extent, along)));
  if (node.type(1).getShape() != ArrayRef<int64_t>(scales))
    return node.refuse("its scales are not one per 'group' of 'shape'");
  OpBuilder &builder = node.builder;
  auto code = codeOfTable(builder.getContext(), *table, bits, *raw);
  std::string codes(*count, '\0');
  for (auto [byte, number] : llvm::zip_equal(codes, *raw))
    byte = static_cast<char>(llvm::SignExtend64(number, bits));
  auto codesType = RankedTensorType::get(*shape, builder.getIntegerType(bits));
  // A group is said only where the extents do not: both spellings are one meaning.
  bool isSaid = false;
  for (auto [extent, scale, along] : llvm::zip_equal(*shape, scales, *group))
    isSaid |= extent % scale != 0 || extent / scale != along;
  return node.yield(
      DequantizeOp::create(builder, node.loc, RankedTensorType::get(*shape, node.type(1).getElementType()),
                           constantAtStart(node, codesType, ArrayRef<char>(codes.data(), codes.size())), node.input(1),
                           Value(), code, isSaid ? builder.getDenseI64ArrayAttr(*group) : DenseI64ArrayAttr()));
}

//===----------------------------------------------------------------------===//
// Factorized
//===----------------------------------------------------------------------===//

/// Consecutive dimensions in groups of `counts`; nullopt if these are not `rank` together.
static std::optional<SmallVector<ReassociationIndices>> groupsOf(const std::optional<Shape> &counts, int64_t rank) {
  SmallVector<ReassociationIndices> groups;
  int64_t next = 0;
  for (int64_t count : counts.value_or(Shape())) {
    if (count < 1 || count > rank - next)
      return std::nullopt;
    groups.emplace_back();
    for (int64_t end = next + count; next < end; ++next)
      groups.back().push_back(next);
  }
  return next == rank ? std::optional(groups) : std::nullopt;
}

/// The product of the extents of each group.
static Shape productsOf(ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
  Shape products;
  for (const ReassociationIndices &group : groups) {
    products.push_back(1);
    for (int64_t dim : group)
      products.back() *= shape[dim];
  }
  return products;
}

static LogicalResult importFactorized(Node &node) {
  if (node.numInputs() != 2 || !node.has(0) || !node.has(1))
    return node.refuse("expects two operands, coefficients and basis");
  auto c = node.type(0), b = node.type(1);
  int64_t batch = node.integer("batch", 0);
  if (!c.hasStaticShape() || !b.hasStaticShape() || !isa<FloatType>(c.getElementType()) ||
      c.getElementType() != b.getElementType() || batch < 0 || c.getRank() <= batch || b.getRank() <= batch ||
      c.getShape().back() != b.getDimSize(batch))
    return node.refuse("its operands are not batch x outer x r and batch x r x inner, of one element type");
  Shape product(c.getShape().drop_back());
  llvm::append_range(product, b.getShape().drop_front(batch + 1));
  auto split = node.list("split"), perm = node.list("perm"), merged = node.list("merged"),
       cropped = node.list("cropped");
  auto collapse = groupsOf(node.list("collapse"), product.size());
  auto expand = split ? groupsOf(node.list("expand"), split->size()) : std::nullopt;
  if (!sizeOf(split) || !collapse || !expand || collapse->size() != expand->size() || !perm ||
      !isPermutationVector(*perm) || perm->size() != split->size())
    return node.refuse("'collapse', 'expand', 'split' and 'perm' do not say how the product is reshaped");
  if (merged != productsOf(*collapse, product) || cropped != productsOf(*expand, *split) ||
      llvm::any_of(llvm::zip_equal(*merged, *cropped), [](auto pair) { return std::get<1>(pair) > std::get<0>(pair); }))
    return node.refuse("'merged' and 'cropped' are not what 'collapse' and 'expand' make of the product");
  OpBuilder &builder = node.builder;
  Shape shape, order(perm->size());
  bool isIdentity = true;
  for (auto [dim, from] : llvm::enumerate(*perm)) {
    shape.push_back((*split)[from]);
    order[from] = dim;
    isIdentity &= from == static_cast<int64_t>(dim);
  }
  bool isReshaped = *split != product;
  auto attribute = [&](ArrayRef<ReassociationIndices> groups) {
    return isReshaped ? getReassociationIndicesAttribute(builder, groups) : ArrayAttr();
  };
  return node.yield(FactorizedOp::create(builder, node.loc, RankedTensorType::get(shape, c.getElementType()),
                                         node.input(0), node.input(1), builder.getI64IntegerAttr(batch),
                                         attribute(*collapse), attribute(*expand),
                                         isIdentity ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(order)));
}

//===----------------------------------------------------------------------===//
// Unpack
//===----------------------------------------------------------------------===//

static LogicalResult importUnpack(Node &node) {
  auto maskShape = node.list("mask_shape"), shape = node.list("shape");
  auto places = sizeOf(maskShape);
  if (!places || !sizeOf(shape) || maskShape->size() != shape->size())
    return node.refuse("'mask_shape' and 'shape' are no lists of as many positive extents, of at most 2^28 numbers");
  if (!node.has(0) || !isa<FloatType>(node.type(0).getElementType()))
    return node.refuse("expects values of floats");
  auto bits = unpackBits(node, 1, "mask's bits", *places, 1);
  if (failed(bits))
    return failure();
  Shape values{llvm::count(*bits, 1)};
  for (auto [extent, boxes] : llvm::zip_equal(*shape, *maskShape)) {
    if (extent % boxes != 0)
      return node.refuse("the extents of 'mask_shape' do not divide those of 'shape'");
    values.push_back(extent / boxes);
  }
  if (values.front() == 0 || node.type(0).getShape() != ArrayRef<int64_t>(values))
    return node.refuse("its values are not one box for each of the " + llvm::Twine(values.front()) +
                       " bits that are set");
  OpBuilder &builder = node.builder;
  auto maskType = RankedTensorType::get(*maskShape, builder.getI1Type());
  auto mask = DenseElementsAttr::get(maskType, SmallVector<bool>(bits->begin(), bits->end()));
  auto type = RankedTensorType::get(*shape, node.type(0).getElementType());
  return node.yield(UnpackOp::create(builder, node.loc, type, node.input(0), cast<ElementsAttr>(Attribute(mask))));
}

void onnx_import::addLightOps(NodeImporters &importers) {
  importers["compress.Circulant"] = importCirculant;
  importers["compress.CirculantSpectrum"] = importCirculantSpectrum;
  importers["compress.Dequantize"] = importDequantize;
  importers["compress.Factorized"] = importFactorized;
  importers["compress.Unpack"] = importUnpack;
}
