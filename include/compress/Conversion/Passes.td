//===- Passes.td - Conversions out of the compress dialect ---*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_PASSES_TD
#define COMPRESS_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertCompressToAffinePass : Pass<"convert-compress-to-affine"> {
  let summary = "Lower kernel ops on buffers to affine loops";
  let description = [{
    Transforms become straight-line code of `Kernel/` in loops over blocks and positions; spectral products become a loop
    nest per frequency pair, with slots 0 and k/2, which are real, peeled.

    With `vector-lanes` above 1, lanes run along the innermost contiguous dimension: pixels of a channel-first activation,
    out blocks of a matrix product. The rest is scalar. Sums then start from what fills a kernel's result (a bias, a number),
    and elementwise ops that change the result in place are done before it is stored, where no other op sees the
    difference. Slots that a transpose of the planes makes innermost are stored so at once.

    In a tile whose extents depend on the index of a loop around it (tiling by sizes that do not divide leaves these) loops
    over them are scf.for. `compress.spectral_dot` and `compress.coded_dot` use the instructions that `extensions` names for whole vectors of 16 words;
    others are shifts, multiplications and additions. So do linalg sums of products of bytes whose last loop runs over the four
    bytes of a word in both factors, without sign in the first and with sign in the second. Of these, a convolution with 3 x 3
    constant taps and strides of 1 takes 36 products of 16 bits for 4 x 4 results instead of 144 of bytes (Winograd's transform
    in integers), in vectors of 16 or of AVX2, where the weights bound the sums by 2^25, so that it is exact, and where it pays. With
    `amx-int8`, sums of at least 16 words for at least 16 rows are computed in tile registers instead (of a dynamic number of
    rows, where it is that large); with `amx-bf16`, `compress.spectral_dot` of bf16 with blocks innermost likewise. Of a dynamic transform extent the last block, which may be cut short, is masked.

    Runs after: bufferization          Leaves: no kernel op
    Does nothing when: there is none        Fails when: a kernel op is still on tensors, packs codes, or vector-lanes is bad

    Example: test/Conversion/CompressToAffine/rfft.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1",
                        "Most lanes of a vector; 1 gives scalar, readable loops">,
                 Option<"extensions", "extensions", "std::string", "",
                        "Dot product instructions that the processor has: avx512bf16, avx512vnni, amx-bf16, amx-int8">];
  let dependentDialects = ["amx::AMXDialect", "affine::AffineDialect", "arith::ArithDialect", "LLVM::LLVMDialect", "math::MathDialect",
                           "memref::MemRefDialect", "scf::SCFDialect", "vector::VectorDialect"];
}

