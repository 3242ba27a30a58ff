//===- Schedule.h - When things happen in a network ------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_SCHEDULE_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_SCHEDULE_H

#include "compress/Dialect/HLS/IR/HLS.h"
#include "compress/Dialect/HLS/Transforms/DataPath.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::compress::hls {

/// The most streams before or behind a task.
inline constexpr size_t kMostStreams = 64;
/// The places of the numbers of a stream in the order in which they go through it.
using Places = std::vector<int64_t>;

/// A step of the network in hardware: it takes numbers from streams and gives numbers to streams.
struct TaskSchedule {
  /// The step that `task` runs, which gets the numbers of each input in the order `arriving`, with `lanes` lanes
  /// where there is a sum, or those of the schedule in the IR if 0. An error says what has no schedule.
  static FailureOr<TaskSchedule> plan(TaskOp task, ArrayRef<Places> arriving, int64_t lanes);
  /// Chooses stages.
  void schedule();

  func::FuncOp step;
  TaskOp op;
  StringRef name() const { return func::FuncOp(step).getName(); }
  std::vector<DataPath> paths;
  /// Numbers of a sample in each stream before it and behind it, bits of those of each.
  int64_t inputs = 0, outputs = 0;
  SmallVector<int64_t> inputWidths, outputWidths;
  /// What it was planned for.
  std::vector<Places> arriving;
  /// The streams of the network before and behind it.
  SmallVector<unsigned> inStreams, outStreams;

  /// Numbers are used as they arrive; else they are kept in banks, and a sample is read when it is there.
  bool isStreamed = true;
  /// If banks keep a part of a sample: which.
  std::optional<Window> window;
  /// Which of the numbers that arrive each load of the input reads, if there is a window.
  KeptLoads keptLoads;
  /// Numbers in each bank.
  SmallVector<int64_t> bankWords;
  /// The bank of each number that arrives, -1 for one that nobody reads; then from the first one again.
  SmallVector<int64_t> bankOf;
  /// Where the numbers of a sample that leave stand in each output, in their order.
  std::vector<Places> written;

  /// True if the banks are block RAM: what is less than kLeastBlockBits is cheaper in LUTs.
  bool hasBlockBanks() const;
  /// The stage of the last iteration of a sample in which the last of its numbers is read from a bank.
  int64_t freeStage() const;
  /// Cycles between two samples if nothing else holds it up.
  int64_t interval() const;
  /// Iterations of a sample: cycles in which one is issued.
  int64_t iterations() const;
  /// The most lanes of its sums.
  int64_t lanes() const;

private:
  /// Banks for an input that does not come in the order in which it is used, with `lanes` as of plan.
  void keepInput(class Arrival &arrival, MutableArrayRef<Nest> nests, int64_t lanes);
  /// A copy of the input for each lane, if nests read it where numbers say; false if they do not.
  FailureOr<bool> copyInput(MutableArrayRef<Nest> nests, int64_t lanes);
  /// The read of a load from where a number says.
  static FailureOr<InputRead> readCopy(const Nest &nest, const Gather &gather, int64_t lane, ArrayRef<int64_t> turns);
};

/// Bits from which on a memory is block RAM, of which the smallest has 18 Kbit.
inline constexpr int64_t kLeastBlockBits = 4096;
/// True for a buffer of a known number of elements, as steps read and write.
bool isStaticBuffer(Value value);

/// The most lanes of a sum.
inline constexpr int64_t kMostLanes = 64;

/// Steps scheduled on their own, for C++: what a step reads in the order in which another one writes it, or along a
/// window, is a stream; other buffers have two ports, as tools for synthesis make of an array. Sums over arrays and
/// windows have `lanes` lanes, whose memories are apart. A step without a schedule keeps none; a remark says why.
void scheduleSteps(ModuleOp module, int64_t lanes);

/// Says on argument `number` of `step`, and on its loads, what is kept of it.
void annotateWindow(func::FuncOp step, unsigned number, const Window &window, const KeptLoads &loads);

/// A network of tasks with a stream between each two, one before them and one behind them.
class NetworkSchedule {
public:
  /// The tasks of @main with `lanes` lanes where there is a sum, or those of the schedule in the IR if 0. An error says
  /// what has no schedule.
  static FailureOr<NetworkSchedule> plan(ModuleOp module, int64_t lanes);
  /// The schedule in the IR, checked.
  static FailureOr<NetworkSchedule> read(ModuleOp module);

  /// Gives each task the fewest lanes with which a sample takes at most `target` cycles, or, if that is 0, as few as
  /// streams of one number a cycle allow. Products may take `multipliers` DSP48E1, or any number if 0: without a
  /// target, the least interval that they allow is chosen. An error says what cannot be, and what can.
  LogicalResult chooseLanes(int64_t target, int64_t multipliers);

  /// Chooses stages, then depths of streams by simulation.
  void schedule();
  void annotate();

  /// In an order in which a stream is written by a task before that which reads it.
  std::vector<TaskSchedule> tasks;
  /// Stream 0 is that of the input, `result` that of the result.
  SmallVector<int64_t> depths;
  SmallVector<int64_t> streamWidths;
  unsigned result = 0;
  int64_t latency = 0, interval = 0;

  /// For each of `samples` samples, the cycle in which its last number leaves, counted from that in which the first
  /// number of the first one arrives, if the outside is never late. Empty if tasks wait for each other forever.
  std::vector<int64_t> simulate(ArrayRef<int64_t> depths, int64_t samples) const;
  /// Whether samples end in `ends`; stops at the first one that does not.
  bool isAsFast(ArrayRef<int64_t> depths, ArrayRef<int64_t> ends) const;
  /// Depths of the streams before `task`.
  SmallVector<int64_t> depthsBefore(const TaskSchedule &task) const {
    return llvm::map_to_vector(task.inStreams, [&](unsigned stream) { return depths[stream]; });
  }
  /// Samples after which the network is in its rhythm: tasks that keep whole samples take two each before they stop
  /// those before them.
  int64_t samplesToSettle() const;

private:
  std::vector<int64_t> simulate(ArrayRef<int64_t> depths, int64_t samples, ArrayRef<int64_t> expected) const;
  /// Plans one task behind those that write what it reads; `written` is of each stream.
  LogicalResult add(TaskOp op, int64_t lanes, llvm::DenseMap<Value, unsigned> &streams, std::vector<Places> &written);
  /// Tasks that keep whole samples.
  int64_t numWhole() const;
  void sizeStreams();
  /// True if the task that reads `stream` reads others, too.
  bool isBesides(unsigned stream) const;
  /// The task that writes `stream`.
  size_t producerOf(unsigned stream) const;
  LogicalResult readTask(TaskSchedule &task);
  /// Makes the depth of `stream` the least with which samples end in `ends`.
  void sizeStream(unsigned stream, ArrayRef<int64_t> ends);
  bool sizeByBursts(ArrayRef<int64_t> ends);

  func::FuncOp network;
};

/// The cycles that must pass between two nests so that accesses to streams keep their order and ports are free.
int64_t gapBetween(const DataPath &first, const DataPath &second);
/// Sets the gaps of the nests of a step.
void setGaps(MutableArrayRef<DataPath> paths);

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_SCHEDULE_H
