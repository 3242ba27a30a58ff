//===- QuantizeOps.cpp - ONNX ops that round to integers, and back --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   w = DequantizeLinear(codes, scales, zeros)          =>     %w = compress.dequantize %codes, %scales, %zeros …
//
// Weights stay the integers that the file stores. Activations are rounded by elementwise ops, in the arithmetic that
// ONNX specifies: x / scale in float, rounded to the even integer at halves, plus the zero point, saturated.
//
//===----------------------------------------------------------------------===//

#include "Quantize.h"
#include "compress/Dialect/Compress/IR/ByteRounding.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

static std::pair<double, double> rangeOf(bool isUnsigned) {
  return isUnsigned ? std::pair(0.0, 255.0) : std::pair(-128.0, 127.0);
}

static Value floatConstant(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
}

bool onnx_import::refusesElement(Node &node, int i, Type element) {
  if (node.type(i).getElementType() == element)
    return false;
  std::string text;
  llvm::raw_string_ostream(text) << "operand " << i << " has element type " << node.type(i).getElementType()
                                 << ", but only " << element << " is supported";
  (void)node.refuse(text);
  return true;
}

//===----------------------------------------------------------------------===//
// Scales and zero points
//===----------------------------------------------------------------------===//

namespace {

/// The scale (operand 1) and the zero point (operand 2) of QuantizeLinear and DequantizeLinear: per tensor, per entry
/// of a dimension, or per block of it.
struct Quantization {
  /// The dimension that has several scales; -1 if there is one.
  int64_t axis = -1;
  /// Consecutive entries along `axis` with one scale; 0 if scales are not in blocks.
  int64_t block = 0;
  bool isUnsigned = false;

  static FailureOr<Quantization> get(Node &node, bool isUnsigned) {
    if (refusesElement(node, 1, node.builder.getF32Type()))
      return failure();
    RankedTensorType x = node.type(0), scale = node.type(1);
    if (!scale.hasStaticShape() || (node.has(2) && !node.type(2).hasStaticShape()))
      return node.refuseBatch("a scale per sample");
    if (node.has(2) && node.type(2).getShape() != scale.getShape() && node.type(2).getNumElements() != 1)
      return node.refuse("its scale and zero point differ in shape");
    Quantization result;
    result.isUnsigned = isUnsigned;
    result.block = node.integer("block_size", 0);
    if (scale.getNumElements() == 1 && result.block == 0)
      return result;
    auto axis = normalizeAxis(node, node.integer("axis", 1), x.getRank());
    if (failed(axis))
      return failure();
    result.axis = *axis;
    Shape expected(x.getShape());
    if (result.block > 0)
      expected[*axis] = llvm::divideCeil(expected[*axis], result.block);
    else
      expected = {expected[*axis]};
    if (result.block < 0 || scale.getShape() != ArrayRef<int64_t>(expected))
      return node.refuse("its scale is neither one number, nor one per entry of dimension " + llvm::Twine(*axis) +
                         (result.block ? ", in blocks of " + llvm::Twine(result.block) : llvm::Twine("")));
    return result;
  }

  /// The shape of scales with the rank of `x`.
  Shape spreadShape(RankedTensorType x, RankedTensorType scale) const {
    if (block > 0)
      return Shape(scale.getShape());
    Shape shape(x.getRank(), 1);
    if (axis >= 0)
      shape[axis] = x.getDimSize(axis);
    return shape;
  }

  /// Which scale serves element `i` of a tensor of static `shape`, not in blocks.
  int64_t scaleOf(int64_t i, ArrayRef<int64_t> shape) const {
    if (axis < 0)
      return 0;
    int64_t inner = 1;
    for (int64_t extent : shape.drop_front(axis + 1))
      inner *= extent;
    return i / inner % shape[axis];
  }
};

/// Operands of an elementwise op on an activation: the scale and the zero point, unless they are constant numbers.
struct ScaleOperands {
  Node &node;
  SmallVector<Value> operands;
  int scaleAt = -1, zeroAt = -1;

  ScaleOperands(Node &node, const Quantization &quantization) : node(node), operands{node.input(0)} {
    auto add = [&](int i) {
      Shape shape = quantization.axis < 0 ? Shape() : quantization.spreadShape(node.type(0), node.type(1));
      operands.push_back(node.reshape(node.input(i), node.type(i).getNumElements() == 1 ? Shape() : shape));
      return static_cast<int>(operands.size()) - 1;
    };
    if (!node.number(1))
      scaleAt = add(1);
    if (node.has(2) && !node.number(2))
      zeroAt = add(2);
  }

