//===- ByteLayer.cpp - Layers as products of bytes -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ByteLayer.h"
#include "Moves.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// What a layer multiplies
//===----------------------------------------------------------------------===//

/// Places of free dimensions, then windows, as the result has them; then channels.
bool ByteLayer::takeDims(std::string &whyNot) {
  auto of = [&](Role role) {
    return llvm::count_if(llvm::enumerate(consumer.roles), [&](auto entry) {
      return entry.value() == role && cast<RankedTensorType>(consumer.weight.getType()).getDimSize(entry.index()) > 1;
    });
  };
  int64_t rank = consumer.resultType().getRank();
  SmallVector<int64_t> dimOfResult(rank, -1), windows;
  bool isPlain = isPerChannel() || (of(Role::Batch) == 0 && llvm::count(consumer.roles, Role::Out) == 1 &&
                                    llvm::count(consumer.roles, Role::In) == 1);
  for (auto [d, dim] : llvm::enumerate(consumer.dims))
    if (dim.kind != ActivationDim::In) {
      isPlain &= dimOfResult[dim.resultDim] < 0;
      dimOfResult[dim.resultDim] = d;
    } else {
      isPlain &= !isPerChannel();
    }
  for (int64_t r = 0; r < rank; ++r) {
    if (r == consumer.outDim)
      continue;
    isPlain &= dimOfResult[r] >= 0;
    if (isPlain && consumer.dims[dimOfResult[r]].kind == ActivationDim::Window)
      windows.push_back(r);
    else
      resultOrder.push_back(r);
  }
  if (!isPlain) {
    whyNot = "its weights have other dimensions than out, in and taps";
    return false;
  }
  for (int64_t r : windows) {
    const ActivationDim &dim = consumer.dims[dimOfResult[r]];
    product.taps.push_back(cast<RankedTensorType>(consumer.weight.getType()).getDimSize(dim.tapDim));
    product.strides.push_back(dim.stride);
    product.dilations.push_back(dim.dilation);
    resultOrder.push_back(r);
  }
  for (int64_t r : resultOrder)
    activationOrder.push_back(dimOfResult[r]);
  activationOrder.push_back(consumer.inDim);
  resultOrder.push_back(consumer.outDim);
  return true;
}

/// The numbers of all raw codes over their unit; empty if they are no bytes with sign times a unit.
static SmallVector<int64_t> integersOf(NumberCodeAttrInterface code) {
  SmallVector<int64_t> integers;
  if (!(code.getUnit() > 0))
    return integers;
  for (int64_t raw = 0, e = int64_t(1) << code.getNumBits(); raw < e; ++raw)
    integers.push_back(std::llround(code.valueOf(raw) / code.getUnit()));
  return integers;
}

bool ByteLayer::takeWeights(const CodedTensor &weights, std::string &whyNot) {
  auto code = cast<NumberCodeAttrInterface>(weights.code);
  auto type = cast<RankedTensorType>(weights.codes.getType());
  auto codes = constantValues(weights.codes), given = constantValues(weights.scales);
  auto zeros = weights.zeros ? constantValues(weights.zeros) : std::optional(SmallVector<double>());
  SmallVector<int64_t> integers = integersOf(code);
  if (!codes || !given || !zeros || weights.layout) {
    whyNot = "its weights are no constants";
    return false;
  }
  if (integers.empty()) {
    whyNot = "the numbers of its code are no bytes times one number";
    return false;
  }
  int64_t out = isPerChannel() ? channel : llvm::find(consumer.roles, Role::Out) - consumer.roles.begin();
  for (auto [d, count] : llvm::enumerate(cast<RankedTensorType>(weights.scales.getType()).getShape()))
    if (count > 1 && static_cast<int64_t>(d) != out) {
      whyNot = "its weights have several scales for an output";
      return false;
    }
  auto integerOf = [&](double raw) {
    return integers[static_cast<int64_t>(raw) & ((int64_t(1) << code.getNumBits()) - 1)];
  };
  // The dimensions of the weight as the product has them.
  SmallVector<int64_t> dims{out}, strides = computeStrides(type.getShape());
  for (int64_t r : ArrayRef(resultOrder).take_back(product.taps.size() + 1).drop_back())
    for (const ActivationDim &dim : consumer.dims)
      if (dim.kind == ActivationDim::Window && dim.resultDim == r)
        dims.push_back(dim.tapDim);
  if (!isPerChannel())
    dims.push_back(llvm::find(consumer.roles, Role::In) - consumer.roles.begin());
  SmallVector<int64_t> extents = llvm::map_to_vector(dims, [&](int64_t d) { return type.getDimSize(d); });
  SmallVector<int64_t> ordered = computeStrides(extents);
  product.filters = extents.front();
  product.channels = isPerChannel() ? 1 : extents.back();
  product.weights.resize(type.getNumElements());
  sums.assign(product.filters, 0);
  magnitudes.assign(product.filters, 0);
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
    SmallVector<int64_t> at = delinearize(i, ordered);
    int64_t place = 0, scale = at[0] / weights.group[out];
    for (auto [index, d] : llvm::zip_equal(at, dims))
      place += index * strides[d];
    int64_t number = integerOf((*codes)[place]) - (zeros->empty() ? 0 : integerOf((*zeros)[scale]));
    if (number < -128 || number > 127) {
      whyNot = "8 bits with sign do not hold its weights minus their zero points";
      return false;
    }
    product.weights[i] = static_cast<char>(number);
    sums[at[0]] += number;
    magnitudes[at[0]] += std::abs(number);
  }
  for (int64_t f = 0; f < product.filters; ++f)
    scales.push_back(static_cast<float>((*given)[f / weights.group[out]] * code.getUnit()));
  return true;
}

