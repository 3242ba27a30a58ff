//===- ByteActivation.h - Activations as bytes with a scale ----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTEACTIVATION_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTEACTIVATION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::compress {

/// How a linalg.generic rounds numbers to bytes: saturate(round(x / scale) + zero).
struct ByteRange {
  bool isUnsigned = false;
  int64_t zero = 0;
  float scale = 1;

  /// nullopt if `op` does anything else.
  static std::optional<ByteRange> get(linalg::GenericOp op);
};

/// A tensor of f32 that is (code - zero) * scale, number by number.
struct ByteActivation {
  /// Of i8.
  Value codes;
  bool isUnsigned = false;
  int64_t zero = 0;
  /// The scale; where it is found at run time, `scales` has one f32 for each index of dimension 0, and so has `zeros`
  /// an i32, if zero points differ.
  float scale = 1;
  Value scales = {}, zeros = {};

  /// The reshapes between the decoded codes and the tensor, last first.
  SmallVector<Operation *> reshapes = {};

  /// What a linalg.generic decodes, as DequantizeLinear is imported, perhaps reshaped; nullopt if `value` is none.
  static std::optional<ByteActivation> get(Value value);

  /// Reshapes the codes in the place of the tensor.
  void reshapeCodes(RewriterBase &rewriter);

  /// `x` rounded to codes without sign, and decoded again.
  static Value roundTo(OpBuilder &builder, Location loc, Value x, float scale, int64_t zero);

  /// Rounds `x` with a scale for each index of dimension 0: over the range of its numbers and 0, or, if one zero point
  /// is to serve all, the largest magnitude over 127.
  static ByteActivation round(OpBuilder &builder, Location loc, Value x, bool isSymmetric);

  /// Codes without sign: those with sign are moved up by 128, as their zero point is.
  void makeUnsigned(RewriterBase &rewriter, Location loc);
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_BYTEACTIVATION_H
