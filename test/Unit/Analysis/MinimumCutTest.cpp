//===- MinimumCutTest.cpp - Minimum cuts against all splits ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/MinimumCut.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress;

namespace {

struct Edge {
  int from, to;
  int64_t capacity;
};

/// What the split costs whose sink's side are the bits of `side`.
int64_t costOf(const std::vector<Edge> &edges, unsigned side) {
  int64_t cost = 0;
  for (const Edge &edge : edges)
    if (!(side >> edge.from & 1) && (side >> edge.to & 1))
      cost += edge.capacity;
  return cost;
}

TEST(MinimumCutTest, IsTheBestOfAllSplits) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    int nodes = 2 + static_cast<int>(random() % 7);
    MinimumCut cut;
    while (cut.addNode() < nodes - 1)
      ;
    nodes = std::max(nodes, 3);
    std::vector<Edge> edges;
    for (unsigned i = 0, count = random() % 25; i < count; ++i) {
      edges.push_back({static_cast<int>(random() % nodes), static_cast<int>(random() % nodes),
                       static_cast<int64_t>(random() % 20)});
      cut.addEdge(edges.back().from, edges.back().to, edges.back().capacity);
    }
    unsigned found = 0, fewest = 0;
    llvm::BitVector side = cut.solve();
    for (int node : side.set_bits())
      found |= 1u << node;
    EXPECT_FALSE(side.test(MinimumCut::kSource));
    EXPECT_TRUE(side.test(MinimumCut::kSink));
    int64_t best = INT64_MAX;
    for (unsigned split = 0; split < 1u << nodes; ++split)
      if (!(split & 1) && (split & 2) && costOf(edges, split) <= best) {
        bool isFewer = costOf(edges, split) < best || __builtin_popcount(split) < __builtin_popcount(fewest);
        best = costOf(edges, split);
        fewest = isFewer ? split : fewest;
      }
    EXPECT_EQ(costOf(edges, found), best);
    EXPECT_EQ(__builtin_popcount(found), __builtin_popcount(fewest));
  }
}

} // namespace
