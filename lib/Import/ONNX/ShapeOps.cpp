//===- ShapeOps.cpp - ONNX ops that move elements -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "compress/Dialect/Compress/IR/Slices.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  return elements;
}

//===----------------------------------------------------------------------===//
// Constant
//===----------------------------------------------------------------------===//

/// A tensor of 32-bit floats or 64-bit integers from attribute fields.
template <typename T, typename Field>
static Tensor tensorOf(Type element, ArrayRef<int64_t> shape, const Field &values) {
  SmallVector<T> elements(values.begin(), values.end());
  std::string bytes(reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(T));
  return {RankedTensorType::get(shape, element), std::move(bytes)};
}

static LogicalResult importConstant(Node &node) {
  Builder &builder = node.builder;
  if (const auto *proto = node.tensor("value")) {
    auto tensor = readTensor(builder, *proto, /*folder=*/"");
    if (!tensor)
      return node.refuse("its value: " + llvm::toString(tensor.takeError()));
    return node.yieldConstant(std::move(*tensor));
  }
  if (node.hasAttribute("value_int"))
    return node.yieldConstant(
        tensorOf<int64_t>(builder.getI64Type(), {}, ArrayRef<int64_t>{node.integer("value_int", 0)}));
  if (node.hasAttribute("value_float"))
    return node.yieldConstant(tensorOf<float>(builder.getF32Type(), {}, ArrayRef<double>{node.real("value_float", 0)}));
  if (auto values = node.list("value_ints"))
    return node.yieldConstant(tensorOf<int64_t>(builder.getI64Type(), {static_cast<int64_t>(values->size())}, *values));
  if (auto values = node.reals("value_floats"))
    return node.yieldConstant(tensorOf<float>(builder.getF32Type(), {static_cast<int64_t>(values->size())}, *values));
  return node.refuse("its value is neither a tensor nor numbers");
}

//===----------------------------------------------------------------------===//
// Shapes as numbers
//===----------------------------------------------------------------------===//

static LogicalResult importShape(Node &node) {
  auto shape = node.type(0).getShape();
  int64_t rank = shape.size(), start = node.integer("start", 0), end = node.integer("end", rank);
  start = std::clamp<int64_t>(start < 0 ? start + rank : start, 0, rank);
  end = std::clamp<int64_t>(end < 0 ? end + rank : end, start, rank);
  return node.yieldIntegers(Shape(shape.slice(start, end - start)));
}