/// Of a fill, or a vector that is copied along all other dimensions.
void ByteLayer::takeBias() {
  Operation *init = consumer.init.getDefiningOp();
  while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(init) &&
         matchUnitReshape(cast<RankedTensorType>(init->getOperand(0).getType()),
                          cast<RankedTensorType>(init->getResult(0).getType())))
    init = init->getOperand(0).getDefiningOp();
  APFloat number(0.0f);
  if (consumer.initIsZero()) {
    bias = SmallVector<double>(product.filters, 0);
  } else if (auto broadcast = dyn_cast_or_null<linalg::BroadcastOp>(init)) {
    auto values = constantValues(broadcast.getInput());
    int64_t rank = cast<RankedTensorType>(broadcast.getResult()[0].getType()).getRank();
    bool isPerOutput = static_cast<int64_t>(broadcast.getDimensions().size()) == rank - 1;
    for (int64_t d = 0; isPerOutput && d < rank; ++d)
      if (!llvm::is_contained(broadcast.getDimensions(), d))
        isPerOutput = rank == consumer.resultType().getRank() && d == consumer.outDim;
    if (values && isPerOutput)
      bias = std::move(*values);
  }
}

std::optional<ByteLayer> ByteLayer::get(const LinearConsumer &consumer, const CodedTensor &weights, std::string &whyNot,
                                        int64_t channel) {
  ByteLayer layer{consumer, channel, {}, {}, {}, {}, {}, {}, {}};
  if (!consumer.resultType().getElementType().isF32()) {
    whyNot = "it is not of f32";
    return std::nullopt;
  }
  if (!layer.takeDims(whyNot) || !layer.takeWeights(weights, whyNot))
    return std::nullopt;
  layer.takeBias();
  return layer;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int64_t>> ByteLayer::integerBias(float xScale) const {
  constexpr double kMost = 1 << 30;
  if (!bias)
    return std::nullopt;
  SmallVector<int64_t> integers;
  for (auto [value, scale] : llvm::zip_equal(*bias, scales)) {
    float step = xScale * scale, number = static_cast<float>(value);
    double integer = std::nearbyint(value / step);
    float again = static_cast<float>(integer) * step;
    if (std::abs(integer) > kMost || std::abs(again - number) > std::abs(std::nextafter(number, 2 * number) - number))
      return std::nullopt;
    integers.push_back(static_cast<int64_t>(integer));
  }
  return integers;
}

bool ByteLayer::fitsSums(const ByteActivation &x) const {
  constexpr double kMostByte = 255, kMostSum = 0x7fffffff;
  auto integers = x.scales ? std::nullopt : integerBias(x.scale);
  for (auto [f, magnitude] : llvm::enumerate(magnitudes))
    if (magnitude * kMostByte + (integers ? std::abs((*integers)[f]) : 0) > kMostSum)
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

/// The activation's codes, channels last, with its zero point where it is padded.
Value ByteLayer::emitBytes(OpBuilder &builder, Location loc, const ByteActivation &x) const {
  Value codes = transposed(builder, loc, x.codes, activationOrder);
  auto type = cast<RankedTensorType>(codes.getType());
  SmallVector<OpFoldResult> low, high;
  SmallVector<int64_t> shape(type.getShape());
  bool isPadded = false;
  for (auto [d, from] : llvm::enumerate(activationOrder)) {
    const ActivationDim &dim = consumer.dims[from];
    low.push_back(builder.getIndexAttr(dim.padLow));
    high.push_back(builder.getIndexAttr(dim.padHigh));
    isPadded |= dim.padLow > 0 || dim.padHigh > 0;
    shape[d] += ShapedType::isDynamic(shape[d]) ? 0 : dim.padLow + dim.padHigh;
  }
  if (!isPadded)
    return codes;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getI8IntegerAttr(static_cast<int8_t>(x.zero)));
  return tensor::PadOp::create(builder, loc, type.clone(shape), codes, low, high, zero);
}

/// A number for each output.
template <typename T>
static Value perOutput(OpBuilder &builder, Location loc, ArrayRef<T> values) {
  Type element = std::is_same_v<T, float> ? Type(builder.getF32Type()) : builder.getI32Type();
  return materializeConstant(builder, loc, RankedTensorType::get({static_cast<int64_t>(values.size())}, element),
                             ArrayRef<char>(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)));
}

