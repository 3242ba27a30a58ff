//===- Arrival.h - Numbers in the order in which they come -----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_HLS_TRANSFORMS_ARRIVAL_H
#define COMPRESS_LIB_DIALECT_HLS_TRANSFORMS_ARRIVAL_H

#include "compress/Dialect/HLS/Transforms/DataPath.h"
#include <map>

namespace mlir::compress::hls {

/// How the nests of a step read an input whose numbers arrive in a given order.
class Arrival {
public:
  /// `arriving`: the place in the buffer of each number that arrives.
  Arrival(ArrayRef<Nest> nests, Value input, ArrayRef<int64_t> arriving);

  /// True if each iteration takes the next numbers that arrive, in an order that is the same in all iterations.
  bool isInOrder();
  /// What moves along the numbers; nothing if a whole sample is needed at once, or the numbers that are needed are no
  /// sums of products of the counts of the loops that all nests share. Asked before there are lanes.
  std::optional<Window> window();
  /// Makes banks, which are spread, as large as `window` needs, powers of two, if that is less than two samples and no
  /// iteration reads a bank twice; else false.
  bool keepOnly(Window &window, MutableArrayRef<Nest> nests);
  /// Which of the numbers that arrive each load of nests without lanes reads; none if one is no sum of products, or
  /// stands in no sum.
  KeptLoads keptLoads();
  /// The loads of `nest`, in the order in which they stand.
  SmallVector<affine::AffineLoadOp> loadsOf(const Nest &nest);
  /// In order: which of the numbers of an iteration a load is.
  int64_t turnIn(affine::AffineLoadOp load) const { return turnOf.lookup(load); }

  /// Spreads numbers over banks: those of different loads, and of different lanes, lie in different ones, unless two
  /// loads share a number. A bank holds its numbers in the order in which they arrive. Nests whose lanes would share a
  /// bank lose them.
  void spread(MutableArrayRef<Nest> nests);
  /// Gives each load and lane of nests a bank with all numbers that `window` keeps, for lanes that read the same ones;
  /// false if these are as many as two samples.
  bool copyWindow(Window &window, MutableArrayRef<Nest> nests);
  /// The read of a load; an error where places in a bank are no sum of products of counts.
  FailureOr<InputRead> read(const Nest &nest, affine::AffineLoadOp load, int64_t lane);

  SmallVector<int64_t> bankWords;
  /// As of TaskSchedule.
  SmallVector<int64_t> bankOf;

private:
  void forEachCounts(const Nest &nest, function_ref<bool(ArrayRef<int64_t>)> body);
  int64_t placeOf(const Nest &nest, affine::AffineLoadOp load, ArrayRef<int64_t> counts, int64_t lane);
  /// The place of a load by the indices of the loops of its nest; null if it is no sum of products of them.
  const Place *indexed(const Nest &nest, affine::AffineLoadOp load);
  std::optional<AffineMap> turn(const Nest &nest, affine::AffineLoadOp load);
  bool spreadOnce(MutableArrayRef<Nest> nests);

  ArrayRef<Nest> nests;
  Value input;
  /// Of each place: when its number arrives, its bank, where in it.
  std::vector<int64_t> arrivalOf, bankAt, placeInBank;
  int64_t count;
  llvm::DenseMap<Operation *, int64_t> turnOf;
  llvm::DenseMap<Operation *, std::optional<Place>> placesByIndex;
  /// Of a load, by its turn in its nest, and a lane: its bank, if that is a copy.
  std::map<std::pair<int64_t, int64_t>, int64_t> copyOf;
};

} // namespace mlir::compress::hls

#endif // COMPRESS_LIB_DIALECT_HLS_TRANSFORMS_ARRIVAL_H
