//===- Steps.cpp - The schedule of C++, step by step -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrival.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "compress/Dialect/HLS/Transforms/Partition.h"
#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include "llvm/ADT/MapVector.h"
#include <map>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

namespace {

/// Accesses of an iteration to an array in a cycle.
constexpr int64_t kArrayPorts = 2;
/// What tools for synthesis make of a stream without a depth.
constexpr int64_t kLeastDepth = 2;

/// How a step gets a buffer.
struct Input {
  enum Kind { Array, Stream, Window } kind = Array;
  std::optional<hls::Window> window;
  KeptLoads loads;
  /// Stream: of a load, which of the numbers of an iteration it is.
  llvm::DenseMap<Operation *, int64_t> turns;
};

struct Step {
  TaskOp op;
  func::FuncOp function;
  std::vector<DataPath> paths;
  std::map<unsigned, Input> inputs;

  /// Numbers of input `number` that an iteration takes, numbers that one gives, at most.
  int64_t taken(unsigned number) const {
    int64_t most = 1;
    for (const DataPath &path : paths)
      most = std::max<int64_t>(most, llvm::count_if(path.nodes, [&](const Node &node) {
                                 return node.kind == Node::StreamRead && node.stream == number;
                               }));
    return most;
  }
  int64_t given() const {
    int64_t most = 1;
    for (const DataPath &path : paths)
      most = std::max<int64_t>(most, path.stores.size());
    return most;
  }
};

class StepScheduler {
public:
  StepScheduler(func::FuncOp network, int64_t lanes) : network(network), lanes(lanes) {}

  void run() {
    for (BlockArgument argument : network.getArguments())
      if (isStaticBuffer(argument) && !network.getArgAttr(argument.getArgNumber(), kResultAttr))
        written[argument] = placesOfPort(argument);
    for (TaskOp op : network.getOps<TaskOp>())
      add(op);
    for (Step &step : steps) {
      Value output = step.op.getOperands().back();
      for (DataPath &path : step.paths)
        path.schedule(kArrayPorts, isStream(output) ? 1 : kArrayPorts);
      setGaps(step.paths);
      for (const DataPath &path : step.paths)
        path.annotate();
      setDepths(step, output);
    }
    for (auto [buffer, depth] : depths) // last: a stream is another operation
      Channel{true, depth, BanksAttr()}.set(buffer);
  }

private:
  static std::vector<int64_t> inOrder(Value buffer) {
    std::vector<int64_t> places(cast<MemRefType>(buffer.getType()).getNumElements());
    std::iota(places.begin(), places.end(), 0);
    return places;
  }

  void add(TaskOp op) {
    auto function = network->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(op.getStep());
    if (op.getOutputs().size() != 1) // a split copies arrays: its streams could wait for each other
      return;
    std::string reason;
    ScopedDiagnosticHandler quiet(network.getContext(), [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
        return failure();
      reason = diagnostic.str();
      return success();
    });
    Step step{op, function, {}, {}};
    if (succeeded(build(step))) {
      steps.push_back(std::move(step));
      return;
    }
    for (Value operand : op.getOperands())
      streams.erase(operand);
    function->emitRemark("has no schedule: ") << reason;
  }

  LogicalResult build(Step &step) {
    FailureOr<SmallVector<Nest>> nests = nestsOf(step.function);
    if (failed(nests))
      return failure();
    for (unsigned i = 0; i + 1 < step.op.getNumOperands(); ++i) {
      step.inputs[i] = inputOf(step, i, *nests);
      if (step.inputs[i].kind != Input::Array)
        streams.insert(step.op.getOperand(i));
      if (step.inputs[i].kind == Input::Window)
        annotateWindow(step.function, i, *step.inputs[i].window, step.inputs[i].loads);
    }
    setLanes(step, *nests);
    choosePartitions(step.function, *nests);
    for (const Nest &nest : *nests) {
      int64_t numReads = 0;
      auto path = DataPath::get(nest, Value(), [&](Operation *op, int64_t) -> FailureOr<InputRead> {
        if (std::optional<Gather> gather = Gather::of(op))
          return InputRead{false, cast<BlockArgument>(gather->load.getMemRef()).getArgNumber(), {}};
        auto load = cast<affine::AffineLoadOp>(op);
        auto argument = dyn_cast<BlockArgument>(load.getMemRef());
        int64_t number = argument ? argument.getArgNumber() : 0;
        const Input &input = step.inputs[number];
        if (input.kind == Input::Stream)
          return InputRead{true, input.turns.lookup(load), {}, number};
        // Of a partition, each load and lane has a memory.
        bool isApart = step.function.getArgAttr(number, kPartitionAttr) != nullptr;
        return InputRead{false, isApart ? step.op.getNumOperands() + numReads++ : number, {}};
      });
      if (failed(path))
        return failure();
      step.paths.push_back(std::move(*path));
    }
    // Each number once, in an order that the reader can be asked for.
    Value output = step.op.getOperands().back();
    std::vector<int64_t> places = placesWritten(*nests, step.function.getArguments().back()), sorted = places;
    llvm::sort(sorted);
    if (sorted == inOrder(output))
      written[output] = std::move(places);
    return success();
  }

