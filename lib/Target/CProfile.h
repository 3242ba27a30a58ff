//===- CProfile.h - The counter that a profile reads ----------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_CPROFILE_H
#define COMPRESS_LIB_TARGET_CPROFILE_H

#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// True for the counters that emitReadCounter knows.
bool isCounter(StringRef counter);

/// The value of `counter`, an i64, once all work before it is done: no load, store or call moves over it.
Value emitReadCounter(OpBuilder &builder, Location loc, StringRef counter);

} // namespace mlir::compress

#endif // COMPRESS_LIB_TARGET_CPROFILE_H
