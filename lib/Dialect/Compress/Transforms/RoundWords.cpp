//===- RoundWords.cpp - Weights in words of small numbers -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RoundWords.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::compress;

/// The largest magnitude of a signed byte that its negative has, too, and of one without sign.
static constexpr double kMostI8 = 127, kMostU8 = 255;
/// Numbers of the activation have this added, to have no sign.
static constexpr double kActivationOffset = 128;

bool mlir::compress::fitsSumsOfBytes(int64_t numbers) {
  return static_cast<double>(numbers) * kMostU8 * kMostI8 <= std::numeric_limits<int32_t>::max();
}

static uint32_t bitsOfBF16(double value) {
  llvm::APFloat number(static_cast<float>(value));
  bool losesInfo;
  number.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

static double valueOfBF16(uint32_t bits) {
  return llvm::APFloat(llvm::APFloat::BFloat(), llvm::APInt(16, bits)).convertToFloat();
}

/// The slots of frequency `f`: for even k the real slots 0 and k/2 share one. -1: none.
static SmallVector<int64_t> slotsOf(int64_t f, int64_t k) {
  if (k == 1)
    return {0};
  if (k % 2 == 0)
    return {2 * f, 2 * f + 1};
  return f == 0 ? SmallVector<int64_t>{0, -1} : SmallVector<int64_t>{2 * f - 1, 2 * f};
}

namespace {

/// Rounds what one frequency has of one out block.
struct WordRounding {
  WordWeights &weights;
  ArrayRef<double> values;
  WordFormat format;
  int64_t frequency, out;
  SmallVector<int64_t> slots = slotsOf(frequency, weights.k);

  double valueAt(int64_t slot, int64_t tap, int64_t in) const {
    if (slot < 0 || in >= weights.inBlocks)
      return 0;
    return values[((slot * weights.taps + tap) * weights.inBlocks + in) * weights.outBlocks + out];
  }

  /// Where a word of the out block is.
  double &wordAt(int64_t tap, int64_t word) const {
    int64_t width = weights.panel ? weights.panel : weights.outBlocks, panels = weights.outBlocks / width;
    int64_t row = ((frequency * panels + out / width) * weights.taps + tap) * weights.inWords + word;
    return weights.words[row * width + out % width];
  }

  /// Calls `body` with the number in each place of each word, from the lowest bits up; it returns the bits.
  void forEachWord(function_ref<uint32_t(double)> body) const {
    int64_t perWord = format == WordFormat::bf16 ? 2 : 4, bits = 32 / perWord, numSlots = slots.size();
    for (int64_t tap = 0; tap < weights.taps; ++tap)
      for (int64_t i = 0; i < weights.inWords; ++i) {
        uint32_t word = 0;
        for (int64_t place = 0; place < perWord; ++place) {
          int64_t in = i + place / numSlots * weights.inWords;
          word |= body(valueAt(slots[place % numSlots], tap, in)) << place * bits;
        }
        wordAt(tap, i) = static_cast<int32_t>(word);
      }
  }

  void note(double value, double rounded) const {
    weights.squaredNorm += value * value;
    weights.squaredError += (value - rounded) * (value - rounded);
  }

  void toBF16() const {
    forEachWord([&](double value) {
      uint32_t bits = bitsOfBF16(value);
      note(value, valueOfBF16(bits));
      return bits;
    });
  }

  void toI8() const {
    double largest = 0, sum = 0;
    forEachWord([&](double value) {
      largest = std::max(largest, std::abs(value));
      return 0;
    });
    // As the kernel multiplies by it.
    double scale = static_cast<float>(largest / kMostI8);
    forEachWord([&](double value) {
      double code = scale > 0 ? std::clamp(std::nearbyint(value / scale), -kMostI8, kMostI8) : 0;
      note(value, code * scale);
      sum += code;
      return static_cast<uint32_t>(static_cast<int32_t>(code)) & 0xff;
    });
    weights.scales[frequency * weights.outBlocks + out] = scale;
    weights.offsets[frequency * weights.outBlocks + out] = -kActivationOffset * sum;
  }
};

} // namespace

void WordWeights::round(WordFormat format, ArrayRef<double> values) {
  frequencies = llvm::divideCeil(k, 2);
  inWords = llvm::divideCeil(inBlocks, SpectralDotOp::blocksPerWord(format, k));
  words.assign(frequencies * taps * inWords * outBlocks, 0);
  if (format == WordFormat::i8) {
    scales.assign(frequencies * outBlocks, 0);
    offsets.assign(frequencies * outBlocks, 0);
  }
  for (int64_t f = 0; f < frequencies; ++f)
    for (int64_t out = 0; out < outBlocks; ++out) {
      WordRounding rounding{*this, values, format, f, out};
      format == WordFormat::bf16 ? rounding.toBF16() : rounding.toI8();
    }
}

double WordWeights::relativeError() const { return squaredNorm > 0 ? std::sqrt(squaredError / squaredNorm) : 0; }
