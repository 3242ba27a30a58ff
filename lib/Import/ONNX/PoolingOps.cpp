//===- PoolingOps.cpp - ONNX ops on sliding windows -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Window
//===----------------------------------------------------------------------===//

/// Extents stay far from overflow in the arithmetic below.
static bool isPlausible(ArrayRef<int64_t> values, int64_t least) {
  return llvm::all_of(values, [&](int64_t value) { return value >= least && value <= (int64_t(1) << 31); });
}

FailureOr<Window> Window::get(Node &node, ArrayRef<int64_t> input, std::optional<Shape> kernel) {
  size_t rank = input.size() - 2;
  Window window;
  window.kernel = kernel ? *kernel : node.list("kernel_shape").value_or(Shape());
  window.strides = node.list("strides").value_or(Shape(rank, 1));
  window.dilations = node.list("dilations").value_or(Shape(rank, 1));
  Shape pads = node.list("pads").value_or(Shape(2 * rank, 0));
  if (window.kernel.size() != rank || window.strides.size() != rank || window.dilations.size() != rank ||
      pads.size() != 2 * rank)
    return node.refuse("kernel_shape, strides, dilations or pads do not have " + llvm::Twine(rank) + " dimensions");
  if (!isPlausible(window.kernel, 1) || !isPlausible(window.strides, 1) || !isPlausible(window.dilations, 1) ||
      !isPlausible(pads, 0))
    return node.refuse("a kernel extent, stride, dilation or pad is out of range");
  window.before.assign(pads.begin(), pads.begin() + rank);
  window.after.assign(pads.begin() + rank, pads.end());

  std::string mode = node.text("auto_pad", "NOTSET");
  if (mode == "VALID") {
    window.before.assign(rank, 0);
    window.after.assign(rank, 0);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    for (size_t d = 0; d < rank; ++d) {
      int64_t extent = input[d + 2], stride = window.strides[d],
              reach = (window.kernel[d] - 1) * window.dilations[d] + 1;
      int64_t total = std::max<int64_t>(0, ((extent + stride - 1) / stride - 1) * stride + reach - extent);
      window.before[d] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.after[d] = total - window.before[d];
    }
  } else if (mode != "NOTSET") {
    return node.refuse("auto_pad = '" + mode + "' is unknown");
  }
  return window;
}

Shape Window::resultExtents(ArrayRef<int64_t> input, bool ceil) const {
  Shape extents;
  for (size_t d = 0; d < kernel.size(); ++d) {
    int64_t slack = input[d + 2] + before[d] + after[d] - (kernel[d] - 1) * dilations[d] - 1;
    if (slack < 0) {
      extents.push_back(0);
      continue;
    }
    int64_t extent = (slack + (ceil ? strides[d] - 1 : 0)) / strides[d] + 1;
    if (ceil && (extent - 1) * strides[d] >= input[d + 2] + before[d])
      --extent;
    extents.push_back(extent);
  }
  return extents;
}

bool Window::isPadded() const {
  auto isPositive = [](int64_t pad) { return pad > 0; };
  return llvm::any_of(before, isPositive) || llvm::any_of(after, isPositive);
}

