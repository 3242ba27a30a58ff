//===- Spectral.cpp - Lower spectral products to loops ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%xs, %ws) outs(%ys)
//   =>
//   affine.for %f = … { affine.for %b = … { affine.for %o = … {         slots 0 and k/2, which are real, peeled
//     %re, %im = affine.for %g = … iter_args(…) { complex multiply-accumulate }
//     affine.store … } } }
//
// A product is a convolution without windows. Lanes run along out blocks where they are innermost (weights are, too),
// along the innermost window where its stride is 1; in the latter case several out blocks share each loaded activation.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Out blocks that share a loaded activation, where lanes are pixels: with two accumulators each, operands and
/// weights, they fit 32 registers.
constexpr int64_t kOutBlockTile = 8;
/// Vectors of out blocks that share a broadcast activation, where lanes are out blocks.
constexpr int64_t kOutVectorTile = 4;

struct SpectralLowering {
  Value input, weights, init;
  int64_t inDim, outDim;
  ArrayRef<int64_t> strides, dilations;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;

  MemRefType initType() const { return cast<MemRefType>(init.getType()); }
  MemRefType weightsType() const { return cast<MemRefType>(weights.getType()); }
  int64_t rank() const { return initType().getRank() - 1; }
  int64_t numTaps() const { return strides.size(); }
  /// Known if an operand's type tells.
  int64_t inBlocks() const {
    return staticOf(weightsType().getDimSize(1 + numTaps()), cast<MemRefType>(input.getType()).getDimSize(inDim + 1));
  }
  int64_t outBlocks() const {
    return staticOf(weightsType().getDimSize(2 + numTaps()), initType().getDimSize(outDim + 1));
  }
  static int64_t staticOf(int64_t a, int64_t b) { return ShapedType::isStatic(a) ? a : b; }

  /// Where the lanes of a vector run.
  enum class LaneDim { None, OutBlocks, Pixels };

  LaneDim chooseLaneDim() const {
    if (lanes == 1 || !isContiguousInside(init))
      return LaneDim::None;
    if (outDim == rank() - 1)
      return isContiguousInside(weights) ? LaneDim::OutBlocks : LaneDim::None;
    bool isPlainWindow = numTaps() > 0 && strides.back() == 1 && inDim != rank() - 1;
    return isPlainWindow && isContiguousInside(input) ? LaneDim::Pixels : LaneDim::None;
  }

  void lower() {
    int64_t k = initType().getDimSize(0), real = kernel::numRealSlots(k);
    for (int64_t slot = 0; slot < real; ++slot)
      lowerSlots(slot, slot + 1, /*isComplex=*/false);
    if (real < k)
      lowerSlots(real, k, /*isComplex=*/true);
  }

  /// Lowers the slots from `begin` to `end`: one real slot, or pairs.
  void lowerSlots(int64_t begin, int64_t end, bool isComplex) {
    LaneDim laneDim = chooseLaneDim();
    if (laneDim == LaneDim::None)
      return lowerTiles(begin, end, isComplex, laneDim, LaneRun::of(0, 0, 1, 1));
    bool isOut = laneDim == LaneDim::OutBlocks;
    int64_t extent = isOut ? outBlocks() : initType().getDimSize(rank());
    forEachLaneRun(extent, lanes, [&](LaneRun run) {
      if (run.part != LaneRun::Part::Static)
        return lowerTiles(begin, end, isComplex, laneDim, run);
      // Cut the run once more so that every chunk holds the same number of accumulators.
      int64_t most = isOut ? kOutVectorTile * run.width : run.width;
      forEachMultiple(run.begin, run.end, most, run.width,
                      [&](LaneRun chunks) { lowerTiles(begin, end, isComplex, laneDim, chunks); });
    });
  }

  /// Cuts [from, to) into runs of chunks of `most`, and one smaller chunk, a multiple of `width`.
  static void forEachMultiple(int64_t from, int64_t to, int64_t most, int64_t width, function_ref<void(LaneRun)> body) {
    int64_t whole = from + (to - from) / most * most;
    if (whole > from)
      body(LaneRun::of(from, whole, most, width));
    if (to > whole)
      body(LaneRun::of(whole, to, to - whole, width));
  }

  /// Lowers the chunks of `run`, with every out block.
  void lowerTiles(int64_t begin, int64_t end, bool isComplex, LaneDim laneDim, LaneRun run) {
    auto lowerOut = [&](LaneRun outs) {
      OpBuilder::InsertionGuard guard(builder);
      lowerNest(begin, end, isComplex, laneDim, run, outs);
    };
    if (laneDim == LaneDim::OutBlocks)
      return lowerOut(run);
    int64_t tile = laneDim == LaneDim::Pixels ? kOutBlockTile : 1;
    if (ShapedType::isStatic(outBlocks()))
      return forEachMultiple(0, outBlocks(), std::min(tile, outBlocks()), 1, lowerOut);
    lowerOut(LaneRun::wholeSteps(tile, 1));
    if (tile > 1)
      lowerOut(LaneRun::rest(tile));
  }

