//===- Pipelines.h - The named ways through the compiler ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_PIPELINES_H
#define COMPRESS_PIPELINES_PIPELINES_H

#include "compress/Analysis/Machine.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::compress {

/// Options of `compress-to-affine`.
struct CompressToAffineOptions : PassPipelineOptions<CompressToAffineOptions> {
  Option<bool> reference{*this, "reference",
                         llvm::cl::desc("The oracle: expand every representation and compute in double"),
                         llvm::cl::init(false)};
  Option<bool> expand{*this, "expand",
                      llvm::cl::desc("Expand every representation to its dense meaning, in the model's own precision"),
                      llvm::cl::init(false)};
  Option<std::string> force{
      *this, "force", llvm::cl::desc("Form for compress-select to use, for all layers or by name (pattern=form,…)"),
      llvm::cl::init("")};
  Option<std::string> objective{*this, "objective",
                                llvm::cl::desc("What compress-select chooses forms by: time, or bytes of weights"),
                                llvm::cl::init("time")};
  Option<std::string> machine{*this, "machine",
                              llvm::cl::desc("Description for compress-select: a preset, native or a JSON file"),
                              llvm::cl::init(Machine::kDefaultName)};
  Option<std::string> precision{*this, "precision",
                                llvm::cl::desc("Of constant weights, and of their products: f32, bf16, i8, or auto"),
                                llvm::cl::init("f32")};
  Option<double> maxError{*this, "max-error", llvm::cl::desc("Relative error of a layer's weights that auto may take"),
                          llvm::cl::init(0)};
  Option<int64_t> vectorLanes{*this, "vector-lanes",
                              llvm::cl::desc("Most lanes of a vector; 1 gives scalar, readable loops"),
                              llvm::cl::init(1)};
  Option<std::string> extensions{
      *this, "extensions",
      llvm::cl::desc("Dot product instructions of the processor, by LLVM's names: avx512bf16, avx512vnni"),
      llvm::cl::init("")};
  Option<bool> hasRounding{*this, "has-rounding",
                           llvm::cl::desc("The processor rounds floats by an instruction; else integers do it"),
                           llvm::cl::init(true)};
  Option<bool> memoryReport{*this, "memory-report", llvm::cl::desc("Run compress-memory-report on the chosen kernels"),
                            llvm::cl::init(false)};
  Option<int64_t> maxBatch{*this, "max-batch", llvm::cl::desc("Most samples that one pass through the layers takes"),
                           llvm::cl::init(64)};
  Option<bool> predictLayers{*this, "predict-layers",
                             llvm::cl::desc("Run compress-predict-layers for one and for max-batch samples"),
                             llvm::cl::init(false)};
};

/// The start of `compress-to-affine`, on tensors: kernels are chosen (or weights expanded) and their constants
/// evaluated.
void buildCompressToKernelsPipeline(OpPassManager &pm, const CompressToAffineOptions &options);

/// The first half of `compress-to-affine`, from tensors to buffers. What it leaves is the same for every number of
/// lanes above one: processors of different vectors share it, and the weights in it.
void buildCompressToBuffersPipeline(OpPassManager &pm, const CompressToAffineOptions &options);

/// The second half of `compress-to-affine`, from buffers to loops.
void buildCompressToLoopsPipeline(OpPassManager &pm, const CompressToAffineOptions &options);

/// From linalg on tensors with representation ops to affine loops on buffers: select (or expand), fold weights,
/// bufferize, lower. Results become trailing out arguments marked `compress.result`.
void buildCompressToAffinePipeline(OpPassManager &pm, const CompressToAffineOptions &options);

/// Options of `compress-to-llvm`.
struct CompressToLLVMOptions : PassPipelineOptions<CompressToLLVMOptions> {
  Option<std::string> name{*this, "name", llvm::cl::desc("Prefix of the C functions"), llvm::cl::init("model")};
  Option<int64_t> maxBatch{*this, "max-batch", llvm::cl::desc("Most samples that one pass through the layers takes"),
                           llvm::cl::init(64)};
  Option<std::string> profile{*this, "profile",
                              llvm::cl::desc("Counter for compress-profile-layers, tsc or cntvct; empty: do not count"),
                              llvm::cl::init("")};
};

/// The first half of `compress-to-llvm`: functions for equal loops, the arena and the library's C functions.
/// `CInterface::get` reads what it leaves.
void buildCompressPackagePipeline(OpPassManager &pm, const CompressToLLVMOptions &options);

/// The second half of `compress-to-llvm`: affine loops and C functions to the LLVM dialect.
void buildCompressLowerPipeline(OpPassManager &pm);

/// From affine loops on buffers, as compress-to-affine leaves them, to the LLVM dialect with the library's C functions.
void buildCompressToLLVMPipeline(OpPassManager &pm, const CompressToLLVMOptions &options);

/// Registers the interface models of upstream's dialects by which the pipelines bufferize and lower; a tool that calls
/// upstream's registerAllExtensions has them.
void registerPipelineExtensions(DialectRegistry &registry);

/// Registers the named pipelines.
void registerPipelines();

} // namespace mlir::compress

#endif // COMPRESS_PIPELINES_PIPELINES_H
