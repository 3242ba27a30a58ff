//===- MultiplyAdd.h - Which linalg ops are sums of products --*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_MULTIPLYADD_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_MULTIPLYADD_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::compress {

/// True if `op` reduces, and its body is `out + a * b` of floats.
bool isSumOfProducts(linalg::LinalgOp op);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_MULTIPLYADD_H
