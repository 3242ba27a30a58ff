//===- ChooseLanes.cpp - Lanes that keep tasks in step ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A network takes a sample as often as its slowest task. Lanes of the others beyond that are multipliers for nothing,
// so an interval says the lanes of each task: the fewest that reach it. What is left to search is the interval.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Multipliers.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

namespace {

/// A task with some lanes.
struct Choice {
  int64_t lanes = 1, interval = 0, multipliers = 0;
};

/// The choices of one task, each planned when it is asked for.
class LaneChoices {
public:
  explicit LaneChoices(TaskSchedule &single) : op(single.op), arriving(single.arriving) {
    single.schedule();
    alone = Choice{1, single.interval(), multipliersOf(single)};
    known[1] = alone;
    int64_t extent = 1;
    for (const DataPath &path : single.paths)
      if (!single.isStreamed && isSum(path.nest))
        extent = std::max(extent, path.nest.extent(path.nest.loops.size() - 1));
    // Lanes that take as many iterations as fewer lanes do are left out.
    for (int64_t lanes = 1; lanes <= std::min(extent, kMostLanes); ++lanes)
      if (lanes == 1 || llvm::divideCeil(extent, lanes) < llvm::divideCeil(extent, lanes - 1))
        candidates.push_back(lanes);
  }

  /// The fewest lanes with which a sample takes at most `goal` cycles, or, if there are none, those with which it takes
  /// fewest.
  Choice fewest(int64_t goal) {
    Choice best = alone;
    for (int64_t lanes : candidates) {
      if (best.interval <= goal)
        break;
      // So many lanes cannot make it faster than so many times.
      if (lanes < candidates.back() && lanes * goal < alone.interval)
        continue;
      if (std::optional<Choice> choice = at(lanes); choice && choice->interval < best.interval)
        best = *choice;
    }
    return best;
  }

private:
  /// Nothing if the task has no schedule with so many lanes.
  std::optional<Choice> at(int64_t lanes) {
    auto [it, isNew] = known.try_emplace(lanes);
    if (!isNew)
      return it->second;
    ScopedDiagnosticHandler quiet(op.getContext(), [](Diagnostic &) { return success(); });
    FailureOr<TaskSchedule> task = TaskSchedule::plan(op, arriving, lanes);
    if (failed(task))
      return std::nullopt;
    task->schedule();
    return it->second = Choice{lanes, task->interval(), multipliersOf(*task)};
  }

  TaskOp op;
  std::vector<Places> arriving;
  /// With one lane.
  Choice alone;
  SmallVector<int64_t> candidates;
  llvm::DenseMap<int64_t, std::optional<Choice>> known;
};

/// The lanes of all tasks for an interval.
struct NetworkChoice {
  SmallVector<Choice> tasks;

  int64_t interval() const { return slowest().interval; }
  const Choice &slowest() const {
    return *llvm::max_element(tasks, [](const Choice &a, const Choice &b) { return a.interval < b.interval; });
  }
  int64_t multipliers() const {
    int64_t sum = 0;
    for (const Choice &task : tasks)
      sum += task.multipliers;
    return sum;
  }
};

class LaneSearch {
public:
  explicit LaneSearch(std::vector<TaskSchedule> &tasks) {
    for (TaskSchedule &task : tasks) {
      choices.emplace_back(task);
      streams = std::max({streams, task.inputs, task.outputs});
    }
  }

  /// The fewest lanes for an interval of `goal`, which no task can be faster with than its streams.
  NetworkChoice at(int64_t goal) {
    NetworkChoice choice;
    for (LaneChoices &task : choices)
      choice.tasks.push_back(task.fewest(std::max(goal, streams)));
    // A task that cannot keep up makes lanes of the others superfluous.
    if (int64_t interval = choice.interval(); interval > std::max(goal, streams))
      return at(interval);
    return choice;
  }

  /// The least interval from `low` on for which products take at most `multipliers`, by bisection; with one lane each,
  /// if none does.
  NetworkChoice within(int64_t multipliers, int64_t low) {
    NetworkChoice choice = at(low);
    int64_t high = 1;
    for (LaneChoices &task : choices)
      high = std::max(high, task.fewest(INT64_MAX).interval);
    if (choice.multipliers() <= multipliers)
      return choice;
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      if (at(middle).multipliers() <= multipliers)
        high = middle;
      else
        low = middle + 1;
    }
    return at(low);
  }

private:
  std::vector<LaneChoices> choices;
  /// The most numbers of a sample that go through a stream, one a cycle.
  int64_t streams = 1;
};

} // namespace

LogicalResult NetworkSchedule::chooseLanes(int64_t target, int64_t multipliers) {
  LaneSearch search(tasks);
  NetworkChoice choice = search.at(target);
  if (target > 0 && choice.interval() > target) {
    size_t slowest = &choice.slowest() - choice.tasks.data();
    return tasks[slowest].step.emitError("takes a sample every ")
           << choice.interval() << " cycles with " << choice.slowest().lanes << " lane(s) and streams of one number a "
           << "cycle, more than the target of " << target;
  }
  if (multipliers > 0 && choice.multipliers() > multipliers) {
    NetworkChoice fitting = search.within(multipliers, choice.interval());
    auto error = [&] {
      return network.emitError("takes ") << choice.multipliers() << " multipliers (DSP48E1) for a sample every "
                                         << choice.interval() << " cycles, and there are " << multipliers;
    };
    if (fitting.multipliers() > multipliers)
      return error() << "; with one lane in each sum it takes " << fitting.multipliers();
    if (target > 0)
      return error() << ", with which a sample takes " << fitting.interval() << " cycles";
    choice = fitting;
  }
  for (auto [task, chosen] : llvm::zip(tasks, choice.tasks)) {
    if (chosen.lanes == 1)
      continue;
    TaskSchedule planned = *TaskSchedule::plan(task.op, task.arriving, chosen.lanes);
    planned.inStreams = task.inStreams;
    planned.outStreams = task.outStreams;
    task = std::move(planned);
  }
  return success();
}
