//===- ElementwiseOps.cpp - ONNX ops on each element ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

static Value constantLike(OpBuilder &builder, Location loc, Type type, double value) {
  return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, value));
}

/// True, after a refusal, if operand `i` is not of floats.
static bool refusesNonFloat(Node &node, int i = 0) {
  if (isa<FloatType>(node.type(i).getElementType()))
    return false;
  (void)node.refuse("element types other than float and double are not supported");
  return true;
}

static LogicalResult yieldElementwise(Node &node, ValueRange operands, Type element,
                                      llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto value = node.elementwise(operands, element, body);
  return failed(value) ? failure() : node.yield(*value);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

template <typename FloatOp, typename IntOp>
static LogicalResult importBinary(Node &node) {
  Value a = node.input(0), b = node.input(1);
  Type element = getElementTypeOrSelf(a);
  if (element != getElementTypeOrSelf(b))
    return node.refuse("its operands have different element types");
  if (element.isInteger(1))
    return node.refuse("arithmetic on bools is not defined");
  return yieldElementwise(node, {a, b}, element, [&](OpBuilder &builder, ValueRange arguments) -> Value {
    if (isa<FloatType>(element))
      return FloatOp::create(builder, node.loc, arguments[0], arguments[1]);
    return IntOp::create(builder, node.loc, arguments[0], arguments[1]);
  });
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// `number < limit ? limit : number` and the like: one maximum instruction, which lets NaN through as ONNX Runtime
/// does.
static Value clamp(OpBuilder &builder, Location loc, Value number, arith::CmpFPredicate predicate, Value limit) {
  Value beyond = arith::CmpFOp::create(builder, loc, predicate, number, limit);
  return arith::SelectOp::create(builder, loc, beyond, limit, number);
}

static LogicalResult importRelu(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  Type element = node.type(0).getElementType();
  return yieldElementwise(node, node.input(0), element, [&](OpBuilder &builder, ValueRange x) {
    return clamp(builder, node.loc, x[0], arith::CmpFPredicate::OLT, constantLike(builder, node.loc, element, 0));
  });
}

static LogicalResult importLeakyRelu(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  Type element = node.type(0).getElementType();
  double slope = node.real("alpha", 0.01f);
  return yieldElementwise(node, node.input(0), element, [&](OpBuilder &builder, ValueRange x) -> Value {
    Value scaled = arith::MulFOp::create(builder, node.loc, x[0], constantLike(builder, node.loc, element, slope));
    Value isBelow = arith::CmpFOp::create(builder, node.loc, arith::CmpFPredicate::OLT, x[0],
                                          constantLike(builder, node.loc, element, 0));
    return arith::SelectOp::create(builder, node.loc, isBelow, scaled, x[0]);
  });
}

static LogicalResult importSigmoid(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  Type element = node.type(0).getElementType();
  return yieldElementwise(node, node.input(0), element, [&](OpBuilder &builder, ValueRange x) -> Value {
    Value one = constantLike(builder, node.loc, element, 1);
    Value power = math::ExpOp::create(builder, node.loc, arith::NegFOp::create(builder, node.loc, x[0]));
    return arith::DivFOp::create(builder, node.loc, one, arith::AddFOp::create(builder, node.loc, one, power));
  });
}

template <typename Op>
static LogicalResult importUnary(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  return yieldElementwise(
      node, node.input(0), node.type(0).getElementType(),
      [&](OpBuilder &builder, ValueRange x) -> Value { return Op::create(builder, node.loc, x[0]); });
}

/// max(0, min(1, alpha * x + beta)).
static Value hardSigmoid(OpBuilder &builder, Location loc, Value x, double alpha, double beta) {
  Type element = x.getType();
  Value line = arith::MulFOp::create(builder, loc, x, constantLike(builder, loc, element, alpha));
  line = arith::AddFOp::create(builder, loc, line, constantLike(builder, loc, element, beta));
  line = clamp(builder, loc, line, arith::CmpFPredicate::OLT, constantLike(builder, loc, element, 0));
  return clamp(builder, loc, line, arith::CmpFPredicate::OGT, constantLike(builder, loc, element, 1));
}

static LogicalResult importHardSigmoid(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  double alpha = node.real("alpha", 0.2f), beta = node.real("beta", 0.5f);
  return yieldElementwise(node, node.input(0), node.type(0).getElementType(), [&](OpBuilder &builder, ValueRange x) {
    return hardSigmoid(builder, node.loc, x[0], alpha, beta);
  });
}

static LogicalResult importHardSwish(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  constexpr double kAlpha = 1.0 / 6, kBeta = 0.5; // of the ONNX op
  return yieldElementwise(node, node.input(0), node.type(0).getElementType(),
                          [&](OpBuilder &builder, ValueRange x) -> Value {
                            Value gate = hardSigmoid(builder, node.loc, x[0], kAlpha, kBeta);
                            return arith::MulFOp::create(builder, node.loc, x[0], gate);
                          });
}

/// A power; a square is a product, without a call of libm.
static LogicalResult importPow(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  Type element = node.type(0).getElementType();
  if (std::optional<double> exponent = node.number(1))
    return yieldElementwise(node, node.input(0), element, [&](OpBuilder &builder, ValueRange x) -> Value {
      if (*exponent == 2)
        return arith::MulFOp::create(builder, node.loc, x[0], x[0]);
      return math::PowFOp::create(builder, node.loc, x[0], constantLike(builder, node.loc, element, *exponent));
    });
  return importBinary<math::PowFOp, math::IPowIOp>(node);
}

/// A bound of Clip: an attribute before opset 11, an operand since.
static FailureOr<std::optional<double>> clipBound(Node &node, StringRef name, int operand) {
  if (node.hasAttribute(name))
    return std::optional<double>(node.real(name, 0));
  if (!node.has(operand))
    return std::optional<double>();
  if (auto bound = node.number(operand))
    return bound;
  return node.refuse("its bound '" + name + "' is not a constant number");
}

static LogicalResult importClip(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  auto low = clipBound(node, "min", 1), high = clipBound(node, "max", 2);
  if (failed(low) || failed(high))
    return failure();
  Type element = node.type(0).getElementType();
  return yieldElementwise(node, node.input(0), element, [&](OpBuilder &builder, ValueRange x) {
    Value number = x[0];
    if (*low)
      number =
          clamp(builder, node.loc, number, arith::CmpFPredicate::OLT, constantLike(builder, node.loc, element, **low));
    if (*high)
      number =
          clamp(builder, node.loc, number, arith::CmpFPredicate::OGT, constantLike(builder, node.loc, element, **high));
    return number;
  });
}

//===----------------------------------------------------------------------===//
// Cast, Identity, Dropout
//===----------------------------------------------------------------------===//

static Value castScalar(OpBuilder &builder, Location loc, Value value, Type to, bool isUnsigned) {
  Type from = value.getType();
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (to.isInteger(1)) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(from));
    if (fromFloat)
      return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, value, zero);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value, zero);
  }
  bool hasNoSign = from.isInteger(1) || isUnsigned;
  if (hasNoSign && toFloat)
    return arith::UIToFPOp::create(builder, loc, to, value);
  if (hasNoSign && to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth())
    return arith::ExtUIOp::create(builder, loc, to, value);
  if (fromFloat && to.isInteger(8)) // a number beyond 8 bits loses the bits above them
    return arith::TruncIOp::create(builder, loc, to,
                                   arith::FPToSIOp::create(builder, loc, builder.getI32Type(), value));
  if (fromFloat && !toFloat)
    return arith::FPToSIOp::create(builder, loc, to, value);
  if (!fromFloat && toFloat)
    return arith::SIToFPOp::create(builder, loc, to, value);
  bool widens = to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth();
  if (fromFloat)
    return widens ? arith::ExtFOp::create(builder, loc, to, value).getResult()
                  : arith::TruncFOp::create(builder, loc, to, value).getResult();
  return widens ? arith::ExtSIOp::create(builder, loc, to, value).getResult()
                : arith::TruncIOp::create(builder, loc, to, value).getResult();
}

