//===- LinearOps.cpp - ONNX ops that multiply by weights ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearOps.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

static bool refusesMixedFloats(Node &node, int count) {
  Type element = node.type(0).getElementType();
  bool mixed = !isa<FloatType>(element);
  for (int i = 1; i < count; ++i)
    mixed |= node.has(i) && node.type(i).getElementType() != element;
  if (mixed)
    (void)node.refuse("its operands are not all float, or all double");
  return mixed;
}

//===----------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------===//

static FailureOr<Value> scaled(Node &node, Value value, double by) {
  if (by == 1.0)
    return value;
  Type element = getElementTypeOrSelf(value);
  return node.elementwise(value, element, [&](OpBuilder &builder, ValueRange x) -> Value {
    return arith::MulFOp::create(builder, node.loc, x[0],
                                 arith::ConstantOp::create(builder, node.loc, builder.getFloatAttr(element, by)));
  });
}

/// Y = alpha * A' * B' + beta * C. The bias is what the product accumulates on.
static LogicalResult importGemm(Node &node) {
  if (refusesMixedFloats(node, 3))
    return failure();
  auto a = node.type(0), b = node.type(1);
  if (a.getRank() != 2 || b.getRank() != 2)
    return node.refuse("its factors are no matrices");
  bool transA = node.integer("transA", 0), transB = node.integer("transB", 0);
  if (!b.hasStaticShape() || (transA && !a.hasStaticShape()))
    return node.refuseBatch("a sum over dimension 0");
  int64_t rows = a.getDimSize(transA), depth = a.getDimSize(!transA), cols = b.getDimSize(!transB);
  if (depth != b.getDimSize(transB))
    return node.refuse("its factors have inner extents " + llvm::Twine(depth) + " and " +
                       llvm::Twine(b.getDimSize(transB)));
  auto type = node.activation({rows, cols}, a.getElementType());
  if (failed(type))
    return failure();

  double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  FailureOr<Value> init = node.has(2) && beta != 0.0 ? scaled(node, node.input(2), beta) : FailureOr<Value>(Value());
  if (succeeded(init) && *init)
    init = node.broadcastTo(*init, *type);
  FailureOr<Value> factor = scaled(node, node.input(1), alpha);
  if (failed(init) || failed(factor))
    return failure();
  Value accumulator = *init ? *init : node.filled(*type, 0);

  AffineExpr m, n, k;
  bindDims(node.builder.getContext(), m, n, k);
  auto map = [&](AffineExpr first, AffineExpr second, bool isSwapped) {
    return AffineMapAttr::get(AffineMap::get(
        3, 0, isSwapped ? ArrayRef<AffineExpr>{second, first} : ArrayRef{first, second}, node.builder.getContext()));
  };
  auto product = linalg::MatmulOp::create(node.builder, node.loc, TypeRange{*type}, ValueRange{node.input(0), *factor},
                                          ValueRange{accumulator});
  product.setIndexingMapsAttr(node.builder.getArrayAttr({map(m, k, transA), map(k, n, transB), map(m, n, false)}));
  return node.yield(product.getResult(0));
}

//===----------------------------------------------------------------------===//
// MatMul
//===----------------------------------------------------------------------===//

/// Drops leading extents of 1, which broadcast: what is left of them indexes the product.
static Value dropLeadingOnes(Node &node, Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  while (shape.size() > 2 && shape.front() == 1)
    shape = shape.drop_front();
  return node.reshape(value, shape);
}

