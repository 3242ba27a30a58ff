//===- ReductionOps.cpp - ONNX ops along dimensions ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

static constexpr const char *kNonFloat = "element types other than float and double are not supported";
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Reduces dimension `axis` of `value` to extent 1 with `op`, from `init`.
template <typename Op>
static FailureOr<Value> reduce(Node &node, Value value, int64_t axis, double init) {
  auto type = cast<RankedTensorType>(value.getType());
  Shape kept(type.getShape());
  kept.erase(kept.begin() + axis);
  auto keptType = RankedTensorType::get(kept, type.getElementType());
  Value reduced = linalg::ReduceOp::create(node.builder, node.loc, ValueRange{value},
                                           ValueRange{node.filled(keptType, init)}, ArrayRef<int64_t>{axis},
                                           [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                             Value folded = Op::create(inner, at, arguments[0], arguments[1]);
                                             linalg::YieldOp::create(inner, at, folded);
                                           })
                      .getResult(0);
  kept.insert(kept.begin() + axis, 1);
  return node.reshape(reduced, kept);
}

static FailureOr<Value> softmaxAlong(Node &node, Value x, int64_t axis) {
  Type element = getElementTypeOrSelf(x);
  auto largest = reduce<arith::MaximumFOp>(node, x, axis, -kInfinity);
  if (failed(largest))
    return failure();
  auto powers = node.elementwise({x, *largest}, element, [&](OpBuilder &builder, ValueRange a) -> Value {
    return math::ExpOp::create(builder, node.loc, arith::SubFOp::create(builder, node.loc, a[0], a[1]));
  });
  if (failed(powers))
    return failure();
  auto sum = reduce<arith::AddFOp>(node, *powers, axis, 0);
  if (failed(sum))
    return failure();
  return node.elementwise({*powers, *sum}, element, [&](OpBuilder &builder, ValueRange a) -> Value {
    return arith::DivFOp::create(builder, node.loc, a[0], a[1]);
  });
}

static LogicalResult importSoftmax(Node &node) {
  auto type = node.type(0);
  if (!isa<FloatType>(type.getElementType()))
    return node.refuse(kNonFloat);
  bool isFlat = node.opset() < 13; // all dimensions from axis on are one
  auto axis = normalizeAxis(node, node.integer("axis", isFlat ? 1 : -1), type.getRank());
  if (failed(axis))
    return failure();
  if (*axis == 0 && type.isDynamicDim(0))
    return node.refuseBatch("a softmax over dimension 0");
  Value x = node.input(0);
  if (isFlat && *axis + 1 < type.getRank()) {
    Shape flat(type.getShape().take_front(*axis));
    int64_t rest = 1;
    for (int64_t extent : type.getShape().drop_front(*axis))
      rest *= extent;
    flat.push_back(rest);
    x = node.reshape(x, flat);
  }
  auto result = softmaxAlong(node, x, *axis);
  return failed(result) ? failure() : node.yield(node.reshape(*result, type.getShape()));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The axes of a reduction, sorted, counted from the front: an attribute, or an operand since opset 13 (ReduceSum) or
/// 18; without any, all of them.
static FailureOr<Shape> reducedAxes(Node &node) {
  int64_t rank = node.type(0).getRank();
  std::optional<Shape> asked = node.has(1) ? node.integers(1) : node.list("axes");
  if (node.has(1) && !asked)
    return node.refuse("its axes are computed at run time");
  Shape axes;
  for (int64_t axis : asked.value_or(Shape())) {
    auto at = normalizeAxis(node, axis, rank);
    if (failed(at))
      return failure();
    axes.push_back(*at);
  }
  if (axes.empty() && node.integer("noop_with_empty_axes", 0) == 0)
    axes = llvm::to_vector<6>(llvm::seq<int64_t>(0, rank));
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return node.refuse("an axis is given twice");
  return axes;
}

/// Folds with `Op` from `init`, and divides by the count where `isMean`.
template <typename Op, bool isMean = false>
static LogicalResult importReduction(Node &node, double init) {
  auto type = node.type(0);
  if (!isa<FloatType>(type.getElementType()))
    return node.refuse(kNonFloat);
  auto axes = reducedAxes(node);
  if (failed(axes))
    return failure();
  FailureOr<Value> result = node.input(0);
  double count = 1;
  Shape dropped;
  for (auto [d, extent] : llvm::enumerate(type.getShape())) {
    bool isReduced = llvm::is_contained(*axes, d);
    if (isReduced && ShapedType::isDynamic(extent))
      return node.refuseBatch("a reduction over dimension 0");
    if (isReduced)
      count *= static_cast<double>(extent);
    else
      dropped.push_back(extent);
  }
  for (int64_t axis : *axes)
    if (failed(result = reduce<Op>(node, *result, axis, init)))
      return failure();
  Type element = type.getElementType();
  if (isMean)
    result = node.elementwise(*result, element, [&](OpBuilder &builder, ValueRange x) -> Value {
      Value number = arith::ConstantOp::create(builder, node.loc, builder.getFloatAttr(element, count));
      return arith::DivFOp::create(builder, node.loc, x[0], number);
    });
  if (failed(result))
    return failure();
  return node.yield(node.integer("keepdims", 1) ? *result : node.reshape(*result, dropped));
}

void onnx_import::addReductionOps(NodeImporters &importers) {
  importers["Softmax"] = importSoftmax;
  importers["ReduceMean"] = [](Node &node) { return importReduction<arith::AddFOp, true>(node, 0); };
  importers["ReduceSum"] = [](Node &node) { return importReduction<arith::AddFOp>(node, 0); };
  importers["ReduceMax"] = [](Node &node) { return importReduction<arith::MaximumFOp>(node, -kInfinity); };
  importers["ReduceMin"] = [](Node &node) { return importReduction<arith::MinimumFOp>(node, kInfinity); };
}
