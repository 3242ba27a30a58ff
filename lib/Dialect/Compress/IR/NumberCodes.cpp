//===- NumberCodes.cpp - What stored integers stand for -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each code is defined twice, on numbers (valueOf) and as IR (decode); a test compares them on every raw code.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Shared
//===----------------------------------------------------------------------===//

namespace {

/// Emits arithmetic on raw codes: i32 scalars or vectors, and floats of the same shape.
struct CodeEmitter {
  OpBuilder &builder;
  Location loc;
  Type codeType, type;

  CodeEmitter(OpBuilder &builder, Location loc, Value code, Type type)
      : builder(builder), loc(loc), codeType(code.getType()), type(type) {}

  TypedAttr splat(Type of, Attribute scalar) {
    if (auto shaped = dyn_cast<ShapedType>(of))
      return DenseElementsAttr::get(shaped, scalar);
    return cast<TypedAttr>(scalar);
  }
  Value integer(int64_t value) {
    Attribute scalar = IntegerAttr::get(getElementTypeOrSelf(codeType), value);
    return arith::ConstantOp::create(builder, loc, splat(codeType, scalar));
  }
  Value number(double value) {
    Attribute scalar = FloatAttr::get(getElementTypeOrSelf(type), value);
    return arith::ConstantOp::create(builder, loc, splat(type, scalar));
  }
  Value toNumber(Value integer) { return arith::SIToFPOp::create(builder, loc, type, integer); }
  Value mask(Value code, int64_t bits) { return arith::AndIOp::create(builder, loc, code, integer(bits)); }
  Value isSet(Value code, int64_t bit) {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, mask(code, bit), integer(0));
  }
  /// The two's complement number of `bits` bits.
  Value signExtend(Value code, int64_t bits) {
    Value sign = integer(int64_t(1) << (bits - 1));
    return arith::SubIOp::create(builder, loc, arith::XOrIOp::create(builder, loc, code, sign), sign);
  }
};

} // namespace

static int64_t signExtend(int64_t code, int64_t bits) { return llvm::SignExtend64(code, bits); }
static int64_t rawCode(int64_t value, int64_t bits) { return value & ((int64_t(1) << bits) - 1); }

/// `number` rounded to an integer in [low, high]; halves to the even one, not-a-numbers to 0.
static int64_t roundWithin(double number, int64_t low, int64_t high) {
  if (std::isnan(number))
    return std::clamp<int64_t>(0, low, high);
  // nearbyint rounds as the environment says: halves to even, unless a program changed it.
  return static_cast<int64_t>(std::nearbyint(std::clamp(number, double(low), double(high))));
}

//===----------------------------------------------------------------------===//
// Uniform
//===----------------------------------------------------------------------===//

LogicalResult UniformAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bits, bool unsignedCodes) {
  if (bits < (unsignedCodes ? 1 : 2) || bits > 8) // uniform C1
    return emitError() << "expects " << (unsignedCodes ? 1 : 2) << " to 8 bits, got " << bits;
  return success();
}

int64_t UniformAttr::getNumBits() const { return getBits(); }
bool UniformAttr::takesZeros() const { return true; }
/// A conversion, behind two shifts for the sign; loads of whole bytes extend the sign by themselves.
int64_t UniformAttr::decodeOperations() const {
  constexpr unsigned kByte = 8;
  return getUnsignedCodes() || getNumBits() == kByte ? 1 : 3;
}

double UniformAttr::getUnit() const { return 1; }

double UniformAttr::valueOf(int64_t code) const {
  return getUnsignedCodes() ? rawCode(code, getBits()) : signExtend(code, getBits());
}

int64_t UniformAttr::nearest(double number) const {
  int64_t span = int64_t(1) << getBits();
  int64_t low = getUnsignedCodes() ? 0 : -span / 2;
  return rawCode(roundWithin(number, low, low + span - 1), getBits());
}

Value UniformAttr::decode(OpBuilder &builder, Location loc, Value code, Type type) const {
  CodeEmitter emit(builder, loc, code, type);
  return emit.toNumber(getUnsignedCodes() ? code : emit.signExtend(code, getBits()));
}

//===----------------------------------------------------------------------===//
// Pow2
//===----------------------------------------------------------------------===//

LogicalResult Pow2Attr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bits, int64_t minExponent,
                               bool zero) {
  if (bits < 2 || bits > 6) // pow2 C1
    return emitError() << "expects 2 to 6 bits, got " << bits;
  int64_t last = minExponent + (int64_t(1) << (bits - 1)) - 1 - zero;
  if (minExponent < -126 || last > 127) // pow2 C2
    return emitError() << "expects exponents from -126 to 127, got " << minExponent << " to " << last;
  return success();
}

int64_t Pow2Attr::getNumBits() const { return getBits(); }
bool Pow2Attr::takesZeros() const { return false; }
int64_t Pow2Attr::decodeOperations() const { return getZero() ? 10 : 7; }

double Pow2Attr::getUnit() const {
  constexpr int64_t kMostExponents = 8; // 2^7 is the last power in a byte
  return getNumExponents() <= kMostExponents ? std::ldexp(1.0, static_cast<int>(getMinExponent())) : 0;
}

double Pow2Attr::valueOf(int64_t code) const {
  int64_t signBit = int64_t(1) << (getBits() - 1), magnitude = code & (signBit - 1);
  if (getZero() && magnitude == 0)
    return 0.0;
  double power = std::ldexp(1.0, static_cast<int>(getMinExponent() + magnitude - getZero()));
  return code & signBit ? -power : power;
}

