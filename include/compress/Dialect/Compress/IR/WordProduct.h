//===- WordProduct.h - Products of bytes in words --------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_WORDPRODUCT_H
#define COMPRESS_DIALECT_COMPRESS_IR_WORDPRODUCT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace mlir::compress {

/// Numbers that a dot product instruction multiplies and adds to one sum.
inline constexpr int64_t kBytesPerWord = 4;

/// Columns that weights are stored in together, so that a kernel reads them from one end to the other.
int64_t panelWidth(int64_t columns);

/// The sums, modulo 2^32, of a convolution of bytes with constant filters; of a product, if it has no taps:
///
///   y[lead…, place…, f] = start[f] + sum over tap…, c of x[lead…, place * stride + tap * dilation…, c] * w[f, tap…, c]
///
/// It is emitted as an ordinary linalg.generic over words of four channels, with filters in panels.
struct WordProduct {
  /// Bytes without sign, channels last, the dimensions of the windows before them.
  Value activation;
  /// Bytes with sign: filter, taps, channel.
  std::string weights;
  int64_t filters = 0, channels = 0;
  SmallVector<int64_t> taps = {}, strides = {}, dilations = {};
  /// One i32 for each filter; null for 0.
  Value start = {};

  /// The sums as i32, `sizes` and then filters. Channels that are no whole words get others, whose weights are 0.
  Value emit(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes);

  /// The sums of a depthwise convolution, in the same order: filter f has one channel, and reads channel f alone.
  ///
  ///   y[lead…, place…, f] = start[f] + sum over tap… of x[lead…, place * stride + tap * dilation…, f] * w[f, tap…, 0]
  Value emitPerChannel(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes);

private:
  Value emitWords(OpBuilder &builder, Location loc) const;
  Value emitPanels(OpBuilder &builder, Location loc) const;
  Value emitTaps(OpBuilder &builder, Location loc) const;
  Value emitStart(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes) const;
  int64_t words() const;
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_WORDPRODUCT_H
