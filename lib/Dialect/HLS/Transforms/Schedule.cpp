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

int64_t TaskSchedule::iterations() const {
  int64_t sum = 0;
  for (const DataPath &path : paths) {
    int64_t number = 1;
    for (unsigned d = 0; d < path.nest.loops.size(); ++d)
      number *= path.nest.trips(d);
    sum += number;
  }
  return sum;
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
  return (window ? 1 : 2) * words * inputWidths.front() >= kLeastBlockBits;
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

bool mlir::compress::hls::isStaticBuffer(Value value) {
  auto type = dyn_cast<MemRefType>(value.getType());
  return type && type.hasStaticShape() && type.getElementType().isInteger();
}

static Places inOrder(Value numbers) {
  Places places(cast<MemRefType>(numbers.getType()).getNumElements());
  std::iota(places.begin(), places.end(), 0);
  return places;
}

static int64_t widthOf(Value numbers) { return cast<MemRefType>(numbers.getType()).getElementTypeBitWidth(); }

FailureOr<NetworkSchedule> NetworkSchedule::plan(ModuleOp module, int64_t lanes) {
  NetworkSchedule schedule;
  schedule.network = module.lookupSymbol<func::FuncOp>("main");
  if (!schedule.network || schedule.network.isExternal() || schedule.network.getNumArguments() != 2 ||
      !llvm::all_of(schedule.network.getArguments(), isStaticBuffer))
    return module.emitError("has no schedule: expects @main with one input and one result, buffers of integers");
  Value input = schedule.network.getArgument(0), result = schedule.network.getArgument(1);
  llvm::DenseMap<Value, unsigned> streams{{input, 0}};
  std::vector<Places> written{placesOfPort(schedule.network.getArgument(0))};
  schedule.streamWidths.push_back(widthOf(input));
  for (TaskOp op : schedule.network.getOps<TaskOp>())
    if (failed(schedule.add(op, lanes, streams, written)))
      return failure();
  auto it = streams.find(result);
  bool readsInput =
      llvm::any_of(schedule.tasks, [](const TaskSchedule &task) { return llvm::is_contained(task.inStreams, 0u); });
  if (it == streams.end() || !readsInput)
    return schedule.network.emitError(
        "has no schedule: expects tasks (compress-hls-dataflow), one that reads the input "
        "and one that writes the result");
  schedule.result = it->second;
  if (written[schedule.result] != inOrder(result))
    return schedule.tasks[schedule.producerOf(schedule.result)].step.emitError(
        "writes numbers of the result in another order than theirs, which a stream cannot put right");
  return std::move(schedule);
}

LogicalResult NetworkSchedule::add(TaskOp op, int64_t lanes, llvm::DenseMap<Value, unsigned> &streams,
                                   std::vector<Places> &written) {
  std::vector<Places> arriving;
  SmallVector<unsigned> from;
  for (Value input : op.getInputs()) {
    auto it = streams.find(input);
    if (it == streams.end())
      return op.emitError("has no schedule: it reads what no task before it writes");
    from.push_back(it->second);
    arriving.push_back(written[it->second]);
  }
  FailureOr<TaskSchedule> task = TaskSchedule::plan(op, arriving, lanes);
  if (failed(task))
    return failure();
  task->inStreams = from;
  for (auto [output, places] : llvm::zip_equal(op.getOutputs(), task->written)) {
    task->outStreams.push_back(written.size());
    streams[output] = written.size();
    written.push_back(places);
    streamWidths.push_back(widthOf(output));
  }
  tasks.push_back(std::move(*task));
  return success();
}

/// Sets the lanes of sums: `lanes`, or those of the schedule in the IR if that is 0.
static void setLanes(MutableArrayRef<Nest> nests, int64_t lanes) {
  for (Nest &nest : nests) {
    auto scheduled = lanes ? PipelineAttr() : nest.anchor()->getAttrOfType<PipelineAttr>(kPipelineAttr);
    int64_t wanted = scheduled ? scheduled.getLanes() : std::max<int64_t>(lanes, 1);
    if (isSum(nest))
      nest.lanes = std::min(wanted, nest.extent(nest.loops.size() - 1));
  }
}

FailureOr<bool> TaskSchedule::copyInput(MutableArrayRef<Nest> nests, int64_t lanes) {
  SmallVector<memref::LoadOp> gathers;
  step.walk([&](memref::LoadOp load) { gathers.push_back(load); });
  if (gathers.empty())
    return false;
  bool hasOthers = llvm::any_of(step.getArgument(0).getUsers(), [](Operation *op) { return !isa<memref::LoadOp>(op); });
  if (gathers.size() > 1 || nests.size() > 1 || hasOthers)
    return gathers.front().emitError(
        "has no schedule: expects one load from where a number says, and no other of that input");
  setLanes(nests, lanes);
  bankWords.assign(nests.front().lanes, inputs);
  bankOf = {0}; // all numbers go to all of them
  return true;
}

FailureOr<InputRead> TaskSchedule::readCopy(const Nest &nest, const Gather &gather, int64_t lane,
                                            ArrayRef<int64_t> turns) {
  InputRead read;
  read.place = lane;
  SmallVector<int64_t> counts(nest.loops.size(), 0);
  auto first = [&] { return placeIn(nest, gather.first, gather.operands, counts, 0); };
  std::optional<int64_t> base = first();
  if (!base)
    return memref::LoadOp(gather.load).emitError("has no schedule: expects a place that indices of its loops give");
  read.at.base = *base;
  if (!llvm::is_sorted(turns)) {
    if (!gather.first.isSingleConstant() || gather.first.getSingleConstantResult() != 0)
      return memref::LoadOp(gather.load)
          .emitError("has no schedule: numbers come in another order than that of their places, and it reads behind "
                     "one of them");
    read.turnOf = turns;
  }
  for (unsigned d = 0; d < counts.size(); ++d) {
    counts[d] = nest.trips(d) > 1;
    read.at.strides.push_back(*first() - *base);
    counts[d] = 0;
  }
  return read;
}

void TaskSchedule::keepInput(Arrival &arrival, MutableArrayRef<Nest> nests, int64_t lanes) {
  window = arrival.window();
  if (window)
    keptLoads = arrival.keptLoads();
  setLanes(nests, lanes);
  SmallVector<Nest> wanted(nests);
  arrival.spread(nests);
  bool hasLanes = llvm::all_of(llvm::zip(nests, wanted),
                               [](const auto &pair) { return std::get<0>(pair).lanes == std::get<1>(pair).lanes; });
  if (window && !hasLanes && arrival.copyWindow(*window, wanted))
    llvm::copy(wanted, nests.begin());
  else if (window && !arrival.keepOnly(*window, nests))
    window.reset();
  bankWords = arrival.bankWords;
  bankOf = arrival.bankOf;
}

FailureOr<TaskSchedule> TaskSchedule::plan(TaskOp op, ArrayRef<Places> arriving, int64_t lanes) {
  TaskSchedule task;
  task.op = op;
  task.step = op->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(op.getStep());
  task.arriving = arriving.vec();
  if (op.getInputs().size() > kMostStreams || op.getOutputs().size() > kMostStreams)
    return op.emitError("has no schedule: expects at most ") << kMostStreams << " inputs and as many outputs";
  FailureOr<SmallVector<Nest>> nests = nestsOf(task.step);
  if (failed(nests))
    return failure();
  std::vector<Arrival> arrivals;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    task.inputs = std::max<int64_t>(task.inputs, arriving[i].size());
    task.inputWidths.push_back(widthOf(input));
    arrivals.emplace_back(*nests, task.step.getArgument(i), arriving[i]);
    task.isStreamed &= arrivals.back().isInOrder();
  }
  if (!task.isStreamed && arrivals.size() != 1)
    return task.step.emitError(
        "has no schedule: it reads several inputs, one of them more than once or in another order "
        "than that in which it arrives, and only a single one is kept");
  if (!task.isStreamed) {
    FailureOr<bool> isCopied = task.copyInput(*nests, lanes);
    if (failed(isCopied))
      return failure();
    if (!*isCopied)
      task.keepInput(arrivals.front(), *nests, lanes);
  }
  Places turns(arriving[0].size()); // of places
  for (auto [turn, place] : llvm::enumerate(arriving[0]))
    turns[place] = turn;
  for (const Nest &nest : *nests) {
    auto path = DataPath::get(nest, Value(), [&](Operation *op, int64_t lane) -> FailureOr<InputRead> {
      if (std::optional<Gather> gather = Gather::of(op))
        return readCopy(nest, *gather, lane, turns);
      auto load = cast<affine::AffineLoadOp>(op);
      unsigned number = cast<BlockArgument>(load.getMemRef()).getArgNumber();
      if (number >= arrivals.size())
        return load.emitError("has no schedule: it reads what the step writes");
      FailureOr<InputRead> read = arrivals[number].read(nest, load, lane);
      if (succeeded(read))
        read->stream = number;
      return read;
    });
    if (failed(path))
      return failure();
    task.paths.push_back(std::move(*path));
  }
  for (auto [o, output] : llvm::enumerate(op.getOutputs())) {
    Places written = placesWritten(*nests, task.step.getArgument(arrivals.size() + o));
    llvm::DenseSet<int64_t> places(written.begin(), written.end());
    int64_t size = cast<MemRefType>(output.getType()).getNumElements();
    if (places.size() != written.size() || size != static_cast<int64_t>(written.size()))
      return task.step.emitError("is no task: it writes ")
             << written.size() << " numbers to " << places.size() << " places of a buffer of " << size;
    task.outputs = std::max(task.outputs, size);
    task.outputWidths.push_back(widthOf(output));
    task.written.push_back(std::move(written));
  }
  return std::move(task);
}