int64_t Pow2Attr::nearest(double number) const {
  double magnitude = std::abs(number);
  // Largest power in the window that is at most 2/3 of a step away: 1.5 * 2^e and below become 2^e.
  int64_t exponent = getMinExponent();
  while (exponent < getMaxExponent() && magnitude > 1.5 * std::ldexp(1.0, static_cast<int>(exponent)))
    ++exponent;
  if (getZero() && !(magnitude > 0.5 * std::ldexp(1.0, static_cast<int>(getMinExponent()))))
    return 0;
  int64_t sign = number < 0 ? int64_t(1) << (getBits() - 1) : 0;
  return sign | (exponent - getMinExponent() + getZero());
}

/// (1 << m) as an integer, times the smallest power, times the sign: no more than 31 shifts, for which i64 has room.
Value Pow2Attr::decode(OpBuilder &builder, Location loc, Value code, Type type) const {
  CodeEmitter emit(builder, loc, code, type);
  int64_t signBit = int64_t(1) << (getBits() - 1);
  Value magnitude = emit.mask(code, signBit - 1), isNegative = emit.isSet(code, signBit);
  Type wide = builder.getI64Type();
  if (auto vector = dyn_cast<VectorType>(code.getType()))
    wide = vector.clone(wide);
  Value shift = arith::ExtUIOp::create(builder, loc, wide, magnitude);
  Value one = arith::ConstantOp::create(builder, loc, emit.splat(wide, builder.getI64IntegerAttr(1)));
  Value power = emit.toNumber(arith::ShLIOp::create(builder, loc, one, shift));
  double smallest = std::ldexp(1.0, static_cast<int>(getMinExponent() - getZero()));
  Value scale =
      arith::SelectOp::create(builder, loc, isNegative, emit.number(-smallest), emit.number(smallest)).getResult();
  Value result = arith::MulFOp::create(builder, loc, power, scale);
  if (!getZero())
    return result;
  Value isZero = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, magnitude, emit.integer(0));
  return arith::SelectOp::create(builder, loc, isZero, emit.number(0.0), result);
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

int64_t TernaryAttr::getNumBits() const { return 2; }
bool TernaryAttr::takesZeros() const { return false; }
int64_t TernaryAttr::decodeOperations() const { return 3; }
double TernaryAttr::getUnit() const { return 1; }
double TernaryAttr::valueOf(int64_t code) const { return signExtend(code, 2); }
int64_t TernaryAttr::nearest(double number) const { return rawCode(roundWithin(number, -1, 1), 2); }

Value TernaryAttr::decode(OpBuilder &builder, Location loc, Value code, Type type) const {
  CodeEmitter emit(builder, loc, code, type);
  return emit.toNumber(emit.signExtend(code, 2));
}

//===----------------------------------------------------------------------===//
// Codebook
//===----------------------------------------------------------------------===//

LogicalResult CodebookAttr::verify(function_ref<InFlightDiagnostic()> emitError, DenseF64ArrayAttr values) {
  bool isFinite = llvm::all_of(values.asArrayRef(), [](double v) { return std::isfinite(v); });
  if (values.size() < 2 || values.size() > 256 || !isFinite) // codebook C1
    return emitError() << "expects 2 to 256 finite numbers, got " << values.size()
                       << (isFinite ? "" : ", not all of them finite");
  return success();
}

int64_t CodebookAttr::getNumBits() const { return llvm::Log2_64_Ceil(getValues().size()); }
bool CodebookAttr::takesZeros() const { return false; }
int64_t CodebookAttr::decodeOperations() const { return int64_t(1) << getNumBits(); }

/// A unit divides the number nearest to zero, by at most 255: the integers of the others are larger.
double CodebookAttr::getUnit() const {
  constexpr int64_t kMostInteger = 255;
  double least = 0;
  for (double value : getValues().asArrayRef())
    if (value != 0 && (least == 0 || std::abs(value) < least))
      least = std::abs(value);
  for (int64_t divisor = 1; least != 0 && divisor <= kMostInteger; ++divisor) {
    double unit = least / static_cast<double>(divisor);
    bool isUnit = llvm::all_of(getValues().asArrayRef(), [&](double value) {
      double integer = std::nearbyint(value / unit);
      return integer * unit == value && std::abs(integer) <= kMostInteger;
    });
    if (isUnit)
      return unit;
  }
  return 0;
}

double CodebookAttr::valueOf(int64_t code) const {
  int64_t last = getValues().size() - 1;
  return getValues()[std::min(rawCode(code, getNumBits()), last)];
}

int64_t CodebookAttr::nearest(double number) const {
  ArrayRef<double> values = getValues().asArrayRef();
  // From infinity, all numbers are equally far.
  auto [least, most] = std::minmax_element(values.begin(), values.end());
  number = std::clamp(number, *least, *most);
  auto isNearer = [&](double a, double b) {
    double toA = std::abs(a - number), toB = std::abs(b - number);
    return toA != toB ? toA < toB : std::abs(a) < std::abs(b);
  };
  return llvm::min_element(values, isNearer) - values.begin();
}

/// A tree of selects, one level per bit: it works on lanes, and the table needs no memory.
Value CodebookAttr::decode(OpBuilder &builder, Location loc, Value code, Type type) const {
  CodeEmitter emit(builder, loc, code, type);
  SmallVector<Value> level;
  for (int64_t c = 0; c < int64_t(1) << getNumBits(); ++c)
    level.push_back(emit.number(valueOf(c)));
  for (int64_t bit = 1; level.size() > 1; bit *= 2) {
    Value isSet = emit.isSet(code, bit);
    for (size_t i = 0; i < level.size() / 2; ++i)
      level[i] = arith::SelectOp::create(builder, loc, isSet, level[2 * i + 1], level[2 * i]);
    level.truncate(level.size() / 2);
  }
  return level[0];
}
