//===- Rounding.cpp - Numbers of a code times scales --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each scale is fitted by itself, on the entries that it serves.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/Rounding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

using namespace llvm;
using namespace mlir::compress::obtain;

//===----------------------------------------------------------------------===//
// Single numbers
//===----------------------------------------------------------------------===//

double mlir::compress::obtain::nearestPowerOfTwo(double number, PowerWindow window) {
  double magnitude = std::abs(number);
  int exponent;
  double mantissa = std::frexp(magnitude, &exponent); // in [1/2, 1)
  int64_t nearest = std::clamp<int64_t>(exponent - 1 + (mantissa > 0.75), window.minExponent, window.maxExponent);
  double least = std::ldexp(1.0, window.minExponent);
  if (window.zero && magnitude <= least / 2)
    return 0.0;
  return std::copysign(magnitude == 0 ? least : std::ldexp(1.0, nearest), magnitude == 0 ? 1.0 : number);
}

PowerWindow mlir::compress::obtain::windowOf(ArrayRef<double> weight, int64_t numExponents, bool zero) {
  double largest = 0;
  for (double value : weight)
    largest = std::max(largest, std::abs(value));
  // The exponents of normal f32 numbers.
  int64_t last = largest > 0 ? std::ilogb(nearestPowerOfTwo(largest, {-126, 127, false})) : 0;
  last = std::max(last, numExponents - 127);
  return {last - numExponents + 1, last, zero};
}

std::vector<double> mlir::compress::obtain::sumsOfPowers(int64_t bits, int64_t terms) {
  std::vector<double> sums{0.0};
  for (int64_t term = 0; term < terms; ++term) {
    int64_t termBits = (bits - 1) / terms + (term < (bits - 1) % terms);
    std::vector<double> longer;
    for (double sum : sums) {
      longer.push_back(sum);
      for (int64_t i = 0; i + 1 < int64_t(1) << termBits; ++i)
        longer.push_back(sum + std::ldexp(1.0, -term - i * terms));
    }
    sums = std::move(longer);
  }
  for (size_t i = 0, e = sums.size(); i < e; ++i)
    sums.push_back(-sums[i]);
  llvm::sort(sums);
  sums.erase(std::unique(sums.begin(), sums.end()), sums.end()); // -0 equals 0
  return sums;
}

