//===- Simulate.cpp - Tasks and streams, cycle by cycle --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers are counted, not computed. An iteration is issued when all numbers that it takes are in its stream; with
// banks, a sample, or an iteration of the loops that move a window, is begun when all of it is there. So only a full
// stream stops a task, as a whole: a result never waits for the next sample.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include <deque>

using namespace mlir;
using namespace mlir::compress::hls;

namespace {

/// What the stages of a nest do with streams: bits of those that are read, of those that are written.
struct Stages {
  std::vector<uint64_t> reads, stores;
  SmallVector<int64_t> numReads;

  Stages(const DataPath &path, size_t numInputs)
      : reads(path.depth + 1, 0), stores(path.depth + 1, 0), numReads(numInputs, 0) {
    for (const Node &node : path.nodes) {
      if (node.kind == Node::StreamRead) {
        reads[node.start] |= uint64_t(1) << node.stream;
        ++numReads[node.stream];
      }
      if (node.kind == Node::Store)
        stores[node.start] |= uint64_t(1) << node.stream;
    }
  }
};

class TaskState {
public:
  explicit TaskState(const TaskSchedule &task) : task(task), nests(nestsOf(task)), walker(nests) {
    for (const DataPath &path : task.paths)
      stages.emplace_back(path, task.inStreams.size());
    look();
  }

  /// Decides what happens in this cycle, with so many numbers held in all streams of such depths.
  void decide(ArrayRef<int64_t> held, ArrayRef<int64_t> depths) {
    unsigned nest = walker.nest();
    issues = pause == 0 && (task.isStreamed ? hasNumbers(stages[nest], held)
                            : task.window   ? arrived >= need
                                            : isFull[reading]);
    takes = issues ? stages[nest].reads[0] : 0;
    gives = issues && isLast ? stages[nest].stores[0] : 0;
    for (const Iteration &iteration : running) {
      takes |= stages[iteration.nest].reads[iteration.stage];
      gives |= iteration.stores ? stages[iteration.nest].stores[iteration.stage] : 0;
    }
    moves = true;
    for (auto [o, stream] : llvm::enumerate(task.outStreams))
      moves &= !givesTo(o) || held[stream] < depths[stream];
    takes = moves ? takes : 0;
    gives = moves ? gives : 0;
    if (task.window)
      takes = held[task.inStreams[0]] > 0 && arrived < limit;
    else if (!task.isStreamed)
      takes = held[task.inStreams[0]] > 0 && !isFull[filling];
  }

  void step() {
    if (task.window && takes)
      ++arrived;
    if (moves) {
      unsigned nest = walker.nest();
      if (issues)
        running.push_back({nest, 0, isLast});
      pause = std::max<int64_t>(pause - 1, 0);
      if (issues) {
        bool isEnd = walker.advance();
        look();
        pause = task.paths[nest].ii - 1 + (isEnd || walker.nest() != nest ? task.paths[nest].gap : 0);
        if (isEnd && task.window)
          arrived -= task.inputs;
        else if (isEnd) {
          freeing.push_back({reading, 0});
          reading ^= 1;
        }
      }
      for (Iteration &iteration : running)
        ++iteration.stage;
      llvm::erase_if(running,
                     [&](const Iteration &iteration) { return iteration.stage >= task.paths[iteration.nest].depth; });
      for (auto &[half, stage] : freeing)
        if (stage++ == task.freeStage())
          isFull[half] = false;
      llvm::erase_if(freeing, [&](auto &entry) { return entry.second > task.freeStage(); });
    }
    if (!task.isStreamed && !task.window && takes && ++filled == task.inputs) {
      filled = 0;
      isFull[filling] = true;
      filling ^= 1;
    }
  }

  bool takesFrom(size_t input) const { return takes >> input & 1; }
  bool givesTo(size_t output) const { return gives >> output & 1; }
  bool isQuiet() const { return takes == 0 && gives == 0; }
  const TaskSchedule &task;

private:
  bool hasNumbers(const Stages &stages, ArrayRef<int64_t> held) const {
    for (auto [i, stream] : llvm::enumerate(task.inStreams))
      if (held[stream] < stages.numReads[i])
        return false;
    return true;
  }