void TaskSchedule::schedule() {
  for (DataPath &path : paths)
    path.schedule();
  setGaps(paths);
}

int64_t NetworkSchedule::numWhole() const {
  return llvm::count_if(tasks, [](const TaskSchedule &task) { return !task.isStreamed && !task.window; });
}

void NetworkSchedule::schedule() {
  for (TaskSchedule &task : tasks)
    task.schedule();
  sizeStreams();
}

/// Cycles of tasks that a search for depths may simulate: some seconds.
static constexpr int64_t kMostSimulated = 800'000'000;

/// The least depths, stream after stream, with which no sample leaves later than with streams that hold whole samples.
/// Of a network that takes too long to simulate for a search, those that hold what iterations take and give at once,
/// doubled until no sample leaves later, and each as many again where that is enough.
void NetworkSchedule::sizeStreams() {
  depths.assign(streamWidths.size(), tasks[producerOf(result)].outputs + 2);
  for (const TaskSchedule &task : tasks)
    for (unsigned stream : task.inStreams) // beside another way, what tasks on that one keep waits here
      depths[stream] = task.inputs * (isBesides(stream) ? 2 * numWhole() + 2 : 1) + 2;
  std::vector<int64_t> ends = simulate(depths, samplesToSettle());
  latency = ends.front();
  interval = ends.back() - ends[ends.size() - 2];
  int64_t simulations = 0;
  for (int64_t depth : depths)
    simulations += llvm::Log2_64_Ceil(depth);
  if (ends.back() * static_cast<int64_t>(tasks.size()) > kMostSimulated / simulations && sizeByBursts(ends))
    return;
  for (unsigned stream = 0; stream < depths.size(); ++stream)
    sizeStream(stream, ends);
}

