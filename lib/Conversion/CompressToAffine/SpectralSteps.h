//===- SpectralSteps.h - Steps of the sums of spectral products -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a register tile of a spectral product adds to its sums at one tap and in block:
//
//   f32                   sums += (a + bi) * (wa + wbi)
//   words, i8 or bf16     a dot product for the real part and one for the imaginary part
//   words of weights      bf16 that become f32 where they are loaded; the activation stays f32: processors without dot
//                         products of bf16 would only spend instructions on rounding it
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_SPECTRALSTEPS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_SPECTRALSTEPS_H

#include "AffineNest.h"
#include "PlaneViews.h"
#include "Words.h"

namespace mlir::compress {

/// What a product of words has beyond one of f32.
struct WordFactors {
  WordFormat format;
  DotInstructions instructions;
  /// Of the activation, and of the weights by frequency and out block; null for bf16.
  Value inputScales, weightScales, offsets;
  /// Positions that have a scale of their own.
  int64_t numFree;

  bool isI8() const { return format == WordFormat::i8; }
};

/// The operands of a spectral product, which is a convolution of planes without windows or with some.
struct SpectralOperands {
  /// Planes; or words, which have a dimension for the part behind the frequency.
  Value input;
  Value weights, init;
  int64_t inDim, outDim;
  PlaneWindows windows;
  /// Out blocks of a panel of the weights; 0: there are no panels.
  int64_t panel = 0;
  /// If both factors are words.
  std::optional<WordFactors> words = std::nullopt;
  /// The weights alone are words, of two bf16.
  bool decodesWords = false;

  MemRefType initType() const { return cast<MemRefType>(init.getType()); }
  MemRefType weightsType() const { return cast<MemRefType>(weights.getType()); }
  int64_t rank() const { return initType().getRank() - 1; }
  int64_t numSlots() const { return initType().getDimSize(0); }
  int64_t numTaps() const { return windows.taps.size(); }
  /// Known if an operand's type tells.
  int64_t inBlocks() const { return staticOf(weightsType().getDimSize(firstTap() + numTaps()), inputBlocks()); }
  int64_t inputBlocks() const { return cast<MemRefType>(input.getType()).getDimSize(inDim + 1); }
  int64_t outBlocks() const {
    return panel ? initType().getDimSize(outDim + 1)
                 : staticOf(weightsType().getDimSize(1 + firstTap() + numTaps()), initType().getDimSize(outDim + 1));
  }
  /// The dimension of the weights with the first tap, or if there is none with in blocks.
  int64_t firstTap() const { return panel ? 2 : 1; }

  /// Blocks of one number fill words with those of two in blocks, as many words apart as there are; of an odd number of
  /// in blocks, the last word has one.
  bool hasPairsOfBlocks() const { return decodesWords && numSlots() == 1; }
  bool hasHalfWord() const { return hasPairsOfBlocks() && inputBlocks() % 2 == 1; }
  /// Steps along in blocks, without that of a word of one number.
  int64_t inSteps() const { return inBlocks() - hasHalfWord(); }

private:
  static int64_t staticOf(int64_t a, int64_t b) { return ShapedType::isStatic(a) ? a : b; }
};

/// One step of the sums of a tile.
struct SpectralStep {
  /// Slots of the frequency, 1 or 2 of a pair, and the first of them.
  int64_t parts;
  AffineExpr slot;
  /// The first of the tile: positions, which are the dimensions of the result but slot and out, and the out block.
  ArrayRef<AffineExpr> positions;
  AffineExpr out;
  /// What is summed over: taps, and the in block or the word of the weights.
  ArrayRef<AffineExpr> taps;
  AffineExpr in;
  /// The word has one number.
  bool isHalf = false;
};

/// Adds the products of a step to `sums`, which are those of each position of `tile`, for each out block of `outs`, for
/// each part.
void emitSpectralStep(AffineNest &nest, const SpectralOperands &operands, const SpectralStep &step, const TileRun &tile,
                      const TileRun &outs, MutableArrayRef<Value> sums);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_SPECTRALSTEPS_H
