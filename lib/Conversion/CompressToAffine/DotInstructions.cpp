//===- DotInstructions.cpp - Sums of products of small numbers ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   sum + four products of bytes in each word, exactly:
//     AVX-512 VNNI                 one instruction
//     AVX2, any bytes              both factors as even and odd bytes of 16 bits, two sums of pairs
//     AVX2, codes of few bits      sums of pairs in 16 bits, as many after each other as these hold
//     others                       shifts, masks and products of integers
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"
#include "Words.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress;

DotInstructions DotInstructions::get(StringRef extensions) {
  DotInstructions result;
  for (StringRef name : llvm::split(extensions, ',')) {
    result.bf16 |= name.trim() == "avx512bf16";
    result.i8 |= name.trim() == "avx512vnni";
    result.tilesI8 |= name.trim() == "amx-int8";
    result.tilesBF16 |= name.trim() == "amx-bf16";
    result.shorter |= name.trim() == "avx512vl";
    result.pairs |= name.trim() == "avx2";
    result.permutes |= name.trim() == "avx512vbmi";
    result.shuffles64 |= name.trim() == "avx512bw";
    result.shuffles32 |= name.trim() == "avx2";
    result.shuffles16 |= name.trim() == "ssse3";
    result.compresses |= name.trim() == "avx512vbmi2";
  }
  return result;
}

bool DotInstructions::has(WordFormat format, int64_t lanes) const {
  bool isLength = lanes == 16 || (shorter && (lanes == 8 || lanes == 4));
  return isLength && (format == WordFormat::bf16 ? bf16 : i8);
}

/// The instruction itself.
static Value emitDotInstruction(AffineNest &nest, WordFormat format, Value activation, Value weights, Value sum) {
  OpBuilder &builder = nest.builder;
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  bool isBF16 = format == WordFormat::bf16;
  Type element = isBF16 ? Type(builder.getBF16Type()) : builder.getI8Type();
  auto packed = VectorType::get({lanes * (isBF16 ? 2 : 4)}, element);
  auto cast = [&](Value words) { return vector::BitCastOp::create(builder, nest.loc, packed, words).getResult(); };
  std::string name = isBF16 ? "llvm.x86.avx512bf16.dpbf16ps." : "llvm.x86.avx512.vpdpbusd.";
  return LLVM::CallIntrinsicOp::create(builder, nest.loc, sum.getType(),
                                       builder.getStringAttr(name + std::to_string(lanes * 32)),
                                       ValueRange{sum, cast(activation), cast(weights)})
      .getResult(0);
}

/// Numbers of the vectors that AVX2 has, in words.
static constexpr int64_t kPairLanes = 8;

bool DotInstructions::addsPairs(int64_t lanes) const {
  return pairs && lanes == kPairLanes && !has(WordFormat::i8, lanes);
}

/// An instruction of AVX2.
static Value emitPairInstruction(AffineNest &nest, StringRef name, Type type, Value a, Value b) {
  return LLVM::CallIntrinsicOp::create(nest.builder, nest.loc, type, nest.builder.getStringAttr(name), ValueRange{a, b})
      .getResult(0);
}

static VectorType halvesOf(OpBuilder &builder) { return VectorType::get({2 * kPairLanes}, builder.getI16Type()); }

Value mlir::compress::emitPairs(AffineNest &nest, Value a, Value b, Value sum) {
  VectorType halves = halvesOf(nest.builder);
  auto cast = [&](Value words) { return vector::BitCastOp::create(nest.builder, nest.loc, halves, words).getResult(); };
  auto words = VectorType::get({kPairLanes}, nest.builder.getI32Type());
  return arith::AddIOp::create(nest.builder, nest.loc, sum,
                               emitPairInstruction(nest, "llvm.x86.avx2.pmadd.wd", words, cast(a), cast(b)));
}

