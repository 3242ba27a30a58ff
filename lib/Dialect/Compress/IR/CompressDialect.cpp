//===- CompressDialect.cpp - Registration of the compress dialect ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/BytecodeVersion.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/SchemeNames.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

#include "compress/Dialect/Compress/IR/CompressDialect.cpp.inc"
#include "compress/Dialect/Compress/IR/CompressEnums.cpp.inc"

#include "compress/Dialect/Compress/IR/CompressAttrInterfaces.cpp.inc"
#include "compress/Dialect/Compress/IR/CompressOpInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"

/// None: version 1 is the first.
static constexpr ArrayRef<UpgradeStep> kUpgradeSteps;

void CompressDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compress/Dialect/Compress/IR/CompressAttributes.cpp.inc"
      >();
  addInterface(std::make_unique<VersionedBytecodeInterface>(this, kBytecodeVersion, kUpgradeSteps));
  addSchemeNames(this);
}
