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
    over them are scf.for. `compress.spectral_dot` uses the instructions that `extensions` names for whole vectors of 16 words;
    others are shifts, multiplications and additions. So do linalg sums of products of bytes whose last loop runs over the four
    bytes of a word in both factors, without sign in the first and with sign in the second. Of a dynamic transform extent the last block, which may be cut short, is masked.

    Runs after: bufferization          Leaves: no kernel op
    Does nothing when: there is none        Fails when: a kernel op is still on tensors, packs codes, or vector-lanes is bad

    Example: test/Conversion/CompressToAffine/rfft.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1",
                        "Most lanes of a vector; 1 gives scalar, readable loops">,
                 Option<"extensions", "extensions", "std::string", "",
                        "Dot product instructions that the processor has: avx512bf16, avx512vnni">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "LLVM::LLVMDialect", "math::MathDialect",
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

def ConvertReductionsToAffinePass : Pass<"convert-compress-reductions-to-affine"> {
  let summary = "Lower reductions on buffers to loops that carry the result in a register";
  let description = [{
    A linalg op with reductions of known extent (pooling, sums, products that have no dimension for lanes) becomes loops over
    its result and, inside of them, loops over its reductions that carry one number; the result is stored once. Of a window
    of up to 9 numbers there are no loops. What fills the result and elementwise ops on it are part of the loops. With
    `vector-lanes` above 1 that is a vector along the innermost dimension of the result, if it is static and every operand
    moves there by 0, 1 or 2.

    Runs after: bufferization, convert-compress-dense-to-affine          Leaves: linalg ops without reductions
    Does nothing when: a reduction's extent is dynamic        Fails when: vector-lanes is no power of two up to 256

    Example: test/Conversion/reductions-to-affine.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1", "Most lanes of a vector">];
  let statistics = [Statistic<"numLowered", "num-lowered", "Ops lowered">];
  let dependentDialects = ["affine::AffineDialect", "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
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

#endif // COMPRESS_CONVERSION_PASSES_TD
