//===- MinimumCut.cpp - The cheapest split of a graph in two --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/MinimumCut.h"
#include <algorithm>

using namespace mlir::compress;

void MinimumCut::addEdge(int from, int to, int64_t capacity) {
  int forward = static_cast<int>(edges[from].size()), backward = static_cast<int>(edges[to].size()) + (from == to);
  edges[from].push_back({to, backward, capacity});
  edges[to].push_back({from, forward, 0});
}

/// Sends what fits along a shortest path; false if there is none.
bool MinimumCut::augment() {
  llvm::SmallVector<Edge *> by(edges.size(), nullptr);
  llvm::SmallVector<int> queue{kSource};
  for (size_t i = 0; i < queue.size() && !by[kSink]; ++i)
    for (Edge &edge : edges[queue[i]])
      if (edge.left > 0 && edge.to != kSource && !by[edge.to]) {
        by[edge.to] = &edge;
        queue.push_back(edge.to);
      }
  if (!by[kSink])
    return false;
  auto back = [&](Edge *edge) -> Edge & { return edges[edge->to][edge->reverse]; };
  int64_t fits = kNever;
  for (int node = kSink; node != kSource; node = back(by[node]).to)
    fits = std::min(fits, by[node]->left);
  for (int node = kSink; node != kSource;) {
    Edge *edge = by[node];
    edge->left -= fits;
    back(edge).left += fits;
    node = back(edge).to;
  }
  return true;
}

llvm::BitVector MinimumCut::solve() {
  while (augment())
    ;
  // What can still reach the sink is on its side: the fewest nodes.
  llvm::BitVector reaches(edges.size());
  llvm::SmallVector<int> queue{kSink};
  reaches.set(kSink);
  for (size_t i = 0; i < queue.size(); ++i)
    for (const Edge &edge : edges[queue[i]])
      if (edges[edge.to][edge.reverse].left > 0 && !reaches.test(edge.to)) {
        reaches.set(edge.to);
        queue.push_back(edge.to);
      }
  return reaches;
}