  /// The nest itself: slots, positions, out blocks, and inside of them the sum over taps and in blocks. A chunk of
  /// `run` is a vector of pixels, or the vectors of out blocks that `outs` is then, too.
  void lowerNest(int64_t begin, int64_t end, bool isComplex, LaneDim laneDim, LaneRun run, LaneRun outs) {
    AffineNest nest(builder, loc);
    int64_t parts = isComplex ? 2 : 1, width = run.width;
    AffineExpr slot = nest.loop(begin, end, parts);
    SmallVector<AffineExpr> outIndex(rank() + 1), inIndex(rank() + 1), positions;
    for (int64_t d = 0; d < rank(); ++d) {
      if (d == outDim)
        continue;
      bool isLane = laneDim == LaneDim::Pixels && d == rank() - 1;
      positions.push_back(isLane ? nest.loopOver(run, init, d + 1) : nest.loopOverDim(init, d + 1));
      outIndex[d + 1] = positions.back();
    }
    AffineExpr out = nest.loopOver(outs, init, outDim + 1);

    // Accumulators: part, then out block of the tile or vector of the chunk.
    int64_t outStep = outs.width, tile = outs.step / outStep;
    SmallVector<Value> sums;
    for (int64_t part = 0; part < parts; ++part)
      for (int64_t t = 0; t < tile; ++t) {
        outIndex[0] = slot + part;
        outIndex[outDim + 1] = out + t * outStep;
        sums.push_back(nest.load(init, outIndex, width));
      }

    SmallVector<AffineExpr> taps;
    for (int64_t t = 0; t < numTaps(); ++t)
      taps.push_back(nest.loopCarrying(weightsType().getDimSize(1 + t), sums));
    AffineExpr in = ShapedType::isStatic(inBlocks()) ? nest.loopCarrying(inBlocks(), sums)
                                                     : nest.loopOverDimCarrying(weights, 1 + numTaps(), sums);
    setInputIndex(inIndex, positions, taps, in);
    multiplyAccumulate(nest, slot, inIndex, taps, in, out, outStep, laneDim, width, tile, parts, sums);
    for (int64_t t = 0; t <= numTaps(); ++t)
      nest.closeCarrying(sums);

    for (int64_t part = 0; part < parts; ++part)
      for (int64_t t = 0; t < tile; ++t) {
        outIndex[0] = slot + part;
        outIndex[outDim + 1] = out + t * outStep;
        nest.store(sums[part * tile + t], init, outIndex);
      }
  }

  /// Index of the activation for the result's `positions`; the last of them are windows.
  void setInputIndex(SmallVectorImpl<AffineExpr> &index, ArrayRef<AffineExpr> positions, ArrayRef<AffineExpr> taps,
                     AffineExpr in) {
    int64_t firstWindow = positions.size() - numTaps(), position = 0;
    for (int64_t d = 0; d < rank(); ++d) {
      if (d == inDim) {
        index[d + 1] = in;
        continue;
      }
      int64_t window = position - firstWindow;
      index[d + 1] =
          window < 0 ? positions[position] : positions[position] * strides[window] + taps[window] * dilations[window];
      ++position;
    }
  }

  /// sums += weights * input for each out block (or vector of them) of the tile.
  void multiplyAccumulate(AffineNest &nest, AffineExpr slot, SmallVectorImpl<AffineExpr> &inIndex,
                          ArrayRef<AffineExpr> taps, AffineExpr in, AffineExpr out, int64_t outStep, LaneDim laneDim,
                          int64_t width, int64_t tile, int64_t parts, MutableArrayRef<Value> sums) {
    bool lanesAreOut = laneDim == LaneDim::OutBlocks;
    SmallVector<Value> x;
    for (int64_t part = 0; part < parts; ++part) {
      inIndex[0] = slot + part;
      x.push_back(lanesAreOut ? nest.loadBroadcast(input, inIndex, width) : nest.load(input, inIndex, width));
    }
    Value minusImaginary = parts == 2 ? nest.negate(x[1]) : Value();
    for (int64_t t = 0; t < tile; ++t) {
      SmallVector<Value> w;
      for (int64_t part = 0; part < parts; ++part) {
        SmallVector<AffineExpr> index{slot + part};
        index.append(taps.begin(), taps.end());
        index.append({in, out + t * outStep});
        w.push_back(lanesAreOut ? nest.load(weights, index, width) : nest.loadBroadcast(weights, index, width));
      }
      Value &re = sums[t];
      re = nest.fma(w[0], x[0], re);
      if (parts == 1)
        continue;
      Value &im = sums[tile + t];
      re = nest.fma(w[1], minusImaginary, re);
      im = nest.fma(w[0], x[1], im);
      im = nest.fma(w[1], x[0], im);
    }
  }
};

} // namespace

void mlir::compress::lowerSpectralMatmul(SpectralMatmulOp op, int64_t lanes, OpBuilder &builder) {
  SpectralLowering{op.getInput(),
                   op.getWeights(),
                   op.getInit(),
                   static_cast<int64_t>(op.getInDim()),
                   static_cast<int64_t>(op.getOutDim()),
                   {},
                   {},
                   lanes,
                   builder,
                   op.getLoc()}
      .lower();
}

void mlir::compress::lowerSpectralConv(SpectralConvOp op, int64_t lanes, OpBuilder &builder) {
  SpectralLowering{op.getInput(),
                   op.getWeights(),
                   op.getInit(),
                   static_cast<int64_t>(op.getInDim()),
                   static_cast<int64_t>(op.getOutDim()),
                   op.getStrides(),
                   op.getDilations(),
                   lanes,
                   builder,
                   op.getLoc()}
      .lower();
}
