//===- ToLLVM.cpp - The pipeline compress-to-llvm -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VerifyPhase.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::buildCompressPackagePipeline(OpPassManager &pm, const CompressToLLVMOptions &options) {
  pm.addPass(createOutlineKernelsPass());
  PlanMemoryPassOptions plan;
  plan.maxBatch = options.maxBatch;
  pm.addNestedPass<func::FuncOp>(createPlanMemoryPass(plan));
  if (!options.profile.empty()) {
    ProfileLayersPassOptions profile;
    profile.counter = options.profile;
    pm.addPass(createProfileLayersPass(profile));
  }
  EmitCEntryPassOptions entry;
  entry.name = options.name;
  pm.addPass(createEmitCEntryPass(entry));
  addVerifyPhase(pm, "package");
}

void mlir::compress::buildCompressLowerPipeline(OpPassManager &pm) {
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  addVerifyPhase(pm, "llvm");
}

void mlir::compress::buildCompressToLLVMPipeline(OpPassManager &pm, const CompressToLLVMOptions &options) {
  buildCompressPackagePipeline(pm, options);
  buildCompressLowerPipeline(pm);
}
