//===- IntegerConvolution.cpp - Convolutions of integers ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IntegerProduct.h"
#include "LinearOps.h"
#include "compress/Dialect/Compress/IR/WordProduct.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

/// x with its zero point around its places, which start at `firstDim`: what is padded stands for 0.
static Value padWithZeroPoint(Node &node, Value x, const Window &window, const ZeroPoint &zero, int64_t firstDim) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> low(type.getRank(), node.builder.getIndexAttr(0)), high(low);
  Shape shape(type.getShape());
  for (auto [d, before, after] : llvm::enumerate(window.before, window.after)) {
    low[firstDim + d] = node.builder.getIndexAttr(before);
    high[firstDim + d] = node.builder.getIndexAttr(after);
    shape[firstDim + d] += before + after;
  }
  if (!window.isPadded())
    return x;
  Value number = zero.value ? tensor::ExtractOp::create(node.builder, node.loc, zero.value, ValueRange()).getResult()
                            : node.scalar(type.getElementType(), static_cast<int8_t>(zero.constant));
  return tensor::PadOp::create(node.builder, node.loc, RankedTensorType::get(shape, type.getElementType()), x, low,
                               high, number);
}

static Value transpose(Node &node, Value value, ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getType());
  Shape shape;
  for (int64_t from : permutation)
    shape.push_back(type.getDimSize(from));
  Value empty = node.empty(RankedTensorType::get(shape, type.getElementType()));
  return linalg::TransposeOp::create(node.builder, node.loc, value, empty, permutation)->getResult(0);
}

static Value channelsLast(Node &node, Value value) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<int64_t> permutation{0};
  llvm::append_range(permutation, llvm::seq<int64_t>(2, rank));
  permutation.push_back(1);
  return transpose(node, value, permutation);
}

Value IntegerProduct::ordered(Node &node, Value value) const {
  if (!isChannelsLast)
    return value;
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<int64_t> permutation{0, rank - 1};
  llvm::append_range(permutation, llvm::seq<int64_t>(1, rank - 1));
  return transpose(node, value, permutation);
}

/// `shape` with the dimension `at` split into groups.
static Shape splitGroups(ArrayRef<int64_t> shape, int64_t at, int64_t groups) {
  Shape result(shape);
  result[at] /= groups;
  result.insert(result.begin() + at, groups);
  return result;
}

/// True if each channel has taps of its own, and makes one of the result.
static bool isPerChannel(const Convolution &convolution) {
  return convolution.groups > 1 && convolution.result[1] == convolution.groups;
}

/// True if products of bytes, in words or in lanes of channels, make the convolution.
static bool isOfBytes(const Convolution &convolution, RankedTensorType weights) {
  int64_t channels = weights.getDimSize(1);
  if (convolution.groups > 1)
    return isPerChannel(convolution) && channels == 1;
  return convolution.result[1] > 1 && channels % kBytesPerWord == 0;
}

/// The convolution in words or in lanes of channels, channels last.
static FailureOr<IntegerProduct> emitConvOfWords(Node &node, const DotActivation &x, const Convolution &convolution,
                                                 const IntegerWeights &weights, Value start) {
  int64_t filters = weights.type.getDimSize(0), channels = weights.type.getDimSize(1);
  const Window &window = convolution.window;
  Value padded = padWithZeroPoint(node, channelsLast(node, x.codes), window, x.zero, /*firstDim=*/1);
  WordProduct product{padded,           std::string(weights.bytes.size(), '\0'),
                      filters,          channels,
                      window.kernel,    window.strides,
                      window.dilations, start};
  int64_t taps = llvm::product_of(window.kernel);
  for (int64_t f = 0; f < filters; ++f)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t t = 0; t < taps; ++t)
        product.weights[(f * taps + t) * channels + c] = weights.bytes[(f * channels + c) * taps + t];
  Shape places{convolution.result[0]};
  llvm::append_range(places, ArrayRef<int64_t>(convolution.result).drop_front(2));
  Value sums = isPerChannel(convolution) ? product.emitPerChannel(node.builder, node.loc, node.sizes(places))
                                         : product.emit(node.builder, node.loc, node.sizes(places));
  return IntegerProduct{sums, {filters}, /*isChannelsLast=*/true};
}

