//===- Pipelines.cpp - Registration of the named pipelines ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/Pipelines.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::registerPipelines() {
  PassPipelineRegistration<CompressToAffineOptions>(
      "compress-to-affine", "Linalg with compressed weights to affine loops on buffers", buildCompressToAffinePipeline);
  PassPipelineRegistration<CompressToAffineOptions>("compress-to-kernels",
                                                    "The start of compress-to-affine, on tensors: select, fold weights",
                                                    buildCompressToKernelsPipeline);
  PassPipelineRegistration<CompressToAffineOptions>(
      "compress-to-buffers", "The first half of compress-to-affine: select, fold weights, bufferize",
      buildCompressToBuffersPipeline);
  PassPipelineRegistration<CompressToAffineOptions>(
      "compress-to-loops", "The second half of compress-to-affine: kernel ops on buffers to loops",
      buildCompressToLoopsPipeline);
  PassPipelineRegistration<CompressToLLVMOptions>(
      "compress-package",
      "The first half of compress-to-llvm: share equal loops, plan the arena, add the C functions of a native library",
      buildCompressPackagePipeline);
  PassPipelineRegistration<>("compress-lower", "The second half of compress-to-llvm: affine loops to the LLVM dialect",
                             buildCompressLowerPipeline);
  PassPipelineRegistration<CompressToLLVMOptions>(
      "compress-to-llvm", "Affine loops on buffers to the LLVM dialect, with the C functions of a native library",
      buildCompressToLLVMPipeline);
}
