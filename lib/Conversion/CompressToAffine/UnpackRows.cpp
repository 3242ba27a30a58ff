//===- UnpackRows.cpp - Lower rows of stored numbers to loops --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row's entries are decoded one after the other into a buffer that stays in the innermost cache; then each vector of
// places takes as many of them as its bits are set:
//
//   affine.for %r {
//     affine.for %i { %buffer[16 i …] = decode values[starts[%r] + …] }
//     affine.for %i iter_args(%n = 0) {
//       %bits = mask[%r div share, 2 i …]
//       init[%r, 16 i …] = vector.expandload %buffer[%n], %bits, 0
//       %n + popcount(%bits)
//   } }
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "LaneEmitter.h"
#include "Words.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBitsPerByte = 8;

namespace {

struct UnpackRowsLowering {
  UnpackRowsOp op;
  /// Lanes, or 1.
  int64_t width;
  /// There is an instruction that looks up 16 numbers in a register.
  bool hasLookup;
  OpBuilder &builder;
  Location loc = op.getLoc();
  Type element = cast<MemRefType>(op.getInit().getType()).getElementType();
  int64_t columns = op.getColumns(), longest = op.getLongest(), bits = op.getEntryBits();

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }
  AffineExpr maskRow(AffineExpr row) { return row.floorDiv(op.getShare()); }
  Value toIndex(Value integer) { return arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), integer); }

  void lower() {
    OpBuilder::InsertionGuard guard(builder);
    Value entries;
    if (width > 1)
      entries = allocateRows(builder, loc, {builder.getIndexAttr(llvm::alignTo(longest, width))}, element, longest);
    AffineNest nest(builder, loc);
    AffineExpr row = nest.loopOverDim(op.getInit(), 0);
    Value start = toIndex(nest.load(op.getStarts(), {row}, 1));
    if (width == 1)
      return placeOneByOne(nest, row, start);
    decodeRow(nest, start, entries);
    place(nest, row, entries);
  }

  //===--------------------------------------------------------------------===//
  // Vectors
  //===--------------------------------------------------------------------===//

  void decodeRow(AffineNest nest, Value start, Value entries) {
    OpBuilder::InsertionGuard guard(builder);
    AffineExpr step = nest.loop(0, llvm::divideCeil(longest, width));
    int64_t perStep = op.getCode() ? width * bits / kBitsPerByte : width;
    Value from = add(start, nest.materialize(step * perStep));
    auto loaded = VectorType::get({perStep}, cast<MemRefType>(op.getValues().getType()).getElementType());
    Value numbers = vector::LoadOp::create(builder, loc, loaded, op.getValues(), from);
    if (op.getCode())
      numbers = decode(fieldsOf(numbers));
    nest.store(numbers, entries, {step * width});
  }

  /// The raw codes in bytes, as i32.
  Value fieldsOf(Value bytes) {
    SmallVector<int64_t> byteOf;
    SmallVector<int32_t> shift;
    for (int64_t lane = 0; lane < width; ++lane) {
      byteOf.push_back(lane * bits / kBitsPerByte);
      shift.push_back(lane * bits % kBitsPerByte);
    }
    LaneEmitter emit{builder, loc, width};
    Value spread = vector::ShuffleOp::create(builder, loc, bytes, bytes, byteOf);
    Value wide = arith::ExtUIOp::create(builder, loc, emit.i32(), spread);
    if (bits == kBitsPerByte)
      return wide;
    auto shifts = DenseElementsAttr::get(cast<VectorType>(emit.i32()), ArrayRef(shift));
    wide = arith::ShRUIOp::create(builder, loc, wide, arith::ConstantOp::create(builder, loc, shifts));
    return emit.masked(wide, (1u << bits) - 1);
  }

  /// The numbers of raw codes, from a table in a register if that holds all of them.
  Value decode(Value raw) {
    constexpr int64_t kTableBits = 4;
    auto type = VectorType::get({width}, element);
    if (!hasLookup || bits > kTableBits || width != 1 << kTableBits || !element.isF32())
      return scaled(op.getCode()->decode(builder, loc, raw, type));
    SmallVector<float> numbers;
    int64_t codes = int64_t(1) << op.getCode()->getNumBits();
    for (int64_t code = 0; code < width; ++code)
      numbers.push_back(static_cast<float>(op.getCode()->valueOf(code % codes)) *
                        static_cast<float>(op.getScale().convertToDouble()));
    Value table = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, ArrayRef(numbers)));
    return LLVM::CallIntrinsicOp::create(builder, loc, type, builder.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                                         ValueRange{table, raw})
        .getResult(0);
  }

  void place(AffineNest nest, AffineExpr row, Value entries) {
    int64_t whole = columns / width;
    SmallVector<Value> position{index(0)};
    if (whole > 0) {
      AffineExpr step = nest.loopCarrying(whole, position);
      placeVector(nest, row, step, entries, position[0]);
      nest.closeCarrying(position);
    }
    if (columns % width == 0)
      return;
    nest.existingLanes = columns % width;
    placeVector(nest, row, nest.constant(whole), entries, position[0]);
  }

  /// Places `width` numbers from column `step * width` on, and moves `position` past the entries that they took.
  void placeVector(AffineNest &nest, AffineExpr row, AffineExpr step, Value entries, Value &position) {
    int64_t bytes = width / kBitsPerByte, existing = std::exchange(nest.existingLanes, 0);
    Value mask = nest.load(op.getMask(), {maskRow(row), step * bytes}, bytes);
    if (bytes == 1)
      mask = vector::BroadcastOp::create(builder, loc, VectorType::get({1}, builder.getI8Type()), mask);
    Value isSet = vector::BitCastOp::create(builder, loc, VectorType::get({width}, builder.getI1Type()), mask);
    Value word = vector::BitCastOp::create(builder, loc, VectorType::get({1}, builder.getIntegerType(width)), mask);
    word = vector::ExtractOp::create(builder, loc, word, ArrayRef<int64_t>{0});
    auto type = VectorType::get({width}, element);
    Value zeros = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    Value numbers = vector::ExpandLoadOp::create(builder, loc, type, entries, ValueRange{position}, isSet, zeros);
    nest.existingLanes = existing;
    nest.store(numbers, op.getInit(), {row, step * width});
    position = add(position, toIndex(math::CtPopOp::create(builder, loc, word)));
  }

  //===--------------------------------------------------------------------===//
  // Scalars
  //===--------------------------------------------------------------------===//

  void placeOneByOne(AffineNest nest, AffineExpr row, Value start) {
    SmallVector<Value> position{index(0)};
    AffineExpr column = nest.loopCarrying(columns, position);
    Value byte = nest.load(op.getMask(), {maskRow(row), column.floorDiv(kBitsPerByte)}, 1);
    Value shift =
        arith::IndexCastOp::create(builder, loc, builder.getI8Type(), nest.materialize(column % kBitsPerByte));
    Value bit = arith::ShRUIOp::create(builder, loc, byte, shift);
    Value isSet = arith::TruncIOp::create(builder, loc, builder.getI1Type(), bit);
    // Behind the last entry nothing is read.
    Value last = arith::MinUIOp::create(builder, loc, position[0], index(longest - 1));
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    nest.store(arith::SelectOp::create(builder, loc, isSet, entry(start, last), zero), op.getInit(), {row, column});
    position[0] = add(position[0], toIndex(isSet));
    nest.closeCarrying(position);
  }

  /// Entry `number` of the row that starts at `start`.
  Value entry(Value start, Value number) {
    if (!op.getCode())
      return memref::LoadOp::create(builder, loc, op.getValues(), add(start, number));
    Value bit = arith::MulIOp::create(builder, loc, number, index(bits));
    Value byte = arith::DivUIOp::create(builder, loc, bit, index(kBitsPerByte));
    Value raw = memref::LoadOp::create(builder, loc, op.getValues(), add(start, byte));
    Value shift = arith::RemUIOp::create(builder, loc, bit, index(kBitsPerByte));
    LaneEmitter emit{builder, loc, 1};
    raw = arith::ExtUIOp::create(builder, loc, emit.i32(), raw);
    raw = arith::ShRUIOp::create(builder, loc, raw, arith::IndexCastOp::create(builder, loc, emit.i32(), shift));
    return scaled(op.getCode()->decode(builder, loc, emit.masked(raw, (1u << bits) - 1), element));
  }

  Value scaled(Value number) {
    double scale = op.getScale().convertToDouble();
    if (scale == 1)
      return number;
    auto value = builder.getFloatAttr(element, scale);
    return arith::MulFOp::create(builder, loc, LaneEmitter{builder, loc, width}.constant(number.getType(), value),
                                 number);
  }
};

} // namespace

void mlir::compress::lowerUnpackRows(UnpackRowsOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  // Bits of a mask come in whole bytes.
  constexpr int64_t kLeast = 8, kMost = 16;
  bool allows = lanes >= kLeast && allowsLanes(op.getInit()) && isContiguousInside(op.getMask()) &&
                isContiguousInside(op.getValues());
  bool hasLookup = llvm::any_of(llvm::split(extensions, ','), [](StringRef name) { return name.trim() == "avx512f"; });
  UnpackRowsLowering{op, allows ? std::min(lanes, kMost) : 1, hasLookup, builder}.lower();
}
