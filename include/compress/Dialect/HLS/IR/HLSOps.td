//===- HLSOps.td - The hls dialect ---------------------------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HLS_OPS_TD
#define HLS_OPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def HLS_Dialect : Dialect {
  let name = "hls";
  let cppNamespace = "::mlir::compress::hls";
  let summary = "Tasks, what is between them, and the schedule of exact integer loops in hardware";
  let description = [{
    A network of exact integer loops (`convert-compress-to-fixed-point`) as hardware runs it. @main is tasks (`hls.task`), each a step of the network, with
    buffers (`hls.buffer`) and streams (`hls.stream`) between them, each of which one task writes and one reads. Attributes say when things happen.
    Neither changes what is computed: `compress-hls-to-calls` makes calls and allocations of them, which the reference runs.

    | attribute | on | |
    |---|---|---|
    | `hls.port` | an argument of @main | `#hls.port<…>` |
    | `hls.network` | @main | `#hls.cycles<…>` of all tasks together |
    | `hls.pipeline` | the innermost loop of a nest, or a function of none | `#hls.pipeline<…>` |
    | `hls.start` | an operation of a nest | the stage in which it begins, counted from the cycle in which the iteration is issued |
    | `hls.window` | an argument of a step | `#hls.window<…>` |
    | `hls.partition` | an argument of a step, or a `memref.get_global` in it | `#hls.partition<…>` |
    | `hls.place` | a load of such an argument | of indices of loops: which of the numbers that arrive it reads, an affine map |

    Printers (pragmas of C++, Verilog, figures of the report) read these and decide nothing about time themselves.

    Constraints on attributes of ops:
      - `hls.start` is an integer of 64 bits, 0 or more; the others are of the kind above.
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let useDefaultAttributePrinterParser = 1;
}

class HLS_Attr<string name, string attrMnemonic> : AttrDef<HLS_Dialect, name> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def HLS_PipelineAttr : HLS_Attr<"Pipeline", "pipeline"> {
  let summary = "How the iterations of a nest follow each other";
  let description = [{
    An iteration is issued every `ii` cycles and takes `depth` stages. `lanes` iterations of the innermost loop are one: a sum over them is a tree. Before
    the first iteration of the nest that follows, `gap` more cycles pass.

        ii = max(target, port, recurrence)

    where `port` is the most accesses of one iteration to one port (a stream, a bank), and `recurrence` the stages between the use of a
    carried number and its next one. `bound` names which of them it is.

    Constraints:
      - (C1) `ii`, `depth` and `lanes` are 1 or more, `gap` 0 or more.
      - (C2) `bound` is `target`, `port` or `recurrence`.

    Example: `#hls.pipeline<ii = 8, depth = 21, lanes = 1, gap = 0, bound = "port">`
  }];
  let parameters = (ins "int64_t":$ii, "int64_t":$depth, "int64_t":$lanes, "int64_t":$gap, StringRefParameter<>:$bound);
}

def HLS_BanksAttr : HLS_Attr<"Banks", "banks"> {
  let summary = "Memories in which a task keeps what it reads in another order, or more than once";
  let description = [{
    Numbers that arrive are spread over `count` memories of at most `words` numbers. A bank has one port for
    reading and one for writing; what an iteration reads at once lies in different banks. What they keep is

    * `sample`: a whole one, twice: one half is read while the other one fills;
    * `window`: what a window that moves along a sample needs. A number is at its turn in the bank modulo `words`, and
      replaces one that is read no more.

    Constraints:
      - (C1) `count` and `words` are 1 or more.
      - (C2) `storage` is `block` or `distributed`.
      - (C3) `keeps` is `sample` or `window`.
      - (C4) for a window, `words` is a power of two: places wrap around without a division.

    Example: `#hls.banks<count = 2, words = 40, storage = "distributed", keeps = "sample">`
  }];
  let parameters = (ins "int64_t":$count, "int64_t":$words, StringRefParameter<>:$storage, StringRefParameter<>:$keeps);
}

def HLS_PortAttr : HLS_Attr<"Port", "port"> {
  let summary = "How the numbers of a port of the network get to its tasks";
  let description = [{
    The `kind` is `stream` if the task behind the port uses numbers in the order of the tensor, or keeps a window of them, as `hls.stream` says of
    what is between tasks; else `buffer`, as of `hls.buffer`. There is a FIFO of `depth` numbers, if that is not 0; the reading task keeps them in `banks`.

    Constraints:
      - (C1) `kind` is `stream` or `buffer`.
      - (C2) `depth` is 1 or more for a stream, 0 or more for a buffer.

    Example: `#hls.port<kind = "stream", depth = 2>`
  }];
  let parameters = (ins StringRefParameter<>:$kind, "int64_t":$depth, OptionalParameter<"::mlir::compress::hls::BanksAttr">:$banks);
}

def HLS_WindowAttr : HLS_Attr<"Window", "window"> {
  let summary = "A part of a stream that a step keeps while it goes along it";
  let description = [{
    The step takes `first` numbers before its loops; in each iteration of the i-th of the loops that are around all of its nests
    `steps[i]` more before what is inside of it, and `behind[i]` after that; and what is left after them. It keeps the last `words` numbers; number
    `t` is at `t mod words`.

    Constraints:
      - (C1) `words` is a power of two.
      - (C2) `first`, `steps` and `behind` are 0 or more, and the last two are of as many loops.

    Example: `#hls.window<words = 128, first = 64, steps = [2, 1, 0], behind = [0, 0, 0]>`
  }];
  let parameters = (ins "int64_t":$words, "int64_t":$first, "DenseI64ArrayAttr":$steps, "DenseI64ArrayAttr":$behind);
}

def HLS_PartitionAttr : HLS_Attr<"Partition", "partition"> {
  let summary = "An array of C++ as several memories";
  let description = [{
    A number at place `p` is in memory `p mod factor`. No two loads and lanes of an iteration are ever in one: for places
    `a + sum_d s_d c_d` and `b + sum_d t_d c_d` of counts `c_d`, the greatest common divisor of `factor` and all `s_d - t_d` does not divide
    `a - b`. In the C++, `#pragma HLS ARRAY_PARTITION cyclic`; whoever prints it checks that.

    Constraints:
      - (C1) `factor` is 2 or more.

    Example: `#hls.partition<factor = 4>`
  }];
  let parameters = (ins "int64_t":$factor);
}

def HLS_CyclesAttr : HLS_Attr<"Cycles", "cycles"> {
  let summary = "Cycles from sample to sample";
  let description = [{
    `interval` cycles lie between two samples, and `latency` cycles between the first number in and the last one out of a sample that finds all tasks idle.

    Constraints:
      - (C1) both are 1 or more.

    Example: `#hls.cycles<interval = 64, latency = 140>`
  }];
  let parameters = (ins "int64_t":$interval, "int64_t":$latency);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

class HLS_Op<string mnemonic, list<Trait> traits = []> : Op<HLS_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def HLS_Numbers : ConfinedType<MemRefOf<[AnySignlessInteger]>, [HasStaticShapePred], "memref of integers, of static shape", "::mlir::MemRefType">;

def HLS_BufferOp : HLS_Op<"buffer"> {
  let summary = "Numbers that a task reads in an order of its own";
  let description = [{
    A sample of what one task writes and one other reads, where that one reads it more than once or in another order than it is written. In C++ an array, of which
    tools make two; in Verilog a FIFO of `depth` numbers, then the `banks` of the reading task. It means a `memref.alloc`.

    Constraints:
      - (C1) all uses are by `hls.task`, in one block: one task writes it, and one behind that reads it.
      - (C2) `depth`, if there is one, is 1 or more.

    Example:
    ```mlir
    %b = hls.buffer depth 2 banks <count = 2, words = 40, storage = "distributed", keeps = "sample"> : memref<80xi8>
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$depth, OptionalAttr<HLS_BanksAttr>:$banks);
  let results = (outs Res<HLS_Numbers, "", [MemAlloc]>:$numbers);
  let assemblyFormat = "(`depth` $depth^)? (`banks` $banks^)? attr-dict `:` type($numbers)";
}

def HLS_StreamOp : HLS_Op<"stream"> {
  let summary = "Numbers that are handed over one by one";
  let description = [{
    Numbers go through a FIFO of `depth` of them, in the order in which a task writes them; the one that reads takes each once, in that order, and uses it, or keeps a
    window of the last ones: in `banks` in Verilog, in C++ as `hls.window` of its step says. It means a `memref.alloc`: a sample of all that goes through it.

    Constraints:
      - (C1) all uses are by `hls.task`, in one block: one task writes it, and one behind that reads it.
      - (C2) `depth` is 1 or more.
      - (C3) `banks`, if there are some, keep a window.

    Example:
    ```mlir
    %s = hls.stream depth 4 : memref<64xi8>
    ```
  }];
  let arguments = (ins I64Attr:$depth, OptionalAttr<HLS_BanksAttr>:$banks);
  let results = (outs Res<HLS_Numbers, "", [MemAlloc]>:$numbers);
  let assemblyFormat = "`depth` $depth (`banks` $banks^)? attr-dict `:` type($numbers)";
}

def HLS_TaskOp : HLS_Op<"task", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a step of the network beside the others";
  let description = [{
    A task runs as often as there are samples, at the same time as all others: what is between them stops it where there is nothing to read, or no place to write. It means
    `func.call`, in the order in which tasks stand.

    Constraints:
      - (C1) `step` is a function of the module with a body, of the inputs, then the outputs, and of no results.
      - (C2) it writes something, and nothing that it reads.
      - (C3) the arguments of the step that it writes (`compress.result`) are those of the outputs.

    Example:
    ```mlir
    hls.task @relu ins(%a : memref<64xi8>) outs(%b : memref<64xi8>) cycles <interval = 64, latency = 66>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$step, Arg<Variadic<HLS_Numbers>, "", [MemRead]>:$inputs, Arg<Variadic<HLS_Numbers>, "", [MemWrite]>:$outputs,
                       OptionalAttr<HLS_CyclesAttr>:$cycles);
  let assemblyFormat = [{
    $step `ins` `(` ($inputs^ `:` type($inputs))? `)` `outs` `(` ($outputs^ `:` type($outputs))? `)` (`cycles` $cycles^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// True for an operand that is read.
    bool isInput(OpOperand &operand) { return operand.getOperandNumber() < getInputs().size(); }
  }];
}

#endif // HLS_OPS_TD
