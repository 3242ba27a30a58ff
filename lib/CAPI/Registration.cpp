//===- Registration.cpp - Dialects and passes from C ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/CAPI/Registration.h"
#include "compress-c/Dialects.h"
#include "compress-c/Passes.h"
#include "compress/InitAll.h"
#include "mlir/CAPI/IR.h"

using namespace mlir;

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(Compress, compress, mlir::compress::CompressDialect)

void compressRegisterAllDialects(MlirDialectRegistry registry) { compress::registerAllDialects(*unwrap(registry)); }

void compressRegisterAllPasses(void) { compress::registerAllPasses(); }

void compressRegisterAllPipelines(void) { compress::registerAllPipelines(); }

bool compressOperationIsCompressedWeight(MlirOperation op) {
  return isa<compress::CompressedWeightOpInterface>(unwrap(op));
}

int64_t compressCompressedWeightGetStoredBits(MlirOperation op) {
  auto weight = dyn_cast<compress::CompressedWeightOpInterface>(unwrap(op));
  return weight ? weight.storedBits() : -1;
}