def ConvertDenseToAffinePass : Pass<"convert-compress-dense-to-affine"> {
  let summary = "Lower dense products on buffers to register-tiled affine loops";
  let description = [{
    A contraction or convolution with a multiply-add body becomes a nest whose sum is carried in registers: vectors along
    the innermost dimension of the result, where each factor is contiguous there or does not depend on it, times a tile of
    another dimension that shares each loaded vector. What has no such dimension is left for convert-linalg-to-affine-loops.

    Runs after: bufferization          Leaves: linalg ops that are no such products
    Does nothing when: vector-lanes is 1        Fails when: vector-lanes is no power of two up to 256

    Example: test/Conversion/dense-to-affine.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1", "Most lanes of a vector">];
  let statistics = [Statistic<"numLowered", "num-lowered", "Products lowered">];
  let dependentDialects = ["affine::AffineDialect", "math::MathDialect", "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

def ApproximateFunctionsPass : Pass<"compress-approximate-functions"> {
  let summary = "Compute exp and tanh of f32 by polynomials";
  let description = [{
    `math.exp` and `math.tanh` on f32, or on vectors of it, become arithmetic (upstream's polynomials), which has lanes where a call
    of libm has none. The result is within 4 units of the last place of the exact one for exp, 5 for tanh
    (`test/Python/test_functions_of_f32.py`); infinities and NaN stay what they are. On f64, which is the oracle's, they stay calls.
    Where no instruction of the processor rounds to even (`has-rounding=false`), integers do it, for the same reason.

    Runs after: loops          Leaves: `math.floor`, `math.fma` and integers
    Does nothing when: there is no such op        Fails when: never

    Example: test/Conversion/approximate-functions.mlir
  }];
  let options = [Option<"hasRounding", "has-rounding", "bool", "true", "The processor rounds floats by an instruction">];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect", "vector::VectorDialect"];
}

def ConvertReductionsToAffinePass : Pass<"convert-compress-reductions-to-affine"> {
  let summary = "Lower reductions on buffers to loops that carry the result in a register";
  let description = [{
    A linalg op with reductions of known extent (pooling, sums, products that have no dimension for lanes) becomes loops over
    its result and, inside of them, loops over its reductions that carry one number; the result is stored once. Of a window
    of up to 9 numbers there are no loops. What fills the result and elementwise ops on it are part of the loops. With
    `vector-lanes` above 1 that is a vector along the innermost dimension of the result, if it is static and every operand
    moves there by 0, 1 or 2. Of an extremum in a window of two columns that lanes begin two apart, rows come before columns. Which
    of two zeros is an extremum of floats is not told (`nsz`); a window with a NaN is NaN.

    Runs after: bufferization, convert-compress-dense-to-affine          Leaves: linalg ops without reductions
    Does nothing when: a reduction's extent is dynamic        Fails when: vector-lanes is no power of two up to 256

    Example: test/Conversion/reductions-to-affine.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1", "Most lanes of a vector">];
  let statistics = [Statistic<"numLowered", "num-lowered", "Ops lowered">];
  let dependentDialects = ["affine::AffineDialect", "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

def ConvertTransposesToAffinePass : Pass<"convert-compress-transposes-to-affine"> {
  let summary = "Lower transposes on buffers to tiles in registers";
  let description = [{
    An elementwise op one of whose operands is contiguous along another loop than its result becomes a nest of square tiles:
    as many vectors as each has lanes are loaded along the one loop, transposed by shuffles, and stored along the other. The
    body is computed on the side of the transpose where numbers have more bits, or where all other operands allow lanes. A side
    is the greatest power of two that `vector-lanes` and both extents allow; the last tile of a row overlaps the one before.

    Runs after: bufferization, convert-compress-to-affine          Leaves: elementwise ops that transpose nothing, sides under 4
    Does nothing when: vector-lanes is under 4        Fails when: vector-lanes is no power of two up to 256

    Example: test/Conversion/transposes-to-affine.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1", "Most lanes of a vector">];
  let statistics = [Statistic<"numLowered", "num-lowered", "Transposes lowered">];
  let dependentDialects = ["affine::AffineDialect", "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

def LoadScalarOperandsPass : Pass<"compress-load-scalar-operands"> {
  let summary = "Load operands of rank 0 before the loops over the others";
  let description = [{
    A buffer of one number that a linalg.generic does not write becomes a number: it is loaded once, and what it stores is known
    not to change it.

    Runs after: bufferization          Leaves: linalg ops with scalar operands
    Does nothing when: no operand has rank 0        Fails when: never

    Example: test/Conversion/load-scalar-operands.mlir
  }];
  let dependentDialects = ["memref::MemRefDialect"];
  let statistics = [Statistic<"numLoaded", "num-loaded", "Operands loaded">];
}

def ConvertTilesToLoopsPass : Pass<"convert-compress-tiles-to-loops"> {
  let summary = "Lower linalg ops on tiles of unknown extents to scf loops";
  let description = [{
    An extent that depends on the index of an scf.for, as tiling by sizes that do not divide leaves it, is no symbol of an
    affine loop: convert-linalg-to-affine-loops would make invalid code of such an op.

    Runs after: bufferization          Leaves: linalg ops whose extents are affine symbols
    Does nothing when: there are only those        Fails when: never

    Example: test/Conversion/tiles-to-loops.mlir
  }];
  let statistics = [Statistic<"numLowered", "num-lowered", "Ops lowered">];
  let dependentDialects = ["affine::AffineDialect", "memref::MemRefDialect", "scf::SCFDialect"];
}

def ConvertCompressToLinalgPass : Pass<"convert-compress-to-linalg"> {
  let summary = "Replace every op by its definition in linalg";
  let description = [{
    One executable meaning for each op through upstream dialects alone: representation ops as `compress-expand` writes them,
    transforms as products with a constant matrix of cosines and sines, products of spectra as complex ones, stored integers
    decoded before they are multiplied. It is the form to hand to another compiler, and a second oracle; it is not fast. The IR holds no `mod` and no `floordiv`, so that
    it may be tiled.

    Runs after: import or select          Leaves: linalg, tensor and arith; no op of the dialect
    Does nothing when: there is none        Fails when: a kernel op is on buffers, or in a
    layout (run it before compress-pack-weights)

    Example: test/Conversion/CompressToLinalg/to-linalg.mlir
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def ConvertCopiesToLinalgPass : Pass<"convert-compress-copies-to-linalg"> {
  let summary = "Lower buffer copies to linalg ops";
  let description = [{
    A `memref.copy` of strided buffers would become a call into MLIR's runner library, which a native library must not need.

    Runs after: bufferization          Leaves: no memref.copy
    Does nothing when: there is none        Fails when: never

    Example: test/Conversion/copies-to-linalg.mlir
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
}

def ConvertCompressToFixedPointPass : Pass<"convert-compress-to-fixed-point", "ModuleOp"> {
  let summary = "Make a network of exact integer loops";
  let description = [{
    Replaces a function on static float tensors, as select and fold-weights leave it, by one on flat buffers of integers: for
    each step of a layer a private function of affine loops that uses arith on `iN` alone. What it computes is defined to the
    bit, and is what every hardware back end must compute.

    A tensor has one format, N bits of which F are behind the point; F is chosen by the range of its numbers, which an
    attribute `compress.range = array<f64: low, high>` states on arguments and ops (calibration writes it). Numbers beyond it
    saturate. Ranges are those after maximum pooling, relu and reshapes, which do not change formats.

    * Products are exact, and sums have W_x + W_w + ceil(log2 n) bits; a bias is added exactly; then one rounding to the
      format of the result. Spectra are multiplied as complex numbers, of 2 n terms.
    * A transform is the network of `Kernel/` with `spectrum-bits + guard-bits` bits for each value: sums are exact until they
      need more, and then lose their lowest bits; factors have 16 bits. Spectra are stored with `spectrum-bits`, and
      accumulated spectra with `guard-bits` more.
    * Each rounding is to the nearest number, ties to even, with saturation: a call of a function `saturate_i24_by_9_to_i8`
      (24 bits shifted by 9 to 8), made by the one builder in `Kernel/`; or `round_…` where nothing can be too large.

    Weights of a fully connected layer, or of slices of one, may be stored without zeros, each with the place of the number that it is multiplied with: a sum then reads
    `x[places[o * n + i]]`, an output with fewer weights than others adds zeros, and a sample takes as many products as outputs times the most weights of one.
    By default that is done where `products of an output * (bits of weights and places + bits of two samples)` is less than for dense codes.

    Loops follow the order in which numbers of the input come: row-major, or with `input-order=channels-last` pixel by pixel, dimension 1 inside (`compress.order` on the argument). A convolution
    that reads them then needs a window of them, not all. Places in the buffer are row-major anyway.

    Results have `result-bits`. An average is a sum and a factor of 16 bits.

    `layers` gives widths to single layers, `conv*: weight-bits=6 activation-bits=12; fc1: spectrum-bits=10`, in the grammar of `compress-fit`. `activation-bits` is of what a layer writes, with relu,
    pooling and reshapes behind it; the input of the network goes by its name. The first rule with a pattern that matches counts; what it does not say is as in the rule of `default`, or the other options.

    Runs after: compress-fold-weights          Leaves: func, affine, memref, arith on integers
    Does nothing when: no function has tensors        Fails when: an op has no fixed-point form, a range is not stated, a width
    is bad or a number would need more than 62 bits

    Example: test/Conversion/to-fixed-point.mlir
  }];
  let options = [Option<"activationBits", "activation-bits", "int64_t", "8", "Bits of activations, 2 to 16">,
                 Option<"weightBits", "weight-bits", "int64_t", "8", "Bits of weights and of their spectra, 2 to 16">,
                 Option<"spectrumBits", "spectrum-bits", "int64_t", "8", "Bits of spectra of activations, 2 to 16">,
                 Option<"guardBits", "guard-bits", "int64_t", "8",
                        "Bits that values inside of a transform and accumulated spectra have beyond those, 0 to 12">,
                 Option<"resultBits", "result-bits", "int64_t", "16", "Bits of the results of the network, 2 to 32">,
                 Option<"zeros", "zeros", "std::string", "\"auto\"",
                        "Weights that are zero: codes (dense, with one for zero), skip (sums leave them out), or auto, what takes fewer cycles times bits">,
                 Option<"layers", "layers", "std::string", "\"\"",
                        "Rules of single layers, such as 'conv*: weight-bits=6; fc1: zeros=codes'; what they do not say is as in the other options">,
                 Option<"inputOrder", "input-order", "std::string", "\"row-major\"",
                        "In which order the numbers of an input come: row-major, or channels-last (all channels of a pixel together)">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "func::FuncDialect", "memref::MemRefDialect"];
}

def ConvertFixedPointToEmitCPass : Pass<"convert-compress-fixed-point-to-emitc", "ModuleOp"> {
  let summary = "Make C++ for high-level synthesis of exact integer loops";
  let description = [{
    Rewrites a network of `convert-compress-to-fixed-point` to EmitC, which upstream's emitter prints as C++: `iN` becomes
    `ap_int<N>`, each op the definition of a variable of its own width, so that the rules by which `ap_int` grows never matter;
    buffers become arrays, constants `static const` ones; loops have labels and literal bounds, and the innermost ones
    `#pragma HLS PIPELINE`. Functions of one number, the roundings, are `static inline`.

    Tasks (`hls.task`) are calls under `#pragma HLS DATAFLOW`. `hls.stream` is an `hls::stream` of its depth; a step with `hls.window` keeps
    a part of it in an array whose places wrap around. `hls.buffer` is an array. Between two loops, numbers of streams are read first and written last, in the order of
    `hls.start`.

    `top` renames @main. `ports` says how it meets the outside: `memory`, arrays as ports; or `stream`, where it is a static
    function that the project's own top function calls between reading and writing AXI4-Streams.

    Runs after: compress-hls-dataflow, compress-hls-schedule          Leaves: emitc
    Does nothing when: the module is empty        Fails when: there is an op or a type that it does not know; nothing is
    left out or printed as it stands

    Example: test/Conversion/fixed-point-to-emitc.mlir
  }];
  let options = [Option<"top", "top", "std::string", "\"net\"", "Name of the function for @main">,
                 Option<"ports", "ports", "std::string", "\"memory\"", "Ports of the network: memory or stream">];
  let dependentDialects = ["emitc::EmitCDialect"];
}

def HLSLintPass : Pass<"compress-hls-lint", "ModuleOp"> {
  let summary = "Refuse C++ that tools for high-level synthesis refuse";
  let description = [{
    Reads the EmitC that is about to be printed, and changes nothing. An error is

    * a buffer or a stream between the tasks of a `#pragma HLS DATAFLOW` that is not written by one call and read by one other
      call, in this order; a stream that one call reads and writes; and any statement beside calls there, except
      definitions of buffers and streams;
    * a loop with bounds that are no literals;
    * a loop with a second exit: a return, break or goto in its body;
    * a complete partition of an array of more than 4096 numbers, which would be that many registers.

    Runs after: convert-compress-fixed-point-to-emitc          Leaves: what there was
    Does nothing when: there is no emitc        Fails when: one of these is there

    Example: test/Conversion/hls-lint.mlir
  }];
}

#endif // COMPRESS_CONVERSION_PASSES_TD
