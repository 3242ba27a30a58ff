//===- Requantize.h - From one fixed-point format to another ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The one definition of rounding and saturation. It is written once, over an abstract number, and read three ways:
// evaluated on integers, emitted as ops of arith, counted.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_REQUANTIZE_H
#define COMPRESS_KERNEL_REQUANTIZE_H

#include "mlir/IR/Builders.h"
#include <cstdint>

namespace mlir::compress::kernel {

/// Integers of `width` bits in two's complement, each of which stands for itself times 2^-fraction.
struct FixedFormat {
  int64_t width = 0, fraction = 0;

  int64_t lowest() const { return -(int64_t(1) << (width - 1)); }
  int64_t highest() const { return (int64_t(1) << (width - 1)) - 1; }
  bool operator==(const FixedFormat &other) const { return width == other.width && fraction == other.fraction; }
};

/// Most bits of a number at any place of a fixed-point computation: numbers are evaluated on int64_t.
inline constexpr int64_t kMostFixedBits = 62;

/// Bits in two's complement that hold every integer from `low` to `high`.
int64_t bitsFor(int64_t low, int64_t high);

/// The format of `width` bits with the most fraction bits in which numbers of magnitude up to `largest` do not
/// saturate.
FixedFormat formatFor(int64_t width, double largest);

/// `value` in `format`: the nearest number, ties to even, saturated.
int64_t quantize(double value, FixedFormat format);

/// The step from `from` to `to`: to the nearest number, ties to even; then to the range of `to`.
///
///     q = saturate(x / 2^shift),   shift = from.fraction - to.fraction
///
/// A negative shift is exact but for the saturation.
struct Requantization {
  FixedFormat from, to;
  /// False where the rounded number is known to fit.
  bool saturates = true;

  int64_t shift() const { return from.fraction - to.fraction; }
  /// Bits of the number between rounding and saturation.
  int64_t widthBefore() const;
  /// Bits of the widest number on the way.
  int64_t widest() const;
};

int64_t requantize(int64_t x, const Requantization &how);

/// Emits it on a signless integer of `how.from.width` bits.
Value emitRequantize(OpBuilder &builder, Location loc, Value x, const Requantization &how);

/// Additions, comparisons that a multiplexer follows, and the bits of all of their results. Shifts by constants and
/// changes of width are wires.
struct RequantizationCount {
  int64_t adds = 0, comparisons = 0, bits = 0;
};
RequantizationCount countRequantize(const Requantization &how);

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_REQUANTIZE_H
