//===- SpectralSteps.cpp - Steps of the sums of spectral products ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpectralSteps.h"
#include "LaneEmitter.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

struct StepEmitter {
  AffineNest &nest;
  const SpectralOperands &operands;
  const SpectralStep &step;
  const TileRun &tile, &outs;
  MutableArrayRef<Value> sums;
  int64_t width = std::max(tile.run.width, outs.run.width);
  int64_t numOuts = outs.offsets.size();

  //===--------------------------------------------------------------------===//
  // Loads
  //===--------------------------------------------------------------------===//

  /// Index of the activation for the tile's position at `offset`.
  SmallVector<AffineExpr> inputIndex(AffineExpr slot, int64_t offset, AffineExpr in) const {
    const PlaneWindows &windows = operands.windows;
    SmallVector<AffineExpr> index(step.positions);
    if (!index.empty())
      index.back() = index.back() + offset;
    for (auto [p, expr] : llvm::enumerate(index))
      expr = expr * windows.strides[p];
    for (auto [tap, window] : llvm::zip(step.taps, windows.taps))
      index[window.position] = index[window.position] + tap * window.step;
    index.insert(index.begin() + operands.inDim, in);
    index.insert(index.begin(), slot);
    return index;
  }

  /// The activation at `index`: of `width` positions if lanes are positions, or of one for all lanes.
  Value loadInput(ArrayRef<AffineExpr> index) const {
    return tile.run.width > 1 ? nest.loadStrided(operands.input, index, operands.windows.strides.back(), width)
                              : nest.loadBroadcast(operands.input, index, width);
  }

  /// The activation at in block `in`, of each position, for each part.
  SmallVector<Value> loadInputs(AffineExpr in) const {
    SmallVector<Value> loaded;
    for (int64_t atPosition : tile.offsets)
      for (int64_t part = 0; part < step.parts; ++part)
        loaded.push_back(loadInput(inputIndex(step.slot + part, atPosition, in)));
    return loaded;
  }

  /// The weights of each out block, at each of `slots`; or words of them, of a frequency.
  SmallVector<Value> loadWeights(ArrayRef<AffineExpr> slots) const {
    int64_t panel = operands.panel;
    SmallVector<Value> loaded;
    for (int64_t atOut : outs.offsets)
      for (AffineExpr slot : slots) {
        SmallVector<AffineExpr> index{slot};
        if (panel)
          index.push_back((step.out + atOut).floorDiv(panel));
        index.append(step.taps.begin(), step.taps.end());
        index.append({step.in, panel ? (step.out + atOut) % panel : step.out + atOut});
        loaded.push_back(outs.run.width > 1 ? nest.load(operands.weights, index, width)
                                            : nest.loadBroadcast(operands.weights, index, width));
      }
    return loaded;
  }

  /// Asks for a step of the next panel, which comes from far away: for one of its lines, if there are other tiles of
  /// rows to ask for the others. Behind the last panel a prefetch does nothing.
  void prefetchPanel() const {
    constexpr int64_t kLineWords = 16;
    SmallVector<AffineExpr> index{step.slot.ceilDiv(2), step.out.floorDiv(operands.panel) + 1};
    llvm::append_range(index, step.taps);
    index.append({step.in, nest.constant(0)});
    int64_t lines = std::max<int64_t>(1, operands.panel / kLineWords);
    if (tile.run.part == LaneRun::Part::WholeSteps) {
      index.back() = step.positions.back().floorDiv(tile.run.step) % lines * kLineWords;
      return nest.prefetch(operands.weights, index);
    }
    for (int64_t line = 0; line < lines; ++line) {
      index.back() = nest.constant(line * kLineWords);
      nest.prefetch(operands.weights, index);
    }
  }

  //===--------------------------------------------------------------------===//
  // Products
  //===--------------------------------------------------------------------===//

  void run() {
    if (operands.words)
      return addDots();
    if (operands.decodesWords)
      return addProductsOfWords();
    SmallVector<AffineExpr> slots;
    for (int64_t part = 0; part < step.parts; ++part)
      slots.push_back(step.slot + part);
    addProducts(loadWeights(slots), loadInputs(step.in));
  }

  /// sums += w * x, complex if there are two parts.
  void addProducts(ArrayRef<Value> w, ArrayRef<Value> x) {
    int64_t parts = step.parts;
    Value *sum = sums.data();
    for (int64_t i = 0, e = tile.offsets.size(); i < e; ++i) {
      Value xr = x[i * parts], xi = x[i * parts + parts - 1], minusXi = parts == 2 ? nest.negate(xi) : Value();
      for (int64_t o = 0; o < numOuts; ++o, sum += parts) {
        Value wr = w[o * parts], wi = w[o * parts + parts - 1];
        sum[0] = nest.fma(wr, xr, sum[0]);
        if (parts == 1)
          continue;
        sum[1] = nest.fma(wr, xi, sum[1]);
        sum[0] = nest.fma(wi, minusXi, sum[0]);
        sum[1] = nest.fma(wi, xr, sum[1]);
      }
    }
  }

  /// The words of a frequency. Of an even number of slots, the real ones 0 and 1 share the first.
  SmallVector<Value> loadWords() const {
    return loadWeights({operands.numSlots() % 2 == 0 ? step.slot.floorDiv(2) : step.slot.ceilDiv(2)});
  }

  /// The low or the high number of each word, as f32; or of each both, one after the other.
  SmallVector<Value> decode(ArrayRef<Value> words, bool low, bool high) const {
    LaneEmitter emit{nest.builder, nest.loc, width};
    SmallVector<Value> numbers;
    for (Value word : words) {
      if (low)
        numbers.push_back(emit.numberOf(emit.left(word, 16)));
      if (high)
        numbers.push_back(emit.numberOf(emit.masked(word, kHighHalf)));
    }
    return numbers;
  }

  void addProductsOfWords() {
    SmallVector<Value> words = loadWords();
    if (operands.hasPairsOfBlocks()) {
      addProducts(decode(words, true, false), loadInputs(step.in));
      if (!step.isHalf)
        addProducts(decode(words, false, true), loadInputs(step.in + operands.inBlocks()));
      return;
    }
    bool isPair = step.parts == 2, isSecond = !isPair && step.slot == nest.constant(1);
    addProducts(decode(words, isPair || !isSecond, isPair || isSecond), loadInputs(step.in));
  }

  /// A dot product of words for each part.
  void addDots() {
    const WordFactors &words = *operands.words;
    AffineExpr frequency = step.slot.ceilDiv(2);
    if (step.parts == 1 && operands.panel && outs.run.width > 1 && tile.offsets.size() > 1)
      prefetchPanel();
    SmallVector<Value> w = loadWeights({frequency});
    for (auto [position, atPosition] : llvm::enumerate(tile.offsets))
      for (int64_t part = 0; part < step.parts; ++part) {
        SmallVector<AffineExpr> index = inputIndex(frequency, atPosition, step.in);
        index.insert(index.begin() + 1, nest.constant(part));
        Value x = loadInput(index);
        for (int64_t o = 0; o < numOuts; ++o) {
          Value &sum = sums[(position * numOuts + o) * step.parts + part];
          sum = emitDot(nest, words.format, words.instructions, x, w[o], sum);
        }
      }
  }
};

} // namespace

void mlir::compress::emitSpectralStep(AffineNest &nest, const SpectralOperands &operands, const SpectralStep &step,
                                      const TileRun &tile, const TileRun &outs, MutableArrayRef<Value> sums) {
  StepEmitter{nest, operands, step, tile, outs, sums}.run();
}