FailureOr<IntegerProduct> onnx_import::emitConv(Node &node, ProductOperands operands) {
  OpBuilder &builder = node.builder;
  if (refusesElement(node, operands.x, builder.getI8Type()))
    return failure();
  auto zero = ZeroPoint::get(node, operands.xZero);
  if (failed(zero))
    return failure();
  auto convolution = Convolution::get(node, node.type(operands.x), node.type(operands.w));
  if (failed(convolution))
    return failure();
  auto type = node.activation(convolution->result, builder.getI32Type());
  auto weights = IntegerWeights::get(node, operands.w, operands.wZero, /*outDim=*/0);
  if (failed(type) || failed(weights))
    return failure();
  if (weights->sums.empty())
    return node.refuse("weights that are no constant are not supported");
  if (weights->allowsDots() && isOfBytes(*convolution, weights->type))
    if (auto x = DotActivation::get(node, node.input(operands.x), node.isUnsigned(operands.x), *zero)) {
      auto start = startOfSums(node, *weights, x->zero, operands.bias);
      if (failed(start))
        return failure();
      return emitConvOfWords(node, *x, *convolution, *weights, *start);
    }
  auto start = startOfSums(node, *weights, *zero, operands.bias);
  if (failed(start))
    return failure();
  int64_t spatial = convolution->spatial, groups = convolution->groups, rank = type->getRank();
  Value x = padWithZeroPoint(node, node.input(operands.x), convolution->window, *zero, /*firstDim=*/2),
        w = weights->codes(node);
  Value init = node.filled(*type, 0);
  if (*start) {
    auto dims = llvm::to_vector(llvm::seq<int64_t>(2, rank));
    dims.insert(dims.begin(), 0);
    init = linalg::BroadcastOp::create(builder, node.loc, *start, node.empty(*type), dims)->getResult(0);
  }
  Shape zeroShape{type->getDimSize(1)};
  bool hasGroups = groups > 1;
  if (hasGroups) {
    x = node.reshape(x, splitGroups(cast<RankedTensorType>(x.getType()).getShape(), 1, groups));
    w = node.reshape(w, splitGroups(cast<RankedTensorType>(w.getType()).getShape(), 0, groups));
    init = node.reshape(init, splitGroups(type->getShape(), 1, groups));
    zeroShape = splitGroups(zeroShape, 0, groups);
  }
  // Loops: sample, group, filter, place; channel, tap.
  int64_t filter = 1 + hasGroups, place = filter + 1, channel = place + spatial, tap = channel + 1;
  int64_t numLoops = tap + spatial;
  auto loop = [&](int64_t i) { return builder.getAffineDimExpr(i); };
  SmallVector<AffineExpr> xs{loop(0)}, ws, ys{loop(0)}, zeros;
  if (hasGroups)
    for (auto *exprs : {&xs, &ws, &ys, &zeros})
      exprs->push_back(loop(1));
  xs.push_back(loop(channel));
  ws.append({loop(filter), loop(channel)});
  ys.push_back(loop(filter));
  zeros.push_back(loop(filter));
  for (int64_t d = 0; d < spatial; ++d) {
    xs.push_back(loop(place + d) * convolution->window.strides[d] + loop(tap + d) * convolution->window.dilations[d]);
    ws.push_back(loop(tap + d));
    ys.push_back(loop(place + d));
  }
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(numLoops, 0, exprs, builder.getContext()); };
  Factor a{x, node.isUnsigned(operands.x), map(xs)}, b{w, weights->isUnsigned, map(ws)};
  if (weights->zeros) {
    bool isScalar = cast<RankedTensorType>(weights->zeros.getType()).getRank() == 0;
    b.zeros = isScalar ? weights->zeros : node.reshape(weights->zeros, zeroShape);
    b.zeroMap = map(isScalar ? ArrayRef<AffineExpr>() : ArrayRef(zeros));
  }
  Value sums = node.reshape(emitProduct(node, a, b, map(ys), init), type->getShape());
  Shape perResult(spatial + 1, 1);
  perResult[0] = type->getDimSize(1);
  return IntegerProduct{sums, perResult};
}
