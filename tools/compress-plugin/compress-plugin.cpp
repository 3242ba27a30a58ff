//===- compress-plugin.cpp - The project inside of a stock mlir-opt -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   mlir-opt-22 --load-dialect-plugin=libCompressPlugin.so --load-pass-plugin=libCompressPlugin.so
//       --pass-pipeline='builtin.module(compress-select,…)'
//
// Passes of a plugin are named in --pass-pipeline; mlir-opt does not give them flags of their own.
//
//===----------------------------------------------------------------------===//

#include "compress/InitAll.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;

static constexpr const char *kName = "compress-mlir";

extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, kName, LLVM_VERSION_STRING,
          [](DialectRegistry *registry) { compress::registerAllDialects(*registry); }};
}

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, kName, LLVM_VERSION_STRING, []() {
            compress::registerAllPasses();
            compress::registerAllPipelines();
          }};
}
