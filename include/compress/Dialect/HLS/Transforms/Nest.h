//===- Nest.h - The nests of a step ----------------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step of a network of exact integer loops as nests that run one after the other, each a pipeline of its own:
//
//   for o { for s { a = for g {…}; store a }  for j { b, c = for g {…}; store b; store c } }
//   =>  nest (o, s, g) and nest (o, j, g), which share the counter o
//
// Loops that carry numbers are sums (or maxima) of a nest; what stands after them is done in their last iteration.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_NEST_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_NEST_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress::hls {

/// One pipeline.
struct Nest {
  /// Outermost first; none for straight code of the function.
  SmallVector<affine::AffineForOp> loops;
  /// How many of them are around the stores; the others carry numbers.
  unsigned numOuter = 0;
  SmallVector<affine::AffineStoreOp> stores;
  /// Iterations of the innermost loop that are one.
  int64_t lanes = 1;

  affine::AffineForOp loop(unsigned d) const { return loops[d]; }
  /// Iterations of loop `d`, lanes taken together.
  int64_t trips(unsigned d) const;
  /// Iterations of loop `d` as it is written.
  int64_t extent(unsigned d) const;
  /// Those of the loops that carry numbers: after so many, stores are done.
  int64_t tripsPerStore() const;
  /// How many loops of the nest are around `op`.
  unsigned levelOf(Operation *op) const;
  /// The index of loop `d` for a count and a lane; nothing if that lane has no iteration there.
  std::optional<int64_t> indexOf(unsigned d, int64_t count, int64_t lane) const;
  /// What carries the schedule of the nest: its innermost loop, or its function.
  Operation *anchor() const;
};

/// Where `map` of `operands`, indices of loops of the nest, is in a buffer, by counts of the loops; nothing in a lane
/// that has no iteration there.
std::optional<int64_t> placeIn(const Nest &nest, AffineMap map, ValueRange operands, ArrayRef<int64_t> counts,
                               int64_t lane);

/// The stores of `nest` to `output`, or all if that is null, in the order of their places in the first iteration.
SmallVector<affine::AffineStoreOp> storesInOrder(const Nest &nest, Value output);

/// A load from where a number says: `x[b + n]`, with b an affine map of indices of loops.
struct Gather {
  memref::LoadOp load;
  /// n.
  Value number;
  AffineMap first;
  SmallVector<Value> operands;

  /// Nothing if `op` is no such load.
  static std::optional<Gather> of(Operation *op);
};

/// The nests of `step` in the order in which they run; an error says what is no nest.
FailureOr<SmallVector<Nest>> nestsOf(func::FuncOp step);

/// What follows an iteration of `nest` at which loops inside of `level` end: at loop `d`, counted from the innermost,
/// either the next sibling inside of it, or its next iteration.
struct NestOrder {
  /// For each nest and each of its loops: true if no other nest follows in an iteration of the loop.
  SmallVector<SmallVector<bool>> isLastIn;
  /// For each nest and each of its loops: the first nest in an iteration of the loop.
  SmallVector<SmallVector<unsigned>> firstIn;

  explicit NestOrder(ArrayRef<Nest> nests);
};

/// Goes through the iterations of the nests of a step in their order.
class NestWalker {
public:
  explicit NestWalker(ArrayRef<Nest> nests);

  /// The nest and the counts of its loops of the iteration that comes next.
  unsigned nest() const { return current; }
  ArrayRef<int64_t> counts() const { return counters[current]; }
  /// True in the last iteration of every loop from `level` inward.
  bool isLast(unsigned level) const;

  /// Moves on; true if that ended the step, which starts again.
  bool advance();

private:
  ArrayRef<Nest> nests;
  NestOrder order;
  unsigned current = 0;
  SmallVector<SmallVector<int64_t>> counters;
  /// Of each loop of each nest: asking the loop takes longer than all else here.
  SmallVector<SmallVector<int64_t>> trips;
};

/// The places of `output`, an argument of their step, that nests write, in order.
std::vector<int64_t> placesWritten(ArrayRef<Nest> nests, Value output);

/// The places of the numbers of a port of @main, in the order in which they come (`compress.order`).
std::vector<int64_t> placesOfPort(BlockArgument port);

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_NEST_H
