//===- Spectral.cpp - Lower spectral products to loops ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%xs, %ws) outs(%ys)
//   =>
//   affine.for %f = … { affine.for %o = … { affine.for %b = … {         slots 0 and k/2, which are real, peeled
//     %sums:16 = affine.for %g = … iter_args(…) { complex multiply-accumulate }
//     affine.store … } } }
//
// A product is a convolution without windows. Lanes run along out blocks where they are innermost (weights are, too):
// then several positions share each loaded weight. Else they run along the innermost dimension of the positions, 1 or 2
// apart: then several out blocks share each loaded activation. All sums of such a tile are in registers.
//
// Sums that start from zero need no memory that holds zeros: a fill of a fresh buffer goes.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "Epilogue.h"
#include "PlaneViews.h"
#include "ProductLowering.h"
#include "Words.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Complex sums of a tile: two registers each, beside operands, of the 32 of AVX-512 or the 16 of processors with
/// narrower vectors.
int64_t tileSumsFor(int64_t lanes) { return lanes >= 16 ? 8 : 4; }
/// Vectors of out blocks where lanes are out blocks: with several positions, and with one, where nothing but the number
/// of sums hides the latency of a multiply-add.
constexpr int64_t kSharedOutVectors = 2, kOutVectors = 4;
/// Vectors of positions where lanes are positions.
constexpr int64_t kPositionVectors = 2;

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

struct SpectralLowering {
  /// Planes; or words, which have a dimension for the part behind the frequency.
  Value input;
  Value weights, init;
  int64_t inDim, outDim;
  PlaneWindows windows;
  /// The sums start from zero, and nothing of `init` is read.
  bool startsFromZero;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;
  std::optional<WordFactors> words = std::nullopt;
  /// Out blocks of a panel of the weights; 0: there are no panels.
  int64_t panel = 0;

  MemRefType initType() const { return cast<MemRefType>(init.getType()); }
  MemRefType weightsType() const { return cast<MemRefType>(weights.getType()); }
  int64_t rank() const { return initType().getRank() - 1; }
  int64_t numTaps() const { return windows.taps.size(); }
  /// Known if an operand's type tells.
  int64_t inBlocks() const {
    return staticOf(weightsType().getDimSize(firstTap() + numTaps()),
                    cast<MemRefType>(input.getType()).getDimSize(inDim + 1));
  }
  int64_t outBlocks() const {
    return panel ? initType().getDimSize(outDim + 1)
                 : staticOf(weightsType().getDimSize(1 + firstTap() + numTaps()), initType().getDimSize(outDim + 1));
  }
  /// The dimension of the weights with the first tap, or if there is none with in blocks.
  int64_t firstTap() const { return panel ? 2 : 1; }
  static int64_t staticOf(int64_t a, int64_t b) { return ShapedType::isStatic(a) ? a : b; }
  /// The dimension of `init`, without the slot, along which a tile has several positions: the last one; -1 if none.
  int64_t tileDim() const { return outDim == rank() - 1 ? rank() - 2 : rank() - 1; }
  int64_t tileExtent() const {
    return windows.lastExtent ? *windows.lastExtent : tileDim() < 0 ? 1 : initType().getDimSize(tileDim() + 1);
  }

  /// Where the lanes of a vector run.
  enum class LaneDim { None, OutBlocks, Positions };

  LaneDim chooseLaneDim() const {
    if (lanes == 1 || !isContiguousInside(init))
      return LaneDim::None;
    if (outDim == rank() - 1)
      return isContiguousInside(weights) ? LaneDim::OutBlocks : LaneDim::None;
    bool isPlain = inDim != rank() - 1 && windows.strides.back() <= 2;
    return isPlain && isContiguousInside(input) ? LaneDim::Positions : LaneDim::None;
  }

  void lower() {
    int64_t k = initType().getDimSize(0), real = words ? k % 2 : kernel::numRealSlots(k);
    for (int64_t slot = 0; slot < real; ++slot)
      lowerSlots(slot, slot + 1, /*isComplex=*/false);
    if (real < k)
      lowerSlots(real, k, /*isComplex=*/true);
  }