  bool hasZero() const { return zeroAt >= 0 || (node.has(2) && *node.number(2) != 0); }
  Value scale(OpBuilder &builder, ValueRange arguments) const {
    return scaleAt >= 0 ? arguments[scaleAt] : floatConstant(builder, node.loc, *node.number(1));
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// QuantizeLinear
//===----------------------------------------------------------------------===//

/// Is the result without sign? As the zero point, the attribute of opset 21, or by default.
static FailureOr<bool> isResultUnsigned(Node &node) {
  int32_t dtype = node.integer("output_dtype", 0);
  if (node.has(2)) {
    if (refusesElement(node, 2, node.builder.getI8Type()))
      return failure();
    return node.isUnsigned(2);
  }
  if (dtype == 0 || dtype == ::onnx::TensorProto::UINT8)
    return true;
  if (dtype == ::onnx::TensorProto::INT8)
    return false;
  return node.refuse("element type " + dtypeName(dtype) + " of its result is not supported; UINT8 and INT8 are");
}

/// Constant weights are rounded here, so that what is stored are their codes.
static LogicalResult quantizeConstant(Node &node, const Quantization &quantization) {
  auto numbers = node.constant(0)->floats(), scales = node.constant(1)->floats();
  SmallVector<int64_t> zeros(scales.size(), 0);
  if (node.has(2))
    zeros = node.constant(2)->integers();
  auto [low, high] = rangeOf(quantization.isUnsigned);
  auto type = node.constant(0)->type;
  std::string codes(numbers.size(), '\0');
  for (auto [i, number] : llvm::enumerate(numbers)) {
    int64_t at = quantization.scaleOf(i, type.getShape());
    float ratio = static_cast<float>(number) / static_cast<float>(scales[at]);
    double code = std::nearbyint(ratio) + static_cast<double>(zeros.size() == 1 ? zeros[0] : zeros[at]);
    codes[i] = static_cast<char>(static_cast<int64_t>(code >= low ? std::min(code, high) : low));
  }
  return node.yieldConstant(
      Tensor{RankedTensorType::get(type.getShape(), node.builder.getI8Type()), codes, quantization.isUnsigned});
}

static LogicalResult importQuantizeLinear(Node &node) {
  if (refusesElement(node, 0, node.builder.getF32Type()))
    return failure();
  auto isUnsigned = isResultUnsigned(node);
  if (failed(isUnsigned))
    return failure();
  auto quantization = Quantization::get(node, *isUnsigned);
  if (failed(quantization))
    return failure();
  if (quantization->block > 0)
    return node.refuse("it rounds in blocks, which is supported in DequantizeLinear of constants only");
  if (node.constant(0) && node.constant(1) && (!node.has(2) || node.constant(2)))
    return quantizeConstant(node, *quantization);
  ScaleOperands scales(node, *quantization);
  auto codes = node.elementwise(
      scales.operands, node.builder.getI8Type(), [&](OpBuilder &builder, ValueRange arguments) -> Value {
        Value ratio = arith::DivFOp::create(builder, node.loc, arguments[0], scales.scale(builder, arguments)), zero;
        if (scales.zeroAt >= 0)
          zero = arith::SIToFPOp::create(builder, node.loc, builder.getF32Type(),
                                         extendByte(builder, node.loc, arguments[scales.zeroAt], *isUnsigned));
        else if (scales.hasZero())
          zero = floatConstant(builder, node.loc, *node.number(2));
        return roundToByte(builder, node.loc, ratio, zero, *isUnsigned);
      });
  if (failed(codes))
    return failure();
  return *isUnsigned ? node.yieldUnsigned(*codes) : node.yield(*codes);
}

//===----------------------------------------------------------------------===//
// DequantizeLinear
//===----------------------------------------------------------------------===//

/// A small constant (a bias) becomes floats.
static LogicalResult dequantizeNumbers(Node &node, const Quantization &quantization) {
  const Tensor &x = *node.constant(0);
  auto codes = x.integers();
  auto scales = node.constant(1)->floats();
  auto zeros = node.has(2) ? node.constant(2)->integers() : SmallVector<int64_t>{0};
  std::string bytes(codes.size() * sizeof(float), '\0');
  for (auto [i, code] : llvm::enumerate(codes)) {
    int64_t at = quantization.scaleOf(i, x.type.getShape());
    float number = static_cast<float>(code - (zeros.size() == 1 ? zeros[0] : zeros[at]));
    number *= static_cast<float>(scales[at]);
    std::memcpy(bytes.data() + i * sizeof(float), &number, sizeof(float));
  }
  return node.yieldConstant(
      Tensor{RankedTensorType::get(x.type.getShape(), node.builder.getF32Type()), std::move(bytes)});
}

static Value constantOf(Node &node, const Tensor &tensor, ArrayRef<int64_t> shape) {
  OpBuilder::InsertionGuard guard(node.builder);
  node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
  return materializeConstant(node.builder, node.loc, RankedTensorType::get(shape, tensor.type.getElementType()),
                             ArrayRef<char>(tensor.bytes.data(), tensor.bytes.size()));
}

/// `zeros`, one for each of `shape`.
static Value zerosOf(Node &node, const Tensor &zeros, ArrayRef<int64_t> shape) {
  if (llvm::all_of(zeros.integers(), [](int64_t zero) { return zero == 0; }))
    return {};
  Tensor spread = zeros;
  int64_t count = RankedTensorType::get(shape, zeros.type.getElementType()).getNumElements();
  if (static_cast<int64_t>(spread.bytes.size()) == 1)
    spread.bytes.assign(count, spread.bytes[0]);
  return constantOf(node, spread, shape);
}

/// Weights stay codes: the layer that uses them decodes them at load.
static LogicalResult dequantizeWeights(Node &node, const Quantization &quantization) {
  const Tensor &codes = *node.constant(0), &scales = *node.constant(1);
  Shape shape = quantization.spreadShape(codes.type, scales.type);
  Value zeros = node.has(2) ? zerosOf(node, *node.constant(2), shape) : Value();
  DenseI64ArrayAttr group;
  if (quantization.block > 0 && codes.type.getDimSize(quantization.axis) % quantization.block != 0) {
    Shape sizes(codes.type.getRank(), 1);
    sizes[quantization.axis] = quantization.block;
    group = node.builder.getDenseI64ArrayAttr(sizes);
  }
  auto code = UniformAttr::get(node.builder.getContext(), codes.type.getElementTypeBitWidth(), codes.isUnsigned);
  auto type = RankedTensorType::get(codes.type.getShape(), node.builder.getF32Type());
  return node.yield(DequantizeOp::create(node.builder, node.loc, type, node.input(0), constantOf(node, scales, shape),
                                         zeros, code, group));
}

static LogicalResult importDequantizeLinear(Node &node) {
  RankedTensorType x = node.type(0);
  Type element = x.getElementType();
  if (!element.isInteger(4) && !element.isInteger(8) && !element.isInteger(32))
    return node.refuse("its operand has none of the element types UINT4, INT4, UINT8, INT8 and INT32");
  if (node.has(2) && (refusesElement(node, 2, element) || node.isUnsigned(0) != node.isUnsigned(2)))
    return node.refuse("its operand and its zero point have different element types");
  auto quantization = Quantization::get(node, node.isUnsigned(0));
  if (failed(quantization))
    return failure();
  if (llvm::is_contained(x.getShape(), 0))
    return node.refuse("its operand is empty");
  if (node.constant(0) && node.constant(1) && (!node.has(2) || node.constant(2))) {
    bool isBias = element.isInteger(32) || x.getRank() < 2;
    return isBias && quantization->block == 0 ? dequantizeNumbers(node, *quantization)
           : element.isInteger(32)            ? node.refuse("INT32 in blocks is not supported")
                                              : dequantizeWeights(node, *quantization);
  }
  if (element.isInteger(4) || quantization->block > 0)
    return node.refuse("integers of 4 bits and blocks are supported in constants only");
  ScaleOperands scales(node, *quantization);
  auto numbers = node.elementwise(
      scales.operands, node.builder.getF32Type(), [&](OpBuilder &builder, ValueRange arguments) -> Value {
        Value code = extendByte(builder, node.loc, arguments[0], quantization->isUnsigned), zero;
        if (scales.zeroAt >= 0)
          zero = extendByte(builder, node.loc, arguments[scales.zeroAt], quantization->isUnsigned);
        else if (scales.hasZero())
          zero = arith::ConstantOp::create(builder, node.loc, builder.getI32IntegerAttr(*node.number(2)));
        if (zero)
          code = arith::SubIOp::create(builder, node.loc, code, zero);
        Value number = arith::SIToFPOp::create(builder, node.loc, builder.getF32Type(), code);
        return arith::MulFOp::create(builder, node.loc, number, scales.scale(builder, arguments));
      });
  return failed(numbers) ? failure() : node.yield(*numbers);
}

//===----------------------------------------------------------------------===//
// DynamicQuantizeLinear
//===----------------------------------------------------------------------===//

/// The least, or the largest, of 0 and all numbers of `x`, of rank 0. First in lanes, which changes nothing.
template <typename Op>
static Value extremeOf(Node &node, Value x) {
  constexpr int64_t kMostLanes = 64;
  int64_t count = cast<RankedTensorType>(x.getType()).getNumElements(), lanes = count & -count;
  lanes = std::min(lanes, kMostLanes);
  Value flat = node.reshape(x, {count / lanes, lanes});
  Type element = node.builder.getF32Type();
  auto reduce = [&](Value value, ArrayRef<int64_t> shape) {
    auto type = RankedTensorType::get(shape, element);
    return linalg::ReduceOp::create(node.builder, node.loc, ValueRange{value}, ValueRange{node.filled(type, 0)},
                                    ArrayRef<int64_t>{0},
                                    [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                      Value extreme = Op::create(inner, at, arguments[0], arguments[1]);
                                      linalg::YieldOp::create(inner, at, extreme);
                                    })
        .getResult(0);
  };
  return reduce(reduce(flat, {lanes}), {});
}

FailureOr<DynamicQuantization> DynamicQuantization::get(Node &node, Value x) {
  if (!cast<RankedTensorType>(x.getType()).hasStaticShape())
    return node.refuseBatch("one scale for a tensor");
  Value low = extremeOf<arith::MinimumFOp>(node, x), high = extremeOf<arith::MaximumFOp>(node, x);
  auto scale =
      node.elementwise({low, high}, node.builder.getF32Type(), [&](OpBuilder &builder, ValueRange range) -> Value {
        Value width = arith::SubFOp::create(builder, node.loc, range[1], range[0]);
        Value isEmpty = arith::CmpFOp::create(builder, node.loc, arith::CmpFPredicate::OEQ, range[0], range[1]);
        Value step = arith::DivFOp::create(builder, node.loc, width, floatConstant(builder, node.loc, 255));
        return arith::SelectOp::create(builder, node.loc, isEmpty, floatConstant(builder, node.loc, 1), step);
      });
  if (failed(scale))
    return failure();
  auto zero = node.elementwise({low, *scale}, node.builder.getI8Type(), [&](OpBuilder &builder, ValueRange a) -> Value {
    Value place = arith::DivFOp::create(builder, node.loc, a[0], a[1]);
    place = arith::NegFOp::create(builder, node.loc, place);
    return roundToByte(builder, node.loc, place, Value(), /*isUnsigned=*/true);
  });
  if (failed(zero))
    return failure();
  auto codes =
      node.elementwise({x, *scale, *zero}, node.builder.getI8Type(), [&](OpBuilder &builder, ValueRange a) -> Value {
        Value shift = arith::SIToFPOp::create(builder, node.loc, builder.getF32Type(),
                                              extendByte(builder, node.loc, a[2], /*isUnsigned=*/true));
        return roundToByte(builder, node.loc, arith::DivFOp::create(builder, node.loc, a[0], a[1]), shift,
                           /*isUnsigned=*/true);
      });
  if (failed(codes))
    return failure();
  return DynamicQuantization{*codes, *scale, *zero};
}

static LogicalResult importDynamicQuantizeLinear(Node &node) {
  if (refusesElement(node, 0, node.builder.getF32Type()))
    return failure();
  auto result = DynamicQuantization::get(node, node.input(0));
  if (failed(result))
    return failure();
  if (node.wantsResult(1))
    (void)node.yield(result->scale, 1);
  if (node.wantsResult(2))
    (void)node.yieldUnsigned(result->zero, 2);
  return node.yieldUnsigned(result->codes);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

bool onnx_import::takesUnsignedIntegers(StringRef op) {
  static const llvm::StringSet<> ops = {"Cast",
                                        "ConvInteger",
                                        "DequantizeLinear",
                                        "MatMulInteger",
                                        "MaxPool",
                                        "QLinearConv",
                                        "QLinearMatMul",
                                        "QuantizeLinear",
                                        "com.microsoft.DynamicQuantizeMatMul",
                                        "com.microsoft.MatMulIntegerToFloat",
                                        "com.microsoft.MatMulNBits",
                                        "com.microsoft.QGemm",
                                        "compress.Dequantize",
                                        "compress.Unpack"};
  return ops.contains(op);
}

void onnx_import::addQuantizedOps(NodeImporters &importers) {
  importers["QuantizeLinear"] = importQuantizeLinear;
  importers["DequantizeLinear"] = importDequantizeLinear;
  importers["DynamicQuantizeLinear"] = importDynamicQuantizeLinear;
  addIntegerOps(importers);
  addMatMulNBits(importers);
}
