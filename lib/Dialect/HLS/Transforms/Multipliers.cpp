//===- Multipliers.cpp - What products take in hardware --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Multipliers.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress::hls;

int64_t mlir::compress::hls::multipliersFor(int64_t a, int64_t b, int64_t product) {
  constexpr int64_t kA = 25, kB = 18, kTile = 17; // a tile of 18 bits has a sign that is 0
  if (a < b)
    std::swap(a, b);
  if (a < 2 || b < 2 || product < 9)
    return 0;
  if (a > kA) {
    int64_t tiles = llvm::divideCeil(a - kA, kTile), last = a - tiles * kTile;
    return tiles * multipliersFor(kTile + 1, b, std::min(product, b + kTile + 1)) + multipliersFor(last, b, b + last);
  }
  if (b > kB) {
    int64_t tiles = llvm::divideCeil(b - kB, kTile), last = b - tiles * kTile;
    return tiles * multipliersFor(a, kTile + 1, std::min(product, a + kTile + 1)) + multipliersFor(a, last, a + last);
  }
  return 1;
}

std::optional<APInt> mlir::compress::hls::constantOf(const DataPath &path, const Node &node) {
  if (node.kind == Node::Constant)
    return node.value;
  if (node.kind == Node::RomRead && path.roms[node.index].words.size() == 1)
    return path.roms[node.index].words[0].extractBits(node.width, node.offset);
  if (node.kind != Node::Compute || !isa<arith::ExtSIOp, arith::TruncIOp>(node.op))
    return std::nullopt;
  std::optional<APInt> operand = constantOf(path, path.nodes[node.in[0]]);
  return operand ? std::optional(operand->sextOrTrunc(node.width)) : std::nullopt;
}

/// A factor before it is extended.
static const Node &factorOf(const DataPath &path, int n) {
  while (path.nodes[n].kind == Node::Compute && isa<arith::ExtSIOp>(path.nodes[n].op))
    n = path.nodes[n].in[0];
  return path.nodes[n];
}

std::optional<ProductWidths> mlir::compress::hls::productOf(const DataPath &path, const Node &node) {
  if (node.kind != Node::Compute || !isa<arith::MulIOp>(node.op))
    return std::nullopt;
  int64_t bits[2], width = node.width;
  for (int k = 0; k < 2; ++k) {
    const Node &factor = factorOf(path, node.in[k]);
    std::optional<APInt> constant = constantOf(path, factor);
    if (constant && (constant->isZero() || constant->isPowerOf2()))
      return std::nullopt;
    bits[k] = factor.width;
    if (constant) { // its lowest zeros are wires: of -4 one bit is left, and x * -1 is no product
      int64_t zeros = constant->countr_zero();
      bits[k] = constant->getSignificantBits() - zeros;
      width -= zeros;
    }
  }
  return ProductWidths{bits[0], bits[1], std::min(width, bits[0] + bits[1])};
}

int64_t mlir::compress::hls::multipliersOf(const TaskSchedule &task) {
  int64_t sum = 0;
  for (const DataPath &path : task.paths)
    for (const Node &node : path.nodes)
      if (std::optional<ProductWidths> widths = productOf(path, node))
        sum += multipliersFor(widths->a, widths->b, widths->product);
  return sum;
}
