//===- PackingTest.cpp - Boxes of zeros ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/Packing.h"
#include "Random.h"
#include "gtest/gtest.h"

using namespace mlir::compress::obtain;
using namespace mlir::compress::obtain::test;

namespace {

constexpr int64_t kShape[] = {6, 4, 3, 2};
constexpr int64_t kCount = 6 * 4 * 3 * 2;

/// Rows, columns, taps, vectors, elements, everything.
const std::vector<std::vector<int64_t>> kMasks = {{6, 1, 1, 1}, {1, 4, 1, 1}, {1, 4, 3, 2},
                                                  {2, 4, 1, 1}, {6, 4, 3, 2}, {1, 1, 1, 1}};

TEST(Packing, RoundTripsWithRandomZeros) {
  for (const std::vector<int64_t> &mask : kMasks)
    for (unsigned seed = 0; seed < 30; ++seed) {
      std::mt19937 generator(seed);
      int64_t boxes = mask[0] * mask[1] * mask[2] * mask[3];
      std::vector<bool> kept(boxes);
      for (int64_t i = 0; i < boxes; ++i)
        kept[i] = generator() % 3;
      int64_t numKept = std::count(kept.begin(), kept.end(), true);
      std::vector<double> packed = normals(numKept * kCount / boxes, seed + 100);
      std::vector<double> w = unpackBoxes(packed, kShape, mask, kept);
      EXPECT_EQ(keptBoxes(w, kShape, mask), kept) << "seed " << seed;
      EXPECT_EQ(packBoxes(w, kShape, mask, kept), packed) << "seed " << seed;
    }
}

TEST(Packing, BoxesAreWhereTheMaskSays) {
  // 4 x 3, boxes of two rows: box (i, j) holds rows 2i and 2i + 1 of column j.
  int64_t shape[] = {4, 3}, mask[] = {2, 3};
  std::vector<double> w = {0, 1, 0, 0, 2, 0, 0, 0, 5, 0, 0, 6};
  std::vector<bool> kept = keptBoxes(w, shape, mask);
  EXPECT_EQ(kept, (std::vector<bool>{false, true, false, false, false, true}));
  EXPECT_EQ(packBoxes(w, shape, mask, kept), (std::vector<double>{1, 2, 5, 6}));
  EXPECT_EQ(keptBoxes(w, shape, mask, 2), (std::vector<bool>{false, false, false, false, false, true}));
}

TEST(Packing, StrongestBoxesAreRankedWithinTheirGroup) {
  // Two groups of two filters, four kernel rows each; half of each group goes, of equal ones the first.
  int64_t shape[] = {4, 4, 1}, mask[] = {2, 4, 1};
  std::vector<double> w = {1, -9, 2, 3, 1, 0, 2, 3, /**/ 5, 5, 5, 5, -5, 5, 5, -5};
  EXPECT_EQ(strongestBoxes(w, shape, mask, 0.5),
            (std::vector<bool>{false, true, false, true, false, false, true, true}));
  EXPECT_EQ(strongestBoxes(w, shape, mask, 0.49),
            (std::vector<bool>{false, true, true, true, false, true, true, true}));
}

} // namespace