/// (sums - zero * sum of weights) * (x scale * weight scale) + bias; the zero points are those that differ by sample.
Value ByteLayer::emitNumbers(OpBuilder &builder, Location loc, Value sums, const ByteActivation &x,
                             bool addsBias) const {
  int64_t rank = cast<RankedTensorType>(sums.getType()).getRank();
  int64_t sample = llvm::find(activationOrder, 0) - activationOrder.begin();
  AffineMap identity = builder.getMultiDimIdentityMap(rank), perFilter = identity.getMinorSubMap(1);
  AffineMap perSample = AffineMap::get(rank, 0, builder.getAffineDimExpr(sample));
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  auto add = [&](Value input, AffineMap map) {
    inputs.push_back(input);
    maps.push_back(map);
    return inputs.size() - 1;
  };
  add(sums, identity);
  size_t scale =
      add(perOutput<float>(builder, loc, llvm::map_to_vector(scales, [&](float s) { return x.scale * s; })), perFilter);
  size_t offset = addsBias ? add(perOutput<float>(builder, loc, llvm::to_vector_of<float>(*bias)), perFilter) : 0;
  size_t xScale = x.scales ? add(x.scales, perSample) : 0, zero = x.zeros ? add(x.zeros, perSample) : 0;
  size_t total =
      x.zeros ? add(perOutput<int32_t>(builder, loc, llvm::to_vector_of<int32_t>(this->sums)), perFilter) : 0;
  maps.push_back(identity);
  Value empty = tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, sums), builder.getF32Type());
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, empty.getType(), inputs, empty, maps, loops,
                                   [&](OpBuilder &b, Location l, ValueRange a) {
                                     Value sum = a[0], factor = a[scale];
                                     if (zero)
                                       sum = arith::SubIOp::create(b, l, sum,
                                                                   arith::MulIOp::create(b, l, a[zero], a[total]));
                                     if (xScale)
                                       factor = arith::MulFOp::create(b, l, factor, a[xScale]);
                                     Value y = arith::SIToFPOp::create(b, l, b.getF32Type(), sum);
                                     y = arith::MulFOp::create(b, l, y, factor);
                                     if (offset)
                                       y = arith::AddFOp::create(b, l, y, a[offset]);
                                     linalg::YieldOp::create(b, l, y);
                                   })
      .getResult(0);
}

Value ByteLayer::emit(RewriterBase &rewriter, ByteActivation x) {
  Location loc = consumer.op->getLoc();
  x.makeUnsigned(rewriter, loc);
  x.reshapeCodes(rewriter);
  auto integers = x.scales ? std::nullopt : integerBias(x.scale);
  SmallVector<int32_t> start;
  for (auto [f, sum] : llvm::enumerate(sums))
    start.push_back(static_cast<int32_t>((integers ? (*integers)[f] : 0) - x.zero * sum));
  if (llvm::any_of(start, [](int32_t value) { return value != 0; }))
    product.start = perOutput<int32_t>(rewriter, loc, start);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, consumer.init);
  applyPermutationToVector(sizes, resultOrder);
  sizes.pop_back();
  product.activation = emitBytes(rewriter, loc, x);
  Value sums = isPerChannel() ? product.emitPerChannel(rewriter, loc, sizes) : product.emit(rewriter, loc, sizes);
  bool addsBias = bias && !integers && llvm::any_of(*bias, [](double value) { return value != 0; });
  Value numbers = emitNumbers(rewriter, loc, sums, x, addsBias);
  Value result = transposed(rewriter, loc, numbers, invertPermutationVector(resultOrder));
  if (!bias) {
    Value empty = tensor::EmptyOp::create(rewriter, loc, tensor::getMixedSizes(rewriter, loc, consumer.init),
                                          rewriter.getF32Type());
    result = linalg::AddOp::create(rewriter, loc, ValueRange{result, consumer.init}, ValueRange{empty}).getResult(0);
  }
  if (result.getType() != consumer.resultType())
    result = tensor::CastOp::create(rewriter, loc, consumer.resultType(), result);
  return result;
}

bool mlir::compress::multipliesBytes(Operation *root) {
  auto isOf = [](Value value, unsigned bits) { return getElementTypeOrSelf(value.getType()).isInteger(bits); };
  WalkResult found = root->walk([&](linalg::LinalgOp op) {
    bool isProduct = op.getNumReductionLoops() > 0 && op.getNumDpsInputs() == 2 && op.getNumDpsInits() == 1 &&
                     isOf(op.getDpsInputs()[0], 8) && isOf(op.getDpsInputs()[1], 8) && isOf(op.getDpsInits()[0], 32);
    return isProduct ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found.wasInterrupted();
}
