//===- Winograd.h - Small convolutions with fewer products ------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// F(4, 3) of Lavin and Gray (arXiv 1509.09308, section 4.1, equations 10 to 12; points 0, 1, -1, 2, -2 and infinity):
// four results of a convolution with three taps by six products instead of twelve, and in two dimensions 4 x 4 of 3 x 3
// taps by 36 instead of 144. The fractions of the filter's transform, 1/4, -1/6, -1/6, 1/24, 1/24 and 1, are taken out
// of it, so that it is of integers, and put as 24 times them into the result's, which is therefore 24 times what it
// should be; 576 times in two dimensions.
//
// All is written once, over an arithmetic: `add`, `sub`, and `shift`, by a number of bits to the left.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_WINOGRAD_H
#define COMPRESS_KERNEL_WINOGRAD_H

#include <array>
#include <cstdint>

namespace mlir::compress::kernel {

/// Results and taps of a tile along one dimension, and the numbers that are multiplied.
inline constexpr int64_t kWinogradResults = 4, kWinogradTaps = 3, kWinogradPoints = 6;
/// What a result in two dimensions is multiplied by: 9 * 2^6; and the inverse of 9 modulo 2^32.
inline constexpr int64_t kWinogradFactor = 576, kWinogradShift = 6;
inline constexpr uint32_t kInverseOf9 = 954437177;

/// The transform of six numbers of an activation: sums of their magnitudes grow at most tenfold.
template <typename Value, typename Arithmetic>
std::array<Value, 6> winogradInput(const Arithmetic &a, const std::array<Value, 6> &d) {
  auto five = [&](const Value &x) { return a.add(a.shift(x, 2), x); };
  Value even = a.sub(d[4], a.shift(d[2], 2)), odd = a.sub(d[3], a.shift(d[1], 2));
  Value inner = a.sub(d[4], d[2]), outer = a.shift(a.sub(d[3], d[1]), 1);
  return {a.add(a.sub(a.shift(d[0], 2), five(d[2])), d[4]),
          a.add(even, odd),
          a.sub(even, odd),
          a.add(inner, outer),
          a.sub(inner, outer),
          a.add(a.sub(a.shift(d[1], 2), five(d[3])), d[5])};
}

/// Number `point` of the transform of three taps, without its fraction: at most seven times the largest.
template <typename Value, typename Arithmetic>
Value winogradFilter(const Arithmetic &a, int64_t point, const std::array<Value, 3> &w) {
  if (point == 0)
    return w[0];
  if (point == 5)
    return w[2];
  int64_t power = point < 3 ? 0 : 1; // of 2: the point is 1 or 2, or minus that
  Value ends = a.add(w[0], a.shift(w[2], 2 * power)), middle = a.shift(w[1], power);
  return point % 2 == 1 ? a.add(ends, middle) : a.sub(ends, middle);
}

/// Four results, times 24, of six products.
template <typename Value, typename Arithmetic>
std::array<Value, 4> winogradOutput(const Arithmetic &a, const std::array<Value, 6> &m) {
  auto minusFour = [&](const Value &x, const Value &y) { return a.shift(a.sub(y, x), 2); }; // 4 (y - x)
  Value difference = minusFour(m[1], m[2]), far = a.sub(m[3], m[4]), sum = a.shift(a.add(m[1], m[2]), 2);
  Value farSum = a.add(m[3], m[4]);
  return {a.sub(a.add(a.add(a.shift(m[0], 2), a.shift(m[0], 1)), farSum), sum), a.add(difference, a.shift(far, 1)),
          a.sub(a.shift(farSum, 2), sum),
          a.add(a.add(difference, a.shift(far, 3)), a.add(a.shift(m[5], 4), a.shift(m[5], 3)))};
}

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_WINOGRAD_H
