//===- Requantize.cpp - From one fixed-point format to another -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Requantize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir;
using namespace mlir::compress::kernel;

int64_t mlir::compress::kernel::bitsFor(int64_t low, int64_t high) {
  auto bits = [](int64_t x) { return 65 - static_cast<int64_t>(llvm::countl_zero<uint64_t>(x < 0 ? ~x : x)); };
  return std::max(bits(low), bits(high));
}

FixedFormat mlir::compress::kernel::formatFor(int64_t width, double largest) {
  if (!(largest > 0) || !std::isfinite(largest))
    return {width, width - 1};
  FixedFormat format{width, 0};
  int exponent;
  std::frexp(largest, &exponent); // largest < 2^exponent
  format.fraction = width - 1 - exponent;
  // 0.99 in 8 bits would round to 128.
  if (std::nearbyint(std::ldexp(largest, format.fraction)) > format.highest())
    --format.fraction;
  return format;
}

/// To the nearest integer, ties to even, whatever the processor's mode.
static double roundHalfToEven(double x) {
  double low = std::floor(x), rest = x - low;
  bool isUp = rest > 0.5 || (rest == 0.5 && std::fmod(low, 2) != 0);
  return isUp ? low + 1 : low;
}

int64_t mlir::compress::kernel::quantize(double value, FixedFormat format) {
  double scaled = roundHalfToEven(std::ldexp(value, format.fraction));
  return static_cast<int64_t>(std::clamp(scaled, double(format.lowest()), double(format.highest())));
}

int64_t Requantization::widthBefore() const {
  // Rounding up may take the bit that the shift would free last: 127 / 2 rounds to 64.
  return shift() > 0 ? std::max<int64_t>(from.width + 1 - shift(), 1) : from.width - shift();
}

int64_t Requantization::widest() const {
  return std::max({shift() > 0 ? from.width + 1 : from.width - shift(), to.width});
}

/// The algorithm. `Reading::Number` is a number of a width that the reading knows.
template <typename Reading>
static typename Reading::Number run(Reading &reading, typename Reading::Number x, const Requantization &how) {
  int64_t shift = how.shift();
  assert(how.widest() <= kMostFixedBits && "a width is checked where formats are chosen");
  if (shift > how.from.width) // at most half of a unit, and that is even
    return reading.constant(0, how.to.width);
  if (shift > 0) {
    // floor(x / 2^s) is the result, or one less; adding just less than a half, and a half where it is odd, tells which.
    int64_t width = how.from.width + 1;
    x = reading.resize(x, width);
    auto odd = reading.lowestBit(reading.shiftRight(x, shift));
    auto half = reading.constant((int64_t(1) << (shift - 1)) - 1, width);
    x = reading.shiftRight(reading.add(x, reading.add(half, odd)), shift);
  } else if (shift < 0) {
    x = reading.shiftLeft(reading.resize(x, how.from.width - shift), -shift);
  }
  if (how.saturates && how.widthBefore() > how.to.width) {
    x = reading.atMost(x, how.to.highest());
    x = reading.atLeast(x, how.to.lowest());
  }
  return reading.resize(x, how.to.width);
}

namespace {

/// Numbers are int64_t; no result of the algorithm is too wide for its width.
struct EvaluateReading {
  using Number = int64_t;

  Number constant(int64_t value, int64_t) { return value; }
  Number resize(Number x, int64_t) { return x; }
  Number shiftRight(Number x, int64_t by) { return x >> by; }
  Number shiftLeft(Number x, int64_t by) { return x * (int64_t(1) << by); }
  Number lowestBit(Number x) { return x & 1; }
  Number add(Number a, Number b) { return a + b; }
  Number atMost(Number x, int64_t limit) { return std::min(x, limit); }
  Number atLeast(Number x, int64_t limit) { return std::max(x, limit); }
};

struct EmitReading {
  using Number = Value;
  OpBuilder &builder;
  Location loc;

  Number constant(int64_t value, int64_t width) {
    return arith::ConstantIntOp::create(builder, loc, builder.getIntegerType(width), value);
  }
  Number like(Number x, int64_t value) { return constant(value, x.getType().getIntOrFloatBitWidth()); }
  Number resize(Number x, int64_t width) {
    int64_t now = x.getType().getIntOrFloatBitWidth();
    Type type = builder.getIntegerType(width);
    if (width > now)
      return arith::ExtSIOp::create(builder, loc, type, x);
    return width < now ? Value(arith::TruncIOp::create(builder, loc, type, x)) : x;
  }
  Number shiftRight(Number x, int64_t by) { return arith::ShRSIOp::create(builder, loc, x, like(x, by)); }
  Number shiftLeft(Number x, int64_t by) { return arith::ShLIOp::create(builder, loc, x, like(x, by)); }
  Number lowestBit(Number x) { return arith::AndIOp::create(builder, loc, x, like(x, 1)); }
  Number add(Number a, Number b) { return arith::AddIOp::create(builder, loc, a, b); }
  Number atMost(Number x, int64_t limit) { return arith::MinSIOp::create(builder, loc, x, like(x, limit)); }
  Number atLeast(Number x, int64_t limit) { return arith::MaxSIOp::create(builder, loc, x, like(x, limit)); }
};

/// Numbers are their widths.
struct CountReading {
  using Number = int64_t;
  RequantizationCount result;

  Number constant(int64_t, int64_t width) { return width; }
  Number resize(Number, int64_t width) { return width; }
  Number shiftRight(Number x, int64_t) { return x; }
  Number shiftLeft(Number x, int64_t) { return x; }
  Number lowestBit(Number x) { return x; }
  Number add(Number a, Number) { return ++result.adds, result.bits += a, a; }
  Number atMost(Number x, int64_t) { return ++result.comparisons, result.bits += x, x; }
  Number atLeast(Number x, int64_t) { return ++result.comparisons, result.bits += x, x; }
};

} // namespace

int64_t mlir::compress::kernel::requantize(int64_t x, const Requantization &how) {
  EvaluateReading reading;
  return run(reading, x, how);
}

Value mlir::compress::kernel::emitRequantize(OpBuilder &builder, Location loc, Value x, const Requantization &how) {
  EmitReading reading{builder, loc};
  return run(reading, x, how);
}

RequantizationCount mlir::compress::kernel::countRequantize(const Requantization &how) {
  CountReading reading;
  run(reading, how.from.width, how);
  return reading.result;
}