static LogicalResult importIdentity(Node &node) {
  auto values = node.integers(0);
  return values ? node.yieldIntegers(*values) : node.yield(node.input(0));
}

/// Floats of 16 bits are how a file stores constants, and nothing else here.
static LogicalResult importCastOfHalves(Node &node, Type to) {
  if (!isa<FloatType>(to))
    return node.refuse("casts FLOAT16 to anything but floats");
  SmallVector<double> values = node.constant(0)->floats();
  SmallVector<float> singles(values.begin(), values.end());
  Tensor tensor{RankedTensorType::get(node.constant(0)->type.getShape(), to), {}};
  if (to.isF64())
    tensor.bytes.assign(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(double));
  else
    tensor.bytes.assign(reinterpret_cast<const char *>(singles.data()), singles.size() * sizeof(float));
  return node.yieldConstant(std::move(tensor));
}

static LogicalResult importCast(Node &node) {
  int32_t dtype = node.integer("to", 0);
  Type to = elementType(node.builder, dtype);
  if (!to)
    return node.refuse("casts to " + dtypeName(dtype) + ", which is not supported");
  if (const Tensor *tensor = node.constant(0); tensor && tensor->type.getElementType().isF16())
    return importCastOfHalves(node, to);
  if (auto values = node.integers(0); values && isa<IntegerType>(to) && !to.isInteger(1))
    return node.yieldIntegers(*values);
  FailureOr<Value> result = node.input(0);
  if (node.type(0).getElementType() != to)
    result = node.elementwise(node.input(0), to, [&](OpBuilder &builder, ValueRange x) {
      return castScalar(builder, node.loc, x[0], to, node.isUnsigned(0));
    });
  if (failed(result))
    return failure();
  return isUnsignedType(dtype) ? node.yieldUnsigned(*result) : node.yield(*result);
}

