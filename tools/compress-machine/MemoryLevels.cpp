//===- MemoryLevels.cpp - Caches, by where bandwidth falls ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   rate                    plateaus: L1, L2, L3, memory
//    |----.                 a cache ends at the last footprint of its plateau
//    |     `-------.
//    |              `---.
//    |                   `----
//    +-------------------------  footprint, in octaves
//
// Noise only slows reading down, so a footprint is as fast as any larger one. Then four plateaus are laid through the
// logarithms of the rates such that the sum of distances is least (a dynamic program). Distances, not their squares:
// footprints between two plateaus, which a cache holds in part, pull at neither. A plateau's rate is its median, and
// the border between two plateaus is where the curve is half-way between them, in logarithms.
//
//===----------------------------------------------------------------------===//

#include "Measure.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace compress;

namespace {

constexpr int kLevels = 4;
/// Octaves that a plateau covers at least: caches of one machine are that far apart, and transitions shorter.
constexpr double kLeastOctaves[kLevels] = {1, 2, 1, 1};
/// Plateaus whose rates differ by less are one. Then there are fewer caches than three, and the last one is said again.
constexpr double kLeastGain = 1.1;

/// Plateaus through ascending footprints with falling rates.
class PlateauFit {
public:
  explicit PlateauFit(const std::vector<FootprintRate> &curve) : curve(curve) {
    for (const FootprintRate &point : curve)
      logs.push_back(std::log2(point.bytesPerSecond));
  }

  /// The first point of each plateau, and the end.
  std::vector<size_t> fit() const {
    size_t n = curve.size();
    // best[level][end]: of the plateaus up to `level`, over the points before `end`.
    std::vector<std::vector<double>> best(kLevels, std::vector<double>(n + 1, kNever));
    std::vector<std::vector<size_t>> starts(kLevels, std::vector<size_t>(n + 1, 0));
    for (int level = 0; level < kLevels; ++level)
      for (size_t end = 1; end <= n; ++end)
        for (size_t start = 0; start < (level ? end : 1); ++start) {
          double before = level ? best[level - 1][start] : 0;
          if (double sum = before + distance(level, start, end); sum < best[level][end])
            best[level][end] = sum, starts[level][end] = start;
        }
    std::vector<size_t> borders = {n};
    for (int level = kLevels - 1; level >= 0; --level)
      borders.insert(borders.begin(), starts[level][borders.front()]);
    return borders;
  }

private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  /// Of the points [start, end) from their median.
  double distance(int level, size_t start, size_t end) const {
    if (std::log2(double(curve[end - 1].bytes) / curve[start].bytes) < kLeastOctaves[level])
      return kNever;
    double sum = 0, median = logs[start + (end - start) / 2];
    for (size_t i = start; i < end; ++i)
      sum += std::abs(logs[i] - median);
    return sum;
  }

  const std::vector<FootprintRate> &curve;
  std::vector<double> logs;
};

} // namespace

std::vector<MemoryLevel> compress::levelsOf(std::vector<FootprintRate> curve) {
  for (size_t i = curve.size() - 1; i > 0; --i)
    curve[i - 1].bytesPerSecond = std::max(curve[i - 1].bytesPerSecond, curve[i].bytesPerSecond);
  std::vector<size_t> borders = PlateauFit(curve).fit();
  std::vector<MemoryLevel> levels;
  for (int plateau = 0; plateau < kLevels; ++plateau) {
    size_t start = borders[plateau], end = borders[plateau + 1];
    double rate = curve[start + (end - start) / 2].bytesPerSecond;
    if (!levels.empty() && levels.back().readBytesPerSecond < kLeastGain * rate)
      levels.back().bytes = curve[end - 1].bytes;
    else
      levels.push_back({"", curve[end - 1].bytes, rate});
  }
  // The last is memory; the largest footprint has the least of any cache in it.
  levels.pop_back();
  if (levels.empty())
    levels.push_back({"", curve.front().bytes, curve.front().bytesPerSecond});
  levels.resize(kLevels - 1, levels.back());
  levels.push_back({"", 0, curve.back().bytesPerSecond});
  const char *names[kLevels] = {"L1", "L2", "L3", "memory"};
  for (int level = 0; level < kLevels; ++level)
    levels[level].name = names[level];
  return levels;
}
