//===- Window.cpp - What a step keeps of a sample --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The line buffer of a convolution, found by looking at which numbers iterations read, not at what the step is: in
//
//   for y { for x { for c { sum over ky, kx of x[(y + ky) * 30 + x + kx] } } }
//
// iteration (y, x) needs numbers up to y * 30 + x + 63, and none before y * 30 + x from then on: 63 of them.
//
//===----------------------------------------------------------------------===//

#include "Arrival.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress::hls;

/// The loops that are around all nests and carry nothing.
static unsigned countShared(ArrayRef<Nest> nests) {
  unsigned shared = nests.front().numOuter;
  for (const Nest &nest : nests) {
    shared = std::min(shared, nest.numOuter);
    for (unsigned d = 0; d < shared; ++d)
      if (nest.loops[d] != nests.front().loops[d])
        shared = d;
  }
  return shared;
}

namespace {
/// The iterations of some loops, by number.
struct Iterations {
  SmallVector<int64_t> trips;
  int64_t count = 1;

  Iterations(const Nest &nest, unsigned numLoops) {
    for (unsigned d = 0; d < numLoops; ++d) {
      trips.push_back(nest.trips(d));
      count *= trips.back();
    }
  }

  int64_t numberOf(ArrayRef<int64_t> counts) const {
    int64_t number = 0;
    for (auto [d, trip] : llvm::enumerate(trips))
      number = number * trip + counts[d];
    return number;
  }

  SmallVector<int64_t> countsOf(int64_t number) const {
    SmallVector<int64_t> counts(trips.size());
    for (size_t d = trips.size(); d-- > 0; number /= trips[d])
      counts[d] = number % trips[d];
    return counts;
  }

  /// The place that has these values at the first iteration and at the second one of each loop.
  Place fit(ArrayRef<int64_t> values) const {
    Place place{values[0], SmallVector<int64_t>(trips.size(), 0)};
    int64_t step = 1;
    for (size_t d = trips.size(); d-- > 0; step *= trips[d])
      if (trips[d] > 1)
        place.strides[d] = values[step] - values[0];
    return place;
  }
};
} // namespace

/// How many numbers are taken before the loops, and in each of their iterations; false if that is less than none. What
/// would be too early for the first iteration, such as columns beside the last window of a row, is taken behind.
static bool setSteps(Window &window, const Iterations &iterations) {
  window.steps.assign(iterations.trips.size(), 0);
  window.behind.assign(iterations.trips.size(), 0);
  window.first = window.need.base;
  int64_t inside = 0; // what all iterations of the next inner loop take
  for (size_t d = iterations.trips.size(); d-- > 0;) {
    int64_t perIteration = iterations.trips[d] > 1 ? window.need.strides[d] : inside;
    window.steps[d] = perIteration - inside;
    window.first -= window.steps[d];
    inside = perIteration * iterations.trips[d];
    if (window.steps[d] < 0)
      return false;
  }
  for (size_t d = 0; d < window.steps.size() && window.first < 0; ++d) {
    int64_t late = std::min(-window.first, window.steps[d]);
    window.steps[d] -= late;
    window.behind[d] += late;
    window.first += late;
  }
  return window.first >= 0;
}

std::optional<Window> Arrival::window() {
  unsigned shared = countShared(nests);
  if (shared == 0)
    return std::nullopt;
  Iterations iterations(nests.front(), shared);
  std::vector<int64_t> need(iterations.count, 0), oldest(iterations.count, count);
  for (const Nest &nest : nests)
    for (affine::AffineLoadOp load : loadsOf(nest))
      forEachCounts(nest, [&](ArrayRef<int64_t> counts) {
        int64_t t = arrivalOf[placeOf(nest, load, counts, 0)], i = iterations.numberOf(counts);
        need[i] = std::max(need[i], t + 1);
        oldest[i] = std::min(oldest[i], t);
        return true;
      });
  Window window;
  window.numLoops = shared;
  window.need = iterations.fit(need);
  window.oldest = iterations.fit(oldest);
  // The first number that an iteration or a later one reads is no earlier than the fit, moved.
  int64_t later = count, slack = 0;
  for (int64_t i = iterations.count; i-- > 0;) {
    SmallVector<int64_t> counts = iterations.countsOf(i);
    if (window.need.at(counts) != need[i])
      return std::nullopt;
    later = std::min(later, oldest[i]);
    slack = std::max(slack, window.oldest.at(counts) - later);
  }
  window.oldest.base -= slack;
  for (int64_t i = 0; i < iterations.count; ++i) {
    SmallVector<int64_t> counts = iterations.countsOf(i);
    window.span = std::max(window.span, need[i] - window.oldest.at(counts));
  }
  bool moves = llvm::any_of(window.need.strides, [](int64_t stride) { return stride != 0; });
  if (!setSteps(window, iterations) || window.span >= count || !moves)
    return std::nullopt;
  return window;
}

