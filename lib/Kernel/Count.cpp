//===- Count.cpp - Operations and depth of networks -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Count.h"
#include <algorithm>

using namespace mlir::compress::kernel;

OperationCount mlir::compress::kernel::count(const Network &network) {
  OperationCount result;
  std::vector<int64_t> depth(network.nodes.size(), 0);
  for (int32_t n : network.order()) {
    const Node &node = network.nodes[n];
    if (node.kind == Node::Input)
      continue;
    bool isMul = node.kind == Node::Mul;
    ++(isMul ? result.multiplies : result.adds);
    depth[n] = 1 + std::max(depth[node.a], isMul ? 0 : depth[node.b]);
    result.depth = std::max(result.depth, depth[n]);
  }
  return result;
}
