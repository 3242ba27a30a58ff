//===- SampleDims.h - Where the samples of a batch are in tensors ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SAMPLEDIMS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SAMPLEDIMS_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace mlir::compress {

/// The dimension of each tensor of a block along which it has the samples of the batch, as far as ops that compute each
/// sample by itself tell. The batch is the extent of dimension 0 of a function's arguments, and the only extent that
/// may be unknown.
class SampleDims {
public:
  /// Ops have to be added in their order.
  void add(Operation &op);

  /// Nullopt: `value` has no samples, or it is not known where.
  std::optional<int64_t> of(Value value) const;
  /// True if the results of `op` have samples, each computed from the same sample of its operands.
  bool isBySample(Operation *op) const { return bySample.contains(op); }
  /// True if `op` is by sample, and reads no sample but of its destination: a fill, for one.
  bool isStart(Operation *op) const;

private:
  /// The dimension in the result of an op that is known to be by sample; nullopt if it is not.
  std::optional<int64_t> resultDimOf(Operation &op) const;
  std::optional<int64_t> destinationDimOf(Operation &op) const;

  llvm::DenseMap<Value, int64_t> dims;
  llvm::DenseMap<Operation *, int64_t> bySample;
};

/// True if `extent` is the batch: that of dimension 0 of a function's argument.
bool isBatch(OpFoldResult extent);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SAMPLEDIMS_H