Value onnx_import::padSpatial(Node &node, Value value, ArrayRef<int64_t> before, ArrayRef<int64_t> after, double with) {
  auto type = cast<RankedTensorType>(value.getType());
  auto zero = node.builder.getIndexAttr(0);
  SmallVector<OpFoldResult> low(2, zero), high(2, zero);
  Shape shape(type.getShape());
  bool isPadded = false;
  for (auto [d, b, a] : llvm::enumerate(before, after)) {
    low.push_back(node.builder.getIndexAttr(b));
    high.push_back(node.builder.getIndexAttr(a));
    shape[d + 2] += b + a;
    isPadded |= b + a > 0;
  }
  if (!isPadded)
    return value;
  auto padded = RankedTensorType::get(shape, type.getElementType());
  return tensor::PadOp::create(node.builder, node.loc, padded, value, low, high,
                               node.scalar(type.getElementType(), with));
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

namespace {
/// A pooling op read and checked: its window with padding for `ceil_mode`, and the type of its result.
struct Pooling {
  Window window;
  RankedTensorType type;
  /// Padding after, with what `ceil_mode` adds.
  Shape reach;

  static FailureOr<Pooling> get(Node &node, bool takesBytes = false) {
    auto x = node.type(0);
    if (x.getRank() < 3 || x.getRank() > 4)
      return node.refuse("its input does not have one or two spatial dimensions");
    if (!isa<FloatType>(x.getElementType()) && !(takesBytes && x.getElementType().isInteger(8)))
      return node.refuse(llvm::Twine("element types other than float, double") +
                         (takesBytes ? ", int8 and uint8" : "") + " are not supported");
    auto window = Window::get(node, x.getShape(), std::nullopt);
    if (failed(window))
      return failure();
    Shape extents = window->resultExtents(x.getShape(), node.integer("ceil_mode", 0));
    Shape shape{x.getDimSize(0), x.getDimSize(1)};
    llvm::append_range(shape, extents);
    auto type = node.activation(shape, x.getElementType());
    if (failed(type))
      return failure();
    Pooling pooling{*window, *type, window->after};
    for (auto [d, extent] : llvm::enumerate(extents)) {
      int64_t needed = (extent - 1) * window->strides[d] + (window->kernel[d] - 1) * window->dilations[d] + 1;
      pooling.reach[d] = std::max(pooling.reach[d], needed - x.getDimSize(d + 2) - window->before[d]);
    }
    return pooling;
  }

  /// Emits `Op` over the padded input; a row is an image of height 1.
  template <typename Op>
  Value emit(Node &node, double padding, double init) {
    Value x = padSpatial(node, node.input(0), window.before, reach, padding), out = node.filled(type, init);
    Shape kernel = window.kernel, strides = window.strides, dilations = window.dilations;
    if (kernel.size() == 1) {
      for (Value *value : {&x, &out}) {
        Shape shape(cast<RankedTensorType>(value->getType()).getShape());
        shape.insert(shape.begin() + 2, 1);
        *value = node.reshape(*value, shape);
      }
      for (Shape *extents : {&kernel, &strides, &dilations})
        extents->insert(extents->begin(), 1);
    }
    Value frame = node.empty(RankedTensorType::get(kernel, type.getElementType()));
    Value pooled = Op::create(node.builder, node.loc, out.getType(), ValueRange{x, frame}, out,
                              node.builder.getI64VectorAttr(strides), node.builder.getI64VectorAttr(dilations))
                       .getResult(0);
    return node.reshape(pooled, type.getShape());
  }
};
} // namespace

/// The maxima of integers without sign, which linalg has no pooling of channels before places for.
static Value emitUnsignedMaxima(Node &node, const Pooling &pooling) {
  const Window &window = pooling.window;
  OpBuilder &builder = node.builder;
  Value x = padSpatial(node, node.input(0), window.before, pooling.reach, 0), out = node.filled(pooling.type, 0);
  int64_t spatial = window.kernel.size(), numLoops = 2 + 2 * spatial;
  SmallVector<AffineExpr> xs{builder.getAffineDimExpr(0), builder.getAffineDimExpr(1)}, frames;
  for (int64_t d = 0; d < spatial; ++d) {
    AffineExpr tap = builder.getAffineDimExpr(2 + spatial + d);
    xs.push_back(builder.getAffineDimExpr(2 + d) * window.strides[d] + tap * window.dilations[d]);
    frames.push_back(tap);
  }
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(numLoops, 0, exprs, builder.getContext()); };
  SmallVector<AffineMap> maps{map(xs), map(frames),
                              builder.getMultiDimIdentityMap(numLoops).getMajorSubMap(2 + spatial)};
  SmallVector<utils::IteratorType> iterators(2 + spatial, utils::IteratorType::parallel);
  iterators.append(spatial, utils::IteratorType::reduction);
  Value frame = node.empty(RankedTensorType::get(window.kernel, pooling.type.getElementType()));
  return linalg::GenericOp::create(builder, node.loc, TypeRange{pooling.type}, ValueRange{x, frame}, ValueRange{out},
                                   maps, iterators,
                                   [](OpBuilder &inner, Location at, ValueRange arguments) {
                                     Value larger = arith::MaxUIOp::create(inner, at, arguments[2], arguments[0]);
                                     linalg::YieldOp::create(inner, at, larger);
                                   })
      .getResult(0);
}

static LogicalResult importMaxPool(Node &node) {
  if (node.wantsResult(1))
    return node.refuse("its second result, the indices of the maxima, is not supported");
  auto pooling = Pooling::get(node, /*takesBytes=*/true);
  if (failed(pooling))
    return failure();
  if (node.isUnsigned(0))
    return node.yieldUnsigned(emitUnsignedMaxima(node, *pooling));
  bool isFloat = isa<FloatType>(pooling->type.getElementType());
  double lowest = isFloat ? -std::numeric_limits<double>::infinity() : std::numeric_limits<int8_t>::min();
  return node.yield(pooling->emit<linalg::PoolingNchwMaxOp>(node, lowest, lowest));
}

