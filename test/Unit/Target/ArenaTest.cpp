//===- ArenaTest.cpp - Properties of arena plans --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Arena.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress;

static bool aliveTogether(const ArenaBuffer &a, const ArenaBuffer &b) { return a.first <= b.last && b.first <= a.last; }

/// The most bytes that are alive at one step: no plan can do with less.
static int64_t peakBytes(llvm::ArrayRef<ArenaBuffer> buffers) {
  int64_t peak = 0;
  for (const ArenaBuffer &at : buffers) {
    int64_t bytes = 0;
    for (const ArenaBuffer &other : buffers)
      bytes += other.first <= at.first && at.first <= other.last ? other.bytes : 0;
    peak = std::max(peak, bytes);
  }
  return peak;
}

TEST(ArenaTest, NothingNeedsNothing) { EXPECT_EQ(planArena({}).bytes, 0); }

TEST(ArenaTest, AChainOfLayersNeedsItsLargestPair) {
  // 640 -> 1280 -> 320 -> 64 bytes, each alive until the next layer is done: 640 + 1280.
  ArenaPlan plan = planArena({{640, 0, 1}, {1280, 1, 2}, {320, 2, 3}, {64, 3, 4}});
  EXPECT_EQ(plan.bytes, 1920);
}

TEST(ArenaTest, BuffersThatNeverMeetShareTheirBytes) {
  ArenaPlan plan = planArena({{100, 0, 1}, {100, 2, 3}, {100, 4, 4}});
  EXPECT_EQ(plan.bytes, 128);
  for (int64_t offset : plan.offsets)
    EXPECT_EQ(offset, 0);
}

TEST(ArenaTest, BuffersAliveTogetherNeverOverlap) {
  constexpr unsigned kSeed = 2026;
  std::mt19937 random(kSeed);
  RecordProperty("seed", kSeed);
  for (int round = 0; round < 200; ++round) {
    std::vector<ArenaBuffer> buffers;
    for (int i = 0, count = 1 + random() % 40; i < count; ++i) {
      int64_t first = random() % 30;
      buffers.push_back({static_cast<int64_t>(random() % 5000), first, first + static_cast<int64_t>(random() % 6)});
    }
    ArenaPlan plan = planArena(buffers);
    EXPECT_GE(plan.bytes, peakBytes(buffers)) << "round " << round;
    EXPECT_EQ(plan.bytes % kArenaAlignment, 0);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % kArenaAlignment, 0);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes);
      for (size_t j = 0; j < i; ++j) {
        if (aliveTogether(buffers[i], buffers[j]) && buffers[i].bytes && buffers[j].bytes) {
          EXPECT_TRUE(plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                      plan.offsets[j] + buffers[j].bytes <= plan.offsets[i])
              << "seed " << kSeed << ", round " << round << ": buffers " << i << " and " << j;
        }
      }
    }
  }
}
