//===- Streams.h - Which buffers are streams of C++ ------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_STREAMS_H
#define COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_STREAMS_H

#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::compress {

/// The buffers of @main that the schedule hands over number by number, and the arguments of steps that they are. Ports
/// of @main are among them if `arePorts`.
llvm::DenseSet<Value> findStreams(ModuleOp module, bool arePorts);

/// Fails, with an error, if a step that several tasks run has a stream in one of them where another has an array: its
/// argument is one of them.
LogicalResult checkStreams(ModuleOp module, bool arePorts);

/// The partitions of buffers of @main that their readers ask for.
llvm::DenseMap<Value, hls::PartitionAttr> findPartitions(ModuleOp module);

/// What a step that keeps a window takes, and where it puts it.
class KeptWindow {
public:
  /// Of argument `argument` of a step, which has the attribute hls.window.
  explicit KeptWindow(BlockArgument argument);

  int64_t words() const { return attr.getWords(); }
  /// Numbers that are taken before the loops, by an iteration of the loop of a depth before and behind what is inside,
  /// and after the loops.
  int64_t first() const { return attr.getFirst(); }
  int64_t before(unsigned depth) const { return depth < numLoops() ? attr.getSteps()[depth] : 0; }
  int64_t behind(unsigned depth) const { return depth < numLoops() ? attr.getBehind()[depth] : 0; }
  int64_t rest() const;
  /// Where a number is that is taken before or behind what is inside of an iteration of the loop of `depth`, by the
  /// indices of the loops around it and, last, its turn there, modulo words().
  AffineExpr placeBefore(unsigned depth) const;
  AffineExpr placeBehind(unsigned depth) const;
  /// Where the number of `load` is, by the indices of the loops around it, modulo words().
  AffineExpr placeOf(affine::AffineLoadOp load) const;

private:
  unsigned numLoops() const { return loops.size(); }
  /// Numbers that are taken until an iteration of the loop of `depth` begins to take some.
  AffineExpr begin(unsigned depth) const;

  hls::WindowAttr attr;
  SmallVector<affine::AffineForOp> loops;
  /// What an iteration of each loop takes, all that is inside of it as well.
  SmallVector<int64_t> perIteration;
  int64_t size;
};

/// The number of loops around `op`.
unsigned depthOf(Operation *op);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_STREAMS_H
