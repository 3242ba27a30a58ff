//===- CodeDecoder.h - Bytes of codes ---------------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDECODER_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDECODER_H

#include "LaneEmitter.h"
#include "Words.h"

namespace mlir::compress {

/// The decode stage of a product: a word of codes holds the bytes, without sign, of `fields()` words of activations.
///
///   code              bytes of memory for 64 weights   instructions for 64 bytes, with AVX-512
///   8 bits            64                               none
///   4 bits            32                               a mask, and a shift for every other one
///   2 bits            16                               a mask; with shifts where fields share a sum
///   4 bits, numbers   32                               a permutation (VBMI), and a shift for every other one
///
/// All multiply what is larger than the number by `ByteCode::byteOffset()`: the sums start from that times the sum of
/// the activations, and are right at the end.
struct CodeDecoder {
  ByteCode code;
  DotInstructions instructions;
  /// Bytes of a table are its numbers, with sign, for activations without.
  bool hasSign = false;

  int64_t fields() const { return 8 / code.bits; }
  /// True if fields that have sums of their own need no shift: bytes of field `f` are then 2^(bits * f) times as large,
  /// and `sumOfField` makes up for it. `group` numbers are summed, in vectors of `lanes` words.
  bool staysInPlace(int64_t group, int64_t lanes) const;
  /// The largest byte of a field.
  int64_t mostByte(bool inPlace) const;

  /// The bytes of a field.
  Value emit(const LaneEmitter &emit, Value word, int64_t field, bool inPlace) const;
  /// The sum of products that a field's own sum stands for.
  Value sumOfField(const LaneEmitter &emit, Value sum, int64_t field, bool inPlace) const;

private:
  Value lookUp(const LaneEmitter &emit, Value word, int64_t field) const;
  Value selectByBits(const LaneEmitter &emit, Value word) const;
  /// `numbers` as bytes, over and over for `count` bytes.
  SmallVector<int8_t> table(int64_t count) const;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_CODEDECODER_H
