//===- Dataflow.h - Steps of a network as tasks ----------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_DATAFLOW_H
#define COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_DATAFLOW_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::compress {

/// Makes each buffer of `network` one that a single call writes and a single call reads: where several read it, a new
/// step copies it for each of them.
void splitBuffers(func::FuncOp network);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_DATAFLOW_H
