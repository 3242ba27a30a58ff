//===- Words.h - Small numbers in words of 32 bits -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WORDS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WORDS_H

#include "AffineNest.h"

namespace mlir::compress {

/// The dot product instructions of a processor, and if they come in shorter vectors.
struct DotInstructions {
  bool bf16 = false, i8 = false, shorter = false;
  /// Products of bytes and of bf16 in tile registers.
  bool tilesI8 = false, tilesBF16 = false;
  /// Sums of neighbours among products of 16 bytes by 16, of AVX2.
  bool pairs = false;
  /// A table of as many bytes as a vector has, by bytes of another; and tables of 16 bytes, in vectors of 64, 32, 16.
  bool permutes = false, shuffles64 = false, shuffles32 = false, shuffles16 = false;
  /// Bytes that a mask chooses, next to each other (AVX-512 VBMI2).
  bool compresses = false;

  /// From LLVM's names, separated by commas; others are ignored.
  static DotInstructions get(StringRef extensions);
  /// True if there is one for vectors of `lanes` words.
  bool has(WordFormat format, int64_t lanes) const;
  /// True if there is none for bytes in vectors of `lanes` words, but AVX2, which adds products in pairs.
  bool addsPairs(int64_t lanes) const;

  /// True if there is an instruction that looks bytes up, for vectors of `count` bytes; and LLVM's name of it, which
  /// takes the table, then indices.
  bool permutesBytes(int64_t count) const {
    return permutes && (count == 64 || (shorter && (count == 32 || count == 16)));
  }
  bool shufflesBytes(int64_t count) const {
    return (count == 64 && shuffles64) || (count == 32 && shuffles32) || (count == 16 && shuffles16);
  }
  static std::string permutation(int64_t count) { return "llvm.x86.avx512.permvar.qi." + std::to_string(8 * count); }
  static StringRef shuffle(int64_t count) {
    return count == 64   ? "llvm.x86.avx512.pshuf.b.512"
           : count == 32 ? "llvm.x86.avx2.pshuf.b"
                         : "llvm.x86.ssse3.pshuf.b.128";
  }
};

/// sum + the products of the numbers in each word: f32 sums of bf16, i32 sums of `activation`'s bytes without sign by
/// `weights`' with sign. All of them scalars, or vectors of one length.
Value emitDot(AffineNest &nest, WordFormat format, DotInstructions instructions, Value activation, Value weights,
              Value sum);

/// The same, where no product of two bytes is more than `most`: some processors without dot products add pairs of
/// products in 16 bits.
Value emitCodeDot(AffineNest &nest, DotInstructions instructions, int64_t most, Value codes, Value weights, Value sum);

/// sum + the products of the two numbers of 16 bits, with sign, in each word, of AVX2.
Value emitPairs(AffineNest &nest, Value a, Value b, Value sum);

/// How many products of `emitCodeDot` may be added in 16 bits before they are in the sums of 32 bits of type `sum`,
/// which saves all but one instruction in two for them; 0 if that is not how they are computed.
int64_t longestChain(DotInstructions instructions, int64_t most, Type sum);
/// chain + the products, in 16 bits; sum + a chain of at most `longestChain`.
Value emitChainLink(AffineNest &nest, Value codes, Value weights, Value chain);
Value emitChainEnd(AffineNest &nest, Value chain, Value sum);

/// Spectra of an activation in words: frequency, part of the complex product (real, imaginary), then the dimensions of
/// the planes, with words in place of in blocks.
struct WordPlanes {
  Value words;
  /// What each number stands for a multiple of, by frequency and the `numFree` first positions; null for bf16.
  Value scales;
  int64_t numFree = 0;
};

/// Rounds `planes`, slots of `k` outermost, to words: as the dot product with the words of weights needs them,
/// (a, -b) for the real part and (b, a) for the imaginary one. Of the positions (the dimensions but slot and in) the
/// last `numWindows` share a scale.
WordPlanes emitWordPlanes(OpBuilder &builder, Location loc, WordFormat format, Value planes, int64_t inDim,
                          int64_t numWindows, int64_t lanes);

/// The extent of a dimension as planning memory follows it: through views, to what was allocated.
OpFoldResult extentOf(OpBuilder &builder, Location loc, Value memref, int64_t dim);

/// A buffer of `sizes`; its rows do not fall on the same sets of a cache if they are of `rowWords` words (0: do not
/// care).
Value allocateRows(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type element, int64_t rowWords);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WORDS_H
