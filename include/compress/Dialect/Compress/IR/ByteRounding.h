//===- ByteRounding.h - Numbers as bytes with a scale ----------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalar arithmetic in the order of ONNX: q = saturate(round(x / scale) + zero), halves to even; x = (q - zero) *
// scale.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_BYTEROUNDING_H
#define COMPRESS_DIALECT_COMPRESS_IR_BYTEROUNDING_H

#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// An integer of 8 or 32 bits as one of 32 bits.
Value extendByte(OpBuilder &builder, Location loc, Value code, bool isUnsigned);

/// `number` rounded to an integer, halves to the even one, plus `zero` (a float; null is 0), within the range of 8
/// bits. Not-a-number becomes the lowest code, as in ONNX Runtime.
Value roundToByte(OpBuilder &builder, Location loc, Value number, Value zero, bool isUnsigned);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_BYTEROUNDING_H
