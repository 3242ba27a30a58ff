//===- ActivationRangeTest.cpp - Ranges of activations of 8 bits ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/ActivationRange.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::compress::obtain;

TEST(ByteScale, HoldsZeroAndBothEnds) {
  ByteScale scale = ByteScale::ofRange(-1, 4.1);
  EXPECT_FLOAT_EQ(scale.scale, 0.02f);
  EXPECT_EQ(scale.zero, 50);
  EXPECT_EQ(scale.round(0), 0);
  EXPECT_NEAR(scale.round(-7), -1, 1e-6);
  EXPECT_NEAR(scale.round(9), 4.1, 1e-6);
  // 0 is in the range, as padding needs.
  EXPECT_EQ(ByteScale::ofRange(1, 255).zero, 0);
  EXPECT_EQ(ByteScale::ofRange(1, 255).scale, 1);
  EXPECT_EQ(ByteScale::ofRange(-255, -3).zero, 255);
}

TEST(ByteScale, IsOneForARangeOfNothing) {
  EXPECT_EQ(ByteScale::ofRange(0, 0).scale, 1);
  EXPECT_EQ(ByteScale::ofRange(0, 0).zero, 0);
  EXPECT_EQ(ByteScale::ofRange(0, 1e-40).scale, 1);
}

TEST(RangeRule, ReadsWhatItSays) {
  std::string error;
  EXPECT_EQ(RangeRule::parse("minmax", error)->kind, RangeRule::MinMax);
  EXPECT_EQ(RangeRule::parse("percentile", error)->percentile, 99.999);
  EXPECT_EQ(RangeRule::parse(" percentile( 99.5 ) ", error)->percentile, 99.5);
  EXPECT_EQ(RangeRule::parse("mse", error)->kind, RangeRule::MSE);
  EXPECT_FALSE(RangeRule::parse("entropy", error));
  EXPECT_EQ(error, "expects minmax, percentile, percentile(99.9) or mse, not 'entropy'");
  for (const char *text : {"percentile()", "percentile(50)", "percentile(101)", "percentile(nan)"})
    EXPECT_FALSE(RangeRule::parse(text, error)) << text;
}

TEST(ActivationHistogram, OfNothingIsEmpty) {
  ActivationHistogram histogram;
  histogram.add({});
  histogram.add({std::numeric_limits<float>::infinity(), std::nanf("")});
  EXPECT_EQ(histogram.range({RangeRule::MinMax}), std::pair(0.0, 0.0));
}

TEST(ActivationHistogram, PercentilesSurviveWidening) {
  // 0 to 999 in order: bins are merged ten times.
  ActivationHistogram histogram;
  for (int i = 0; i < 1000; ++i)
    histogram.add({static_cast<float>(i)});
  EXPECT_EQ(histogram.range({RangeRule::MinMax}), std::pair(0.0, 999.0));
  auto [low, high] = histogram.range({RangeRule::Percentile, 90});
  EXPECT_NEAR(low, 50, 1.5);
  EXPECT_NEAR(high, 950, 1.5);
}

TEST(ActivationHistogram, LeastErrorLeavesAnOutlierOut) {
  // Of a million numbers in [0, 1] one at 20 costs 19^2 = 361 if the range ends at 1; the others cost 2^-12 / 12
  // (20/255)^2 each if not.
  ActivationHistogram histogram;
  std::vector<float> values;
  for (int i = 0; i < 1000000; ++i)
    values.push_back(static_cast<float>(i % 1000) / 999);
  values.push_back(20);
  histogram.add(values);
  EXPECT_EQ(histogram.range({RangeRule::MinMax}).second, 20);
  EXPECT_LT(histogram.range({RangeRule::MSE}).second, 16);
  // Without it nothing is gained by a narrower range.
  ActivationHistogram even;
  even.add({values.data(), values.size() - 1});
  EXPECT_GT(even.range({RangeRule::MSE}).second, 0.98);
}