  struct Iteration {
    unsigned nest;
    int64_t stage;
    bool stores;
  };

  static SmallVector<Nest> nestsOf(const TaskSchedule &task) {
    SmallVector<Nest> nests;
    for (const DataPath &path : task.paths)
      nests.push_back(path.nest);
    return nests;
  }

  /// Looks at the iteration that comes next.
  void look() {
    isLast = walker.isLast(task.paths[walker.nest()].nest.numOuter);
    if (!task.window)
      return;
    need = task.window->need.at(walker.counts());
    limit = task.window->oldest.at(walker.counts()) + task.window->capacity;
  }

  /// Inputs of which a number is taken, outputs to which one is given, in this cycle: bits.
  uint64_t takes = 0, gives = 0;
  SmallVector<Nest> nests;
  NestWalker walker;
  std::vector<Stages> stages;
  SmallVector<Iteration> running;
  /// Halves whose last number is about to be read, and for how long.
  SmallVector<std::pair<int, int64_t>> freeing;
  int64_t pause = 0, filled = 0;
  /// Window: numbers of the sample that is read, and of those behind it, that have come.
  int64_t arrived = 0, need = 0, limit = 0;
  /// Of the iteration that comes next: its sums are complete.
  bool isLast = false;
  bool isFull[2] = {false, false}, issues = false, moves = false;
  int reading = 0, filling = 0;
};

} // namespace

int64_t NetworkSchedule::samplesToSettle() const { return std::max<int64_t>(10, 2 * numWhole() + 4); }

std::vector<int64_t> NetworkSchedule::simulate(ArrayRef<int64_t> depths, int64_t samples) const {
  return simulate(depths, samples, {});
}

bool NetworkSchedule::isAsFast(ArrayRef<int64_t> depths, ArrayRef<int64_t> ends) const {
  return ArrayRef(simulate(depths, ends.size(), ends)) == ends;
}

/// With `expected`, stops at the first sample that does not end when it says.
std::vector<int64_t> NetworkSchedule::simulate(ArrayRef<int64_t> depths, int64_t samples,
                                               ArrayRef<int64_t> expected) const {
  std::deque<TaskState> states;
  for (const TaskSchedule &task : tasks)
    states.emplace_back(task);
  std::vector<int64_t> held(depths.size(), 0), ends;
  int64_t given = 0, taken = 0, quiet = 0, mostQuiet = 2;
  for (const TaskSchedule &task : tasks)
    for (const DataPath &path : task.paths)
      mostQuiet += path.depth + path.gap + (path.nest.tripsPerStore() + 1) * path.ii;
  int64_t inputs = tasks.front().inputs, outputs = tasks[producerOf(result)].outputs;
  for (int64_t cycle = 0; static_cast<int64_t>(ends.size()) < samples; ++cycle) {
    for (TaskState &state : states)
      state.decide(held, depths);
    bool arrives = given < samples * inputs && held[0] < depths[0], leaves = held[result] > 0;
    if (!expected.empty() && cycle > expected[ends.size()])
      return {};
    if (leaves && ++taken % outputs == 0)
      ends.push_back(cycle);
    bool isQuiet = !arrives && !leaves;
    for (TaskState &state : states) {
      for (auto [i, stream] : llvm::enumerate(state.task.inStreams))
        held[stream] -= state.takesFrom(i);
      for (auto [o, stream] : llvm::enumerate(state.task.outStreams))
        held[stream] += state.givesTo(o);
      isQuiet &= state.isQuiet();
      state.step();
    }
    given += arrives;
    held[0] += arrives;
    held[result] -= leaves;
    // Sums that take long give nothing for a while; nothing at all for as long as all iterations take is a deadlock.
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet > mostQuiet)
      return {};
  }
  return ends;
}
