//===- Passes.td - Passes on the hls dialect -----------------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HLS_TRANSFORMS_PASSES_TD
#define HLS_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def HLSDataflowPass : Pass<"compress-hls-dataflow", "ModuleOp"> {
  let summary = "Make tasks of the steps of a network, one reader for what each writes";
  let description = [{
    Calls of @main become `hls.task`, allocations `hls.buffer`. What several tasks read, or the result of the network where a task reads it, a new step `split_…`
    copies for each of them. So a buffer has one producer and one consumer, which tools for synthesis ask for, and which the verifier of `hls.buffer` checks.

    Runs after: convert-compress-to-fixed-point          Leaves: @main of `hls` operations; steps as they were
    Does nothing when: there is no @main of one block        Fails when: a call is no step (it has results, arguments that it writes before others, other buffers than of integers in static shapes), or an allocation is no such buffer

    Example: test/Dialect/HLS/Transforms/hls-dataflow.mlir
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::compress::hls::HLSDialect"];
}

def HLSSchedulePass : Pass<"compress-hls-schedule", "ModuleOp"> {
  let summary = "Say when each operation of exact integer loops happens in hardware";
  let description = [{
    Writes attributes of the `hls` dialect and makes streams of buffers: the scheduled network still is the reference. A step of the network is nests that
    run one after the other, each a pipeline. Of an iteration, operations begin as early as their operands allow, with at most four levels of
    logic in a stage (an addition is two, a product or a rounding four); memories answer in the stage after. The interval is
    `max(target = 1, port, recurrence)`.

    With `network`, all tasks have streams before and behind them, and

    - a task that takes numbers in the order in which they arrive uses them so; else it keeps them in banks, one for each of the
      loads and lanes that read at once: what a window needs that moves along a sample, or a sample, twice. One that reads several inputs, such as a sum,
      keeps none of them;
    - `lanes` iterations of the innermost loop of a sum over banks are one. They need not divide the loop. With `lanes=0` each task gets the
      fewest with which the network takes a sample every `target-interval` cycles or, if that is 0, as often as its streams allow, which
      hand over one number a cycle: faster tasks would wait. If products then take more than `multipliers` DSP48E1, the interval is the least
      for which they do not;
    - streams get the least depths with which no sample leaves later than with streams that hold whole ones, so one beside another way through tasks holds what those are behind: token counts of the
      tasks are simulated cycle by cycle, for as many samples as it takes to get into their rhythm. Where such a search would take
      too long, depths are what iterations take and give at once, doubled until no sample leaves later. Latency and interval of the
      network are those of the simulation.

    Without it, steps are scheduled for C++. A buffer is a stream if its one reader takes numbers in the order in which its writer
    gives them, or keeps a window of them; the depth is what an iteration of either takes or gives at once, and 2 at least.
    Streams of any depth cannot deadlock, for no step gives to two. Other buffers have two ports, as tools for synthesis make of an array. Of what
    the lanes of a sum read, arrays get the least cyclic partition in which no two loads and lanes of an iteration are in one memory.

    Runs after: compress-hls-dataflow          Leaves: the same tasks with a schedule
    Does nothing when: there is no @main        Fails when: with `network`, a step is no task, or reads several inputs and one of them not as it arrives; the target cannot be reached, or not with
      so many multipliers; an option is bad

    Example: test/Dialect/HLS/Transforms/hls-schedule.mlir
  }];
  let options = [Option<"network", "network", "bool", "false", "Schedule the network as a whole, with a stream between each two tasks">,
                 Option<"lanes", "lanes", "int64_t", "1", "Iterations of a sum that are one, 1 to 64, or 0: chosen for each task, with network">,
                 Option<"targetInterval", "target-interval", "int64_t", "0", "Cycles between samples; 0: as few as can be; with lanes=0">,
                 Option<"multipliers", "multipliers", "int64_t", "0", "DSP48E1 that products may take; 0: any number; with lanes=0">];
  let dependentDialects = ["::mlir::compress::hls::HLSDialect"];
}

def HLSToCallsPass : Pass<"compress-hls-to-calls", "ModuleOp"> {
  let summary = "Make calls of tasks, and allocations of what is between them";
  let description = [{
    What `hls.task`, `hls.buffer` and `hls.stream` mean, written out: the network runs its steps one after the other on whole samples. The integer reference is lowered
    from that.

    Runs after: compress-hls-dataflow, compress-hls-schedule          Leaves: `func.call` and `memref`; attributes of the schedule stay
    Does nothing when: there are no tasks        Fails when: never

    Example: test/Dialect/HLS/Transforms/hls-to-calls.mlir
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

#endif // HLS_TRANSFORMS_PASSES_TD
