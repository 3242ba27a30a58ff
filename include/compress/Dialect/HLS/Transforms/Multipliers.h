//===- Multipliers.h - What products take in hardware ----------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_MULTIPLIERS_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_MULTIPLIERS_H

#include "compress/Dialect/HLS/Transforms/DataPath.h"

namespace mlir::compress::hls {

struct TaskSchedule;

/// DSP48E1 that a product of signed numbers takes: one up to 25 x 18 bits; none below 9 bits of result or 2 of a
/// factor, which is cheaper in LUTs; tiles above (mul2dsp of Yosys).
int64_t multipliersFor(int64_t a, int64_t b, int64_t product);

/// What a node is in every iteration, if that is one number.
std::optional<llvm::APInt> constantOf(const DataPath &path, const Node &node);

/// Bits of two factors, before they are extended, and of their product.
struct ProductWidths {
  int64_t a, b, product;
};

/// Those of a product; nothing if `node` is none, or is one with 0 or a power of two, which is wires.
std::optional<ProductWidths> productOf(const DataPath &path, const Node &node);

/// DSP48E1 of the products of a task. Equal products are counted each, though printing makes them one.
int64_t multipliersOf(const TaskSchedule &task);

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_MULTIPLIERS_H
