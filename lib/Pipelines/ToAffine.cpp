//===- ToAffine.cpp - The pipeline compress-to-affine ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VerifyPhase.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::compress;

/// Tensors to buffers; results to trailing out arguments.
static void addBufferization(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createResultsToDestinationsPass());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  addVerifyPhase(pm, "bufferize");
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static bool usesVectors(const CompressToAffineOptions &options) {
  return options.vectorLanes > 1 && !options.reference;
}

/// Chooses the forms of layers and evaluates what they are made of. Layers of bytes multiply integers if `hasIntegers`.
static void addSelection(OpPassManager &pm, const CompressToAffineOptions &options, bool hasIntegers) {
  pm.addPass(createNormalizeQuantPass());
  if (hasIntegers && !options.reference && !options.expand) {
    pm.addPass(createHoistRoundingPass());
    MultiplyBytesPassOptions bytes;
    bytes.roundsActivations = options.precision == "i8";
    bytes.machine = options.machine;
    pm.addPass(createMultiplyBytesPass(bytes));
  }
  if (options.reference || options.expand) {
    pm.addPass(createExpandPass());
  } else {
    SelectPassOptions select;
    select.force = options.force;
    select.objective = options.objective;
    select.machine = options.machine;
    select.precision = options.precision;
    select.maxError = options.maxError;
    pm.addPass(createSelectPass(select));
  }
  if (options.reference)
    pm.addPass(createPromoteToF64Pass());
  pm.addPass(createFoldWeightsPass());
}

void mlir::compress::buildCompressToKernelsPipeline(OpPassManager &pm, const CompressToAffineOptions &options) {
  addSelection(pm, options, /*hasIntegers=*/false);
  addVerifyPhase(pm, "select");
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mlir::compress::buildCompressToBuffersPipeline(OpPassManager &pm, const CompressToAffineOptions &options) {
  addSelection(pm, options, /*hasIntegers=*/true);
  if (!options.reference && !options.expand) {
    NarrowWeightsPassOptions narrow;
    narrow.precision = options.precision;
    narrow.maxError = options.maxError;
    narrow.machine = options.machine;
    narrow.vectorLanes = options.vectorLanes;
    pm.addPass(createNarrowWeightsPass(narrow));
  }
  if (usesVectors(options)) {
    PutChannelsLastPassOptions channels;
    channels.vectorLanes = options.vectorLanes;
    pm.addNestedPass<func::FuncOp>(createPutChannelsLastPass(channels));
  }
  if (!options.reference) {
    pm.addNestedPass<func::FuncOp>(createPropagateLayoutsPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    pm.addNestedPass<func::FuncOp>(createFuseElementwisePass());
    pm.addNestedPass<func::FuncOp>(createFuseTransposesPass());
    pm.addNestedPass<func::FuncOp>(createFuseIntoTilesPass());
  }
  if (usesVectors(options)) {
    ArrangeWeightsPassOptions arrange;
    arrange.vectorLanes = options.vectorLanes;
    pm.addPass(createArrangeWeightsPass(arrange));
  }
  pm.addPass(createFoldWeightsPass());
  addVerifyPhase(pm, "select");
  // Extents become those of the arguments, from which the arena is planned.
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPackWeightsPass());
  addVerifyPhase(pm, "pack");
  if (!options.reference) {
    LoopOverSamplesPassOptions samples;
    samples.maxBatch = options.maxBatch;
    samples.machine = options.machine;
    pm.addNestedPass<func::FuncOp>(createLoopOverSamplesPass(samples));
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    pm.addNestedPass<func::FuncOp>(createFillFramesPass());
  }
  if (options.memoryReport) {
    MemoryReportPassOptions report;
    report.machine = options.machine;
    pm.addNestedPass<func::FuncOp>(createMemoryReportPass(report));
  }
  if (options.predictLayers) {
    PredictLayersPassOptions predict;
    predict.machine = options.machine;
    predict.maxBatch = options.maxBatch;
    pm.addNestedPass<func::FuncOp>(createPredictLayersPass(predict));
  }

  addBufferization(pm);
}

void mlir::compress::buildCompressToLoopsPipeline(OpPassManager &pm, const CompressToAffineOptions &options) {
  pm.addPass(createForallToForLoopPass());
  if (usesVectors(options))
    pm.addNestedPass<func::FuncOp>(createSinkReshapesPass());
  pm.addPass(createConvertCopiesToLinalgPass());
  if (usesVectors(options))
    pm.addPass(createLoadScalarOperandsPass());
  ConvertCompressToAffinePassOptions convert;
  convert.vectorLanes = options.vectorLanes;
  convert.extensions = options.extensions;
  pm.addPass(createConvertCompressToAffinePass(convert));
  if (usesVectors(options)) {
    ConvertDenseToAffinePassOptions dense;
    dense.vectorLanes = options.vectorLanes;
    pm.addPass(createConvertDenseToAffinePass(dense));
    ConvertTransposesToAffinePassOptions transposes;
    transposes.vectorLanes = options.vectorLanes;
    pm.addPass(createConvertTransposesToAffinePass(transposes));
    ConvertReductionsToAffinePassOptions reductions;
    reductions.vectorLanes = options.vectorLanes;
    pm.addPass(createConvertReductionsToAffinePass(reductions));
  }
  pm.addPass(createConvertTilesToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToAffineLoopsPass());
  if (usesVectors(options)) {
    ApproximateFunctionsPassOptions functions;
    functions.hasRounding = options.hasRounding;
    pm.addPass(createApproximateFunctionsPass(functions));
  }
  addVerifyPhase(pm, "affine");
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mlir::compress::buildCompressToAffinePipeline(OpPassManager &pm, const CompressToAffineOptions &options) {
  buildCompressToBuffersPipeline(pm, options);
  buildCompressToLoopsPipeline(pm, options);
}
