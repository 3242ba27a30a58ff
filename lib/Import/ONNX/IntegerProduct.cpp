//===- IntegerProduct.cpp - Products of integers with zero points ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IntegerProduct.h"
#include "LinearOps.h"
#include "compress/Dialect/Compress/IR/ByteRounding.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/WordProduct.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

Value onnx_import::constantOf(Node &node, ArrayRef<int64_t> shape, StringRef bytes) {
  OpBuilder::InsertionGuard guard(node.builder);
  node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
  return materializeConstant(node.builder, node.loc, RankedTensorType::get(shape, node.builder.getI8Type()),
                             ArrayRef<char>(bytes.data(), bytes.size()));
}

FailureOr<ZeroPoint> ZeroPoint::get(Node &node, int i) {
  if (!node.has(i))
    return ZeroPoint();
  if (refusesElement(node, i, node.builder.getI8Type()))
    return failure();
  if (auto number = node.number(i))
    return ZeroPoint{static_cast<int64_t>(*number), {}, node.isUnsigned(i)};
  if (!node.type(i).hasStaticShape() || node.type(i).getNumElements() != 1)
    return node.refuse("operand " + llvm::Twine(i) + ", the zero point of an activation, is not one number");
  return ZeroPoint{0, node.reshape(node.input(i), {}), node.isUnsigned(i)};
}

static Value vectorConstant(Node &node, ArrayRef<int32_t> values, bool isScalar = false) {
  auto shape = isScalar ? Shape() : Shape{static_cast<int64_t>(values.size())};
  OpBuilder::InsertionGuard guard(node.builder);
  node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
  return materializeConstant(node.builder, node.loc, RankedTensorType::get(shape, node.builder.getI32Type()),
                             ArrayRef<char>(reinterpret_cast<const char *>(values.data()), values.size() * 4));
}

/// The transpose of a matrix of bytes.
static Tensor transposed(const Tensor &matrix) {
  int64_t rows = matrix.type.getDimSize(0), cols = matrix.type.getDimSize(1);
  Tensor result{RankedTensorType::get({cols, rows}, matrix.type.getElementType()), matrix.bytes, matrix.isUnsigned};
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      result.bytes[j * rows + i] = matrix.bytes[i * cols + j];
  return result;
}

/// Subtracts zero points from the codes where 8 bits hold all differences, and sums them up for each result.
LogicalResult IntegerWeights::takeConstant(Node &node, const Tensor &tensor, ArrayRef<int64_t> given, int64_t outDim) {
  SmallVector<int64_t> numbers = tensor.integers();
  ArrayRef<int64_t> shape = tensor.type.getShape();
  int64_t results = outDim < 0 ? 1 : shape[outDim], inner = 1;
  for (int64_t extent : shape.drop_front(outDim + 1))
    inner *= outDim < 0 ? 1 : extent;
  if (given.size() != 1 && static_cast<int64_t>(given.size()) != results)
    return node.refuse("the zero points of its weights are neither one number, nor one per result");
  auto resultOf = [&](int64_t i) { return outDim < 0 ? 0 : i / inner % results; };
  SmallVector<int64_t> total(results, 0);
  int64_t low = 0, high = 0;
  for (auto [i, number] : llvm::enumerate(numbers)) {
    number -= given[given.size() == 1 ? 0 : resultOf(i)];
    low = std::min(low, number);
    high = std::max(high, number);
    total[resultOf(i)] += number;
  }
  for (int64_t sum : total)
    sums.push_back(static_cast<int32_t>(sum)); // modulo 2^32, as all sums are
  bool isSigned = low >= -128 && high <= 127;
  bytes = tensor.bytes;
  type = tensor.type;
  isUnsigned = tensor.isUnsigned;
  if (isSigned || (low >= 0 && high <= 255)) {
    isUnsigned = !isSigned;
    for (auto [byte, number] : llvm::zip(bytes, numbers))
      byte = static_cast<char>(number);
  } else {
    zeros = vectorConstant(node, llvm::map_to_vector(given, [](int64_t zero) { return static_cast<int32_t>(zero); }),
                           given.size() == 1);
  }
  return success();
}