FailureOr<MatMulLoops> MatMulLoops::get(Node &node, Value first, Value second) {
  MatMulLoops loops;
  loops.a = dropLeadingOnes(node, first);
  loops.b = dropLeadingOnes(node, second);
  auto aType = cast<RankedTensorType>(loops.a.getType()), bType = cast<RankedTensorType>(loops.b.getType());
  int64_t aRank = aType.getRank(), bRank = bType.getRank();
  if (aRank < 1 || bRank < 1)
    return node.refuse("a factor is a scalar");
  int64_t depthA = aType.getShape().back(), depthB = bType.getDimSize(std::max<int64_t>(0, bRank - 2));
  if (ShapedType::isDynamic(depthA) || ShapedType::isDynamic(depthB))
    return node.refuseBatch("a sum over dimension 0");
  if (depthA != depthB)
    return node.refuse("its factors have inner extents " + llvm::Twine(depthA) + " and " + llvm::Twine(depthB));

  int64_t aLead = std::max<int64_t>(0, aRank - 2), bLead = std::max<int64_t>(0, bRank - 2),
          lead = std::max(aLead, bLead);
  loops.numLeading = lead;
  loops.hasRow = aRank > 1;
  loops.hasCol = bRank > 1;
  int64_t row = lead, col = lead + loops.hasRow, sum = loops.sumLoop();
  Shape &shape = loops.product;
  shape.assign(lead, 1);
  auto mapOf = [&](RankedTensorType type, int64_t leading, SmallVector<int64_t> tail) -> FailureOr<AffineMap> {
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < leading; ++i) {
      int64_t loop = lead - leading + i, extent = type.getDimSize(i);
      if (shape[loop] != 1 && shape[loop] != extent)
        return node.refuse("its leading extents do not match; broadcasting of 1 is supported in front only");
      shape[loop] = extent;
      exprs.push_back(node.builder.getAffineDimExpr(loop));
    }
    for (int64_t loop : tail)
      exprs.push_back(node.builder.getAffineDimExpr(loop));
    return AffineMap::get(sum + 1, 0, exprs, node.builder.getContext());
  };
  auto aMap = mapOf(aType, aLead, loops.hasRow ? SmallVector<int64_t>{row, sum} : SmallVector<int64_t>{sum});
  auto bMap = mapOf(bType, bLead, loops.hasCol ? SmallVector<int64_t>{sum, col} : SmallVector<int64_t>{sum});
  if (failed(aMap) || failed(bMap))
    return failure();
  loops.aMap = *aMap;
  loops.bMap = *bMap;
  loops.productMap = node.builder.getMultiDimIdentityMap(sum + 1).dropResult(sum);
  if (loops.hasRow)
    shape.push_back(aType.getDimSize(aRank - 2));
  if (loops.hasCol)
    shape.push_back(bType.getDimSize(bRank - 1));
  for (int64_t extent : ArrayRef<int64_t>(shape).drop_front(shape.empty() ? 0 : 1))
    if (ShapedType::isDynamic(extent))
      return node.refuseBatch("moving the batch to an inner dimension");
  // The leading extents of 1 come back.
  auto rankOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getRank(); };
  int64_t rank = std::max(rankOf(first), rankOf(second)) - !loops.hasRow - !loops.hasCol;
  loops.result = shape;
  if (rank > static_cast<int64_t>(shape.size()))
    loops.result.insert(loops.result.begin(), rank - shape.size(), 1);
  return loops;
}

static LogicalResult importMatMul(Node &node) {
  if (refusesMixedFloats(node, 2))
    return failure();
  auto loops = MatMulLoops::get(node, node.input(0), node.input(1));
  if (failed(loops))
    return failure();
  auto type = node.activation(loops->product, node.type(0).getElementType());
  if (failed(type))
    return failure();
  Value init = node.filled(*type, 0), product;
  if (loops->numLeading == 0 && loops->hasRow && loops->hasCol) {
    product = linalg::MatmulOp::create(node.builder, node.loc, TypeRange{*type}, ValueRange{loops->a, loops->b},
                                       ValueRange{init})
                  .getResult(0);
  } else {
    auto maps = node.builder.getAffineMapArrayAttr({loops->aMap, loops->bMap, loops->productMap});
    product = linalg::ContractOp::create(node.builder, node.loc, TypeRange{*type}, ValueRange{loops->a, loops->b},
                                         ValueRange{init}, maps)
                  .getResult(0);
  }
  return node.yield(node.reshape(product, loops->result));
}

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

/// `shape` with an extent of 1 at `at`.
static Shape withUnit(ArrayRef<int64_t> shape, int64_t at) {
  Shape result(shape);
  result.insert(result.begin() + at, 1);
  return result;
}

/// A convolution of one group, over one, two or three dimensions.
static Value convolve(Node &node, Value x, Value weights, Value init, const Window &window) {
  auto strides = node.builder.getI64VectorAttr(window.strides),
       dilations = node.builder.getI64VectorAttr(window.dilations);
  Type type = init.getType();
  if (window.kernel.size() == 3)
    return linalg::Conv3DNcdhwFcdhwOp::create(node.builder, node.loc, type, ValueRange{x, weights}, init, strides,
                                              dilations)
        .getResult(0);
  return linalg::Conv2DNchwFchwOp::create(node.builder, node.loc, type, ValueRange{x, weights}, init, strides,
                                          dilations)
      .getResult(0);
}

/// A convolution of two dimensions in which each channel has taps of its own.
static Value convolveChannels(Node &node, Value x, Value weights, Value init, const Window &window) {
  Shape taps{cast<RankedTensorType>(weights.getType()).getDimSize(0)};
  llvm::append_range(taps, window.kernel);
  return linalg::DepthwiseConv2DNchwChwOp::create(
             node.builder, node.loc, init.getType(), ValueRange{x, node.reshape(weights, taps)}, init,
             node.builder.getI64VectorAttr(window.strides), node.builder.getI64VectorAttr(window.dilations))
      .getResult(0);
}

