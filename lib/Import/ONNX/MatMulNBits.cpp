//===- MatMulNBits.cpp - ONNX Runtime's product with small integers -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y = x * w', where row n of w is in blocks of columns that share a scale and a zero point
//
// The file pads each row of codes to whole blocks, and each row of zero points to whole bytes: neither padding is kept.
//
//===----------------------------------------------------------------------===//

#include "Quantize.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;

namespace {

/// Weights of `rows` x `cols` codes of `bits` bits, in blocks along columns.
struct BlockedWeights {
  int64_t rows, cols, bits, block;

  int64_t blocks() const { return llvm::divideCeil(cols, block); }

  static FailureOr<BlockedWeights> get(Node &node) {
    BlockedWeights weights{node.integer("N", 0), node.integer("K", 0), node.integer("bits", 4),
                           node.integer("block_size", 0)};
    constexpr int64_t kMost = int64_t(1) << 31;
    if (weights.rows < 1 || weights.cols < 1 || weights.rows > kMost || weights.cols > kMost)
      return node.refuse("N and K are not positive");
    if (weights.bits != 4 && weights.bits != 8)
      return node.refuse("bits = " + llvm::Twine(weights.bits) + " is not supported; 4 and 8 are");
    if (weights.block < 16 || weights.block > kMost || !llvm::isPowerOf2_64(weights.block))
      return node.refuse("block_size = " + llvm::Twine(weights.block) + " is no power of two from 16 on");
    return weights;
  }

  /// The codes of `tensor`, whose rows of `stored` codes each are whole bytes; the first `kept` of a row. A byte each,
  /// with `offset` subtracted.
  FailureOr<std::string> unpack(Node &node, const Tensor &tensor, int64_t stored, int64_t kept, int64_t offset) const {
    int64_t rowBytes = llvm::divideCeil(stored * bits, 8), perByte = 8 / bits;
    if (static_cast<int64_t>(tensor.bytes.size()) != rows * rowBytes)
      return node.refuse("its shape needs " + llvm::Twine(rows * rowBytes) + " bytes of codes, but it holds " +
                         llvm::Twine(tensor.bytes.size()));
    std::string codes(rows * kept, '\0');
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < kept; ++col) {
        uint8_t byte = tensor.bytes[row * rowBytes + col / perByte];
        int64_t code = byte >> (col % perByte * bits) & ((1 << bits) - 1);
        codes[row * kept + col] = static_cast<char>(code - offset);
      }
    return codes;
  }

  Value constant(Node &node, StringRef bytes, int64_t extent, Type element) const {
    OpBuilder::InsertionGuard guard(node.builder);
    node.builder.setInsertionPointToStart(node.builder.getInsertionBlock());
    return materializeConstant(node.builder, node.loc, RankedTensorType::get({rows, extent}, element),
                               ArrayRef<char>(bytes.data(), bytes.size()));
  }
};

} // namespace

/// Operand `i` as a constant of `element`; null after a refusal.
static const Tensor *constantOperand(Node &node, int i, StringRef what, Type element) {
  const Tensor *tensor = node.constant(i);
  if (tensor && tensor->type.getElementType() == element)
    return tensor;
  std::string text;
  llvm::raw_string_ostream(text) << "its " << what << " are no constant of element type " << element;
  (void)node.refuse(text);
  return nullptr;
}

/// Codes of blocks that all have the zero point in the middle are integers with sign; others keep their zero points.
static FailureOr<Value> dequantized(Node &node, const BlockedWeights &weights) {
  OpBuilder &builder = node.builder;
  const Tensor *packed = constantOperand(node, 1, "weights", builder.getI8Type());
  const Tensor *scales = packed ? constantOperand(node, 2, "scales", builder.getF32Type()) : nullptr;
  if (!scales)
    return failure();
  if (scales->type.getNumElements() != weights.rows * weights.blocks())
    return node.refuse("it does not have a scale per row and block");
  Type element = builder.getIntegerType(weights.bits);
  bool hasZeros = node.has(3);
  int64_t middle = int64_t(1) << (weights.bits - 1);
  auto codes = weights.unpack(node, *packed, weights.blocks() * weights.block, weights.cols, hasZeros ? 0 : middle);
  if (failed(codes))
    return failure();
  Value zeros;
  if (hasZeros) {
    const Tensor *packedZeros = constantOperand(node, 3, "zero points", builder.getI8Type());
    if (!packedZeros)
      return failure();
    auto unpacked = weights.unpack(node, *packedZeros, weights.blocks(), weights.blocks(), 0);
    if (failed(unpacked))
      return failure();
    zeros = weights.constant(node, *unpacked, weights.blocks(), element);
  }
  auto type = RankedTensorType::get({weights.rows, weights.cols}, builder.getF32Type());
  DenseI64ArrayAttr group;
  if (weights.cols % weights.blocks() != 0 || weights.cols / weights.blocks() != weights.block)
    group = builder.getDenseI64ArrayAttr({1, weights.block});
  return DequantizeOp::create(builder, node.loc, type, weights.constant(node, *codes, weights.cols, element),
                              weights.constant(node, scales->bytes, weights.blocks(), builder.getF32Type()), zeros,
                              UniformAttr::get(builder.getContext(), weights.bits, hasZeros), group)
      .getResult();
}

static LogicalResult importMatMulNBits(Node &node) {
  auto weights = BlockedWeights::get(node);
  if (failed(weights) || refusesElement(node, 0, node.builder.getF32Type()))
    return failure();
  if (node.numInputs() < 3)
    return node.refuse("expects at least three operands");
  if (node.has(4))
    return node.refuse("g_idx, an order of columns, is not supported");
  auto x = node.type(0);
  if (x.getRank() < 1 || x.getShape().back() != weights->cols)
    return node.refuse("its input does not have K = " + llvm::Twine(weights->cols) + " columns");
  auto w = dequantized(node, *weights);
  if (failed(w))
    return failure();
  Shape shape(x.getShape());
  shape.back() = weights->rows;
  auto type = node.activation(shape, x.getElementType());
  if (failed(type))
    return failure();
  FailureOr<Value> init = node.has(5) ? node.broadcastTo(node.input(5), *type) : node.filled(*type, 0);
  if (failed(init))
    return failure();
  // Loops: the dimensions of the result, the sum.
  int64_t rank = x.getRank();
  AffineMap result = node.builder.getMultiDimIdentityMap(rank + 1).dropResult(rank);
  AffineExpr row = node.builder.getAffineDimExpr(rank - 1), sum = node.builder.getAffineDimExpr(rank);
  SmallVector<AffineExpr> xs(result.getResults());
  xs.back() = sum;
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(rank + 1, 0, exprs, node.builder.getContext()); };
  auto maps = node.builder.getAffineMapArrayAttr({map(xs), map({row, sum}), result});
  auto product = linalg::ContractOp::create(node.builder, node.loc, TypeRange{*type}, ValueRange{node.input(0), *w},
                                            ValueRange{*init}, maps);
  constexpr int64_t kInt8 = 4; // the least accurate arithmetic that the file allows
  if (node.integer("accuracy_level", 0) == kInt8)
    product->setAttr(kRoundsActivations, node.builder.getUnitAttr());
  return node.yield(product.getResult(0));
}

void onnx_import::addMatMulNBits(NodeImporters &importers) {
  importers["com.microsoft.MatMulNBits"] = importMatMulNBits;
}
