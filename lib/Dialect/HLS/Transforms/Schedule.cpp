//===- Schedule.cpp - When things happen in a network ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include "Arrival.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "compress/Dialect/HLS/Transforms/Partition.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

//===----------------------------------------------------------------------===//
// Between nests
//===----------------------------------------------------------------------===//

int64_t mlir::compress::hls::gapBetween(const DataPath &first, const DataPath &second) {
  int64_t gap = 0;
  // The last iteration of the first is issued first.ii + gap cycles before the first one of the second.
  auto demand = [&](int64_t last, int64_t next, int64_t later) {
    gap = std::max(gap, last - next - later - first.ii + 1);
  };
  demand(first.lastStart(Node::Store), second.firstStart(Node::Store), (second.nest.tripsPerStore() - 1) * second.ii);
  for (Node::Kind kind : {Node::StreamRead, Node::BankRead})
    if (!first.nodesOf(kind).empty() && !second.nodesOf(kind).empty())
      demand(first.lastStart(kind), second.firstStart(kind), 0);
  return gap;
}

void mlir::compress::hls::setGaps(MutableArrayRef<DataPath> paths) {
  SmallVector<Nest> nests;
  for (const DataPath &path : paths)
    nests.push_back(path.nest);
  NestOrder order(nests);
  for (auto [n, path] : llvm::enumerate(paths)) {
    path.gap = gapBetween(path, paths[(n + 1) % paths.size()]);
    for (unsigned d = 0; d < path.nest.loops.size(); ++d)
      if (order.isLastIn[n][d] && order.firstIn[n][d] != n)
        path.gap = std::max(path.gap, gapBetween(path, paths[order.firstIn[n][d]]));
  }
}

int64_t TaskSchedule::interval() const {
  SmallVector<Nest> nests;
  for (const DataPath &path : paths)
    nests.push_back(path.nest);
  NestWalker walker(nests);
  int64_t cycles = 0;
  for (bool isEnd = false; !isEnd;) {
    unsigned nest = walker.nest();
    isEnd = walker.advance();
    cycles += paths[nest].ii + (walker.nest() != nest || isEnd ? paths[nest].gap : 0);
  }
  return isStreamed ? cycles : std::max(cycles, inputs); // one number arrives in a cycle
}

int64_t TaskSchedule::lanes() const {
  int64_t most = 1;
  for (const DataPath &path : paths)
    most = std::max(most, path.nest.lanes);
  return most;
}

int64_t TaskSchedule::freeStage() const {
  int64_t stage = 0;
  for (const DataPath &path : paths)
    stage = std::max(stage, path.lastStart(Node::BankRead));
  return stage;
}