  Input inputOf(Step &step, unsigned number, ArrayRef<Nest> nests) {
    Input input;
    Value buffer = step.op.getOperand(number);
    auto it = written.find(buffer);
    if (it == written.end() || !hasOneReader(buffer))
      return input;
    Arrival arrival(nests, step.function.getArgument(number), it->second);
    if (arrival.isInOrder()) {
      input.kind = Input::Stream;
      for (const Nest &nest : nests)
        for (affine::AffineLoadOp load : arrival.loadsOf(nest))
          input.turns[load] = arrival.turnIn(load);
    } else if ((input.window = arrival.window())) {
      input.loads = arrival.keptLoads();
      if (!input.loads.empty())
        input.kind = Input::Window;
    }
    return input;
  }

  /// Sums over arrays and windows have lanes; a stream gives one number a cycle.
  void setLanes(Step &step, MutableArrayRef<Nest> nests) {
    for (Nest &nest : nests) {
      bool readsStream = false;
      if (!isSum(nest))
        continue;
      affine::AffineForOp loop = nest.loops.back();
      loop.walk([&](affine::AffineLoadOp load) {
        auto argument = dyn_cast<BlockArgument>(load.getMemRef());
        readsStream |= argument && step.inputs[argument.getArgNumber()].kind == Input::Stream;
      });
      bool gathers = loop.walk([](memref::LoadOp) { return WalkResult::interrupt(); }).wasInterrupted();
      int64_t most = gathers ? kArrayPorts : lanes; // nothing is known of its memories: an array has two ports
      if (!readsStream)
        nest.lanes = std::min({lanes, most, nest.extent(nest.loops.size() - 1)});
    }
  }

  /// Of a buffer that is no result: it is read by one call, once.
  bool hasOneReader(Value buffer) {
    auto argument = dyn_cast<BlockArgument>(buffer);
    if (argument && network.getArgAttr(argument.getArgNumber(), kResultAttr))
      return false;
    return llvm::count_if(buffer.getUses(), [&](OpOperand &use) {
             auto task = dyn_cast<TaskOp>(use.getOwner());
             return task && task.isInput(use);
           }) == 1;
  }

  /// The result of the network is a stream if it is written in order and nobody reads it.
  bool isStream(Value buffer) {
    if (streams.contains(buffer))
      return true;
    auto argument = dyn_cast<BlockArgument>(buffer);
    auto it = written.find(buffer);
    return argument && it != written.end() && it->second == inOrder(buffer) && buffer.hasOneUse();
  }

  /// What bursts of both sides need: no step with several outputs has streams, so those of any depth cannot deadlock.
  void setDepths(Step &step, Value output) {
    auto setDepth = [&](Value buffer, int64_t depth) { depths[buffer] = std::max(depth, kLeastDepth); };
    for (auto &[number, input] : step.inputs) {
      Value buffer = step.op.getOperand(number);
      if (input.kind == Input::Array)
        continue;
      if (isa<BlockArgument>(buffer))
        setDepth(buffer, step.taken(number));
    }
    if (!isStream(output))
      return;
    int64_t taken = 1;
    for (Step &next : steps)
      for (auto &[number, input] : next.inputs)
        if (next.op.getOperand(number) == output && input.kind == Input::Stream)
          taken = next.taken(number);
    setDepth(output, std::max(step.given(), taken));
  }

  func::FuncOp network;
  int64_t lanes;
  std::vector<Step> steps;
  /// Of a buffer: its places in the order in which they are written, if each is once.
  llvm::DenseMap<Value, std::vector<int64_t>> written;
  /// Of streams.
  llvm::MapVector<Value, int64_t> depths;
  /// Buffers that are read as streams.
  llvm::DenseSet<Value> streams;
};

} // namespace

void mlir::compress::hls::scheduleSteps(ModuleOp module, int64_t lanes) {
  if (auto network = module.lookupSymbol<func::FuncOp>("main"); network && network.getBody().hasOneBlock())
    StepScheduler(network, lanes).run();
}
