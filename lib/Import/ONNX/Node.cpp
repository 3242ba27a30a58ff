//===- Node.cpp - One node while it is imported ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value Node::input(int i) {
  const std::string &name = proto.input(i);
  Value &value = graph.values[name];
  if (!value) {
    OpBuilder::InsertionGuard guard(builder);
    const Tensor &tensor = graph.constants.find(name)->second;
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    value = materializeConstant(builder, NameLoc::get(builder.getStringAttr(name)), tensor.type,
                                ArrayRef<char>(tensor.bytes.data(), tensor.bytes.size()));
  }
  return value;
}

const Tensor *Node::constant(int i) const {
  auto constant = has(i) ? graph.constants.find(proto.input(i)) : graph.constants.end();
  return constant == graph.constants.end() ? nullptr : &constant->second;
}

bool Node::isUnsigned(int i) const {
  if (const Tensor *tensor = constant(i))
    return tensor->isUnsigned;
  return has(i) && graph.unsignedValues.contains(proto.input(i));
}

std::optional<Shape> Node::integers(int i) const {
  if (!has(i))
    return std::nullopt;
  auto computed = graph.integers.find(proto.input(i));
  if (computed != graph.integers.end())
    return computed->second;
  auto constant = graph.constants.find(proto.input(i));
  // Shapes, axes and pads; smaller integers are weights.
  if (constant == graph.constants.end())
    return std::nullopt;
  Type element = constant->second.type.getElementType();
  if (!element.isInteger(32) && !element.isInteger(64))
    return std::nullopt;
  return constant->second.integers();
}

bool Node::hasIntegersOnly() const {
  return llvm::all_of(llvm::seq(0, numInputs()), [&](int i) { return integers(i).has_value(); });
}

