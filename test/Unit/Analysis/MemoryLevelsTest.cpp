//===- MemoryLevelsTest.cpp - Caches of machines that are known -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Measure.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace compress;

namespace {

struct Truth {
  double bytes[3], rates[4];
};

/// Seconds per byte where each cache holds a share of the footprint that falls from all, at its size, to nothing, at
/// twice its size. A cache that always drops the oldest line would end at once; real ones are between.
double secondsPerByte(const Truth &truth, double footprint) {
  double seconds = 1 / truth.rates[3];
  for (int level = 2; level >= 0; --level) {
    double held = std::clamp(2 - footprint / truth.bytes[level], 0.0, 1.0);
    seconds = held / truth.rates[level] + (1 - held) * seconds;
  }
  return seconds;
}

/// The curve of a machine whose rates are disturbed by up to `noise`, always for the worse.
std::vector<FootprintRate> curveOf(const Truth &truth, double noise, std::mt19937 &random) {
  std::uniform_real_distribution<double> disturbance(1 - noise, 1);
  std::vector<FootprintRate> curve;
  for (size_t octave = 8 << 10; octave < 256 << 20; octave *= 2)
    for (size_t quarters = 4; quarters < 8; ++quarters)
      curve.push_back({octave / 4 * quarters, 0});
  curve.push_back({256 << 20, 0});
  for (FootprintRate &point : curve)
    point.bytesPerSecond = disturbance(random) / secondsPerByte(truth, point.bytes);
  return curve;
}

void expectLevels(const Truth &truth, const std::vector<MemoryLevel> &levels, const char *what) {
  ASSERT_EQ(levels.size(), 4u);
  for (int level = 0; level < 3; ++level) {
    // The border is half-way in the fall, which is an octave long.
    EXPECT_GE(levels[level].bytes, truth.bytes[level] * 0.75) << what << " " << levels[level].name;
    EXPECT_LE(levels[level].bytes, truth.bytes[level] * 2) << what << " " << levels[level].name;
  }
  for (int level = 0; level < 4; ++level) {
    EXPECT_GE(levels[level].readBytesPerSecond, truth.rates[level] * 0.7) << what << " " << levels[level].name;
    EXPECT_LE(levels[level].readBytesPerSecond, truth.rates[level] * 1.4) << what << " " << levels[level].name;
  }
  EXPECT_EQ(levels[3].bytes, 0u);
}

constexpr double kKi = 1024, kMi = 1024 * 1024;

} // namespace

TEST(MemoryLevelsTest, MachinesThatAreKnown) {
  constexpr unsigned kSeed = 2026;
  std::mt19937 random(kSeed);
  RecordProperty("seed", kSeed);
  const std::pair<const char *, Truth> machines[] = {
      {"a server's core", {{48 * kKi, 2 * kMi, 32 * kMi}, {360e9, 179e9, 30e9, 13e9}}},
      {"a desktop's core", {{32 * kKi, 512 * kKi, 32 * kMi}, {280e9, 140e9, 70e9, 30e9}}},
      {"an old core", {{32 * kKi, 256 * kKi, 8 * kMi}, {120e9, 60e9, 30e9, 12e9}}},
      {"little of the last cache", {{32 * kKi, 1 * kMi, 6 * kMi}, {300e9, 100e9, 25e9, 9e9}}},
  };
  for (const auto &[name, truth] : machines)
    for (double noise : {0.0, 0.1, 0.2})
      for (int round = 0; round < 20; ++round)
        expectLevels(truth, levelsOf(curveOf(truth, noise, random)), name);
}

TEST(MemoryLevelsTest, AMachineWithoutAThirdCacheHasNone) {
  std::mt19937 random(7);
  Truth truth = {{32 * kKi, 1 * kMi, 1 * kMi}, {30e9, 10e9, 3e9, 3e9}};
  std::vector<MemoryLevel> levels = levelsOf(curveOf(truth, 0, random));
  EXPECT_EQ(levels[2].bytes, levels[1].bytes);
  EXPECT_GE(levels[1].bytes, 768 * kKi);
  EXPECT_LE(levels[1].bytes, 2 * kMi);
}

TEST(MemoryLevelsTest, AStallAtOneFootprintMovesNoBorder) {
  std::mt19937 random(7);
  Truth truth = {{48 * kKi, 2 * kMi, 32 * kMi}, {360e9, 179e9, 30e9, 13e9}};
  std::vector<FootprintRate> curve = curveOf(truth, 0, random);
  std::vector<MemoryLevel> quiet = levelsOf(curve);
  for (size_t i = 0; i + 1 < curve.size(); ++i) {
    std::vector<FootprintRate> stalled = curve;
    stalled[i].bytesPerSecond = 1e6;
    std::vector<MemoryLevel> levels = levelsOf(stalled);
    for (int level = 0; level < 3; ++level) {
      // The stalled footprint itself may be what the border stands on: then it is the one before.
      EXPECT_LE(levels[level].bytes, quiet[level].bytes);
      EXPECT_GE(levels[level].bytes, quiet[level].bytes * 3 / 4);
    }
  }
}
