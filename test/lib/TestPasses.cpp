//===- TestPasses.cpp - Passes that only tests have -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestCompress.h"

namespace mlir::compress::test {
void registerBytecodePass();
void registerCensusPasses();
void registerFuseConsumerPass();
void registerTilePass();

void registerTestPasses() {
  registerBytecodePass();
  registerCensusPasses();
  registerFuseConsumerPass();
  registerTilePass();
}
} // namespace mlir::compress::test