FailureOr<IntegerWeights> IntegerWeights::get(Node &node, int operand, int zeroOperand, std::optional<int64_t> outDim,
                                              bool transpose) {
  if (refusesElement(node, operand, node.builder.getI8Type()))
    return failure();
  bool hasZero = node.has(zeroOperand);
  if (hasZero && refusesElement(node, zeroOperand, node.builder.getI8Type()))
    return failure();
  IntegerWeights weights;
  const Tensor *tensor = node.constant(operand), *zero = hasZero ? node.constant(zeroOperand) : nullptr;
  RankedTensorType type = node.type(operand);
  if (tensor && (!hasZero || zero) && (type.getRank() <= 2 || outDim == 0)) {
    SmallVector<int64_t> zeros = zero ? zero->integers() : SmallVector<int64_t>{0};
    if (failed(weights.takeConstant(node, transpose ? transposed(*tensor) : *tensor, zeros, outDim.value_or(-1))))
      return failure();
    return weights;
  }
  if (transpose)
    return node.refuse("transposed weights are supported as constants only");
  weights.value = node.input(operand);
  weights.type = type;
  weights.isUnsigned = node.isUnsigned(operand);
  if (hasZero) {
    auto zeroType = node.type(zeroOperand);
    bool isScalar = zeroType.hasStaticShape() && zeroType.getNumElements() == 1;
    int64_t results = outDim ? type.getDimSize(*outDim) : 1;
    if (!isScalar && zeroType.getShape() != ArrayRef<int64_t>{results})
      return node.refuse("the zero points of its weights are neither one number, nor one per result");
    weights.zeros = isScalar ? node.reshape(node.input(zeroOperand), {}) : node.input(zeroOperand);
    weights.zerosUnsigned = node.isUnsigned(zeroOperand);
  }
  return weights;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value onnx_import::emitProduct(Node &node, const Factor &a, const Factor &b, AffineMap resultMap, Value init) {
  SmallVector<Value> operands{a.codes, b.codes};
  SmallVector<AffineMap> maps{a.map, b.map};
  for (const Factor *factor : {&a, &b})
    if (factor->zeros) {
      operands.push_back(factor->zeros);
      maps.push_back(factor->zeroMap);
    }
  maps.push_back(resultMap);
  SmallVector<utils::IteratorType> iterators;
  for (unsigned loop = 0; loop < resultMap.getNumDims(); ++loop)
    iterators.push_back(resultMap.isFunctionOfDim(loop) ? utils::IteratorType::parallel
                                                        : utils::IteratorType::reduction);
  return linalg::GenericOp::create(node.builder, node.loc, TypeRange{init.getType()}, operands, ValueRange{init}, maps,
                                   iterators,
                                   [&](OpBuilder &builder, Location loc, ValueRange arguments) {
                                     int next = 2;
                                     auto number = [&](const Factor &factor, Value code) {
                                       Value value = extendByte(builder, loc, code, factor.isUnsigned);
                                       if (!factor.zeros)
                                         return value;
                                       Value zero = extendByte(builder, loc, arguments[next++], factor.zerosUnsigned);
                                       return arith::SubIOp::create(builder, loc, value, zero).getResult();
                                     };
                                     Value left = number(a, arguments[0]), right = number(b, arguments[1]);
                                     Value product = arith::MulIOp::create(builder, loc, left, right);
                                     Value sum = arith::AddIOp::create(builder, loc, arguments.back(), product);
                                     linalg::YieldOp::create(builder, loc, sum);
                                   })
      .getResult(0);
}

FailureOr<Value> onnx_import::startOfSums(Node &node, const IntegerWeights &weights, const ZeroPoint &zero,
                                          int biasOperand) {
  const Tensor *bias = node.constant(biasOperand);
  bool hasBias = node.has(biasOperand);
  auto result = [&](int64_t factor, ArrayRef<int64_t> addends) {
    SmallVector<int32_t> values;
    for (auto [i, sum] : llvm::enumerate(weights.sums))
      values.push_back(static_cast<int32_t>((addends.empty() ? 0 : addends[i]) - factor * sum));
    return values;
  };
  size_t count = weights.sums.size();
  if (hasBias &&
      (refusesElement(node, biasOperand, node.builder.getI32Type()) || !node.type(biasOperand).hasStaticShape() ||
       node.type(biasOperand).getNumElements() != static_cast<int64_t>(count)))
    return node.refuse("its bias does not have one INT32 value per result");
  if (!zero.value && (!hasBias || bias)) {
    auto values = result(zero.constant, bias ? bias->integers() : SmallVector<int64_t>());
    if (llvm::all_of(values, [](int32_t value) { return value == 0; }))
      return Value();
    return vectorConstant(node, values);
  }
  SmallVector<Value> operands{vectorConstant(node, result(zero.value ? 1 : zero.constant, {}))};
  if (zero.value)
    operands.push_back(zero.value);
  if (hasBias)
    operands.push_back(node.reshape(node.input(biasOperand), {static_cast<int64_t>(count)}));
  return node.elementwise(operands, node.builder.getI32Type(), [&](OpBuilder &builder, ValueRange a) -> Value {
    Value value = a[0];
    if (zero.value)
      value = arith::MulIOp::create(builder, node.loc, value, extendByte(builder, node.loc, a[1], zero.isUnsigned));
    return hasBias ? arith::AddIOp::create(builder, node.loc, value, a.back()).getResult() : value;
  });
}

static FailureOr<Value> zeroTensor(Node &node, const ZeroPoint &zero) {
  if (zero.value)
    return zero.value;
  return vectorConstant(node, {static_cast<int32_t>(zero.constant)}, /*isScalar=*/true);
}

//===----------------------------------------------------------------------===//
// Products in words
//===----------------------------------------------------------------------===//

std::optional<DotActivation> DotActivation::get(Node &node, Value x, bool isUnsigned, const ZeroPoint &zero) {
  if (isUnsigned)
    return DotActivation{x, zero};
  if (zero.value)
    return std::nullopt;
  auto moved = node.elementwise(x, node.builder.getI8Type(), [&](OpBuilder &builder, ValueRange a) -> Value {
    Value sign = arith::ConstantOp::create(builder, node.loc, builder.getI8IntegerAttr(-128));
    return arith::XOrIOp::create(builder, node.loc, a[0], sign);
  });
  if (failed(moved))
    return std::nullopt;
  return DotActivation{*moved, ZeroPoint{zero.constant + 128, {}, /*isUnsigned=*/true}};
}

/// A product with a constant matrix, its rows in words.
static FailureOr<IntegerProduct> emitMatMulOfWords(Node &node, const DotActivation &x, const IntegerWeights &weights,
                                                   int biasOperand) {
  auto start = startOfSums(node, weights, x.zero, biasOperand);
  if (failed(start))
    return failure();
  int64_t depth = weights.type.getDimSize(0), columns = weights.type.getDimSize(1);
  Shape shape(cast<RankedTensorType>(x.codes.getType()).getShape());
  shape.back() = columns;
  if (failed(node.activation(shape, node.builder.getI32Type())))
    return failure();
  WordProduct product{x.codes, std::string(weights.bytes.size(), '\0'), columns, depth};
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t n = 0; n < columns; ++n)
      product.weights[n * depth + k] = weights.bytes[k * columns + n];
  product.start = *start;
  Value sums = product.emit(node.builder, node.loc, node.sizes(ArrayRef(shape).drop_back()));
  return IntegerProduct{sums, {columns}};
}

