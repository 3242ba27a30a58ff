//===- TestCompress.h - A representation for tests ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_LIB_TESTCOMPRESS_H
#define COMPRESS_TEST_LIB_TESTCOMPRESS_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "TestCompressDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "TestCompressAttributes.h.inc"
#define GET_OP_CLASSES
#include "TestCompressOps.h.inc"

#endif // COMPRESS_TEST_LIB_TESTCOMPRESS_H