  /// Lowers the slots from `begin` to `end`: one real slot, or pairs.
  void lowerSlots(int64_t begin, int64_t end, bool isComplex) {
    Slots slots{begin, end, isComplex ? 2 : 1};
    switch (chooseLaneDim()) {
    case LaneDim::None:
      return forEachRun(tileExtent(), 1, 1, [&](const TileRun &positions) {
        forEachRun(outBlocks(), 1, 1, [&](const TileRun &outs) { lowerNest(slots, positions, outs); });
      });
    case LaneDim::Positions:
      return lowerPositionLanes(slots);
    case LaneDim::OutBlocks:
      return lowerOutLanes(slots);
    }
  }

  /// Computes products of bf16 in tile registers, if there are some and lanes would be out blocks; false otherwise.
  bool lowerToTiles() {
    if (!words || words->isI8() || !words->instructions.tilesBF16 || chooseLaneDim() != LaneDim::OutBlocks ||
        inDim != rank() - 1)
      return false;
    return lowerSpectralDotToTiles(
        input, weights, init, windows, panel, startsFromZero, [&] { lower(); }, builder, loc);
  }

  /// Slots of which `parts` make a frequency: 1, or 2 of a pair.
  struct Slots {
    int64_t begin, end, parts;
  };

  /// Runs that cover `extent`, of which `perChunk` vectors make a chunk if it is static.
  void forEachRun(int64_t extent, int64_t lanes, int64_t perChunk, function_ref<void(const TileRun &)> body) {
    if (ShapedType::isDynamic(extent))
      return forEachLaneRun(extent, lanes, [&](LaneRun run) { body(TileRun::of(run)); });
    for (const TileRun &run : cutIntoTiles(extent, lanes, perChunk, startsFromZero))
      body(run);
  }

  /// Where there are fewer vectors of positions, a tile has more out blocks: enough sums hide the latency.
  void lowerPositionLanes(Slots slots) {
    int64_t sums = tileSumsFor(lanes) * 2 / slots.parts, vectors = kPositionVectors;
    if (ShapedType::isStatic(tileExtent()))
      vectors = std::min(vectors, countOverlapping(tileExtent(), lanes));
    int64_t outs = sums / vectors;
    if (ShapedType::isStatic(outBlocks()) && outBlocks() > 0) // tiles of about one height
      outs = llvm::divideCeil(outBlocks(), llvm::divideCeil(outBlocks(), outs));
    vectors = sums / outs;
    forEachRun(tileExtent(), lanes, vectors, [&](const TileRun &positions) {
      forEachRun(outBlocks(), 1, outs, [&](const TileRun &outs) { lowerNest(slots, positions, outs); });
    });
  }