/// The number of elements that each window averages over, for each place of the result.
static SmallVector<double> windowCounts(const Pooling &pooling, ArrayRef<int64_t> input, bool countsPadding) {
  const Window &window = pooling.window;
  SmallVector<double> counts{1};
  for (size_t d = 0; d < window.kernel.size(); ++d) {
    int64_t first = countsPadding ? -window.before[d] : 0;
    int64_t last = input[d + 2] + (countsPadding ? window.after[d] : 0);
    SmallVector<double> next;
    for (double count : counts)
      for (int64_t place = 0; place < pooling.type.getDimSize(d + 2); ++place) {
        int64_t inside = 0;
        for (int64_t tap = 0; tap < window.kernel[d]; ++tap) {
          int64_t at = place * window.strides[d] - window.before[d] + tap * window.dilations[d];
          inside += at >= first && at < last;
        }
        next.push_back(count * inside);
      }
    counts = std::move(next);
  }
  return counts;
}

/// Divides `sum` by the counts of its windows.
static FailureOr<Value> divideByCounts(Node &node, Value sum, RankedTensorType type, ArrayRef<double> counts) {
  Type element = type.getElementType();
  bool isUniform = llvm::all_equal(counts);
  SmallVector<Value> operands{sum};
  if (!isUniform) {
    auto countType = RankedTensorType::get(type.getShape().drop_front(2), element);
    Attribute values = element.isF64()
                           ? Attribute(DenseElementsAttr::get(countType, counts))
                           : Attribute(DenseElementsAttr::get(countType, ArrayRef<float>(SmallVector<float>(counts))));
    operands.push_back(arith::ConstantOp::create(node.builder, node.loc, cast<TypedAttr>(values)));
  }
  return node.elementwise(operands, element, [&](OpBuilder &builder, ValueRange a) -> Value {
    Value count =
        isUniform ? arith::ConstantOp::create(builder, node.loc, builder.getFloatAttr(element, counts[0])) : a[1];
    return arith::DivFOp::create(builder, node.loc, a[0], count);
  });
}

static LogicalResult importAveragePool(Node &node) {
  if (auto dilations = node.list("dilations"); dilations && llvm::any_of(*dilations, [](int64_t d) { return d != 1; }))
    return node.refuse("dilations are not supported");
  auto pooling = Pooling::get(node);
  if (failed(pooling))
    return failure();
  // A table of counts is as large as the shapes that the file claims.
  constexpr int64_t kMostPlaces = int64_t(1) << 24;
  int64_t places = 1, taps = 1;
  for (auto [extent, kernel] : llvm::zip(pooling->type.getShape().drop_front(2), pooling->window.kernel)) {
    places *= std::min(extent, kMostPlaces);
    taps *= std::min(kernel, kMostPlaces);
  }
  if (places > kMostPlaces || taps > kMostPlaces)
    return node.refuse("its result or its window has more than " + llvm::Twine(kMostPlaces) + " places");
  Value sum = pooling->emit<linalg::PoolingNchwSumOp>(node, 0, 0);
  auto counts = windowCounts(*pooling, node.type(0).getShape(), node.integer("count_include_pad", 0));
  auto mean = divideByCounts(node, sum, pooling->type, counts);
  return failed(mean) ? failure() : node.yield(*mean);
}

static LogicalResult importGlobalAveragePool(Node &node) {
  auto x = node.type(0);
  if (x.getRank() < 3 || !isa<FloatType>(x.getElementType()))
    return node.refuse("its input has no spatial dimension, or no float elements");
  auto dims = llvm::to_vector(llvm::seq<int64_t>(2, x.getRank()));
  auto keptType = RankedTensorType::get(x.getShape().take_front(2), x.getElementType());
  Value sum = linalg::ReduceOp::create(node.builder, node.loc, ValueRange{node.input(0)},
                                       ValueRange{node.filled(keptType, 0)}, dims,
                                       [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                         Value folded = arith::AddFOp::create(inner, at, arguments[0], arguments[1]);
                                         linalg::YieldOp::create(inner, at, folded);
                                       })
                  .getResult(0);
  double count = 1;
  Shape shape(x.getShape().take_front(2));
  for (int64_t extent : x.getShape().drop_front(2)) {
    count *= extent;
    shape.push_back(1);
  }
  auto mean = divideByCounts(node, sum, keptType, {count});
  return failed(mean) ? failure() : node.yield(node.reshape(*mean, shape));
}

void onnx_import::addPoolingOps(NodeImporters &importers) {
  importers["MaxPool"] = importMaxPool;
  importers["AveragePool"] = importAveragePool;
  importers["GlobalAveragePool"] = importGlobalAveragePool;
}