static Value convolveGroups(Node &node, Value x, Value weights, Value init, const Window &window, int64_t groups) {
  auto split = [&](Value value, int64_t at) {
    Shape shape(cast<RankedTensorType>(value.getType()).getShape());
    shape.insert(shape.begin() + at, groups);
    shape[at + 1] /= groups;
    return node.reshape(value, shape);
  };
  auto strides = node.builder.getI64VectorAttr(window.strides),
       dilations = node.builder.getI64VectorAttr(window.dilations);
  Value initOfGroups = split(init, 1);
  Value result =
      linalg::Conv2DNgchwGfchwOp::create(node.builder, node.loc, initOfGroups.getType(),
                                         ValueRange{split(x, 1), split(weights, 0)}, initOfGroups, strides, dilations)
          .getResult(0);
  return node.reshape(result, cast<RankedTensorType>(init.getType()).getShape());
}

FailureOr<Convolution> Convolution::get(Node &node, RankedTensorType x, RankedTensorType w) {
  int64_t spatial = x.getRank() - 2, groups = node.integer("group", 1);
  if (spatial < 1 || spatial > 3 || w.getRank() != x.getRank())
    return node.refuse("its input and weights do not have the same rank, from 3 to 5");
  int64_t filters = w.getDimSize(0);
  if (groups < 1 || x.getDimSize(1) % groups != 0 || filters % groups != 0 ||
      w.getDimSize(1) != x.getDimSize(1) / groups)
    return node.refuse("its weights have " + llvm::Twine(w.getDimSize(1)) +
                       " input channels per group, but its input has " + llvm::Twine(x.getDimSize(1)) +
                       " channels in " + llvm::Twine(groups) + " groups");
  Shape kernel(w.getShape().drop_front(2));
  if (auto given = node.list("kernel_shape"); given && *given != kernel)
    return node.refuse("kernel_shape differs from the extents of its weights");
  auto window = Window::get(node, x.getShape(), kernel);
  if (failed(window))
    return failure();
  Shape shape{x.getDimSize(0), filters};
  llvm::append_range(shape, window->resultExtents(x.getShape()));
  return Convolution{*window, groups, spatial, shape};
}

static LogicalResult importConv(Node &node) {
  if (refusesMixedFloats(node, 3))
    return failure();
  auto x = node.type(0);
  auto convolution = Convolution::get(node, x, node.type(1));
  if (failed(convolution))
    return failure();
  int64_t groups = convolution->groups, spatial = convolution->spatial, filters = convolution->result[1];
  Window *window = &convolution->window;
  if (groups > 1 && spatial == 3)
    return node.refuse("groups in three dimensions are not supported");
  auto type = node.activation(convolution->result, x.getElementType());
  if (failed(type))
    return failure();
  Value init;
  if (node.has(2)) {
    if (node.type(2).getShape() != ArrayRef<int64_t>{filters})
      return node.refuse("its bias does not have one value per filter");
    auto dims = llvm::to_vector(llvm::seq<int64_t>(2, x.getRank()));
    dims.insert(dims.begin(), 0);
    init = linalg::BroadcastOp::create(node.builder, node.loc, node.input(2), node.empty(*type), dims)->getResult(0);
  } else {
    init = node.filled(*type, 0);
  }
  Value input = node.input(0), weights = node.input(1);
  if (spatial == 1) { // a row
    for (Value *value : {&input, &weights, &init})
      *value = node.reshape(*value, withUnit(cast<RankedTensorType>(value->getType()).getShape(), 2));
    window->strides.insert(window->strides.begin(), 1);
    window->dilations.insert(window->dilations.begin(), 1);
    window->kernel.insert(window->kernel.begin(), 1);
    window->before.insert(window->before.begin(), 0);
    window->after.insert(window->after.begin(), 0);
  }
  input = padSpatial(node, input, window->before, window->after, 0);
  bool isPerChannel = filters == groups && node.type(1).getDimSize(1) == 1;
  Value result = groups == 1    ? convolve(node, input, weights, init, *window)
                 : isPerChannel ? convolveChannels(node, input, weights, init, *window)
                                : convolveGroups(node, input, weights, init, *window, groups);
  return node.yield(node.reshape(result, type->getShape()));
}

void onnx_import::addLinearOps(NodeImporters &importers) {
  importers["Gemm"] = importGemm;
  importers["MatMul"] = importMatMul;
  importers["Conv"] = importConv;
}
