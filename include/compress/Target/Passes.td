//===- Passes.td - Passes that package a program -------------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_PASSES_TD
#define COMPRESS_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"compress-outline-kernels", "ModuleOp"> {
  let summary = "Make loop nests that differ only in their buffers calls of one function";
  let description = [{
    Loop nests of the module's functions, at the top level or in a loop that allocates, are equal if they have the same ops, attributes, types and constants, on other
    values from outside: other buffers of the same types, mostly, and extents. Two or more equal ones become calls of a
    private function, with these values as arguments: layers of one kind share their code, however many they are.

    - What is one buffer, or two, in one of them is so in all of them. If the buffers of each call are views of different
      ones, arguments are `llvm.noalias`.
    - Equal code for another processor (`compress.variant`) is other code.
    - A nest of few ops stays: a call would be as long. Of a nest that allocates, those inside are compared.
    - Then equal runs of such calls, with nothing between them but what makes their buffers, and for one layer, become calls of one function, too.
    - The call has the names of all layers that the nest works for as its location.

    Runs after: compress-to-affine          Leaves: private functions that are not inlined
    Does nothing when: no two nests are equal        Fails when: never

    Example: test/Target/outline-kernels.mlir
  }];
  let statistics = [Statistic<"numKernels", "num-kernels", "Functions made">,
                    Statistic<"numCalls", "num-calls", "Nests that became calls">];
  let dependentDialects = ["func::FuncDialect", "LLVM::LLVMDialect"];
}

def PlanMemoryPass : Pass<"compress-plan-memory", "func::FuncOp"> {
  let summary = "Place every temporary in one arena of the caller";
  let description = [{
    Every `memref.alloc` becomes a view of one trailing argument `memref<?xi8> {compress.workspace}`. Buffers that are never
    alive together share bytes. There are two static plans, for `max-batch` samples and for one; the one for a single
    sample fits caches better. Sets `compress.workspace_bytes = [bytes for one, bytes for max-batch]` and
    `compress.max_batch` on the function.

    A buffer inside of a loop is alive within one iteration; where its extents depend on the loop's index, as a tile's do,
    it gets their constant bound.

    Runs after: compress-to-affine          Leaves: no allocation in public functions
    Does nothing when: the function is private        Fails when: an extent neither derives from the batch nor is bounded

    Example: test/Target/plan-memory.mlir
  }];
  let options = [Option<"maxBatch", "max-batch", "int64_t", "64", "Most samples that one pass through the layers takes">];
  let statistics = [Statistic<"numPlaced", "num-placed", "Buffers placed">];
  let dependentDialects = ["arith::ArithDialect", "memref::MemRefDialect"];
}

def ShrinkConstantsPass : Pass<"compress-shrink-constants", "ModuleOp"> {
  let summary = "Store constants in the fewest bytes that hold their numbers exactly";
  let description = [{
    A constant buffer that is only loaded from, itself or by views, is stored

    - as f16 instead of f32 if each of its numbers is an f16: biases and scales that an ONNX file has in f16;
    - as integers of 8 or 16 bits instead of 32, unsigned where none is negative: where rows of packed values begin.

    What is shorter than 1 KiB then is aligned as its numbers are, and moves behind what is not. Loads widen what they load. No number changes. f16 becomes f32 by its bits, on any processor.

    Runs after: compress-to-affine          Leaves: smaller globals
    Does nothing when: there are no private constants        Fails when: never

    Example: test/Target/shrink-constants.mlir
  }];
  let statistics = [Statistic<"numShrunk", "num-shrunk", "Constants stored in fewer bytes">];
  let dependentDialects = ["arith::ArithDialect", "memref::MemRefDialect"];
}

def ProfileLayersPass : Pass<"compress-profile-layers", "ModuleOp"> {
  let summary = "Count the ticks of each layer";
  let description = [{
    Reads a counter of the processor between the loops of different layers, and adds the differences to 64-bit
    numbers at the start of the workspace, one per layer; one more is for the whole call (`compress-emit-c-entry` sets them
    to zero and fills in that one). Moves the views of the workspace behind them.

    A loop belongs to the layer of its location; of a loop that runs several layers, such as one over samples, those inside do. `compress.layers` of `compress-predict-layers` has its prediction; what is
    not in there, a copy, counts under its name, too. Where loops of a layer hold work of others (an activation in a product's
    loops), the ticks are those of the first one, and its row gets `fused = ["names of the others"]`. Loops without a name count
    for the whole call only. `@main` and its `compress.variants` share the rows.

    `counter` is `tsc`, the time stamp counter of x86-64, behind an instruction that waits for the work before it; or `cntvct`,
    the virtual counter of AArch64, which programs may read, unlike the cycle counter. Both tick at a fixed rate.

    Runs after: compress-plan-memory          Leaves: `@main {compress.profile = {counter, layers}}`, the rows that ran
    Does nothing when: never        Fails when: there is no planned `@main`, `compress.layers` is none, or `counter` is not known

    Example: test/Target/profile-layers.mlir
  }];
  let options = [Option<"counter", "counter", "std::string", "\"tsc\"", "What to read: tsc or cntvct">];
  let dependentDialects = ["arith::ArithDialect", "LLVM::LLVMDialect", "memref::MemRefDialect"];
}

def EmitCEntryPass : Pass<"compress-emit-c-entry", "ModuleOp"> {
  let summary = "Add the C functions of the native library";
  let description = [{
    Adds `<name>_run`, `<name>_workspace_bytes`, `<name>_error`, `<name>_abi_version`, `<name>_inputs` and `<name>_outputs`
    around `@main`, which becomes private. `run` checks its arguments and loops over chunks of at most
    `compress.max_batch` samples.

    `@main {compress.variants = [@main, @other]}` says that these functions are the same network for several processors. A
    variant's `compress.extensions = ["avx2", …]` (LLVM's names) are what its code uses beyond the x86-64 baseline,
    `compress.processor` is the name in the error's text. `run` calls the first variant that the processor and the operating
    system have everything for, or returns an error code; CPUID is read in the first call only. A first variant
    without extensions runs everywhere, and nothing is checked. For a variant with tiles (`amx-tile`) the first call asks Linux
    for their registers (`arch_prctl`); where that is refused, the next variant is tried.

    After `compress-profile-layers`, there are `<name>_layers` and `<name>_ticks`, too.

    Runs after: compress-plan-memory          Leaves: `@main` and its variants private
    Does nothing when: never        Fails when: there is no planned `@main`, an extension has no check, or `name` is no C identifier

    Example: test/Target/emit-c-entry.mlir
  }];
  let options = [Option<"name", "name", "std::string", "\"model\"", "Prefix of the C functions">];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect", "LLVM::LLVMDialect", "memref::MemRefDialect",
                           "scf::SCFDialect"];
}

#endif // COMPRESS_TARGET_PASSES_TD