/// x (a value of integers, `xUnsigned`) times the weights, as NumPy's matmul.
static FailureOr<IntegerProduct> emitMatMulOf(Node &node, Value x, bool xUnsigned, const ZeroPoint &zero,
                                              ProductOperands operands, bool transpose) {
  int64_t rank = node.type(operands.w).getRank();
  auto outDim = rank > 1 ? std::optional<int64_t>(rank - 1) : std::nullopt;
  auto weights = IntegerWeights::get(node, operands.w, operands.wZero, outDim, transpose);
  if (failed(weights))
    return failure();
  RankedTensorType xType = cast<RankedTensorType>(x.getType()), wType = weights->type;
  if (weights->allowsDots() && wType.getRank() == 2 && wType.getDimSize(1) > 1 &&
      wType.getDimSize(0) % kBytesPerWord == 0 && xType.getRank() > 0 && xType.getShape().back() == wType.getDimSize(0))
    if (auto activation = DotActivation::get(node, x, xUnsigned, zero))
      return emitMatMulOfWords(node, *activation, *weights, operands.bias);
  auto loops = MatMulLoops::get(node, x, weights->codes(node));
  if (failed(loops))
    return failure();
  auto type = node.activation(loops->product, node.builder.getI32Type());
  if (failed(type))
    return failure();
  MLIRContext *context = node.builder.getContext();
  int64_t numLoops = loops->sumLoop() + 1, column = loops->numLeading + loops->hasRow;
  Factor a{loops->a, xUnsigned, loops->aMap}, b{loops->b, weights->isUnsigned, loops->bMap};
  if (weights->zeros) {
    b.zeros = weights->zeros;
    b.zerosUnsigned = weights->zerosUnsigned;
    bool isScalar = cast<RankedTensorType>(b.zeros.getType()).getRank() == 0;
    b.zeroMap = isScalar ? AffineMap::get(numLoops, 0, {}, context)
                         : AffineMap::get(numLoops, 0, {node.builder.getAffineDimExpr(column)}, context);
  }
  Value start;
  if (!weights->sums.empty()) {
    auto perResult = startOfSums(node, *weights, zero, operands.bias);
    if (failed(perResult))
      return failure();
    start = *perResult;
  } else {
    if (operands.bias >= 0 && node.has(operands.bias))
      return node.refuse("a bias is supported with constant weights only");
    if (!zero.isZero()) {
      a.zeros = *zeroTensor(node, zero);
      a.zerosUnsigned = zero.isUnsigned;
      a.zeroMap = AffineMap::get(numLoops, 0, {}, context);
    }
  }
  FailureOr<Value> init = node.filled(*type, 0);
  if (start)
    init = node.broadcastTo(loops->hasCol ? start : node.reshape(start, {}), *type);
  if (failed(init))
    return failure();
  Value sums = node.reshape(emitProduct(node, a, b, loops->productMap, *init), loops->result);
  return IntegerProduct{sums, loops->hasCol ? Shape{loops->product.back()} : Shape()};
}

FailureOr<IntegerProduct> onnx_import::emitMatMul(Node &node, ProductOperands operands, bool transpose) {
  if (refusesElement(node, operands.x, node.builder.getI8Type()))
    return failure();
  auto zero = ZeroPoint::get(node, operands.xZero);
  if (failed(zero))
    return failure();
  return emitMatMulOf(node, node.input(operands.x), node.isUnsigned(operands.x), *zero, operands, transpose);
}

FailureOr<IntegerProduct> onnx_import::emitMatMul(Node &node, Value x, const ZeroPoint &zero,
                                                  ProductOperands operands) {
  return emitMatMulOf(node, x, /*xUnsigned=*/true, zero, operands, /*transpose=*/false);
}
