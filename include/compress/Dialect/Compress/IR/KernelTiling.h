//===- KernelTiling.h - Tiling of kernel ops ------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel op says how each dimension of each operand moves with its loops (`getKernelTiling`); everything that
// TilingInterface asks follows from that, and is written here once for all of them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_KERNELTILING_H
#define COMPRESS_DIALECT_COMPRESS_IR_KERNELTILING_H

#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::compress {

/// How one dimension of an operand moves with the loops: iterations [i, i + s) of `loop` touch the numbers
/// [scale * i, scale * (i + s - 1) + span) of it, as far as they lie inside of the extent.
struct DimTiling {
  /// -1: every tile takes the dimension whole.
  int64_t loop = -1;
  int64_t scale = 1, span = 1;

  static DimTiling whole() { return {}; }
  static DimTiling along(int64_t loop) { return {loop, 1, 1}; }
  /// An iteration is a block of `k` numbers; the extent may cut the last one short.
  static DimTiling blocks(int64_t loop, int64_t k) { return {loop, k, k}; }
  /// An iteration is a window that covers `span` numbers.
  static DimTiling window(int64_t loop, int64_t stride, int64_t span) { return {loop, stride, span}; }

  bool isWhole() const { return loop < 0; }
  bool isPlain() const { return loop >= 0 && scale == 1 && span == 1; }
  bool isBlocks() const { return loop >= 0 && scale == span; }
};
using OperandTiling = SmallVector<DimTiling>;

/// The loops of a kernel op, and each operand's dimensions in terms of them. For every loop some operand has a plain
/// dimension: it gives the loop's extent.
struct KernelTiling {
  SmallVector<utils::IteratorType> iterators;
  SmallVector<OperandTiling> operands;
};

/// The methods of TilingInterface for a destination-style op of one init.
SmallVector<Range> getKernelIterationDomain(Operation *op, const KernelTiling &tiling, OpBuilder &builder);
FailureOr<TilingResult> tileKernel(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                   ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);
LogicalResult getKernelResultTile(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                  SmallVector<OpFoldResult> &resultOffsets, SmallVector<OpFoldResult> &resultSizes);
/// Computes the blocks that cover the tile, and takes the tile out of them: it need not begin at a block.
FailureOr<TilingResult> generateKernelResultTile(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                                 ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);
/// Fails if iterations that touch exactly these tiles are not known to exist: a tile that cuts a block or what every
/// iteration takes whole, windows, a part of a reduction.
LogicalResult getKernelTileFromOperands(Operation *op, const KernelTiling &tiling, OpBuilder &builder,
                                        ArrayRef<unsigned> operandNumbers,
                                        ArrayRef<SmallVector<OpFoldResult>> allOffsets,
                                        ArrayRef<SmallVector<OpFoldResult>> allSizes,
                                        SmallVectorImpl<OpFoldResult> &iterationOffsets,
                                        SmallVectorImpl<OpFoldResult> &iterationSizes);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_KERNELTILING_H
