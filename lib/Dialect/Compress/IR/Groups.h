//===- Groups.h - Scales that serve groups of numbers ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_GROUPS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_GROUPS_H

#include "TensorEmitter.h"
#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The numbers per scale along each dimension of `shape`: `group`, or what the extents of `scales` give.
SmallVector<int64_t> groupSizes(std::optional<ArrayRef<int64_t>> group, ArrayRef<int64_t> shape,
                                ArrayRef<int64_t> scales);

/// C4 to C7 of the ops with scales: groups that fit `shape`. `zeros` may be null.
LogicalResult verifyGroups(Operation *op, std::optional<ArrayRef<int64_t>> group, RankedTensorType numbers,
                           RankedTensorType scales, Value zeros, NumberCodeAttrInterface code);

/// Moves between one entry per group and one per number.
struct GroupEmitter : TensorEmitter {
  SmallVector<int64_t> groups, shape, scalesShape;

  GroupEmitter(OpBuilder &builder, Location loc, ArrayRef<int64_t> groups, ArrayRef<int64_t> shape,
               ArrayRef<int64_t> scalesShape)
      : TensorEmitter{builder, loc}, groups(groups), shape(shape), scalesShape(scalesShape) {}

  /// Copies each entry of `value` (scales or zeros) to its group.
  Value spread(Value value) {
    for (auto [d, group] : llvm::enumerate(groups)) {
      if (typeOf(value).getDimSize(d) == shape[d])
        continue;
      value = collapse(broadcast(value, d + 1, group), d);
      SmallVector<int64_t> cropped(typeOf(value).getShape());
      cropped[d] = shape[d];
      value = crop(value, cropped);
    }
    return value;
  }

  /// The transpose of spread.
  Value gather(Value value) {
    for (auto [d, group] : llvm::enumerate(groups)) {
      if (typeOf(value).getDimSize(d) == scalesShape[d])
        continue;
      SmallVector<int64_t> padded(typeOf(value).getShape());
      padded[d] = scalesShape[d] * group;
      value = reduceSum(expand(padTo(value, padded), d, scalesShape[d]), d + 1);
    }
    return value;
  }
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_GROUPS_H
