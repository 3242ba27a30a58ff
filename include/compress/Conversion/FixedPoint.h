//===- FixedPoint.h - What fixed-point networks say of themselves ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_FIXEDPOINT_H
#define COMPRESS_CONVERSION_FIXEDPOINT_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::compress {

/// On an op or an argument on float tensors: array<f64: low, high>, between which its numbers are taken to lie.
inline constexpr const char *kRangeAttr = "compress.range";
/// On an argument or a global of integers: each stands for itself times 2^-fraction.
inline constexpr const char *kFractionAttr = "compress.fraction";
/// On a flat argument of @main: the shape of the tensor in it.
inline constexpr const char *kShapeAttr = "compress.shape";
/// On a flat argument of @main: the dimensions of the tensor in the order in which its numbers come, outermost first;
/// without it they come row-major, as they lie in the buffer.
inline constexpr const char *kOrderAttr = "compress.order";
/// On an argument that is written.
inline constexpr const char *kResultAttr = "compress.result";

/// How a buffer of a network, or a port of @main, is handed over in C++.
struct BufferInCpp {
  bool isStream = false;
  /// Of a stream: its depth, and the words of what its reader keeps of it, or 0.
  int64_t depth = 0, window = 0;
  /// Bits that it takes: those of the stream and of what its reader keeps of it, or twice an array.
  int64_t bits = 0;
  /// Memories of an array that its reader keeps apart; a window's are its reader's business.
  int64_t memories = 1;
};
BufferInCpp bufferInCpp(ModuleOp module, Value buffer, bool arePorts);

} // namespace mlir::compress

#endif // COMPRESS_CONVERSION_FIXEDPOINT_H