std::optional<double> Node::number(int i) const {
  if (!has(i))
    return std::nullopt;
  auto constant = graph.constants.find(proto.input(i));
  if (constant == graph.constants.end() || constant->second.type.getNumElements() != 1)
    return std::nullopt;
  const Tensor &tensor = constant->second;
  return isa<FloatType>(tensor.type.getElementType()) ? tensor.floats()[0] : static_cast<double>(tensor.integers()[0]);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const ::onnx::AttributeProto *Node::find(StringRef name) const {
  for (const auto &attribute : proto.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t Node::integer(StringRef name, int64_t otherwise) const {
  const auto *attribute = find(name);
  return attribute ? attribute->i() : otherwise;
}

double Node::real(StringRef name, double otherwise) const {
  const auto *attribute = find(name);
  return attribute ? attribute->f() : otherwise;
}

std::string Node::text(StringRef name, StringRef otherwise) const {
  const auto *attribute = find(name);
  return attribute ? attribute->s() : otherwise.str();
}

std::optional<Shape> Node::list(StringRef name) const {
  const auto *attribute = find(name);
  if (!attribute)
    return std::nullopt;
  return Shape(attribute->ints().begin(), attribute->ints().end());
}

std::optional<SmallVector<double>> Node::reals(StringRef name) const {
  const auto *attribute = find(name);
  if (!attribute)
    return std::nullopt;
  return SmallVector<double>(attribute->floats().begin(), attribute->floats().end());
}

const ::onnx::TensorProto *Node::tensor(StringRef name) const {
  const auto *attribute = find(name);
  return attribute && attribute->has_t() ? &attribute->t() : nullptr;
}

//===----------------------------------------------------------------------===//
// Outcome
//===----------------------------------------------------------------------===//

LogicalResult Node::refuse(const llvm::Twine &reason) {
  why = reason.str();
  return failure();
}

LogicalResult Node::refuseBatch(const llvm::Twine &what) {
  return refuse(what + " mixes the samples of a batch whose size is not known; state it with --batch N");
}

LogicalResult Node::yield(Value value, int result) {
  graph.values[proto.output(result)] = value;
  return success();
}

LogicalResult Node::yieldUnsigned(Value value, int result) {
  graph.unsignedValues.insert(proto.output(result));
  return yield(value, result);
}

LogicalResult Node::yieldIntegers(Shape values) {
  graph.integers[proto.output(0)] = std::move(values);
  return success();
}

LogicalResult Node::yieldConstant(Tensor tensor) {
  graph.constants[proto.output(0)] = std::move(tensor);
  return success();
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> Node::activation(ArrayRef<int64_t> shape, Type element) {
  SmallVector<int64_t> sample;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (ShapedType::isDynamic(extent) && i == 0)
      continue;
    if (extent < 1)
      return refuse("its result has an extent of " + llvm::Twine(extent) + " in dimension " + llvm::Twine(i));
    sample.push_back(extent);
  }
  if (auto bytes = checkedBytes(sample, 8); !bytes)
    return refuse("its result " + llvm::toString(bytes.takeError()));
  return RankedTensorType::get(shape, element);
}

Value Node::empty(RankedTensorType type) {
  SmallVector<Value> dynamic(type.getNumDynamicDims(), graph.batchSize);
  return tensor::EmptyOp::create(builder, loc, type, dynamic);
}

SmallVector<OpFoldResult> Node::sizes(ArrayRef<int64_t> shape) {
  return llvm::map_to_vector(shape, [&](int64_t extent) -> OpFoldResult {
    return ShapedType::isDynamic(extent) ? OpFoldResult(graph.batchSize) : builder.getIndexAttr(extent);
  });
}

Value Node::scalar(Type element, double value) {
  TypedAttr attr = isa<FloatType>(element) ? TypedAttr(builder.getFloatAttr(element, value))
                                           : TypedAttr(builder.getIntegerAttr(element, static_cast<int64_t>(value)));
  return arith::ConstantOp::create(builder, loc, attr);
}

Value Node::filled(RankedTensorType type, double value) {
  Value constant = scalar(type.getElementType(), value);
  return linalg::FillOp::create(builder, loc, constant, empty(type)).getResult(0);
}

/// `shape` with one group of dimensions for each given length.
static SmallVector<ReassociationIndices> groups(ArrayRef<int64_t> lengths) {
  SmallVector<ReassociationIndices> result;
  int64_t next = 0;
  for (int64_t length : lengths) {
    result.emplace_back(length);
    std::iota(result.back().begin(), result.back().end(), next);
    next += length;
  }
  return result;
}

Value Node::reshape(Value value, ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  auto target = RankedTensorType::get(shape, type.getElementType());
  if (type == target)
    return value;
  auto expand = [&](Value from, ArrayRef<ReassociationIndices> reassociation) -> Value {
    return tensor::ExpandShapeOp::create(builder, loc, target, from, reassociation, sizes(shape));
  };
  if (auto reassociation = getReassociationIndicesForReshape(type, target)) {
    if (type.getRank() > target.getRank())
      return tensor::CollapseShapeOp::create(builder, loc, target, value, *reassociation);
    return expand(value, *reassociation);
  }
  // Through one dimension, or through batch x the rest.
  bool hasBatch = !type.hasStaticShape();
  int64_t rank = type.getRank();
  Value flat = hasBatch ? value : tensor::CollapseShapeOp::create(builder, loc, value, groups({rank})).getResult();
  if (hasBatch && rank > 2)
    flat = tensor::CollapseShapeOp::create(builder, loc, value, groups({1, rank - 1}));
  int64_t targetRank = target.getRank();
  return expand(flat, hasBatch ? groups({1, targetRank - 1}) : groups({targetRank}));
}

FailureOr<Shape> Node::broadcastShape(ValueRange operands) {
  Shape shape;
  for (Value operand : operands) {
    ArrayRef<int64_t> other = cast<RankedTensorType>(operand.getType()).getShape();
    if (other.size() > shape.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (auto [i, extent] : llvm::enumerate(other)) {
      int64_t &mine = shape[shape.size() - other.size() + i];
      if (mine == 1)
        mine = extent;
      else if (extent != 1 && extent != mine)
        return ShapedType::isDynamic(mine) || ShapedType::isDynamic(extent)
                   ? refuseBatch("combining the batch with a fixed extent")
                   : refuse("its operands have extents " + llvm::Twine(mine) + " and " + llvm::Twine(extent) +
                            ", which do not broadcast");
    }
  }
  for (int64_t extent : ArrayRef<int64_t>(shape).drop_front(shape.empty() ? 0 : 1))
    if (ShapedType::isDynamic(extent))
      return refuseBatch("moving the batch to an inner dimension");
  return shape;
}

/// The map from loops to an operand of `shape`: trailing dimensions, 0 where an extent of 1 is repeated.
static AffineMap broadcastMap(Builder &builder, ArrayRef<int64_t> shape, ArrayRef<int64_t> result) {
  SmallVector<AffineExpr> exprs;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    int64_t loop = result.size() - shape.size() + i;
    exprs.push_back(extent == 1 && result[loop] != 1 ? builder.getAffineConstantExpr(0)
                                                     : builder.getAffineDimExpr(loop));
  }
  return AffineMap::get(result.size(), 0, exprs, builder.getContext());
}

FailureOr<Value> Node::elementwise(ValueRange operands, Type resultElement,
                                   llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto shape = broadcastShape(operands);
  if (failed(shape))
    return failure();
  auto type = activation(*shape, resultElement);
  if (failed(type))
    return failure();
  SmallVector<AffineMap> maps;
  for (Value operand : operands)
    maps.push_back(broadcastMap(builder, cast<RankedTensorType>(operand.getType()).getShape(), *shape));
  maps.push_back(builder.getMultiDimIdentityMap(shape->size()));
  SmallVector<utils::IteratorType> iterators(shape->size(), utils::IteratorType::parallel);
  auto op = linalg::GenericOp::create(builder, loc, TypeRange{*type}, operands, ValueRange{empty(*type)}, maps,
                                      iterators, [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                        linalg::YieldOp::create(inner, at, body(inner, arguments.drop_back()));
                                      });
  return op.getResult(0);
}

FailureOr<Value> Node::broadcastTo(Value value, RankedTensorType type) {
  auto from = cast<RankedTensorType>(value.getType());
  int64_t missing = type.getRank() - from.getRank();
  if (missing >= 0 && from.getShape() == type.getShape().drop_front(missing)) {
    if (missing == 0)
      return value;
    auto dims = llvm::to_vector(llvm::seq<int64_t>(0, missing));
    return linalg::BroadcastOp::create(builder, loc, value, empty(type), dims)->getResult(0);
  }
  Value shapeOnly = filled(type, 0);
  auto shape = broadcastShape({value, shapeOnly});
  if (failed(shape))
    return failure();
  if (ArrayRef<int64_t>(*shape) != type.getShape())
    return refuse("its bias does not broadcast to its result");
  SmallVector<AffineMap> maps{broadcastMap(builder, from.getShape(), *shape),
                              builder.getMultiDimIdentityMap(shape->size())};
  SmallVector<utils::IteratorType> iterators(shape->size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, TypeRange{type}, ValueRange{value}, ValueRange{empty(type)}, maps,
                                   iterators,
                                   [](OpBuilder &inner, Location at, ValueRange arguments) {
                                     linalg::YieldOp::create(inner, at, arguments.front());
                                   })
      .getResult(0);
}

FailureOr<int64_t> onnx_import::normalizeAxis(Node &node, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return node.refuse("its axis " + llvm::Twine(axis) + " is out of range for rank " + llvm::Twine(rank));
  return axis < 0 ? axis + rank : axis;
}

std::string onnx_import::nodeName(const ::onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  return node.op_type() + (node.output_size() ? ":" + node.output(0) : "");
}