void NetworkSchedule::sizeStream(unsigned stream, ArrayRef<int64_t> ends) {
  int64_t &depth = depths[stream], low = 1, high = depth;
  while (low < high) {
    depth = (low + high) / 2;
    if (isAsFast(depths, ends))
      high = depth;
    else
      low = depth + 1;
  }
  depth = low;
}

bool NetworkSchedule::isBesides(unsigned stream) const {
  return llvm::any_of(tasks, [&](const TaskSchedule &task) {
    return task.inStreams.size() > 1 && llvm::is_contained(task.inStreams, stream);
  });
}

size_t NetworkSchedule::producerOf(unsigned stream) const {
  return llvm::find_if(tasks, [&](const TaskSchedule &task) { return llvm::is_contained(task.outStreams, stream); }) -
         tasks.begin();
}

/// False if that would be whole samples.
bool NetworkSchedule::sizeByBursts(ArrayRef<int64_t> ends) {
  SmallVector<int64_t> bursts(depths.size(), 2), whole(depths);
  for (const TaskSchedule &task : tasks)
    for (const DataPath &path : task.paths) {
      for (auto [i, stream] : llvm::enumerate(task.inStreams))
        bursts[stream] = std::max<int64_t>(bursts[stream], path.readsOf(i) + 1);
      for (auto [o, stream] : llvm::enumerate(task.outStreams))
        bursts[stream] = std::max<int64_t>(bursts[stream], path.storesTo(o).size() + 1);
    }
  constexpr int64_t kMostDoubled = 64;
  for (int64_t factor = 1; factor <= kMostDoubled; factor *= 2) {
    for (unsigned stream = 0; stream < depths.size(); ++stream)
      depths[stream] = isBesides(stream) ? whole[stream] : std::min(factor * bursts[stream], whole[stream]);
    if (!isAsFast(depths, ends))
      continue;
    // Most streams need less: what bursts take, or half.
    int64_t simulated = 0;
    for (unsigned stream = 0; stream < depths.size(); ++stream) {
      if (isBesides(stream)) { // which hold what the other way is behind: of no few bursts
        sizeStream(stream, ends);
        continue;
      }
      for (int64_t less : {std::min(bursts[stream], depths[stream]), depths[stream] / 2}) {
        int64_t before = depths[stream];
        simulated += ends.back() * static_cast<int64_t>(tasks.size());
        if (simulated > kMostSimulated || less >= before)
          continue;
        depths[stream] = less;
        if (isAsFast(depths, ends))
          break;
        depths[stream] = before;
      }
    }
    return true;
  }
  depths = whole;
  return false;
}

