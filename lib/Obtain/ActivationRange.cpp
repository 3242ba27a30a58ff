//===- ActivationRange.cpp - The range that an activation has bytes for ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/ActivationRange.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress::obtain;

static constexpr size_t kBins = 1 << 14;
static constexpr int kMostCode = 255;

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

ByteScale ByteScale::ofRange(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  float scale = static_cast<float>((high - low) / kMostCode);
  if (scale < std::numeric_limits<float>::min())
    return ByteScale();
  return ByteScale{scale, static_cast<int64_t>(std::nearbyint(-(static_cast<float>(low) / scale)))};
}

double ByteScale::round(double value) const {
  double code = std::clamp(std::nearbyint(value / scale) + static_cast<double>(zero), 0.0, double(kMostCode));
  return (code - static_cast<double>(zero)) * scale;
}

std::optional<RangeRule> RangeRule::parse(llvm::StringRef text, std::string &error) {
  llvm::StringRef name = text.trim();
  if (name == "minmax")
    return RangeRule{MinMax};
  if (name == "mse")
    return RangeRule{MSE};
  if (name == "percentile")
    return RangeRule{Percentile};
  RangeRule rule{Percentile};
  if (!name.consume_front("percentile(") || !name.consume_back(")")) {
    error = (llvm::Twine("expects minmax, percentile, percentile(99.9) or mse, not '") + text + "'").str();
    return std::nullopt;
  }
  if (name.trim().getAsDouble(rule.percentile) || !(rule.percentile > 50 && rule.percentile <= 100)) {
    error = (llvm::Twine("expects a percentile over 50, up to 100, not '") + name + "'").str();
    return std::nullopt;
  }
  return rule;
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// Doubles the reach until it has `magnitude`: two bins become one, in the middle half.
void ActivationHistogram::widen(double magnitude) {
  if (bins.empty()) {
    bins.assign(kBins, 0);
    reach = magnitude > 0 ? std::exp2(std::ceil(std::log2(magnitude))) : std::numeric_limits<float>::min();
  }
  while (reach < magnitude) {
    std::vector<int64_t> wider(kBins, 0);
    for (size_t bin = 0; bin < kBins; ++bin)
      wider[kBins / 4 + bin / 2] += bins[bin];
    bins = std::move(wider);
    reach *= 2;
  }
}

void ActivationHistogram::add(llvm::ArrayRef<float> values) {
  double magnitude = 0;
  for (float value : values)
    if (std::isfinite(value)) {
      least = std::min<double>(least, value);
      most = std::max<double>(most, value);
      magnitude = std::max<double>(magnitude, std::abs(value));
    }
  widen(magnitude);
  double perUnit = kBins / (2 * reach);
  for (float value : values)
    if (std::isfinite(value)) {
      ++count;
      ++bins[std::min(kBins - 1, static_cast<size_t>((value + reach) * perUnit))];
    }
}

double ActivationHistogram::middleOf(size_t bin) const { return ((bin + 0.5) / kBins * 2 - 1) * reach; }

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

/// The number that `share` of all are below, between the ends of its bin by counts.
double ActivationHistogram::quantile(double share) const {
  double wanted = share * static_cast<double>(count), before = 0;
  for (size_t bin = 0; bin < kBins; ++bin) {
    double here = static_cast<double>(bins[bin]);
    if (here > 0 && before + here >= wanted) {
      double inside = (wanted - before) / here - 0.5;
      return std::clamp(middleOf(bin) + inside * 2 * reach / kBins, least, most);
    }
    before += here;
  }
  return most;
}

/// Ends are moved in steps of 1/128 of what they may be, one after the other, twice: they meet only in the scale.
std::pair<double, double> ActivationHistogram::leastError() const {
  constexpr int kSteps = 128, kRounds = 2;
  std::vector<std::pair<double, double>> counted;
  for (size_t bin = 0; bin < kBins; ++bin)
    if (bins[bin] > 0)
      counted.push_back({middleOf(bin), static_cast<double>(bins[bin])});
  auto errorOf = [&](double low, double high) {
    ByteScale scale = ByteScale::ofRange(low, high);
    double error = 0;
    for (auto [value, times] : counted) {
      double off = scale.round(value) - value;
      error += times * off * off;
    }
    return error;
  };
  double low = std::min(least, 0.0), high = std::max(most, 0.0), widestLow = low, widestHigh = high;
  double best = errorOf(low, high);
  for (int round = 0; round < kRounds; ++round)
    for (bool isHigh : {true, false}) {
      double widest = isHigh ? widestHigh : widestLow;
      for (int step = 1; step <= kSteps && widest != 0; ++step) {
        double end = widest * step / kSteps, error = isHigh ? errorOf(low, end) : errorOf(end, high);
        if (error < best) {
          best = error;
          (isHigh ? high : low) = end;
        }
      }
    }
  return {low, high};
}

std::pair<double, double> ActivationHistogram::range(const RangeRule &rule) const {
  if (count == 0)
    return {0, 0};
  double cut = (100 - rule.percentile) / 200;
  switch (rule.kind) {
  case RangeRule::MinMax:
    return {least, most};
  case RangeRule::Percentile:
    return {quantile(cut), quantile(1 - cut)};
  case RangeRule::MSE:
    return leastError();
  }
  return {least, most};
}
