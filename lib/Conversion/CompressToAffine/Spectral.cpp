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
#include "SpectralSteps.h"
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

struct SpectralLowering : SpectralOperands {
  /// The sums start from zero, and nothing of `init` is read.
  bool startsFromZero;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;

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
    int64_t k = numSlots(), real = words ? k % 2 : kernel::numRealSlots(k);
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
      while (numSums * turns < kEnoughSums && inSteps() % (2 * turns) == 0 && inSteps() > 2 * turns)
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
    addSteps(nest, {parts, slot, positions, out, {}, {}}, tile, outs, turns, sums);
    for (int64_t left = sums.size(); left > numSums; left /= 2)
      for (int64_t i = 0; i < left / 2; ++i)
        sums[i] = arith::AddFOp::create(builder, loc, sums[i], sums[left / 2 + i]);
    forEachSum(tile, outs, parts, slot, positions, out, [&](int64_t i, ArrayRef<AffineExpr> index, int64_t width) {
      bool isI8 = words && words->isI8();
      nest.store(isI8 ? scaled(nest, sums[i], before[i], index, i % parts, outs.run.width, width) : sums[i], init,
                 index);
    });
  }

  /// Adds all taps and in blocks to the sums of a tile: of in blocks, `turns` in turn to as many sums each.
  void addSteps(AffineNest &nest, SpectralStep step, const TileRun &tile, const TileRun &outs, int64_t turns,
                SmallVectorImpl<Value> &sums) {
    size_t numSums = sums.size() / turns;
    SmallVector<AffineExpr> taps;
    for (int64_t t = 0; t < numTaps(); ++t)
      taps.push_back(nest.loopCarrying(weightsType().getDimSize(firstTap() + t), sums));
    step.taps = taps;
    AffineExpr in = ShapedType::isStatic(inBlocks()) ? nest.loopCarrying(inSteps() / turns, sums)
                                                     : nest.loopOverDimCarrying(weights, firstTap() + numTaps(), sums);
    for (int64_t turn = 0; turn < turns; ++turn) {
      step.in = in * turns + turn;
      emitSpectralStep(nest, *this, step, tile, outs, MutableArrayRef(sums).slice(turn * numSums, numSums));
    }
    nest.closeCarrying(sums);
    if (hasHalfWord()) {
      step.in = nest.constant(inSteps());
      step.isHalf = true;
      emitSpectralStep(nest, *this, step, tile, outs, MutableArrayRef(sums).take_front(numSums));
    }
    for (int64_t t = 0; t < numTaps(); ++t)
      nest.closeCarrying(sums);
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
};

/// Lowers a product of f32, or of f32 by words of weights.
void lowerSpectral(Operation *op, SpectralOperands operands, int64_t lanes, OpBuilder &builder) {
  SpectralLowering lowering{std::move(operands), /*startsFromZero=*/false, lanes, builder, op->getLoc()};
  if (lanes > 1) {
    lowering.startsFromZero = eraseZeroFill(op, lowering.init);
    arrangePlanes(op, lanes, lowering.input, lowering.init, lowering.inDim, lowering.outDim, lowering.windows,
                  lowering.startsFromZero, builder);
  }
  lowering.lower();
}

} // namespace

void mlir::compress::lowerSpectralMatmul(SpectralMatmulOp op, int64_t lanes, OpBuilder &builder) {
  lowerSpectral(op,
                {op.getInput(), op.getWeights(), op.getInit(), static_cast<int64_t>(op.getInDim()),
                 static_cast<int64_t>(op.getOutDim()), planeWindows(op.getInit(), {}, {}), op.getPanel()},
                lanes, builder);
}

void mlir::compress::lowerSpectralConv(SpectralConvOp op, int64_t lanes, OpBuilder &builder) {
  lowerSpectral(op,
                {op.getInput(), op.getWeights(), op.getInit(), static_cast<int64_t>(op.getInDim()),
                 static_cast<int64_t>(op.getOutDim()), planeWindows(op.getInit(), op.getStrides(), op.getDilations())},
                lanes, builder);
}

/// The words that the activation of `op` is rounded to, and the scales of both factors.
static WordFactors roundActivation(SpectralDotOp op, DotInstructions instructions, int64_t lanes,
                                   SpectralLowering &lowering, OpBuilder &builder) {
  llvm::SmallDenseSet<int64_t> moved;
  for (const PlaneWindows::Tap &tap : lowering.windows.taps)
    moved.insert(tap.position);
  WordPlanes planes =
      emitWordPlanes(builder, op.getLoc(), op.getWords(), lowering.input, lowering.inDim, moved.size(), lanes);
  lowering.input = planes.words;
  bool isScaled = !op.getScaling().empty();
  return {op.getWords(),
          instructions,
          planes.scales,
          isScaled ? op.getScaling()[0] : Value(),
          isScaled ? op.getScaling()[1] : Value(),
          planes.numFree};
}

void mlir::compress::lowerSpectralDot(SpectralDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  SpectralOperands operands{op.getInput(),
                            op.getWeights(),
                            op.getInit(),
                            static_cast<int64_t>(op.getInDim()),
                            static_cast<int64_t>(op.getOutDim()),
                            planeWindows(op.getInit(), op.getStrides(), op.getDilations()),
                            op.getPanel()};
  DotInstructions instructions = DotInstructions::get(extensions);
  bool hasDots = instructions.has(op.getWords(), lanes) || instructions.tilesBF16;
  if (op.getWords() == WordFormat::bf16 && !hasDots) {
    operands.decodesWords = true;
    return lowerSpectral(op, std::move(operands), lanes, builder);
  }
  SpectralLowering lowering{std::move(operands), lanes > 1 && eraseZeroFill(op, op.getInit()), lanes, builder,
                            op.getLoc()};
  if (lanes > 1)
    arrangePlanes(op, lanes, lowering.input, lowering.init, lowering.inDim, lowering.outDim, lowering.windows,
                  lowering.startsFromZero, builder);
  lowering.words = roundActivation(op, instructions, lanes, lowering, builder);
  if (!lowering.lowerToTiles())
    lowering.lower();
}