//===----------------------------------------------------------------------===//
// In the IR
//===----------------------------------------------------------------------===//

void NetworkSchedule::annotate() {
  MLIRContext *context = network.getContext();
  for (TaskSchedule &task : tasks) {
    for (const DataPath &path : task.paths)
      path.annotate();
    BanksAttr banks;
    if (!task.isStreamed)
      banks = BanksAttr::get(context, task.bankWords.size(), *llvm::max_element(task.bankWords),
                             task.hasBlockBanks() ? "block" : "distributed", task.window ? "window" : "sample");
    if (task.window)
      annotateWindow(task.step, 0, *task.window, task.keptLoads);
    bool isStream = task.isStreamed || task.step.getArgAttr(0, kWindowAttr);
    for (auto [i, stream] : llvm::enumerate(task.inStreams))
      Channel{isStream, depths[stream], banks}.set(task.op.getInputs()[i]);
    SmallVector<Nest> nests; // for the C++: in Verilog, banks are apart
    for (const DataPath &path : task.paths)
      nests.push_back(path.nest);
    choosePartitions(task.step, nests);
    int64_t cycles = task.interval(), last = 0;
    for (const DataPath &path : task.paths)
      last = std::max(last, path.depth);
    task.op.setCyclesAttr(CyclesAttr::get(context, cycles, cycles + last));
  }
  Channel{true, depths[result], BanksAttr()}.set(network.getArgument(1));
  network->setAttr(kNetworkAttr, CyclesAttr::get(context, interval, latency));
}

LogicalResult NetworkSchedule::readTask(TaskSchedule &task) {
  for (DataPath &path : task.paths)
    if (failed(path.read()))
      return failure();
  for (auto [i, stream] : llvm::enumerate(task.inStreams)) {
    depths[stream] = Channel::of(task.op.getInputs()[i]).depth;
    for (const DataPath &path : task.paths)
      if (depths[stream] > 0 && path.readsOf(i) > depths[stream])
        return task.op.emitError("is no schedule: it takes ")
               << path.readsOf(i) << " numbers at once of a stream of " << depths[stream] << ", and would wait forever";
  }
  for (auto [n, path] : llvm::enumerate(task.paths))
    if (int64_t needed = gapBetween(path, task.paths[(n + 1) % task.paths.size()]); path.gap < needed)
      return path.nest.anchor()->emitError("is no schedule: the nest that follows needs a gap of ")
             << needed << " cycles, not " << path.gap;
  return success();
}

FailureOr<NetworkSchedule> NetworkSchedule::read(ModuleOp module) {
  FailureOr<NetworkSchedule> schedule = plan(module, 0);
  if (failed(schedule))
    return failure();
  schedule->depths.assign(schedule->streamWidths.size(), 0);
  for (TaskSchedule &task : schedule->tasks)
    if (failed(schedule->readTask(task)))
      return failure();
  schedule->depths[schedule->result] = Channel::of(schedule->network.getArgument(1)).depth;
  auto whole = schedule->network->getAttrOfType<CyclesAttr>(kNetworkAttr);
  if (!whole || llvm::is_contained(schedule->depths, 0))
    return module.emitError("has no schedule: expects ")
           << kNetworkAttr << " and the depths of streams, which compress-hls-schedule writes";
  schedule->latency = whole.getLatency();
  schedule->interval = whole.getInterval();
  return schedule;
}