/// Elements of a shape; of tensors it is not supported.
static LogicalResult importGather(Node &node) {
  auto values = node.integers(0), indices = node.integers(1);
  if (!values || !indices || node.integer("axis", 0) != 0)
    return node.refuse("only elements of a shape can be gathered");
  Shape gathered;
  for (int64_t index : *indices) {
    auto at = normalizeAxis(node, index, values->size());
    if (failed(at))
      return failure();
    gathered.push_back((*values)[*at]);
  }
  return node.yieldIntegers(gathered);
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

/// Yields operand 0 with `shape`; the batch stays at dimension 0.
static LogicalResult yieldReshape(Node &node, ArrayRef<int64_t> shape) {
  auto from = node.type(0);
  auto type = node.activation(shape, from.getElementType());
  if (failed(type))
    return failure();
  bool hasBatch = !from.hasStaticShape();
  if (hasBatch && (shape.empty() || !ShapedType::isDynamic(shape[0])))
    return node.refuseBatch("a reshape over dimension 0");
  if (product(from.getShape().drop_front(hasBatch)) != product(shape.drop_front(hasBatch)))
    return node.refuse("its result would have " + llvm::Twine(product(shape.drop_front(hasBatch))) + " elements per " +
                       (hasBatch ? "sample" : "tensor") + ", but its operand has " +
                       llvm::Twine(product(from.getShape().drop_front(hasBatch))));
  return node.yield(node.reshape(node.input(0), shape));
}

static LogicalResult importReshape(Node &node) {
  auto asked = node.integers(1);
  if (!asked)
    return node.refuse("its shape is computed at run time");
  ArrayRef<int64_t> from = node.type(0).getShape();
  bool hasBatch = !node.type(0).hasStaticShape();
  Shape shape;
  std::optional<size_t> open;
  for (auto [i, extent] : llvm::enumerate(*asked)) {
    if (extent == 0 && !node.integer("allowzero", 0)) {
      if (i >= from.size())
        return node.refuse("its shape copies dimension " + llvm::Twine(i) + ", which its operand does not have");
      extent = from[i];
    }
    if (extent == -1) {
      if (open)
        return node.refuse("its shape has more than one -1");
      open = i;
      extent = 1;
    } else if (extent < 1 && !ShapedType::isDynamic(extent)) {
      return node.refuse("its shape has an extent of " + llvm::Twine(extent));
    }
    if (ShapedType::isDynamic(extent) && i != 0)
      return node.refuseBatch("moving the batch to an inner dimension");
    shape.push_back(extent);
  }
  if (auto bytes =
          checkedBytes(ArrayRef<int64_t>(shape).drop_front(!shape.empty() && ShapedType::isDynamic(shape[0])), 8);
      !bytes)
    return node.refuse("its result " + llvm::toString(bytes.takeError()));
  if (open) {
    bool targetHasBatch = ShapedType::isDynamic(shape[0]);
    int64_t have = product(from.drop_front(hasBatch));
    int64_t rest = product(ArrayRef<int64_t>(shape).drop_front(targetHasBatch));
    if (hasBatch && *open == 0 && rest == have)
      shape[0] = ShapedType::kDynamic;
    else if (hasBatch && !targetHasBatch)
      return node.refuseBatch("a reshape over dimension 0");
    else if (have % rest != 0)
      return node.refuse("its operand's " + llvm::Twine(have) + " elements are no multiple of " + llvm::Twine(rest));
    else
      shape[*open] = have / rest;
  }
  return yieldReshape(node, shape);
}

static LogicalResult importFlatten(Node &node) {
  auto type = node.type(0);
  int64_t axis = node.integer("axis", 1), rank = type.getRank();
  if (axis < -rank || axis > rank)
    return node.refuse("its axis " + llvm::Twine(axis) + " is out of range for rank " + llvm::Twine(rank));
  axis = axis < 0 ? axis + rank : axis;
  if (!type.hasStaticShape() && axis != 1)
    return node.refuseBatch("flattening at axis " + llvm::Twine(axis));
  int64_t first = !type.hasStaticShape() ? ShapedType::kDynamic : product(type.getShape().take_front(axis));
  return yieldReshape(node, {first, product(type.getShape().drop_front(axis))});
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an operand since.
static FailureOr<std::optional<Shape>> axesOf(Node &node) {
  if (!node.has(1))
    return node.list("axes");
  auto axes = node.integers(1);
  if (!axes)
    return node.refuse("its axes are computed at run time");
  return axes;
}

static LogicalResult importSqueeze(Node &node) {
  auto axes = axesOf(node);
  if (failed(axes))
    return failure();
  if (auto values = node.integers(0))
    return node.yieldIntegers(*values);
  auto type = node.type(0);
  llvm::SmallDenseSet<int64_t> dropped;
  for (int64_t axis : *axes ? **axes : Shape()) {
    auto at = normalizeAxis(node, axis, type.getRank());
    if (failed(at))
      return failure();
    if (type.isDynamicDim(*at))
      return node.refuseBatch("dropping dimension 0");
    if (type.getDimSize(*at) != 1)
      return node.refuse("dimension " + llvm::Twine(*at) + " has extent " + llvm::Twine(type.getDimSize(*at)) +
                         ", not 1");
    dropped.insert(*at);
  }
  Shape shape;
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    if (*axes ? !dropped.contains(i) : extent != 1)
      shape.push_back(extent);
  return yieldReshape(node, shape);
}

static LogicalResult importUnsqueeze(Node &node) {
  auto axes = axesOf(node);
  if (failed(axes))
    return failure();
  if (!*axes)
    return node.refuse("it has no axes");
  if (auto values = node.integers(0))
    return node.yieldIntegers(*values);
  auto type = node.type(0);
  int64_t rank = type.getRank() + (**axes).size();
  llvm::SmallDenseSet<int64_t> added;
  for (int64_t axis : **axes) {
    auto at = normalizeAxis(node, axis, rank);
    if (failed(at))
      return failure();
    if (!added.insert(*at).second)
      return node.refuse("axis " + llvm::Twine(*at) + " is given twice");
  }
  if (!type.hasStaticShape() && added.contains(0))
    return node.refuseBatch("a new dimension before the batch");
  Shape shape;
  const int64_t *next = type.getShape().begin();
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(added.contains(i) ? 1 : *next++);
  return yieldReshape(node, shape);
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

namespace {
/// Along one dimension: the first element, how many, and the distance between two.
struct SliceRange {
  int64_t start = 0, count = 0, step = 1;
};
} // namespace

/// The ranges of a Slice of `shape`, by dimension: attributes before opset 10, operands since. Bounds beyond the ends
/// are those of the dimension, as ONNX says.
static FailureOr<SmallVector<SliceRange>> rangesOf(Node &node, ArrayRef<int64_t> shape) {
  bool hasOperands = node.opset() >= 10;
  auto listOf = [&](const char *name, int operand) { return hasOperands ? node.integers(operand) : node.list(name); };
  auto starts = listOf("starts", 1), ends = listOf("ends", 2);
  Shape all = llvm::to_vector<6>(llvm::seq<int64_t>(0, starts ? starts->size() : 0));
  auto axes = hasOperands && !node.has(3) ? all : listOf("axes", 3).value_or(all);
  auto steps = hasOperands && node.has(4) ? node.integers(4) : Shape(axes.size(), 1);
  if (!starts || !ends || !steps || (hasOperands && node.has(3) && !node.integers(3)))
    return node.refuse("its bounds are computed at run time");
  if (starts->size() != axes.size() || ends->size() != axes.size() || steps->size() != axes.size())
    return node.refuse("it has not as many starts, ends and steps as axes");
  SmallVector<SliceRange> ranges;
  for (int64_t extent : shape)
    ranges.push_back({0, extent, 1});
  for (auto [axis, start, end, step] : llvm::zip(axes, *starts, *ends, *steps)) {
    auto at = normalizeAxis(node, axis, shape.size());
    if (failed(at))
      return failure();
    int64_t extent = shape[*at];
    if (ShapedType::isDynamic(extent))
      return node.refuseBatch("a slice of dimension 0");
    if (step < 1)
      return node.refuse("a step of " + llvm::Twine(step) + " is not supported");
    int64_t first = std::clamp<int64_t>(start < 0 ? start + extent : start, 0, extent);
    int64_t last = std::clamp<int64_t>(end < 0 ? end + extent : end, first, extent);
    ranges[*at] = {first, static_cast<int64_t>(llvm::divideCeil(last - first, step)), step};
  }
  return ranges;
}

static LogicalResult importSlice(Node &node) {
  if (auto values = node.integers(0)) {
    auto ranges = rangesOf(node, {static_cast<int64_t>(values->size())});
    if (failed(ranges))
      return failure();
    Shape kept;
    for (int64_t i = 0; i < ranges->front().count; ++i)
      kept.push_back((*values)[ranges->front().start + i * ranges->front().step]);
    return node.yieldIntegers(kept);
  }
  auto type = node.type(0);
  auto ranges = rangesOf(node, type.getShape());
  if (failed(ranges))
    return failure();
  Shape shape;
  SmallVector<OpFoldResult> offsets, strides, sizes = tensor::getMixedSizes(node.builder, node.loc, node.input(0));
  for (auto [d, range] : llvm::enumerate(*ranges)) {
    shape.push_back(range.count);
    offsets.push_back(node.builder.getIndexAttr(range.start));
    strides.push_back(node.builder.getIndexAttr(range.step));
    if (!type.isDynamicDim(d))
      sizes[d] = node.builder.getIndexAttr(range.count);
  }
  auto result = node.activation(shape, type.getElementType());
  if (failed(result))
    return failure();
  return node.yield(
      tensor::ExtractSliceOp::create(node.builder, node.loc, *result, node.input(0), offsets, sizes, strides));
}

//===----------------------------------------------------------------------===//
// Transpose, Concat, Pad
//===----------------------------------------------------------------------===//

static LogicalResult importTranspose(Node &node) {
  auto type = node.type(0);
  int64_t rank = type.getRank();
  Shape identity = llvm::to_vector<6>(llvm::seq<int64_t>(0, rank));
  Shape permutation = node.list("perm").value_or(Shape(llvm::reverse(identity)));
  Shape sorted = permutation;
  llvm::sort(sorted);
  if (sorted != identity)
    return node.refuse("perm is no permutation of its operand's dimensions");
  if (permutation == identity)
    return node.yield(node.input(0));
  if (!type.hasStaticShape() && permutation[0] != 0)
    return node.refuseBatch("moving the batch to an inner dimension");
  Shape shape;
  for (int64_t from : permutation)
    shape.push_back(type.getDimSize(from));
  auto result = node.activation(shape, type.getElementType());
  if (failed(result))
    return failure();
  return node.yield(linalg::TransposeOp::create(node.builder, node.loc, node.input(0), node.empty(*result), permutation)
                        ->getResult(0));
}

/// The integers of all operands, one after the other.
static LogicalResult concatIntegers(Node &node) {
  Shape all;
  for (int i = 0; i < node.numInputs(); ++i)
    llvm::append_range(all, *node.integers(i));
  return node.yieldIntegers(all);
}

static LogicalResult importConcat(Node &node) {
  if (node.hasIntegersOnly())
    return concatIntegers(node);
  auto first = node.type(0);
  auto axis = normalizeAxis(node, node.integer("axis", 1), first.getRank());
  if (failed(axis))
    return failure();
  if (first.isDynamicDim(*axis))
    return node.refuseBatch("joining along dimension 0");
  Shape shape(first.getShape());
  for (int i = 1; i < node.numInputs(); ++i) {
    Shape other(node.type(i).getShape());
    if (other.size() != shape.size() || node.type(i).getElementType() != first.getElementType())
      return node.refuse("its operands differ in rank or element type");
    shape[*axis] += other[*axis];
    other[*axis] = shape[*axis];
    if (other != shape)
      return node.refuse("operand " + llvm::Twine(i) + " differs in an extent beside the axis");
  }
  auto type = node.activation(shape, first.getElementType());
  if (failed(type))
    return failure();
  Value result = node.empty(*type);
  int64_t offset = 0;
  for (int i = 0; i < node.numInputs(); ++i) {
    SmallVector<OpFoldResult> offsets(shape.size(), node.builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(shape.size(), node.builder.getIndexAttr(1));
    offsets[*axis] = node.builder.getIndexAttr(offset);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(node.builder, node.loc, node.input(i));
    result = emitInsertSlice(node.builder, node.loc, node.input(i), result, offsets, sizes, strides);
    offset += node.type(i).getDimSize(*axis);
  }
  return node.yield(result);
}

static LogicalResult importPad(Node &node) {
  auto type = node.type(0);
  size_t rank = type.getRank();
  std::string mode = node.text("mode", "constant");
  if (mode != "constant")
    return node.refuse("mode '" + mode + "' is not supported");
  if (!isa<FloatType>(type.getElementType()))
    return node.refuse("element types other than float and double are not supported");
  auto pads = node.has(1) ? node.integers(1) : node.list("pads");
  if (!pads || pads->size() != 2 * rank)
    return node.refuse("its pads are computed at run time, or are not two per dimension");
  std::optional<double> value = node.has(2) ? node.number(2) : node.real("value", 0);
  if (!value)
    return node.refuse("its value is computed at run time");
  Shape shape(type.getShape());
  SmallVector<OpFoldResult> low, high;
  for (size_t d = 0; d < rank; ++d) {
    int64_t before = (*pads)[d], after = (*pads)[d + rank];
    if (before < 0 || after < 0 || before > (int64_t(1) << 31) || after > (int64_t(1) << 31))
      return node.refuse("a pad is negative or out of range");
    if (type.isDynamicDim(d) && before + after > 0)
      return node.refuseBatch("padding dimension 0");
    if (!type.isDynamicDim(d))
      shape[d] += before + after;
    low.push_back(node.builder.getIndexAttr(before));
    high.push_back(node.builder.getIndexAttr(after));
  }
  auto padded = node.activation(shape, type.getElementType());
  if (failed(padded))
    return failure();
  if (*padded == type)
    return node.yield(node.input(0));
  return node.yield(tensor::PadOp::create(node.builder, node.loc, *padded, node.input(0), low, high,
                                          node.scalar(type.getElementType(), *value)));
}

void onnx_import::addShapeOps(NodeImporters &importers) {
  importers["Constant"] = importConstant;
  importers["Shape"] = importShape;
  importers["Gather"] = importGather;
  importers["Reshape"] = importReshape;
  importers["Flatten"] = importFlatten;
  importers["Slice"] = importSlice;
  importers["Squeeze"] = importSqueeze;
  importers["Unsqueeze"] = importUnsqueeze;
  importers["Transpose"] = importTranspose;
  importers["Concat"] = importConcat;
  importers["Pad"] = importPad;
}
