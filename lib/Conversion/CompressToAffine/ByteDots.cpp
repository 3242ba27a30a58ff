//===- ByteDots.cpp - Lower products of bytes to dot instructions ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.generic ins(%x : memref<?x16x4xi8>, %w : memref<2x16x32x4xi8>) outs(%y : memref<?x2x32xi32>)
//     { %y + extui(%x) * extsi(%w) }, summed over 16 and 4
//   =>
//   a register-tiled nest (see ProductLowering.h) of words of four bytes: one instruction adds four products
//
//===----------------------------------------------------------------------===//

#include "PlaneViews.h"
#include "ProductLowering.h"
#include "Words.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBytesPerWord = 4;

/// True if the body of `op` is `out + extui(a) * extsi(b)`.
static bool isDotBody(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3 || !llvm::hasNItems(*body, 5))
    return false;
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!add || !add.getType().isInteger(32))
    return false;
  Value sum = add.getLhs() == body->getArgument(2) ? add.getRhs() : add.getLhs();
  bool addsToOut = add.getLhs() == body->getArgument(2) || add.getRhs() == body->getArgument(2);
  auto product = sum.getDefiningOp<arith::MulIOp>();
  if (!addsToOut || !product)
    return false;
  auto isPair = [&](Value a, Value b) {
    auto activation = a.getDefiningOp<arith::ExtUIOp>();
    auto weight = b.getDefiningOp<arith::ExtSIOp>();
    return activation && weight && activation.getIn() == body->getArgument(0) &&
           weight.getIn() == body->getArgument(1) && activation.getIn().getType().isInteger(8) &&
           weight.getIn().getType().isInteger(8);
  };
  return isPair(product.getLhs(), product.getRhs()) || isPair(product.getRhs(), product.getLhs());
}

/// The map of an operand without its last dimension, which the last loop runs along; nullopt if it is another.
static std::optional<AffineMap> mapOfWords(AffineMap map) {
  unsigned last = map.getNumDims() - 1;
  AffineExpr byte = getAffineDimExpr(last, map.getContext());
  if (map.getNumResults() < 2 || map.getResults().back() != byte)
    return std::nullopt;
  AffineMap words = map.dropResult(map.getNumResults() - 1);
  if (words.isFunctionOfDim(last))
    return std::nullopt;
  return AffineMap::get(last, 0, words.getResults(), map.getContext());
}

bool mlir::compress::isByteDot(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !isDotBody(op) ||
      op.getNumLoops() < 2 || op.getStaticLoopRanges().back() != kBytesPerWord ||
      op.getIteratorTypesArray().back() != utils::IteratorType::reduction)
    return false;
  return llvm::all_of(op.getDpsInputOperands(),
                      [&](OpOperand *operand) { return mapOfWords(op.getMatchingIndexingMap(operand)).has_value(); });
}

/// The sum as a product of words; nullopt if the bytes of a word are not contiguous.
static std::optional<Product> productOfWords(linalg::LinalgOp op, DotInstructions instructions, OpBuilder &builder) {
  SmallVector<ProductFactor> factors;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    auto type = cast<MemRefType>(operand->get().getType());
    int64_t word = type.getRank() - 2;
    if (!areMergeable(type, word))
      return std::nullopt;
    Value words = mergeTrailing(builder, op.getLoc(), operand->get(), word);
    factors.push_back({WeightLoad::ofWords(words), *mapOfWords(op.getMatchingIndexingMap(operand))});
  }
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  extents.pop_back();
  Product product{op.getDpsInits()[0], AffineMap::get(extents.size(), 0, result.getResults(), op.getContext()), factors,
                  extents};
  product.multiplyAdd = [instructions](AffineNest &nest, Value activation, Value weights, Value sum) {
    return emitDot(nest, WordFormat::i8, instructions, activation, weights, sum);
  };
  return product;
}

bool mlir::compress::isProductOfByteLanes(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !isDotBody(op))
    return false;
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return result.getNumResults() > 0 && llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
           AffineMap map = op.getMatchingIndexingMap(operand);
           return map.getNumResults() > 0 && map.getResults().back() == result.getResults().back();
         });
}

/// Bytes are widened in lanes of 32 bits. A processor multiplies their lower halves, which is all of them, and the
/// upper ones, of which one is 0, by the same instruction as pairs of 16 bits.
bool mlir::compress::lowerProductOfByteLanes(linalg::LinalgOp op, int64_t lanes, OpBuilder &builder) {
  SmallVector<ProductFactor> factors;
  for (OpOperand *operand : op.getDpsInputOperands())
    factors.push_back({WeightLoad(operand->get()), op.getMatchingIndexingMap(operand)});
  Product product{op.getDpsInits()[0], op.getMatchingIndexingMap(op.getDpsInitOperand(0)), factors,
                  op.getStaticLoopRanges()};
  product.multiplyAdd = [](AffineNest &nest, Value activation, Value weights, Value sum) -> Value {
    Value left = arith::ExtUIOp::create(nest.builder, nest.loc, sum.getType(), activation);
    Value right = arith::ExtSIOp::create(nest.builder, nest.loc, sum.getType(), weights);
    Value product = arith::MulIOp::create(nest.builder, nest.loc, left, right);
    return arith::AddIOp::create(nest.builder, nest.loc, sum, product);
  };
  return lowerProductToLanes(product, op, lanes, builder);
}

bool mlir::compress::lowerByteDot(linalg::LinalgOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  DotInstructions instructions = DotInstructions::get(extensions);
  std::optional<Product> product;
  // Tiles multiply more than four times as fast as lanes, which is the most that fewer products save.
  if (instructions.tilesI8 && (product = productOfWords(op, instructions, builder)) &&
      lowerProductToTiles(*product, WordFormat::i8, op, lanes, builder))
    return true;
  if (lowerWinogradDot(op, lanes, extensions, builder))
    return true;
  if (!product)
    product = productOfWords(op, instructions, builder);
  return product && lowerProductToLanes(*product, op, lanes, builder);
}