  /// All positions for some vectors of out blocks, then the next ones: weights, which are many, come once.
  void lowerOutLanes(Slots slots) {
    // No vector reads from two panels, which may have been made for a processor of other vectors.
    int64_t width = panel ? std::gcd(lanes, panel) : lanes;
    bool isWide = ShapedType::isStatic(outBlocks()) && countOverlapping(outBlocks(), width) > 1;
    int64_t shared = isWide ? kSharedOutVectors : 1;
    SmallVector<TileRun> rows = cutIntoTilesOfRows(tileSumsFor(lanes) * 2 / slots.parts / shared);
    bool hasSingle = llvm::any_of(rows, [](const TileRun &run) { return run.offsets.size() == 1; });
    forEachRun(outBlocks(), width, hasSingle ? kOutVectors : shared, [&](const TileRun &outs) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest nest(builder, loc);
      AffineExpr slot = nest.loop(slots.begin, slots.end, slots.parts);
      AffineExpr out = nest.loopOver(outs.run, init, outDim + 1);
      for (const TileRun &tile : rows)
        forEachPart(nest, outs, tile.offsets.size() == 1 ? kOutVectors : shared,
                    [&](AffineNest inside, AffineExpr offset, const TileRun &part) {
                      OpBuilder::InsertionGuard guard(builder);
                      SmallVector<AffineExpr> positions = openPositions(inside, tile);
                      lowerTile(inside, slots.parts, slot, positions, out + offset, tile, part);
                    });
    });
  }

  /// Tiles of at most `most` positions.
  SmallVector<TileRun> cutIntoTilesOfRows(int64_t most) {
    int64_t extent = tileExtent();
    if (ShapedType::isStatic(extent))
      return cutIntoTiles(extent, 1, most, startsFromZero);
    return llvm::map_to_vector(
        cutIntoRows(most), [](LaneRun run) { return TileRun{run, llvm::to_vector(llvm::seq<int64_t>(0, run.step))}; });
  }

  /// Calls `body` for each part of at most `vectors` vectors of a tile of out blocks, in a loop over equal ones; with
  /// how far it is from the begin of the tile.
  void forEachPart(AffineNest &nest, const TileRun &outs, int64_t vectors,
                   function_ref<void(AffineNest, AffineExpr, const TileRun &)> body) {
    int64_t count = outs.offsets.size(), width = outs.run.width;
    auto partOf = [&](int64_t first, int64_t last) {
      return TileRun{outs.run, SmallVector<int64_t>(llvm::ArrayRef(outs.offsets).slice(first, last - first))};
    };
    bool isEven = count > vectors && count % vectors == 0 && outs.offsets.back() == (count - 1) * width;
    if (isEven) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inside(nest);
      AffineExpr offset = inside.loop(0, count * width, vectors * width);
      return body(inside, offset, partOf(0, vectors));
    }
    // Vectors that overlap are in one part, unless the later one may compute anew what the earlier one stored.
    bool overlaps =
        !startsFromZero && vectors > 1 && count > 1 && outs.offsets.back() != outs.offsets[count - 2] + width;
    for (int64_t first = 0, last; first < count; first = last) {
      last = std::min(first + vectors, count);
      if (overlaps && last == count - 1)
        --last;
      body(nest, nest.constant(0), partOf(first, last));
    }
  }

  /// Opens loops over the dimensions of the result but slot and out blocks.
  SmallVector<AffineExpr> openPositions(AffineNest &nest, const TileRun &tile) {
    SmallVector<AffineExpr> positions;
    for (int64_t d = 0; d < rank(); ++d)
      if (d != outDim)
        positions.push_back(d == tileDim() ? nest.loopOver(tile.run, init, d + 1) : nest.loopOverDim(init, d + 1));
    return positions;
  }

  /// Slots, positions, then out blocks: activations are what a tile of positions uses again and again.
  void lowerNest(Slots slots, const TileRun &tile, const TileRun &outs) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr slot = nest.loop(slots.begin, slots.end, slots.parts);
    SmallVector<AffineExpr> positions = openPositions(nest, tile);
    AffineExpr out = nest.loopOver(outs.run, init, outDim + 1);
    lowerTile(nest, slots.parts, slot, positions, out, tile, outs);
  }

  /// How many sums each sum of a tile of `numSums` is at first, of in blocks in turn: one multiply-add after the other
  /// waits for the latency of the one before.
  int64_t turnsFor(int64_t numSums) const {
    constexpr int64_t kEnoughSums = 8;
    int64_t turns = 1;
    if (lanes > 1 && !words && ShapedType::isStatic(inBlocks()))
      while (numSums * turns < kEnoughSums && inBlocks() % (2 * turns) == 0 && inBlocks() > 2 * turns)
        turns *= 2;
    return turns;
  }

  /// The sums over taps and in blocks of one tile.
  void lowerTile(AffineNest &nest, int64_t parts, AffineExpr slot, ArrayRef<AffineExpr> positions, AffineExpr out,
                 const TileRun &tile, const TileRun &outs) {
    SmallVector<Value> before, sums;
    forEachSum(tile, outs, parts, slot, positions, out, [&](int64_t i, ArrayRef<AffineExpr> index, int64_t width) {
      before.push_back(startsFromZero ? nest.zero(init, width) : nest.load(init, index, width));
      sums.push_back(words && words->isI8() ? loadOffset(nest, index, i % parts, outs.run.width, width)
                                            : before.back());
    });
    int64_t numSums = sums.size(), turns = turnsFor(numSums);
    if (turns > 1)
      sums.append(numSums * (turns - 1), nest.zero(init, std::max(tile.run.width, outs.run.width)));
    SmallVector<AffineExpr> taps;
    for (int64_t t = 0; t < numTaps(); ++t)
      taps.push_back(nest.loopCarrying(weightsType().getDimSize(firstTap() + t), sums));
    AffineExpr in = ShapedType::isStatic(inBlocks()) ? nest.loopCarrying(inBlocks() / turns, sums)
                                                     : nest.loopOverDimCarrying(weights, firstTap() + numTaps(), sums);
    if (words)
      accumulateDots(nest, tile, outs, parts, slot, positions, out, taps, in, sums);
    else
      for (int64_t turn = 0; turn < turns; ++turn)
        multiplyAccumulate(nest, tile, outs, parts, slot, positions, out, taps, in * turns + turn,
                           MutableArrayRef(sums).slice(turn * numSums, numSums));
    for (int64_t t = 0; t <= numTaps(); ++t)
      nest.closeCarrying(sums);
    for (int64_t left = sums.size(); left > numSums; left /= 2)
      for (int64_t i = 0; i < left / 2; ++i)
        sums[i] = arith::AddFOp::create(builder, loc, sums[i], sums[left / 2 + i]);
    forEachSum(tile, outs, parts, slot, positions, out, [&](int64_t i, ArrayRef<AffineExpr> index, int64_t width) {
      bool isI8 = words && words->isI8();
      nest.store(isI8 ? scaled(nest, sums[i], before[i], index, i % parts, outs.run.width, width) : sums[i], init,
                 index);
    });
  }

  /// A number for each out block at `index` of the result: `of` has frequencies by out blocks.
  Value loadOfOut(AffineNest &nest, Value of, ArrayRef<AffineExpr> index, int64_t part, int64_t outWidth,
                  int64_t width) {
    SmallVector<AffineExpr> at{(index[0] - part).ceilDiv(2), index[outDim + 1]};
    return outWidth > 1 ? nest.load(of, at, width) : nest.loadBroadcast(of, at, width);
  }

  /// What the sum of products at `index`, of the frequency's `part`, starts from.
  Value loadOffset(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t part, int64_t outWidth, int64_t width) {
    return loadOfOut(nest, words->offsets, index, part, outWidth, width);
  }

  /// before + sum * scales
  Value scaled(AffineNest &nest, Value sum, Value before, ArrayRef<AffineExpr> index, int64_t part, int64_t outWidth,
               int64_t width) {
    SmallVector<AffineExpr> at{(index[0] - part).ceilDiv(2)};
    for (int64_t d = 0, position = 0; d < rank(); ++d)
      if (d != outDim && position++ < words->numFree)
        at.push_back(index[d + 1]);
    Value factor = nest.loadBroadcast(words->inputScales, at, width);
    factor =
        arith::MulFOp::create(builder, loc, factor, loadOfOut(nest, words->weightScales, index, part, outWidth, width));
    Value number = arith::SIToFPOp::create(builder, loc, factor.getType(), sum);
    return nest.fma(number, factor, before);
  }

  /// Calls `body` with the number and the place of each sum of a tile: position, then out block, then part.
  void forEachSum(const TileRun &tile, const TileRun &outs, int64_t parts, AffineExpr slot,
                  ArrayRef<AffineExpr> positions, AffineExpr out,
                  function_ref<void(int64_t, ArrayRef<AffineExpr>, int64_t width)> body) {
    int64_t number = 0;
    for (int64_t atPosition : tile.offsets)
      for (int64_t atOut : outs.offsets)
        for (int64_t part = 0; part < parts; ++part) {
          SmallVector<AffineExpr> index(positions);
          if (!index.empty())
            index.back() = index.back() + atPosition;
          index.insert(index.begin() + outDim, out + atOut);
          index.insert(index.begin(), slot + part);
          body(number++, index, std::max(tile.run.width, outs.run.width));
        }
  }

  /// Index of the activation for the result's `positions`.
  SmallVector<AffineExpr> inputIndex(AffineExpr slot, ArrayRef<AffineExpr> positions, int64_t offset,
                                     ArrayRef<AffineExpr> taps, AffineExpr in) {
    SmallVector<AffineExpr> index(positions);
    if (!index.empty())
      index.back() = index.back() + offset;
    for (auto [p, expr] : llvm::enumerate(index))
      expr = expr * windows.strides[p];
    for (auto [tap, window] : llvm::zip(taps, windows.taps))
      index[window.position] = index[window.position] + tap * window.step;
    index.insert(index.begin() + inDim, in);
    index.insert(index.begin(), slot);
    return index;
  }

  /// The activation at `index`: of `width` positions if lanes are positions, or of one for all lanes.
  Value loadInput(AffineNest &nest, ArrayRef<AffineExpr> index, const TileRun &tile, int64_t width) {
    return tile.run.width > 1 ? nest.loadStrided(input, index, windows.strides.back(), width)
                              : nest.loadBroadcast(input, index, width);
  }

  /// The weights of each out block of the tile, at each of `slots`.
  SmallVector<Value> loadWeights(AffineNest &nest, const TileRun &outs, ArrayRef<AffineExpr> slots,
                                 ArrayRef<AffineExpr> taps, AffineExpr in, AffineExpr out, int64_t width) {
    SmallVector<Value> loaded;
    for (int64_t atOut : outs.offsets)
      for (AffineExpr slot : slots) {
        SmallVector<AffineExpr> index{slot};
        if (panel)
          index.push_back((out + atOut).floorDiv(panel));
        index.append(taps.begin(), taps.end());
        index.append({in, panel ? (out + atOut) % panel : out + atOut});
        loaded.push_back(outs.run.width > 1 ? nest.load(weights, index, width)
                                            : nest.loadBroadcast(weights, index, width));
      }
    return loaded;
  }

  /// Asks for a step of the next panel, which comes from far away: for one of its lines, if there are other tiles of
  /// rows to ask for the others. Behind the last panel a prefetch does nothing.
  void prefetchPanel(AffineNest &nest, AffineExpr row, const TileRun &tile, AffineExpr slot, ArrayRef<AffineExpr> taps,
                     AffineExpr in, AffineExpr out) {
    constexpr int64_t kLineWords = 16;
    SmallVector<AffineExpr> index{slot.ceilDiv(2), out.floorDiv(panel) + 1};
    llvm::append_range(index, taps);
    index.append({in, nest.constant(0)});
    int64_t lines = std::max<int64_t>(1, panel / kLineWords);
    if (tile.run.part == LaneRun::Part::WholeSteps) {
      index.back() = row.floorDiv(tile.run.step) % lines * kLineWords;
      return nest.prefetch(weights, index);
    }
    for (int64_t line = 0; line < lines; ++line) {
      index.back() = nest.constant(line * kLineWords);
      nest.prefetch(weights, index);
    }
  }

  /// The same for words: a dot product for each part.
  void accumulateDots(AffineNest &nest, const TileRun &tile, const TileRun &outs, int64_t parts, AffineExpr slot,
                      ArrayRef<AffineExpr> positions, AffineExpr out, ArrayRef<AffineExpr> taps, AffineExpr in,
                      MutableArrayRef<Value> sums) {
    int64_t width = std::max(tile.run.width, outs.run.width);
    if (parts == 1 && panel && outs.run.width > 1 && tile.offsets.size() > 1)
      prefetchPanel(nest, positions.back(), tile, slot, taps, in, out);
    SmallVector<Value> w = loadWeights(nest, outs, {slot.ceilDiv(2)}, taps, in, out, width);
    int64_t numOuts = w.size(), position = 0;
    for (int64_t atPosition : tile.offsets) {
      for (int64_t part = 0; part < parts; ++part) {
        SmallVector<AffineExpr> index = inputIndex(slot.ceilDiv(2), positions, atPosition, taps, in);
        index.insert(index.begin() + 1, nest.constant(part));
        Value x = loadInput(nest, index, tile, width);
        for (int64_t o = 0; o < numOuts; ++o) {
          Value &sum = sums[(position * numOuts + o) * parts + part];
          sum = emitDot(nest, words->format, words->instructions, x, w[o], sum);
        }
      }
      ++position;
    }
  }

  /// sums += weights * input for each position and out block of the tile.
  void multiplyAccumulate(AffineNest &nest, const TileRun &tile, const TileRun &outs, int64_t parts, AffineExpr slot,
                          ArrayRef<AffineExpr> positions, AffineExpr out, ArrayRef<AffineExpr> taps, AffineExpr in,
                          MutableArrayRef<Value> sums) {
    int64_t width = std::max(tile.run.width, outs.run.width);
    SmallVector<AffineExpr> slots;
    for (int64_t part = 0; part < parts; ++part)
      slots.push_back(slot + part);
    SmallVector<Value> w = loadWeights(nest, outs, slots, taps, in, out, width), x;
    for (int64_t atPosition : tile.offsets) {
      for (int64_t part = 0; part < parts; ++part)
        x.push_back(loadInput(nest, inputIndex(slot + part, positions, atPosition, taps, in), tile, width));
    }
    Value *sum = sums.data();
    for (int64_t i = 0, e = tile.offsets.size(); i < e; ++i) {
      Value xr = x[i * parts], xi = x[i * parts + parts - 1], minusXi = parts == 2 ? nest.negate(xi) : Value();
      for (int64_t o = 0, oe = outs.offsets.size(); o < oe; ++o, sum += parts) {
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
};

/// Lowers a product of `input` and `weights` into `init`; `strides` and `dilations` of the innermost dimensions are
/// those of a convolution.
void lowerSpectral(Operation *op, Value input, Value weights, Value init, int64_t inDim, int64_t outDim,
                   ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations, int64_t panel, int64_t lanes,
                   OpBuilder &builder) {
  SpectralLowering lowering{input, weights, init,    inDim,        outDim,       planeWindows(init, strides, dilations),
                            false, lanes,   builder, op->getLoc(), std::nullopt, panel};
  if (lanes > 1) {
    lowering.startsFromZero = eraseZeroFill(op, init);
    arrangePlanes(op, lanes, lowering.input, lowering.init, inDim, outDim, lowering.windows, lowering.startsFromZero,
                  builder);
  }
  lowering.lower();
}

} // namespace

void mlir::compress::lowerSpectralMatmul(SpectralMatmulOp op, int64_t lanes, OpBuilder &builder) {
  lowerSpectral(op, op.getInput(), op.getWeights(), op.getInit(), op.getInDim(), op.getOutDim(), {}, {}, op.getPanel(),
                lanes, builder);
}

void mlir::compress::lowerSpectralConv(SpectralConvOp op, int64_t lanes, OpBuilder &builder) {
  lowerSpectral(op, op.getInput(), op.getWeights(), op.getInit(), op.getInDim(), op.getOutDim(), op.getStrides(),
                op.getDilations(), /*panel=*/0, lanes, builder);
}

void mlir::compress::lowerSpectralDot(SpectralDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  int64_t inDim = op.getInDim(), outDim = op.getOutDim();
  Value input = op.getInput(), init = op.getInit();
  PlaneWindows windows = planeWindows(init, op.getStrides(), op.getDilations());
  bool startsFromZero = lanes > 1 && eraseZeroFill(op, init);
  if (lanes > 1)
    arrangePlanes(op, lanes, input, init, inDim, outDim, windows, startsFromZero, builder);
  llvm::SmallDenseSet<int64_t> moved;
  for (const PlaneWindows::Tap &tap : windows.taps)
    moved.insert(tap.position);
  WordPlanes planes = emitWordPlanes(builder, op.getLoc(), op.getWords(), input, inDim, moved.size(), lanes);
  Value weightScales, offsets;
  if (!op.getScaling().empty()) {
    weightScales = op.getScaling()[0];
    offsets = op.getScaling()[1];
  }
  WordFactors words{op.getWords(), DotInstructions::get(extensions), planes.scales, weightScales, offsets,
                    planes.numFree};
  SpectralLowering lowering{planes.words,   op.getWeights(), init,    inDim,       outDim, windows,
                            startsFromZero, lanes,           builder, op.getLoc(), words,  op.getPanel()};
  if (!lowering.lowerToTiles())
    lowering.lower();
}
