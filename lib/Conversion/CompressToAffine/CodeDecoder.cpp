//===- CodeDecoder.cpp - Bytes of codes ------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeDecoder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBytesPerWord = 4;

/// `value` in the lowest bits of each byte.
static uint32_t inEachByte(uint32_t value) { return value * 0x01010101u; }

bool CodeDecoder::staysInPlace(int64_t group, int64_t lanes) const {
  return fields() > 1 && !code.looksUp() && instructions.has(WordFormat::i8, lanes) &&
         CodedDotOp::largestSum(group, mostByte(/*inPlace=*/true)) < 0x1p31;
}

int64_t CodeDecoder::mostByte(bool inPlace) const {
  return inPlace ? code.mostByte() << (8 - code.bits) : code.mostByte();
}

Value CodeDecoder::emit(const LaneEmitter &emit, Value word, int64_t field, bool inPlace) const {
  if (code.looksUp())
    return lookUp(emit, word, field);
  if (fields() == 1)
    return word;
  uint32_t mask = inEachByte((1u << code.bits) - 1), place = code.bits * field;
  return inPlace || field == 0 ? emit.masked(word, mask << place) : emit.masked(emit.right(word, place), mask);
}

Value CodeDecoder::sumOfField(const LaneEmitter &emit, Value sum, int64_t field, bool inPlace) const {
  if (!inPlace || field == 0)
    return sum;
  return arith::ShRSIOp::create(emit.builder, emit.loc, sum, emit.bits(code.bits * field));
}

SmallVector<int8_t> CodeDecoder::table(int64_t count) const {
  SmallVector<int8_t> bytes;
  for (int64_t i = 0; i < count; ++i)
    bytes.push_back(static_cast<int8_t>(code.numbers[i % code.numbers.size()] + (hasSign ? 0 : code.byteOffset())));
  return bytes;
}

Value CodeDecoder::lookUp(const LaneEmitter &emit, Value word, int64_t field) const {
  int64_t count = kBytesPerWord * emit.lanes;
  auto type = VectorType::get({count}, emit.builder.getI8Type());
  Value index = field ? emit.right(word, code.bits * field) : word;
  bool permutes = instructions.permutesBytes(count);
  if (!permutes) {
    index = emit.masked(index, inEachByte((1u << code.bits) - 1));
    if (!instructions.shufflesBytes(count))
      return selectByBits(emit, index);
  }
  // A permutation takes the lowest bits of an index alone, of which more than one entry of the table may be chosen by
  // what is above the field: the table is repeated, and nothing masked.
  Value numbers =
      arith::ConstantOp::create(emit.builder, emit.loc, DenseElementsAttr::get(type, ArrayRef<int8_t>(table(count))));
  Value bytes = vector::BitCastOp::create(emit.builder, emit.loc, type, index);
  auto name = emit.builder.getStringAttr(permutes ? instructions.permutation(count) : instructions.shuffle(count));
  Value found =
      LLVM::CallIntrinsicOp::create(emit.builder, emit.loc, type, name, ValueRange{numbers, bytes}).getResult(0);
  return vector::BitCastOp::create(emit.builder, emit.loc, emit.i32(), found);
}

/// A tree of selects, one level for each bit of the indices in the bytes of `word`.
Value CodeDecoder::selectByBits(const LaneEmitter &emit, Value word) const {
  OpBuilder &builder = emit.builder;
  Location loc = emit.loc;
  auto type = VectorType::get({kBytesPerWord * emit.lanes}, builder.getI8Type());
  auto words = VectorType::get({emit.lanes}, builder.getI32Type());
  auto splat = [&](int8_t byte) -> Value {
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, byte));
  };
  if (emit.lanes == 1)
    word = vector::BroadcastOp::create(builder, loc, words, word);
  Value index = vector::BitCastOp::create(builder, loc, type, word);
  SmallVector<Value> level = llvm::map_to_vector(table(code.numbers.size()), splat);
  for (int8_t bit = 1; level.size() > 1; bit *= 2) {
    Value masked = arith::AndIOp::create(builder, loc, index, splat(bit));
    Value isSet = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, masked, splat(0));
    for (size_t i = 0; i < level.size() / 2; ++i)
      level[i] = arith::SelectOp::create(builder, loc, isSet, level[2 * i + 1], level[2 * i]);
    level.truncate(level.size() / 2);
  }
  Value result = vector::BitCastOp::create(builder, loc, words, level[0]);
  return emit.lanes == 1 ? vector::ExtractOp::create(builder, loc, result, 0).getResult() : result;
}
