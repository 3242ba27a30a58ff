//===- LayerTraffic.h - What the ops of a function move --------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERTRAFFIC_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERTRAFFIC_H

#include "compress/Analysis/CostModel.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::compress {

/// What one op moves when it runs once.
struct Traffic {
  int64_t weightBytes = 0, inBytes = 0, outBytes = 0;
  /// How often it runs: what the loops around it count.
  int64_t runs = 1;
  /// How often a number of the activations is read, on average; 0 without activations.
  double reads = 0;

  int64_t workingSet() const { return weightBytes + inBytes + outBytes; }
  /// Weights from the level that holds all of the function's, activations from the one that holds the working set.
  double weightSeconds(int64_t allWeights, const Machine &machine) const {
    return static_cast<double>(weightBytes) / machine.bandwidthFor(allWeights);
  }
  double activationSeconds(const Machine &machine) const {
    return static_cast<double>(inBytes + outBytes) / machine.bandwidthFor(workingSet());
  }
  double seconds(int64_t allWeights, const Machine &machine) const {
    return weightSeconds(allWeights, machine) + activationSeconds(machine);
  }
};

/// Bytes of a tensor of `type`, with dynamic extents taken as `batch`.
int64_t bytesOf(RankedTensorType type, int64_t batch);

/// The ops of a function that compute on tensors, with dynamic extents taken as `batch`.
struct FunctionTraffic {
  FunctionTraffic(Operation *function, int64_t batch);

  /// One per op, in order.
  SmallVector<std::pair<Operation *, Traffic>> rows;
  /// Of all ops.
  int64_t weightBytes = 0;
};

/// Seconds of the arithmetic of a linalg or kernel op at what is reached of the machine's peak, dynamic extents taken
/// as `batch`.
double arithmeticSeconds(Operation *op, const Machine &machine, int64_t batch);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERTRAFFIC_H