/// The same of bytes, exactly: those at even places of words, then those at odd ones, as numbers of 16 bits, so that no
/// sum of two products saturates. What a tile has in several products is widened once, when equal ops become one.
static Value emitWidenedDot(AffineNest &nest, const LaneEmitter &emit, Value activation, Value weights, Value sum) {
  constexpr uint32_t kEven = 0x00ff00ff;
  OpBuilder &builder = nest.builder;
  VectorType halves = halvesOf(builder);
  auto seen = [&](Value words) { return vector::BitCastOp::create(builder, nest.loc, halves, words).getResult(); };
  Value byte =
      arith::ConstantOp::create(builder, nest.loc, DenseElementsAttr::get(halves, builder.getI16IntegerAttr(8)));
  Value evenWeights =
      arith::ShRSIOp::create(builder, nest.loc, arith::ShLIOp::create(builder, nest.loc, seen(weights), byte), byte);
  sum = emitPairs(nest, emit.masked(activation, kEven), evenWeights, sum);
  return emitPairs(nest, arith::ShRUIOp::create(builder, nest.loc, seen(activation), byte),
                   arith::ShRSIOp::create(builder, nest.loc, seen(weights), byte), sum);
}

Value mlir::compress::emitDot(AffineNest &nest, WordFormat format, DotInstructions instructions, Value activation,
                              Value weights, Value sum) {
  auto vector = dyn_cast<VectorType>(sum.getType());
  LaneEmitter emit{nest.builder, nest.loc, vector ? vector.getNumElements() : 1};
  if (instructions.has(format, emit.lanes))
    return emitDotInstruction(nest, format, activation, weights, sum);
  if (format == WordFormat::i8 && instructions.addsPairs(emit.lanes))
    return emitWidenedDot(nest, emit, activation, weights, sum);
  if (format == WordFormat::bf16) {
    auto low = [&](Value words) { return emit.numberOf(emit.left(words, 16)); };
    auto high = [&](Value words) { return emit.numberOf(emit.masked(words, kHighHalf)); };
    sum = nest.fma(low(activation), low(weights), sum);
    return nest.fma(high(activation), high(weights), sum);
  }
  for (uint32_t place = 0; place < 32; place += 8) {
    Value a = emit.masked(place ? emit.right(activation, place) : activation, 0xff);
    Value w = arith::ShRSIOp::create(nest.builder, nest.loc, emit.left(weights, 24 - place), emit.bits(24));
    Value product = arith::MulIOp::create(nest.builder, nest.loc, a, w);
    sum = arith::AddIOp::create(nest.builder, nest.loc, sum, product);
  }
  return sum;
}

/// Products of bytes in 16 bits, of which a sum of two has that many with sign.
static constexpr int64_t kMostPair = 32767;

/// Sums of two products, of the bytes at places 0 and 1, 2 and 3 of each word, in 16 bits.
static Value emitBytePairs(AffineNest &nest, Value codes, Value weights) {
  auto bytes = VectorType::get({4 * kPairLanes}, nest.builder.getI8Type());
  auto cast = [&](Value words) { return vector::BitCastOp::create(nest.builder, nest.loc, bytes, words).getResult(); };
  return emitPairInstruction(nest, "llvm.x86.avx2.pmadd.ub.sw", halvesOf(nest.builder), cast(codes), cast(weights));
}

Value mlir::compress::emitCodeDot(AffineNest &nest, DotInstructions instructions, int64_t most, Value codes,
                                  Value weights, Value sum) {
  if (longestChain(instructions, most, sum.getType()) == 0)
    return emitDot(nest, WordFormat::i8, instructions, codes, weights, sum);
  return emitChainEnd(nest, emitBytePairs(nest, codes, weights), sum);
}

int64_t mlir::compress::longestChain(DotInstructions instructions, int64_t most, Type sum) {
  auto type = dyn_cast<VectorType>(sum);
  return type && instructions.addsPairs(type.getNumElements()) ? kMostPair / (2 * most) : 0;
}

Value mlir::compress::emitChainLink(AffineNest &nest, Value codes, Value weights, Value chain) {
  return arith::AddIOp::create(nest.builder, nest.loc, chain, emitBytePairs(nest, codes, weights));
}

Value mlir::compress::emitChainEnd(AffineNest &nest, Value chain, Value sum) {
  Value ones = arith::ConstantOp::create(
      nest.builder, nest.loc, DenseElementsAttr::get(halvesOf(nest.builder), nest.builder.getI16IntegerAttr(1)));
  return emitPairs(nest, chain, ones, sum);
}
