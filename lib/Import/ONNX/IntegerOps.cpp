//===- IntegerOps.cpp - ONNX products of integers --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IntegerProduct.h"
#include "compress/Dialect/Compress/IR/ByteRounding.h"
#include "compress/Dialect/Compress/IR/Constants.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

//===----------------------------------------------------------------------===//
// Scales of results
//===----------------------------------------------------------------------===//

/// x scale * w scale / y scale in float, for each result or for all; in the order that ONNX Runtime has. Without y,
/// by 1.
static FailureOr<Value> multipliers(Node &node, int xScale, int wScale, int yScale, ArrayRef<int64_t> perResult,
                                    float factor = 1) {
  int64_t results = perResult.empty() ? 1 : perResult[0];
  for (int i : {xScale, wScale, yScale}) {
    if (i < 0)
      continue;
    if (!node.constant(i) || !node.constant(i)->type.getElementType().isF32())
      return node.refuse("operand " + llvm::Twine(i) + ", a scale, is no constant of element type FLOAT");
    int64_t count = node.constant(i)->type.getNumElements();
    if (count != 1 && (i != wScale || count != results))
      return node.refuse("operand " + llvm::Twine(i) +
                         ", a scale, is neither one number, nor of weights one per result");
  }
  float x = static_cast<float>(*node.number(xScale)), y = yScale < 0 ? 1 : static_cast<float>(*node.number(yScale));
  SmallVector<float> values;
  for (double w : node.constant(wScale)->floats()) {
    float product = factor * x * static_cast<float>(w);
    values.push_back(yScale < 0 ? product : product / y);
  }
  Shape shape = values.size() == 1 ? Shape() : Shape(perResult);
  OpBuilder::InsertionGuard guard(node.builder);
  node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
  return materializeConstant(node.builder, node.loc, RankedTensorType::get(shape, node.builder.getF32Type()),
                             ArrayRef<char>(reinterpret_cast<const char *>(values.data()), values.size() * 4));
}

/// The sums as integers of the result's scale: round(sum * multiplier) + zero point, saturated.
static LogicalResult yieldRequantized(Node &node, const IntegerProduct &product, Value multiplier, int zeroOperand) {
  auto zero = ZeroPoint::get(node, zeroOperand);
  if (failed(zero))
    return failure();
  if (zero->value)
    return node.refuse("operand " + llvm::Twine(zeroOperand) + ", the zero point of its result, is no constant");
  bool isUnsigned = !node.has(zeroOperand) || node.isUnsigned(zeroOperand);
  OpBuilder &builder = node.builder;
  auto codes =
      node.elementwise({product.sums, multiplier}, builder.getI8Type(), [&](OpBuilder &inner, ValueRange a) -> Value {
        Value number = arith::SIToFPOp::create(inner, node.loc, inner.getF32Type(), a[0]), shift;
        number = arith::MulFOp::create(inner, node.loc, number, a[1]);
        if (zero->constant)
          shift = arith::ConstantOp::create(inner, node.loc, inner.getF32FloatAttr(static_cast<float>(zero->constant)));
        return roundToByte(inner, node.loc, number, shift, isUnsigned);
      });
  if (failed(codes))
    return failure();
  Value ordered = product.ordered(node, *codes);
  return isUnsigned ? node.yieldUnsigned(ordered) : node.yield(ordered);
}

/// The sums as floats: sum * scales, in their order, + bias.
static LogicalResult yieldFloats(Node &node, const IntegerProduct &product, ArrayRef<Value> scales, int biasOperand) {
  SmallVector<Value> operands{product.sums};
  llvm::append_range(operands, scales);
  bool hasBias = biasOperand >= 0 && node.has(biasOperand);
  if (hasBias && refusesElement(node, biasOperand, node.builder.getF32Type()))
    return failure();
  if (hasBias)
    operands.push_back(node.input(biasOperand));
  auto numbers = node.elementwise(operands, node.builder.getF32Type(), [&](OpBuilder &builder, ValueRange a) -> Value {
    Value number = arith::SIToFPOp::create(builder, node.loc, builder.getF32Type(), a[0]), scale = a[1];
    for (Value factor : a.slice(2, scales.size() - 1))
      scale = arith::MulFOp::create(builder, node.loc, scale, factor);
    number = arith::MulFOp::create(builder, node.loc, number, scale);
    return hasBias ? arith::AddFOp::create(builder, node.loc, number, a.back()).getResult() : number;
  });
  return failed(numbers) ? failure() : node.yield(*numbers);
}

//===----------------------------------------------------------------------===//
// Ops of ONNX
//===----------------------------------------------------------------------===//

