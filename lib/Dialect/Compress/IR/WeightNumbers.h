//===- WeightNumbers.h - Numbers of constant representations ---*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_WEIGHTNUMBERS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_WEIGHTNUMBERS_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The stored integers that make up `value`, if it has no zero points and no layout.
std::optional<CodedTensor> codedOf(Value value);

/// The numbers of a constant, of codes of one, or of either unpacked, in row-major order; nullopt for what is not
/// known.
std::optional<SmallVector<double>> numbersOf(Value value);

/// For each entry of the result of `unpack`, in row-major order: its place among the stored numbers, or -1.
SmallVector<int64_t> placesOfEntries(UnpackOp unpack);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_WEIGHTNUMBERS_H
