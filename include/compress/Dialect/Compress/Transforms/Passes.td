//===- Passes.td - Passes within the compress dialect --------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// In the order of the way through the compiler: obtain, select, fold, and what checks them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TRANSFORMS_PASSES_TD
#define COMPRESS_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def DropDeadChannelsPass : Pass<"compress-drop-dead-channels", "ModuleOp"> {
  let summary = "Drop channels that are constant or that nothing reads";
  let description = [{
    A channel is what a graph ties to one index of a weight's out dimension: filter n, the bias of n, feature map n after
    normalisation, activation, pooling and reshapes, map n of what is added to it, and the weights of later layers that read n.
    It is dropped everywhere, from dense constant weights and from the types between them, if each layer that reads it

    * sees one number `c` there, as its filters are zero and what follows maps constants to constants: `c` times the sum of
      the weights that read it is added to that layer's init; or
    * has only zero weights for it, or nonzero ones only for channels that are dropped themselves.

    So dropping one layer's channels may empty those of others; this goes on until nothing changes. Outputs are those of the
    network before, up to the order of additions, for finite activations. One channel of each tensor stays.

    A channel stays if it reaches an argument or a result, an op that is not understood, a weight that is no dense constant (a
    representation is left alone), a grouped product, or a reshape that mixes it with another dimension; and if its constant
    is not what is padded around it: the border of the padded map then differs. A remark of kind `missed` says so where a
    filter is zero or a channel is not read. A remark of kind `passed` per group of tied dimensions gives channels and bytes.

    ICCAD 2019, "How to Obtain and Run Light and Efficient Deep Learning Networks"; the shrinking of PENNI and ESCALATE.

    Runs after: import          Leaves: smaller dense weights, the same function types
    Does nothing when: no channel is dead        Fails when: never

    Example: test/Dialect/Compress/Transforms/drop-dead-channels.mlir
  }];
  let statistics = [Statistic<"numDropped", "num-dropped", "Channels dropped">,
                    Statistic<"numFolded", "num-folded", "Layers whose init took over constants">,
                    Statistic<"numBytes", "num-bytes", "Bytes of constants dropped">];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def FitPass : Pass<"compress-fit", "func::FuncOp"> {
  let summary = "Fit a compressed representation to dense constant weights";
  let description = [{
    Replaces each dense constant weight of a linear consumer by what a scheme fits to it. Layers are named by their
    location (the ONNX node name); `schemes` says by name what each gets, `conv*: escalate(bases=4); fc: int4; default: int8`,
    the first pattern that matches counts. docs/Obtain.md is the grammar; `#compress.fit_…` attributes stand where a scheme does.

    Where a layer has an attribute `compress.input_moments`, the second moments of what its weight is multiplied with, the fits
    minimise the error of its output, `trace((W - V) H (W - V)^T)`, instead of that of the weight.

    A remark per layer gives the relative error `|W - expand(fit(W))| / |W|` in the Frobenius norm and the bytes before and
    after, or why the scheme cannot take the weight. Warns if a pattern touched no layer, and where the result is larger than
    the dense weight.

    Runs after: import          Leaves: representation ops beside the layers that were not named
    Does nothing when: no weight is constant        Fails when: `schemes` is none

    Example: test/Dialect/Compress/Transforms/fit.mlir
  }];
  let options = [
    Option<"schemes", "schemes", "std::string", "\"\"", "Schemes by patterns over layer names, such as 'fc*: int4; default: int8'">];
  let statistics = [Statistic<"numFitted", "num-fitted", "Weights fitted">];
  let dependentDialects = ["arith::ArithDialect", "compress::CompressDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
}

def ExpandPass : Pass<"compress-expand"> {
  let summary = "Replace representation ops by their dense meaning";
  let description = [{
    Emits the definition of every representation op: always legal, the dense baseline, and the oracle for every fast path.
    No map of the IR has `mod` or `floordiv`, so that it may be tiled.

    `constant`: each weight is expanded once, where the op is; `compress-fold-weights` evaluates it where parameters are
    constant, and the library holds the dense weight. `tile`: a linear consumer becomes a loop over tiles of its outputs
    that rebuilds so many rows of the weight from slices of the parameters, multiplies, and goes on: the library holds the
    parameters, and no more than a tile is dense at a time. The last tile may be shorter; its offset is static, so that
    `compress-fold-weights` evaluates that one. What cannot be sliced along the outputs, or has another user, is expanded
    whole, with a remark.

    Runs after: import          Leaves: no representation op
    Does nothing when: there is none        Fails when: `tile-size` is less than 1

    Example: test/Dialect/Compress/Transforms/expand.mlir
  }];
  let options = [
    Option<"mode", "mode", "::mlir::compress::ExpandMode", "::mlir::compress::ExpandMode::Constant",
           "What is expanded at a time", [{::llvm::cl::values(
             clEnumValN(::mlir::compress::ExpandMode::Constant, "constant", "the whole weight"),
             clEnumValN(::mlir::compress::ExpandMode::Tile, "tile", "a tile of outputs, while the network runs"))}]>,
    Option<"tileSize", "tile-size", "int64_t", "32",
           "Outputs per tile; rounded up to what the representation can be sliced by">];
  let statistics = [Statistic<"numExpanded", "num-expanded", "Weights expanded">,
                    Statistic<"numTiled", "num-tiled", "Consumers that rebuild their weight by tiles">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "compress::CompressDialect",
                           "linalg::LinalgDialect", "scf::SCFDialect", "tensor::TensorDialect"];
}

def NormalizeQuantPass : Pass<"compress-normalize-quant"> {
  let summary = "Read quantized types as compress.dequantize, or write them";
  let description = [{
    `quant` is the interchange form of integers with scales, `compress.dequantize` the internal one: there, scales are
    operands, that passes can fit, slice and fold, and are not printed at each use of a type.

    `in`: `quant.dcast` of `quant.scast` becomes `compress.dequantize` with a `#compress.uniform` code of the storage type's
    bits and sign; scales and zero points, per tensor, per axis or per block, become constants. Bounds of the storage type
    that are narrower than its bits are kept as `compress.storage_range`. `out`: the reverse, where scales and zeros are
    constants.

    What has no counterpart is left as it is, with a warning: dynamic shapes, more than 8 bits, expressed types other than
    f32 and f64, zero points that are no stored integer; other number codes, ragged groups, scales that are not positive.

    Runs after: import          Leaves: no quant.dcast of quant.scast, or no compress.dequantize, that has a counterpart
    Does nothing when: there is none        Fails when: never

    Example: test/Dialect/Compress/Transforms/normalize-quant.mlir
  }];
  let options = [
    Option<"direction", "direction", "::mlir::compress::QuantDirection", "::mlir::compress::QuantDirection::In",
           "What to make", [{::llvm::cl::values(
             clEnumValN(::mlir::compress::QuantDirection::In, "in", "compress.dequantize of quantized types"),
             clEnumValN(::mlir::compress::QuantDirection::Out, "out", "quantized types of compress.dequantize"))}]>];
  let statistics = [Statistic<"numNormalized", "num-normalized", "Weights rewritten">];
  let dependentDialects = ["arith::ArithDialect", "compress::CompressDialect", "quant::QuantDialect"];
}

include "compress/Dialect/Compress/Transforms/BytePasses.td"
include "compress/Dialect/Compress/Transforms/LocalityPasses.td"

def SelectPass : Pass<"compress-select"> {
  let summary = "Rewrite consumers of representations to structured kernels";
  let description = [{
    For each consumer of a representation op, the cheapest of the forms that the op offers and the dense product, by the
    cost model: seconds per sample, of transforms and then the larger of operations, in whole vectors, over what is reached of
    the peak and of weight bytes over the bandwidth of the cache level that holds them (CostModel.h). A form of fewer weight bytes may take a quarter more, which predictions cannot tell apart. With `objective = bytes`, the form with
    the fewest weight bytes, and dense only where none has fewer: time decides between equals. Weights are seen through transposes and unit reshapes, activations through a zero `tensor.pad`.

    A remark per layer (category `compress`) says what was chosen and why, or why not. Representations that stay are
    expanded, which is announced as a missed optimization.

    `force` is a form for every layer, or entries `pattern=form` separated by commas: the first regular expression that
    matches a layer's whole name (the ONNX node's, kept as a location) gives its form. Other layers take the cheapest.

    `machine` is the description whose sizes and rates the cost model takes: a preset's name, `native`, or a JSON file, as
    `compress-machine` lists, measures and writes them. The default is a preset, so that what is chosen does not depend on
    the machine that compiles.

    `precision` and `max-error` are those of `compress-narrow-weights`, which runs after this pass: with `i8`, or with `auto` where
    the error to expect allows it, layers of codes are counted as products of bytes, if that is faster than to decode them.

    Runs after: import, fit          Leaves: kernel ops; no representation op
    Does nothing when: there is none        Fails when: `objective` is neither time nor bytes; `force` names a form that a consumer does not have, or a pattern
    that is the first to match no layer; `machine` is none of the above, or its file is not a description

    Example: test/Dialect/Compress/Transforms/select.mlir
  }];
  let options = [
    Option<"force", "force", "std::string", "\"\"",
           "Form (such as spectral, or dense) for all layers, or pattern=form,… by name; default: the cheapest">,
    Option<"objective", "objective", "std::string", "\"time\"",
           "What layers are chosen by: time, or bytes (of weights)">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Description that costs are computed with: a preset, native or a file; default: xeon-sapphire-rapids">,
    Option<"precision", "precision", "std::string", "\"f32\"",
           "f32, bf16, i8 or auto: if activations of layers of codes may be rounded afterwards">,
    Option<"maxError", "max-error", "double", "0", "Largest relative error of these that auto may take">];
  let statistics = [Statistic<"numSelected", "num-selected", "Consumers rewritten to kernel ops">,
                    Statistic<"numExpanded", "num-expanded", "Weights expanded">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "compress::CompressDialect",
                           "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def PullbackPass : Pass<"compress-pullback", "ModuleOp"> {
  let summary = "Add functions that compute the gradients of parameters";
  let description = [{
    For each public function `@f` of one float tensor result, adds `@f_pullback`: it takes the arguments of `@f` and the
    gradient of a scalar with respect to the result, and returns the scalar's gradients with respect to each float tensor
    argument, in order; before them the value of `@f`, if `with-value` is given.

    Reverse mode, op by op. A representation op says its gradient by `CompressedWeightOpInterface`, so compositions work through
    SSA; integer operands have none. A kernel op says it by `DifferentiableOpInterface`: after `compress-select`, a circulant
    layer has `p` more forward transforms and `q` more transposed ones, and the spectra of the forward pass are reused. Of
    upstream ops, it knows the linalg ops that add scalar arithmetic to their destination (contractions, convolutions, bias,
    element-wise ops, sums; of two equal numbers neither is the larger, so ReLU has gradient 0 at 0) and moves in the `tensor`
    dialect. What no float tensor argument reaches is constant.

    Runs after: import, fit, or select          Leaves: `@f` as it is, and `@f_pullback`
    Does nothing when: no public function has one float tensor result        Fails when: the gradient of an op is not known;
    that is said at the op. Weights that were expanded by reading a table (`compress.unpack`) are such: run it before

    Example: test/Dialect/Compress/Transforms/pullback.mlir
  }];
  let options = [Option<"withValue", "with-value", "bool", "false", "Also return the value of the function, first">];
  let statistics = [Statistic<"numFunctions", "num-functions", "Functions added">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "compress::CompressDialect",
                           "linalg::LinalgDialect", "math::MathDialect", "tensor::TensorDialect"];
}

def FoldWeightsPass : Pass<"compress-fold-weights"> {
  let summary = "Evaluate what is computed from constant weights alone";
  let description = [{
    The one pass that evaluates: expanded weights, weight spectra, transposed weights. Values are computed in double and
    rounded once, where the chain of ops ends. A remark gives the bytes of constants before and after.

    Runs after: expand or select          Leaves: no op whose operands are all constant weights
    Does nothing when: no weight is constant        Fails when: never

    Example: test/Dialect/Compress/Transforms/fold-weights.mlir
  }];
  let statistics = [Statistic<"numFolded", "num-folded", "Ops evaluated">];
  let dependentDialects = ["arith::ArithDialect", "compress::CompressDialect", "tensor::TensorDialect"];
}

def PackWeightsPass : Pass<"compress-pack-weights"> {
  let summary = "Store constant codes in the layout that kernels read";
  let description = [{
    The constant codes of each kernel op that decodes at load are stored in the order that the op asks for, and codes of fewer
    than 8 bits are packed into bytes: fields of 1, 2, 4 or 8 bits, the first code in the lowest bits, along the innermost
    dimension, each row in whole bytes (`#compress.layout`). Below this pass no constant has elements of 2 to 7 bits, and the
    package holds what the code takes. A remark gives the bytes of codes before (a byte each) and after.

    Runs after: select, fold-weights          Leaves: constants of whole bytes
    Does nothing when: codes are no constants        Fails when: never

    Example: test/Dialect/Compress/Transforms/pack-weights.mlir
  }];
  let statistics = [Statistic<"numPacked", "num-packed", "Weights packed">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def MemoryReportPass : Pass<"compress-memory-report", "func::FuncOp"> {
  let summary = "Say where every byte of a layer comes from";
  let description = [{
    For each op that computes on tensors, a remark with

    - its weights (constants): bytes, and the level that they are read from. A run reads all weights of the function once, so that
      is the innermost cache that holds all of them;
    - its activations, in and out: bytes, and how often each number is read on average (loop iterations over numbers);
    - its working set, the bytes of all its operands, the innermost cache that holds it, and the caches that do not;
    - how often it runs, in loops. The other figures are of one run.

    The seconds are bytes over the bandwidth of these levels: a floor. Remarks have the figures as metrics, which
    `compress-compile --report` writes. Dynamic extents count as `batch`; `machine` is that of `compress-select`.

    Runs after: pack-weights          Leaves: the function as it is
    Does nothing when: no op computes on tensors        Fails when: `batch` is below 1, `machine` is
    not known

    Example: test/Dialect/Compress/Transforms/memory-report.mlir
  }];
  let options = [
    Option<"batch", "batch", "int64_t", /*default=*/"1", "Samples per run, for dynamic extents">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Machine with these caches: a preset, native, or a file of compress-machine">
  ];
}

def PredictLayersPass : Pass<"compress-predict-layers", "func::FuncOp"> {
  let summary = "Say on a function what its layers are, and what each should take";
  let description = [{
    A layer is what the ops of one name (of an ONNX node; of a line, in an IR file) compute. The attribute `compress.layers`
    of the function lists them in their order, each with

    - `name`, and `op`: the op that should take longest;
    - `predicted_us`: microseconds for one sample and for `max-batch` samples. For each op that is the larger one of the time
      of its arithmetic and of the time of its bytes, from the levels that `compress-memory-report` says; they are summed over
      the ops of the layer, with a tenth of a microsecond for its begin and end;
    - `bound`: what that sum is spent on most, for the same two: `compute`, `L1`, `L2`, `L3` or `memory`.

    The arithmetic is what `compress-select` counts: additions and multiplications in whole vectors, at the part of the
    machine's peak that they reach, of numbers of other formats at their own peaks. `machine` is that of `compress-select`.

    Runs after: pack-weights          Leaves: the function's body as it is
    Does nothing when: no op computes on tensors        Fails when: `max-batch` is below 1, `machine` is not known

    Example: test/Dialect/Compress/Transforms/predict-layers.mlir
  }];
  let options = [
    Option<"maxBatch", "max-batch", "int64_t", /*default=*/"64", "Samples of a full run, for dynamic extents">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Machine to predict for: a preset, native, or a file of compress-machine">
  ];
}

def NarrowWeightsPass : Pass<"compress-narrow-weights"> {
  let summary = "Round weights to bf16 or int8, and multiply in it";
  let description = [{
    A product of constant weights, of spectra or dense, becomes `compress.spectral_dot`: weights take a half or a quarter of the
    bytes, and are multiplied by the dot product instructions of the processor, if it has them. Words that a tile of the product
    reads are stored together, in panels of out blocks, if these divide the out blocks and `vector-lanes` is over 1. A remark for
    each layer says how far the rounded weights are from the f32 ones (relative L2), or why the layer stays f32.

    A fully connected layer of codes whose numbers are bytes times a unit (integers, powers of two in a window of 7, -1, 0 and 1,
    most tables of such numbers) becomes `compress.coded_dot` with `precision`
    i8 or auto: its weights stay what they are, and its activations are rounded to int8 by the group, of 256 or a few less where
    weights have one scale for all inputs. So does, with each `precision`, a layer that carries `compress.rounds_activations`, which the import sets where the file asks for int8 arithmetic.

    With `precision` auto, each layer takes the format that should take the least time for one sample on `machine`, f32 included,
    of those whose weights are not further than `max-error` from the f32 ones. For activations rounded by the group, that is the
    error to expect of normally distributed ones.

    Runs after: fold-weights          Leaves: layers that a remark names in f32
    Does nothing when: precision is f32, and no layer asks
    Fails when: an option is malformed, or no layer has a kernel of the stated precision

    Example: test/Dialect/Compress/Transforms/narrow-weights.mlir
  }];
  let options = [
    Option<"precision", "precision", "std::string", "\"f32\"", "f32, bf16, i8, or auto">,
    Option<"maxError", "max-error", "double", /*default=*/"0", "Relative error of a layer's weights that auto may take">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Machine that auto chooses for: a preset, native, or a file of compress-machine">,
    Option<"vectorLanes", "vector-lanes", "int64_t", "1", "Lanes of the longest vectors that kernels use">,
  ];
  let dependentDialects = ["::mlir::compress::CompressDialect", "arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [Statistic<"numNarrowed", "num-narrowed", "Layers narrowed">];
}

def PromoteToF64Pass : Pass<"compress-promote-to-f64", "ModuleOp"> {
  let summary = "Compute in double, from parameters as they are stored";
  let description = [{
    Turns every f32 value into f64, function signatures included; constants keep their values. What follows is the oracle.

    Runs after: expand          Leaves: no f32 value
    Does nothing when: there is none        Fails when: never

    Example: test/Dialect/Compress/Transforms/promote-to-f64.mlir
  }];
  let dependentDialects = ["arith::ArithDialect"];
}

def ResultsToDestinationsPass : Pass<"compress-results-to-destinations", "func::FuncOp"> {
  let summary = "Return tensors through trailing buffers of the caller";
  let description = [{
    Gives a public function one trailing buffer argument per tensor result, marked `compress.result` and with the result's
    `compress.name`, and writes the result into it: after bufferization the last layer computes there, without a copy.
    Tensor arguments become read-only (`bufferization.writable = false`). A fill or an empty tensor that several ops of such a
    function have as their destination, as CSE leaves it, is repeated for each.

    Runs after: import          Leaves: public functions without tensor results
    Does nothing when: the function is private or a declaration, or returns no tensor        Fails when: never

    Example: test/Dialect/Compress/Transforms/results-to-destinations.mlir
  }];
  let dependentDialects = ["bufferization::BufferizationDialect", "memref::MemRefDialect"];
}

def VerifyPhasePass : Pass<"compress-verify-phase"> {
  let summary = "Check what a phase of the pipeline promises";
  let description = [{
    `select`: no representation op is left. `pack`: no constant has elements of 2 to 7 bits. `bufferize`: no tensor is left. `affine`: no kernel op and no linalg op is left.
    `package`: no allocation is left. `llvm`: nothing but the LLVM dialect is left.

    Runs after: the named phase          Leaves: the IR as it is
    Does nothing when: the promise holds        Fails when: it does not, with the op that breaks it

    Example: test/Dialect/Compress/Transforms/verify-phase.mlir
  }];
  let options = [Option<"after", "after", "std::string", "\"\"", "Phase: select, pack, bufferize, affine, package or llvm">];
}

#endif // COMPRESS_TRANSFORMS_PASSES_TD