static LogicalResult importMatMulInteger(Node &node) {
  auto product = emitMatMul(node, {.x = 0, .xZero = 2, .w = 1, .wZero = 3});
  return failed(product) ? failure() : node.yield(product->sums);
}

static LogicalResult importConvInteger(Node &node) {
  auto product = emitConv(node, {.x = 0, .xZero = 2, .w = 1, .wZero = 3});
  return failed(product) ? failure() : node.yield(product->ordered(node, product->sums));
}

static LogicalResult importQLinearMatMul(Node &node) {
  auto product = emitMatMul(node, {.x = 0, .xZero = 2, .w = 3, .wZero = 5});
  if (failed(product))
    return failure();
  auto scales = multipliers(node, 1, 4, 6, product->perResult);
  return failed(scales) ? failure() : yieldRequantized(node, *product, *scales, 7);
}

static LogicalResult importQLinearConv(Node &node) {
  auto product = emitConv(node, {.x = 0, .xZero = 2, .w = 3, .wZero = 5, .bias = 8});
  if (failed(product))
    return failure();
  auto scales = multipliers(node, 1, 4, 6, product->perResult);
  return failed(scales) ? failure() : yieldRequantized(node, *product, *scales, 7);
}

//===----------------------------------------------------------------------===//
// Ops of ONNX Runtime
//===----------------------------------------------------------------------===//

/// A quantized Gemm with weights of one or many scales; of floats if it has no scale of a result.
static LogicalResult importQGemm(Node &node) {
  if (node.integer("transA", 0))
    return node.refuse("transA is not supported");
  if (node.numInputs() < 6)
    return node.refuse("expects at least six operands");
  auto product = emitMatMul(node, {.x = 0, .xZero = 2, .w = 3, .wZero = 5, .bias = 6}, node.integer("transB", 0) != 0);
  if (failed(product))
    return failure();
  bool isFloat = !node.has(7);
  auto scales =
      multipliers(node, 1, 4, isFloat ? -1 : 7, product->perResult, static_cast<float>(node.real("alpha", 1)));
  if (failed(scales))
    return failure();
  return isFloat ? yieldFloats(node, *product, *scales, -1) : yieldRequantized(node, *product, *scales, 8);
}

/// A factor of sums: one number, or one per result.
static FailureOr<Value> scaleOperand(Node &node, int i, const IntegerProduct &product) {
  if (!node.has(i) || refusesElement(node, i, node.builder.getF32Type()))
    return node.refuse("operand " + llvm::Twine(i) + ", a scale, is missing or not of element type FLOAT");
  auto type = node.type(i);
  bool isOne = type.hasStaticShape() && type.getNumElements() == 1;
  if (!isOne && type.getShape() != ArrayRef<int64_t>(product.perResult))
    return node.refuse("operand " + llvm::Twine(i) + ", a scale, is neither one number, nor one per result");
  return node.reshape(node.input(i), isOne ? Shape() : product.perResult);
}

static LogicalResult importMatMulIntegerToFloat(Node &node) {
  if (node.numInputs() < 4)
    return node.refuse("expects at least four operands");
  auto product = emitMatMul(node, {.x = 0, .xZero = 4, .w = 1, .wZero = 5});
  if (failed(product))
    return failure();
  auto x = scaleOperand(node, 2, *product), w = scaleOperand(node, 3, *product);
  if (failed(x) || failed(w))
    return failure();
  return yieldFloats(node, *product, {*x, *w}, 6);
}

static LogicalResult importDynamicQuantizeMatMul(Node &node) {
  if (node.numInputs() < 3)
    return node.refuse("expects at least three operands");
  if (refusesElement(node, 0, node.builder.getF32Type()))
    return failure();
  auto x = DynamicQuantization::get(node, node.input(0));
  if (failed(x))
    return failure();
  auto product =
      emitMatMul(node, x->codes, ZeroPoint{0, x->zero, /*isUnsigned=*/true}, {.x = 0, .xZero = -1, .w = 1, .wZero = 3});
  if (failed(product))
    return failure();
  auto w = scaleOperand(node, 2, *product);
  return failed(w) ? failure() : yieldFloats(node, *product, {x->scale, *w}, 4);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

void onnx_import::addIntegerOps(NodeImporters &importers) {
  importers["MatMulInteger"] = importMatMulInteger;
  importers["ConvInteger"] = importConvInteger;
  importers["QLinearMatMul"] = importQLinearMatMul;
  importers["QLinearConv"] = importQLinearConv;
  importers["com.microsoft.QGemm"] = importQGemm;
  importers["com.microsoft.MatMulIntegerToFloat"] = importMatMulIntegerToFloat;
  importers["com.microsoft.DynamicQuantizeMatMul"] = importDynamicQuantizeMatMul;
}
