//===- MinimumCut.h - The cheapest split of a graph in two -----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_MINIMUMCUT_H
#define COMPRESS_ANALYSIS_MINIMUMCUT_H

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir::compress {

/// A directed graph with capacities, a source (node 0) and a sink (node 1).
class MinimumCut {
public:
  static constexpr int kSource = 0, kSink = 1;
  static constexpr int64_t kNever = INT64_MAX / 4;

  int addNode() {
    edges.emplace_back();
    return static_cast<int>(edges.size()) - 1;
  }

  /// It costs `capacity`, at least 0, if `from` is on the source's side and `to` on the sink's.
  void addEdge(int from, int to, int64_t capacity);

  /// The nodes on the sink's side of the cheapest cut; of several, the one with the fewest nodes there. By shortest
  /// augmenting paths (Edmonds and Karp, J. ACM 19, 1972). Can be asked once.
  llvm::BitVector solve();

private:
  struct Edge {
    int to, reverse;
    int64_t left;
  };
  bool augment();

  llvm::SmallVector<llvm::SmallVector<Edge>> edges = {{}, {}};
};

} // namespace mlir::compress

#endif // COMPRESS_ANALYSIS_MINIMUMCUT_H
