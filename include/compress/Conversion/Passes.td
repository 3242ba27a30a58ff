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
    out blocks of a matrix product. The rest is scalar.

    Runs after: bufferization          Leaves: no kernel op
    Does nothing when: there is none        Fails when: a kernel op is still on tensors

    Example: test/Conversion/CompressToAffine/rfft.mlir
  }];
  let options = [Option<"vectorLanes", "vector-lanes", "int64_t", "1",
                        "Most lanes of a vector; 1 gives scalar, readable loops">];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "math::MathDialect", "memref::MemRefDialect",
                           "vector::VectorDialect"];
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