static LogicalResult importDropout(Node &node) {
  if (node.wantsResult(1))
    return node.refuse("its mask is used, but compiled networks do not train");
  if (node.has(2) && node.number(2) != 0.0)
    return node.refuse("training_mode is set, but compiled networks do not train");
  return node.yield(node.input(0));
}

//===----------------------------------------------------------------------===//
// BatchNormalization
//===----------------------------------------------------------------------===//

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, where no linear op before it could take it.
static LogicalResult importBatchNormalization(Node &node) {
  if (refusesNonFloat(node))
    return failure();
  if (node.integer("training_mode", 0) != 0 || node.wantsResult(1))
    return node.refuse("training_mode is set, but compiled networks do not train");
  auto type = node.type(0);
  if (type.getRank() < 2)
    return node.refuse("its input has rank below 2");
  Shape channels(type.getRank() - 1, 1);
  channels[0] = type.getDimSize(1);
  SmallVector<Value> operands{node.input(0)};
  for (int i = 1; i < 5; ++i) {
    if (node.type(i).getRank() != 1 || node.type(i).getDimSize(0) != channels[0])
      return node.refuse("operand " + llvm::Twine(i) + " does not have one value per channel");
    operands.push_back(node.reshape(node.input(i), channels));
  }
  Type element = type.getElementType();
  double epsilon = node.real("epsilon", 1e-5f);
  return yieldElementwise(node, operands, element, [&](OpBuilder &b, ValueRange a) -> Value {
    Value variance = arith::AddFOp::create(b, node.loc, a[4], constantLike(b, node.loc, element, epsilon));
    Value centred = arith::SubFOp::create(b, node.loc, a[0], a[3]);
    Value scaled = arith::MulFOp::create(
        b, node.loc, centred, arith::DivFOp::create(b, node.loc, a[1], math::SqrtOp::create(b, node.loc, variance)));
    return arith::AddFOp::create(b, node.loc, scaled, a[2]);
  });
}

void onnx_import::addElementwiseOps(NodeImporters &importers) {
  importers["Add"] = importBinary<arith::AddFOp, arith::AddIOp>;
  importers["Sub"] = importBinary<arith::SubFOp, arith::SubIOp>;
  importers["Mul"] = importBinary<arith::MulFOp, arith::MulIOp>;
  importers["Div"] = importBinary<arith::DivFOp, arith::DivSIOp>;
  importers["Relu"] = importRelu;
  importers["LeakyRelu"] = importLeakyRelu;
  importers["Sigmoid"] = importSigmoid;
  importers["Tanh"] = importUnary<math::TanhOp>;
  importers["Sqrt"] = importUnary<math::SqrtOp>;
  importers["Exp"] = importUnary<math::ExpOp>;
  importers["Abs"] = importUnary<math::AbsFOp>;
  importers["Neg"] = importUnary<arith::NegFOp>;
  importers["HardSigmoid"] = importHardSigmoid;
  importers["HardSwish"] = importHardSwish;
  importers["Pow"] = importPow;
  importers["Clip"] = importClip;
  importers["Cast"] = importCast;
  importers["Identity"] = importIdentity;
  importers["Dropout"] = importDropout;
  importers["BatchNormalization"] = importBatchNormalization;
}