double mlir::compress::obtain::nearestInteger(double number, double low, double high) {
  return std::clamp(std::copysign(std::ceil(std::abs(number) - 0.5), number), low, high) + 0.0; // never -0
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

std::vector<int64_t> mlir::compress::obtain::scaleOfEntries(ArrayRef<int64_t> shape, ArrayRef<int64_t> group,
                                                            SmallVectorImpl<int64_t> &scaleShape) {
  assert(shape.size() == group.size() && "one group size per dimension");
  scaleShape.clear();
  std::vector<int64_t> scales(1, 0);
  for (auto [extent, size] : zip_equal(shape, group)) {
    int64_t numScales = divideCeil(extent, size);
    scaleShape.push_back(numScales);
    std::vector<int64_t> next;
    next.reserve(scales.size() * extent);
    for (int64_t scale : scales)
      for (int64_t i = 0; i < extent; ++i)
        next.push_back(scale * numScales + i / size);
    scales = std::move(next);
  }
  return scales;
}

namespace {

/// What a fit makes of the entries of one scale.
struct Fitted {
  std::vector<double> numbers;
  double scale = 1, zero = 0;
};

} // namespace

static Rounded fitPerScale(ArrayRef<double> weight, ArrayRef<int64_t> shape, ArrayRef<int64_t> group,
                           function_ref<Fitted(ArrayRef<double>)> fit) {
  Rounded result;
  std::vector<int64_t> scaleOf = scaleOfEntries(shape, group, result.scaleShape);
  assert(scaleOf.size() == weight.size() && "one number per entry");
  std::vector<std::vector<int64_t>> members(
      std::accumulate(result.scaleShape.begin(), result.scaleShape.end(), int64_t(1), std::multiplies<int64_t>()));
  for (auto [entry, scale] : enumerate(scaleOf))
    members[scale].push_back(entry);
  result.numbers.resize(weight.size());
  std::vector<double> values;
  for (ArrayRef<int64_t> entries : members) {
    values.clear();
    for (int64_t entry : entries)
      values.push_back(weight[entry]);
    Fitted one = fit(values);
    for (auto [entry, number] : zip_equal(entries, one.numbers))
      result.numbers[entry] = number;
    result.scales.push_back(one.scale);
    result.zeros.push_back(one.zero);
  }
  return result;
}

std::vector<double> mlir::compress::obtain::dequantize(const Rounded &rounded, ArrayRef<int64_t> shape,
                                                       ArrayRef<int64_t> group) {
  SmallVector<int64_t> scaleShape;
  std::vector<double> weight;
  for (auto [number, scale] : zip_equal(rounded.numbers, scaleOfEntries(shape, group, scaleShape)))
    weight.push_back(rounded.scales[scale] * (number - rounded.zeros[scale]));
  return weight;
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

static Fitted ternaryOf(ArrayRef<double> values, TernaryOptions options) {
  double mean = 0;
  for (double value : values)
    mean += std::abs(value) / values.size();
  Fitted result{std::vector<double>(values.size(), 0.0)};
  double threshold = options.threshold * mean;
  for (bool isFirst = true;; isFirst = false) {
    double sum = 0, count = 0;
    bool isSame = true;
    for (auto [value, number] : zip_equal(values, result.numbers)) {
      double now = std::abs(value) > threshold ? std::copysign(1.0, value) : 0.0;
      isSame &= now == number;
      number = now;
      sum += now * value;
      count += std::abs(now);
    }
    if (count == 0 || (isSame && !isFirst))
      return result;
    result.scale = sum / count;
    if (!options.iterate)
      return result;
    threshold = result.scale / 2;
  }
}

Rounded mlir::compress::obtain::fitTernary(ArrayRef<double> weight, ArrayRef<int64_t> shape, ArrayRef<int64_t> group,
                                           TernaryOptions options) {
  return fitPerScale(weight, shape, group, [&](ArrayRef<double> values) { return ternaryOf(values, options); });
}

std::vector<bool> mlir::compress::obtain::leastMagnitudes(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                          ArrayRef<int64_t> group, double fraction, bool perScale) {
  SmallVector<int64_t> scaleShape;
  std::vector<int64_t> scaleOf = scaleOfEntries(shape, perScale ? group : shape, scaleShape);
  std::vector<std::vector<int64_t>> members(scaleOf.empty() ? 0 : *max_element(scaleOf) + 1);
  for (auto [entry, scale] : enumerate(scaleOf))
    members[scale].push_back(entry);
  std::vector<bool> isLeast(weight.size(), false);
  for (std::vector<int64_t> &entries : members) {
    llvm::sort(entries, [&](int64_t a, int64_t b) {
      return std::pair(std::abs(weight[a]), a) < std::pair(std::abs(weight[b]), b);
    });
    for (int64_t entry : ArrayRef(entries).take_front(static_cast<size_t>(fraction * entries.size())))
      isLeast[entry] = true;
  }
  return isLeast;
}

Rounded mlir::compress::obtain::fitTernaryWithZeros(ArrayRef<double> weight, ArrayRef<int64_t> shape,
                                                    ArrayRef<int64_t> group, const std::vector<bool> &isZero) {
  Rounded result;
  std::vector<int64_t> scaleOf = scaleOfEntries(shape, group, result.scaleShape);
  size_t numScales = scaleOf.empty() ? 0 : *max_element(scaleOf) + 1;
  std::vector<double> sums(numScales, 0.0), counts(numScales, 0.0);
  for (auto [entry, scale] : enumerate(scaleOf)) {
    double number = isZero[entry] || weight[entry] == 0 ? 0.0 : std::copysign(1.0, weight[entry]);
    result.numbers.push_back(number);
    sums[scale] += number * weight[entry];
    counts[scale] += std::abs(number);
  }
  for (auto [sum, count] : zip_equal(sums, counts))
    result.scales.push_back(count > 0 ? sum / count : 1.0);
  result.zeros.assign(numScales, 0.0);
  return result;
}

//===----------------------------------------------------------------------===//
// Uniform
//===----------------------------------------------------------------------===//

/// Rounds at the scale and zero point of `fitted`; returns the squared error.
static double roundUniform(ArrayRef<double> values, const UniformOptions &options, Fitted &fitted) {
  fitted.numbers.clear();
  double error = 0;
  for (double value : values) {
    double number = nearestInteger(value / fitted.scale + fitted.zero, options.low, options.high);
    fitted.numbers.push_back(number);
    double off = value - fitted.scale * (number - fitted.zero);
    error += off * off;
  }
  return error;
}

/// The scale of least squared error at the integers of `fitted`; 0 if they are all zero.
static double leastSquaresScale(ArrayRef<double> values, const Fitted &fitted) {
  double product = 0, square = 0;
  for (auto [value, number] : zip_equal(values, fitted.numbers)) {
    product += value * (number - fitted.zero);
    square += (number - fitted.zero) * (number - fitted.zero);
  }
  return square > 0 ? product / square : 0;
}

static Fitted uniformOf(ArrayRef<double> values, const UniformOptions &options) {
  double top = 0, bottom = 0, low = options.low, high = options.high;
  for (double value : values) {
    top = std::max(top, value);
    bottom = std::min(bottom, value);
  }
  double span = options.symmetric ? std::max(top, -bottom) / high : (top - bottom) / (high - low);
  Fitted best;
  best.zero = options.symmetric ? 0 : nearestInteger(span > 0 ? low - bottom / span : low, low, high);
  best.scale = span > 0 ? span : 1;
  double error = roundUniform(values, options, best);
  if (span == 0 || !options.search)
    return best;
  for (int64_t step = 63; step > 0; --step) {
    Fitted other{{}, span * step / 64, best.zero};
    double otherError = roundUniform(values, options, other);
    if (otherError < error) {
      error = otherError;
      best = std::move(other);
    }
  }
  for (int64_t i = 0; i < 20; ++i) {
    double scale = leastSquaresScale(values, best);
    if (!(scale > 0))
      break;
    std::vector<double> previous = best.numbers;
    best.scale = scale;
    roundUniform(values, options, best);
    if (best.numbers == previous)
      break;
  }
  return best;
}

Rounded mlir::compress::obtain::fitUniform(ArrayRef<double> weight, ArrayRef<int64_t> shape, ArrayRef<int64_t> group,
                                           UniformOptions options) {
  return fitPerScale(weight, shape, group, [&](ArrayRef<double> values) { return uniformOf(values, options); });
}

void mlir::compress::obtain::roundAtScales(ArrayRef<double> weight, ArrayRef<int64_t> shape, ArrayRef<int64_t> group,
                                           int64_t low, int64_t high, Rounded &rounded) {
  std::vector<int64_t> scaleOf = scaleOfEntries(shape, group, rounded.scaleShape);
  rounded.numbers.resize(weight.size());
  for (auto [value, scale, number] : zip_equal(weight, scaleOf, rounded.numbers))
    number = nearestInteger(value / rounded.scales[scale] + rounded.zeros[scale], low, high);
}

//===----------------------------------------------------------------------===//
// Codebook
//===----------------------------------------------------------------------===//

/// Where, in sorted `values`, the entries of each number of `table` end.
static std::vector<int64_t> endsOf(ArrayRef<double> values, ArrayRef<double> table) {
  std::vector<int64_t> ends;
  for (size_t i = 0; i + 1 < table.size(); ++i)
    ends.push_back(upper_bound(values, (table[i] + table[i + 1]) / 2) - values.begin());
  ends.push_back(values.size());
  return ends;
}

static double meanOf(ArrayRef<double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / values.size();
}

/// Means of `size` parts of the sorted values; the first parts take one more where size does not divide.
static std::vector<double> meansOfParts(ArrayRef<double> values, int64_t size) {
  std::vector<double> table;
  int64_t length = values.size() / size, longer = values.size() % size;
  for (int64_t i = 0, begin = 0; i < size; ++i) {
    int64_t count = length + (i < longer);
    table.push_back(meanOf(values.slice(begin, count)));
    begin += count;
  }
  return table;
}

Codebook mlir::compress::obtain::fitCodebook(ArrayRef<double> weight, int64_t size, int64_t maxIterations) {
  std::vector<double> values(weight.begin(), weight.end());
  llvm::sort(values);
  Codebook result;
  std::unique_copy(values.begin(), values.end(), std::back_inserter(result.table));
  if (int64_t(result.table.size()) > size) {
    result.table = meansOfParts(values, size);
    for (int64_t i = 0; i < maxIterations; ++i) {
      std::vector<double> next = result.table;
      int64_t begin = 0;
      for (auto [number, end] : zip_equal(next, endsOf(values, result.table))) {
        if (end > begin) // a number without entries stays
          number = meanOf(ArrayRef(values).slice(begin, end - begin));
        begin = end;
      }
      if (next == result.table)
        break;
      result.table = std::move(next);
    }
  }
  std::vector<double> bounds;
  for (size_t i = 0; i + 1 < result.table.size(); ++i)
    bounds.push_back((result.table[i] + result.table[i + 1]) / 2);
  for (double value : weight)
    result.indices.push_back(lower_bound(bounds, value) - bounds.begin());
  return result;
}
