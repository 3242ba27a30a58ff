//===- MeasureTilesTest.cpp - What the loops that are timed execute -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Measure.h"
#include "TileEmulator.h"
#include <gtest/gtest.h>

/// A step counts as the operations of four products, and nothing else is in the loop.
TEST(MeasureTilesTest, StepsAreFourProducts) {
  int installed = tile_emulator_install();
  ASSERT_GE(installed, 0);
  if (installed == 0)
    GTEST_SKIP() << "instructions are counted where they are emulated";
  for (auto *multiply : {compress::multiplyTilesOfInt8, compress::multiplyTilesOfBF16}) {
    tile_emulator_take_counts();
    multiply(5);
    tile_counts counts = tile_emulator_take_counts();
    EXPECT_EQ(counts.products, 20u);
    EXPECT_TRUE(counts.loads == 0 && counts.stores == 0 && counts.zeros == 8 && counts.configures == 1);
    EXPECT_TRUE(tile_emulator_is_released());
  }
  EXPECT_EQ(compress::kTileInt8Operations, 2 * compress::kTileBF16Operations);
}