/// Numbers for which there is a place: what is needed, and what comes new in one iteration, before the last one ends.
static int64_t placesFor(const Window &window) {
  int64_t places = window.span;
  for (auto [step, late] : llvm::zip(window.steps, window.behind))
    places += step + late;
  return places;
}

bool Arrival::copyWindow(Window &window, MutableArrayRef<Nest> lanedNests) {
  std::map<std::pair<int64_t, int64_t>, int64_t> readers;
  for (const Nest &nest : lanedNests)
    for (size_t turn = 0; turn < loadsOf(nest).size(); ++turn)
      for (int64_t lane = 0; lane < nest.lanes; ++lane)
        readers.try_emplace({turn, lane}, readers.size());
  int64_t words = llvm::PowerOf2Ceil(placesFor(window)), banks = readers.size();
  if (banks * words >= 2 * count)
    return false;
  copyOf = std::move(readers);
  bankWords.assign(banks, words);
  bankOf = {0}; // all numbers go to all of them
  window.capacity = words;
  window.perSample.assign(banks, count);
  return true;
}

bool Arrival::keepOnly(Window &window, MutableArrayRef<Nest> lanedNests) {
  for (const Nest &nest : lanedNests) {
    llvm::DenseSet<int64_t> banks;
    SmallVector<int64_t> first(nest.loops.size(), 0);
    for (affine::AffineLoadOp load : loadsOf(nest))
      for (int64_t lane = 0; lane < nest.lanes; ++lane)
        if (!banks.insert(bankAt[placeOf(nest, load, first, lane)]).second)
          return false;
  }
  int64_t wanted = placesFor(window);
  std::vector<SmallVector<int64_t>> turns(bankWords.size()); // of each bank: when its numbers come
  for (int64_t t = 0; t < count; ++t)
    if (int64_t bank = bankOf[t % bankOf.size()]; bank >= 0)
      turns[bank].push_back(t);
  SmallVector<int64_t> words;
  int64_t all = 0, sample = 0;
  window.capacity = INT64_MAX;
  for (const SmallVector<int64_t> &mine : turns) {
    int64_t number = mine.size(), size = 1, room = 0;
    while (room < wanted && size < 2 * number) {
      size *= 2;
      room = INT64_MAX; // numbers that come between one and the one that replaces it
      for (int64_t i = 0; i < number; ++i)
        room = std::min(room, mine[(i + size) % number] + (i + size) / number * count - mine[i]);
    }
    window.capacity = std::min(window.capacity, room);
    words.push_back(size);
    all += size;
    sample += number;
  }
  if (window.capacity < wanted || all >= 2 * sample)
    return false;
  window.perSample = bankWords;
  bankWords = words;
  return true;
}

std::optional<AffineMap> Arrival::turn(const Nest &nest, affine::AffineLoadOp load) {
  unsigned level = nest.levelOf(load);
  SmallVector<int64_t> counts(nest.loops.size(), 0);
  auto at = [&](ArrayRef<int64_t> counts) { return arrivalOf[placeOf(nest, load, counts, 0)]; };
  Place turn{at(counts), SmallVector<int64_t>(level, 0)};
  MLIRContext *context = load.getContext();
  AffineExpr place = getAffineConstantExpr(turn.base, context);
  for (unsigned d = 0; d < level; ++d) {
    counts[d] = nest.trips(d) > 1;
    turn.strides[d] = counts[d] ? at(counts) - turn.base : 0;
    counts[d] = 0;
    affine::AffineForOp loop = nest.loop(d);
    if (loop.getStepAsInt() != 1)
      return std::nullopt;
    place = place + (getAffineDimExpr(d, context) - loop.getConstantLowerBound()) * turn.strides[d];
  }
  bool isRight = true;
  forEachCounts(nest, [&](ArrayRef<int64_t> counts) { return isRight = turn.at(counts) == at(counts); });
  return isRight ? std::optional(AffineMap::get(level, 0, place)) : std::nullopt;
}

KeptLoads Arrival::keptLoads() {
  KeptLoads kept;
  for (const Nest &nest : nests)
    for (affine::AffineLoadOp load : loadsOf(nest)) {
      if (nest.numOuter == nest.loops.size()) // one pipeline: nothing can be taken between its iterations
        return {};
      std::optional<AffineMap> map = turn(nest, load);
      if (!map)
        return {};
      kept.push_back({load, *map});
    }
  return kept;
}

void mlir::compress::hls::annotateWindow(func::FuncOp step, unsigned number, const Window &window,
                                         const KeptLoads &loads) {
  MLIRContext *context = step.getContext();
  if (loads.empty())
    return;
  step.setArgAttr(number, kWindowAttr,
                  WindowAttr::get(context, llvm::PowerOf2Ceil(window.span), window.first,
                                  DenseI64ArrayAttr::get(context, window.steps),
                                  DenseI64ArrayAttr::get(context, window.behind)));
  for (auto [load, map] : loads)
    load->setAttr(kPlaceAttr, AffineMapAttr::get(map));
}