bool TaskSchedule::hasBlockBanks() const {
  int64_t words = bankWords.empty() ? 0 : *llvm::max_element(bankWords);
  return (window ? 1 : 2) * words * inputWidth >= kLeastBlockBits;
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// The task that reads `buffer`; null if there is none or more than one.
static TaskOp onlyReader(Value buffer) {
  TaskOp found;
  for (OpOperand &use : buffer.getUses()) {
    auto task = dyn_cast<TaskOp>(use.getOwner());
    if (!task || !task.isInput(use))
      continue;
    if (found)
      return {};
    found = task;
  }
  return found;
}

bool mlir::compress::hls::isStaticBuffer(Value value) {
  auto type = dyn_cast<MemRefType>(value.getType());
  return type && type.hasStaticShape() && type.getElementType().isInteger();
}

FailureOr<NetworkSchedule> NetworkSchedule::plan(ModuleOp module, int64_t lanes) {
  NetworkSchedule schedule;
  schedule.network = module.lookupSymbol<func::FuncOp>("main");
  if (!schedule.network || schedule.network.isExternal() || schedule.network.getNumArguments() != 2 ||
      !llvm::all_of(schedule.network.getArguments(), isStaticBuffer))
    return module.emitError("is no chain of tasks: expects @main with one input and one result, buffers of integers");
  Value buffer = schedule.network.getArgument(0), result = schedule.network.getArgument(1);
  std::vector<int64_t> arriving(cast<MemRefType>(buffer.getType()).getNumElements());
  std::iota(arriving.begin(), arriving.end(), 0);
  while (buffer != result) {
    TaskOp op = onlyReader(buffer);
    if (!op || op.getInputs().size() != 1 || op.getOutputs().size() != 1)
      return schedule.network.emitError(
          "is no chain of tasks: expects each step to read what one other wrote, and nobody else; sums of two "
          "activations and results that are read again are not in a chain");
    FailureOr<TaskSchedule> task = TaskSchedule::plan(op, arriving, lanes);
    if (failed(task))
      return failure();
    arriving = task->written;
    schedule.tasks.push_back(std::move(*task));
    buffer = op.getOutputs().front();
  }
  for (size_t i = 0; i < arriving.size(); ++i)
    if (arriving[i] != static_cast<int64_t>(i))
      return schedule.tasks.back().step.emitError(
          "writes numbers of the result in another order than theirs, which a stream cannot put right");
  return std::move(schedule);
}

std::vector<int64_t> mlir::compress::hls::placesWritten(ArrayRef<DataPath> paths, ArrayRef<Nest> nests) {
  std::vector<int64_t> places;
  NestWalker walker(nests);
  do {
    const DataPath &path = paths[walker.nest()];
    if (walker.isLast(path.nest.numOuter))
      for (int n : path.stores) {
        auto store = cast<affine::AffineStoreOp>(path.nodes[n].op);
        places.push_back(*placeIn(path.nest, store.getAffineMap(), store.getMapOperands(), walker.counts(), 0));
      }
  } while (!walker.advance());
  return places;
}

FailureOr<TaskSchedule> TaskSchedule::plan(TaskOp op, ArrayRef<int64_t> arriving, int64_t lanes) {
  TaskSchedule task;
  task.op = op;
  task.step = op->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(op.getStep());
  auto inputType = cast<MemRefType>(op.getInputs().front().getType()),
       outputType = cast<MemRefType>(op.getOutputs().front().getType());
  task.inputs = inputType.getNumElements();
  task.outputs = outputType.getNumElements();
  task.inputWidth = inputType.getElementTypeBitWidth();
  task.outputWidth = outputType.getElementTypeBitWidth();
  FailureOr<SmallVector<Nest>> nests = nestsOf(task.step);
  if (failed(nests))
    return failure();
  Arrival arrival(*nests, task.step.getArgument(0), arriving);
  task.isStreamed = arrival.isInOrder();
  if (!task.isStreamed) {
    task.window = arrival.window();
    if (task.window)
      task.keptLoads = arrival.keptLoads();
    for (Nest &nest : *nests) {
      auto scheduled = lanes ? PipelineAttr() : nest.anchor()->getAttrOfType<PipelineAttr>(kPipelineAttr);
      int64_t wanted = scheduled ? scheduled.getLanes() : std::max<int64_t>(lanes, 1);
      if (isSum(nest))
        nest.lanes = std::min(wanted, nest.extent(nest.loops.size() - 1));
    }
    SmallVector<Nest> wanted(*nests);
    arrival.spread(*nests);
    bool hasLanes = llvm::all_of(llvm::zip(*nests, wanted),
                                 [](const auto &pair) { return std::get<0>(pair).lanes == std::get<1>(pair).lanes; });
    if (task.window && !hasLanes && arrival.copyWindow(*task.window, wanted))
      *nests = wanted;
    else if (task.window && !arrival.keepOnly(*task.window, *nests))
      task.window.reset();
    task.bankWords = arrival.bankWords;
    task.bankOf = arrival.bankOf;
  }
  for (const Nest &nest : *nests) {
    auto path = DataPath::get(nest, task.step.getArgument(0),
                              [&](affine::AffineLoadOp load, int64_t lane) { return arrival.read(nest, load, lane); });
    if (failed(path))
      return failure();
    task.paths.push_back(std::move(*path));
  }
  task.written = placesWritten(task.paths, *nests);
  llvm::DenseSet<int64_t> places(task.written.begin(), task.written.end());
  if (places.size() != task.written.size() || task.outputs != static_cast<int64_t>(task.written.size()))
    return task.step.emitError("is no task: it writes ")
           << task.written.size() << " numbers to " << places.size() << " places of a buffer of " << task.outputs;
  return std::move(task);
}

void TaskSchedule::schedule() {
  for (DataPath &path : paths)
    path.schedule();
  setGaps(paths);
}

void NetworkSchedule::schedule() {
  for (TaskSchedule &task : tasks)
    task.schedule();
  sizeStreams();
}

/// Cycles of tasks that a search for depths may simulate: some seconds.
static constexpr int64_t kMostSimulated = 800'000'000;

/// The least depths, stream after stream, with which no sample leaves later than with streams that hold a whole sample.
/// Of a network that takes too long to simulate for a search, those that hold what iterations take and give at once,
/// doubled until no sample leaves later, and each as many again where that is enough.
void NetworkSchedule::sizeStreams() {
  depths.clear();
  for (const TaskSchedule &task : tasks)
    depths.push_back(task.inputs + 2);
  depths.push_back(tasks.back().outputs + 2);
  std::vector<int64_t> ends = simulate(depths, samplesToSettle());
  latency = ends.front();
  interval = ends.back() - ends[ends.size() - 2];
  int64_t simulations = 0;
  for (int64_t depth : depths)
    simulations += llvm::Log2_64_Ceil(depth);
  if (ends.back() * static_cast<int64_t>(tasks.size()) > kMostSimulated / simulations && sizeByBursts(ends))
    return;
  for (int64_t &depth : depths) {
    int64_t low = 1, high = depth;
    while (low < high) {
      depth = (low + high) / 2;
      if (isAsFast(depths, ends))
        high = depth;
      else
        low = depth + 1;
    }
    depth = low;
  }
}

/// False if that would be whole samples.
bool NetworkSchedule::sizeByBursts(ArrayRef<int64_t> ends) {
  SmallVector<int64_t> bursts(depths.size(), 2);
  for (auto [t, task] : llvm::enumerate(tasks))
    for (const DataPath &path : task.paths) {
      bursts[t] = std::max<int64_t>(bursts[t], path.nodesOf(Node::StreamRead).size() + 1);
      bursts[t + 1] = std::max<int64_t>(bursts[t + 1], path.stores.size() + 1);
    }
  constexpr int64_t kMostDoubled = 64;
  for (int64_t factor = 1; factor <= kMostDoubled; factor *= 2) {
    SmallVector<int64_t> tried;
    for (auto [burst, depth] : llvm::zip(bursts, depths))
      tried.push_back(std::min(factor * burst, depth));
    if (!isAsFast(tried, ends))
      continue;
    // Most streams need less: what bursts take, or half.
    int64_t simulated = 0;
    for (auto [burst, depth] : llvm::zip(bursts, tried))
      for (int64_t less : {std::min(burst, depth), depth / 2}) {
        int64_t before = depth;
        simulated += ends.back() * static_cast<int64_t>(tasks.size());
        if (simulated > kMostSimulated || less >= depth)
          continue;
        depth = less;
        if (isAsFast(tried, ends))
          break;
        depth = before;
      }
    depths = tried;
    return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// In the IR
//===----------------------------------------------------------------------===//

void NetworkSchedule::annotate() {
  MLIRContext *context = network.getContext();
  for (auto [task, depth] : llvm::zip(tasks, depths)) {
    for (const DataPath &path : task.paths)
      path.annotate();
    BanksAttr banks;
    if (!task.isStreamed)
      banks = BanksAttr::get(context, task.bankWords.size(), *llvm::max_element(task.bankWords),
                             task.hasBlockBanks() ? "block" : "distributed", task.window ? "window" : "sample");
    if (task.window)
      annotateWindow(task.step, 0, *task.window, task.keptLoads);
    bool isStream = task.isStreamed || task.step.getArgAttr(0, kWindowAttr);
    Channel{isStream, depth, banks}.set(task.op.getInputs().front());
    SmallVector<Nest> nests; // for the C++: in Verilog, banks are apart
    for (const DataPath &path : task.paths)
      nests.push_back(path.nest);
    choosePartitions(task.step, nests);
    int64_t cycles = task.interval(), last = 0;
    for (const DataPath &path : task.paths)
      last = std::max(last, path.depth);
    task.op.setCyclesAttr(CyclesAttr::get(context, cycles, cycles + last));
  }
  Channel{true, depths.back(), BanksAttr()}.set(tasks.back().op.getOutputs().front());
  network->setAttr(kNetworkAttr, CyclesAttr::get(context, interval, latency));
}

FailureOr<NetworkSchedule> NetworkSchedule::read(ModuleOp module) {
  FailureOr<NetworkSchedule> schedule = plan(module, 0);
  if (failed(schedule))
    return failure();
  auto depthOf = [&](Value buffer) -> FailureOr<int64_t> {
    int64_t depth = Channel::of(buffer).depth;
    if (depth == 0)
      return module.emitError(
          "a buffer or a port has no schedule: expects its depth, which compress-hls-schedule writes");
    return depth;
  };
  for (TaskSchedule &task : schedule->tasks) {
    for (DataPath &path : task.paths)
      if (failed(path.read()))
        return failure();
    FailureOr<int64_t> depth = depthOf(task.op.getInputs().front());
    if (failed(depth))
      return failure();
    schedule->depths.push_back(*depth);
    for (const DataPath &path : task.paths)
      if (int64_t reads = path.nodesOf(Node::StreamRead).size(); reads > *depth)
        return task.op.emitError("is no schedule: it takes ")
               << reads << " numbers at once of a stream of " << *depth << ", and would wait forever";
    for (auto [n, path] : llvm::enumerate(task.paths))
      if (int64_t needed = gapBetween(path, task.paths[(n + 1) % task.paths.size()]); path.gap < needed)
        return path.nest.anchor()->emitError("is no schedule: the nest that follows needs a gap of ")
               << needed << " cycles, not " << path.gap;
  }
  FailureOr<int64_t> depth = depthOf(schedule->tasks.back().op.getOutputs().front());
  auto whole = schedule->network->getAttrOfType<CyclesAttr>(kNetworkAttr);
  if (failed(depth) || !whole)
    return module.emitError("has no schedule: expects ") << kNetworkAttr << ", which compress-hls-schedule writes";
  schedule->depths.push_back(*depth);
  schedule->latency = whole.getLatency();
  schedule->interval = whole.getInterval();
  return schedule;
}
