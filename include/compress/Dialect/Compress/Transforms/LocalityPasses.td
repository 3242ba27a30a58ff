//===- LocalityPasses.td - Passes that bring data nearer -----*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Part of Passes.td, which includes it: layouts, fusion, loops over samples, in the order in which they run.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TRANSFORMS_LOCALITYPASSES_TD
#define COMPRESS_TRANSFORMS_LOCALITYPASSES_TD

include "mlir/Pass/PassBase.td"

def PutChannelsLastPass : Pass<"compress-put-channels-last", "func::FuncOp"> {
  let summary = "Compute dense convolutions with channels last, filters in panels";
  let description = [{
    A convolution of floats with constant filters whose number is a multiple of `vector-lanes` becomes a linalg.generic with
    channels last, between transposes that propagate-layouts cancels or fuse-transposes does on the way. Its filters are stored in
    panels of one or two vectors; if `compress.decode` makes them, its codes are, and are decoded to panels. Convolutions of fewer than
    128 products for each result stay: transposes would cost too much of what they gain.

    Runs after: narrow-weights          Leaves: convolutions with channels first and other numbers of filters
    Does nothing when: vector-lanes is 1        Fails when: never

    Example: test/Dialect/Compress/Transforms/put-channels-last.mlir
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "16", "Lanes of the vectors that panels are made for">];
  let statistics = [Statistic<"numRewritten", "num-rewritten", "Convolutions with channels last">];
}

def PropagateLayoutsPass : Pass<"compress-propagate-layouts", "func::FuncOp"> {
  let summary = "Choose on which side of transposes elementwise ops compute";
  let description = [{
    Kernels that want channels last leave transposes around them. An elementwise op between a transpose and its inverse computes
    as well without either. For each permutation that occurs, the elementwise ops of the function (parallel loops, operands of
    the same shape or of lower rank) are put before or behind it such that the bytes of all values that have to be transposed
    are the fewest: a minimum cut over the graph. Constants do not count. Values that branch, as in a residual block, count once
    for each side that they are needed on. Transposes that meet their inverse go.

    Runs after: import, narrow-weights          Leaves: as few transposed bytes as there can be
    Does nothing when: there is no transpose        Fails when: never

    Example: test/Dialect/Compress/Transforms/propagate-layouts.mlir
  }];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numMoved", "num-moved", "Ops that compute before the transpose now">];
}

def FuseElementwisePass : Pass<"compress-fuse-elementwise", "func::FuncOp"> {
  let summary = "Compute chains of elementwise ops at once";
  let description = [{
    An elementwise op (parallel loops, one result, no permutation) whose result only one other reads, element by element, is fused
    with that one: one pass over memory instead of two, and one op behind a kernel, whose loops do it before they store. Nothing is
    computed twice: not where the result is read by several ops, or for several elements each (broadcasts).

    Runs after: propagate-layouts          Leaves: elementwise ops with several users, or with none of their kind
    Does nothing when: there is no chain        Fails when: never

    Example: test/Dialect/Compress/Transforms/fuse-elementwise.mlir
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
  let statistics = [Statistic<"numFused", "num-fused", "Elementwise ops that another one does">];
}

def FuseTransposesPass : Pass<"compress-fuse-transposes", "func::FuncOp"> {
  let summary = "Compute elementwise ops while transposing or padding";
  let description = [{
    A transpose is fused with the elementwise op that alone uses it, or else with the one that makes its operand for it alone:
    one pass over memory instead of two. Elementwise ops on the result of a kernel stay there, whose loops do them before they
    store; so do ops of several operands of the full shape. What is computed elementwise to be padded by a constant is computed
    inside of the padding.

    Runs after: propagate-layouts          Leaves: transposes beside kernels
    Does nothing when: there is no transpose and no padding        Fails when: never

    Example: test/Dialect/Compress/Transforms/fuse-transposes.mlir
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numFused", "num-fused", "Transposes that an elementwise op does">];
}

def FuseIntoTilesPass : Pass<"compress-fuse-into-tiles", "func::FuncOp"> {
  let summary = "Compute elementwise ops on tiles where they are made";
  let description = [{
    Layers whose weight is rebuilt while the network runs, or whose basis is applied by tiles, are loops over tiles of outputs. An
    elementwise op that alone reads what such a loop makes computes on the tile instead, inside of the loop: there it is behind a
    product, whose loops do it before they store. What the sums start from, such as a bias, is computed for the tile as well.

    Runs after: select, fuse-transposes          Leaves: elementwise ops in the loops
    Does nothing when: no elementwise op reads the result of such a loop alone, or it needs something that comes after the loop
    Fails when: never

    Example: test/Dialect/Compress/Transforms/fuse-into-tiles.mlir
  }];
  let dependentDialects = ["linalg::LinalgDialect", "scf::SCFDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numFused", "num-fused", "Elementwise ops that compute on tiles">];
}

def ArrangeWeightsPass : Pass<"compress-arrange-weights"> {
  let summary = "Store constant weights in the order in which lanes read them";
  let description = [{
    A dense product whose constant matrix is contiguous along the sum, as `rows x cols` weights are, reads it with a stride for
    each output. The matrix is transposed, to be contiguous along outputs; `compress-fold-weights` evaluates that.

    With `vector-lanes` of more than 1, a matrix is stored in panels of three vectors of outputs instead: a product reads a
    panel from one end to the other, where rows of the whole matrix would be a page or more apart. So are spectra that a layer multiplies,
    in panels of four vectors of out blocks, if these divide the out blocks. The last panel of a matrix is filled
    with zeros; where that adds more than an eighth, rows stay whole.

    Runs after: fold-weights          Leaves: the same products of transposed or tiled constants
    Does nothing when: outputs are contiguous, and panels not wanted        Fails when: never

    Example: test/Dialect/Compress/Transforms/arrange-weights.mlir
  }];
  let options = [
    Option<"vectorLanes", "vector-lanes", "int64_t", /*default=*/"1", "Numbers per vector; 1: no panels">,
  ];
  let statistics = [
    Statistic<"numTransposed", "num-transposed", "Matrices transposed">,
    Statistic<"numTiled", "num-tiled", "Matrices stored in panels">,
  ];
  let dependentDialects = ["compress::CompressDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def LoopOverSamplesPass : Pass<"compress-loop-over-samples", "func::FuncOp"> {
  let summary = "Run layers of large activations one sample at a time";
  let description = [{
    Layers of a public function whose batch is a run-time value compute on all samples, one layer after the other: what passes between them is that of up to
    `max-batch` samples, which may be more than a cache holds, and more than there is memory for. Consecutive ops that compute each sample by itself
    become the body of a loop over samples where that takes less time by the cost model: activations come from a nearer level, and
    weights are read again for each sample, from the level that holds those of the loop. Bytes that take less time than the arithmetic on them cost nothing. So convolutions go into a loop, and
    fully connected layers, which read many weights for few activations, stay outside.

    Which dimension has the samples is followed from dimension 0 of the arguments. Fills and empty tensors are repeated inside, so that a kernel's loops take them over as they do outside.
    All extents in the loop are known.

    Runs after: pack-weights          Leaves: layers in loops over samples
    Does nothing when: the batch is stated, max-batch is 1, or nothing would be faster
    Fails when: `max-batch` is below 1, `machine` is not known

    Example: test/Dialect/Compress/Transforms/loop-over-samples.mlir
  }];
  let options = [
    Option<"maxBatch", "max-batch", "int64_t", /*default=*/"64", "Most samples that one pass through the layers takes">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Machine to choose for: a preset, native, or a file of compress-machine">
  ];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "scf::SCFDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numLoops", "num-loops", "Loops over samples">];
}

def FillFramesPass : Pass<"compress-fill-frames", "func::FuncOp"> {
  let summary = "Fill only what is not overwritten";
  let description = [{
    A tensor that is filled, and into which then a box is written (an activation that is padded), is filled around the box only: up to two
    boxes for each dimension, which do not overlap. Not where these take more stores than the whole, in rows of vectors: small
    planes with the innermost dimension padded.

    Runs after: loop-over-samples          Leaves: fills of which something is read
    Does nothing when: nothing is padded, or what is filled is read by others        Fails when: never

    Example: test/Dialect/Compress/Transforms/fill-frames.mlir
  }];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numFrames", "num-frames", "Tensors that are filled around what is written">];
}

def SinkReshapesPass : Pass<"compress-sink-reshapes", "func::FuncOp"> {
  let summary = "Compute elementwise ops on sums before they are reshaped";
  let description = [{
    Products of bytes have their results in panels of columns, whose dimensions a reshape merges. An elementwise op on the merged
    buffer becomes one on panels, and what it writes is seen in panels: then it is next to the product, whose loops do it before
    they store.

    Runs after: bufferization          Leaves: reshapes behind elementwise ops
    Does nothing when: no result of a reduction is reshaped        Fails when: never

    Example: test/Dialect/Compress/Transforms/sink-reshapes.mlir
  }];
  let dependentDialects = ["affine::AffineDialect", "linalg::LinalgDialect", "memref::MemRefDialect"];
  let statistics = [Statistic<"numSplit", "num-split", "Ops that compute in the shape of sums">];
}

#endif // COMPRESS_TRANSFORMS_LOCALITYPASSES_TD
