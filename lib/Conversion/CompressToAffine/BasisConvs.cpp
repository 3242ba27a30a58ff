//===- BasisConvs.cpp - Lower sums of listed channels and a basis ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.basis_conv padding = [p, q] ins(%x, %lists, %counts, %scales, %basis) outs(%y)
//   =>
//   affine.for samples, a few rows of %x at a time, tiles of columns {
//     %tile = a vector of each channel and row: columns of the row, zeros beyond them
//     affine.for outputs iter_args(%position = 0) {
//       %sums = affine.for basis kernels iter_args(…) {
//         %t = scf.for the plus list { + %tile[channel] }
//         %t = scf.for the minus list { - %tile[channel] }
//         for s { for r { %sums[row - r] + scale * basis[r, s] * (%t, s lanes further) } }
//       }
//       for rows that these add to { row of %y, if it exists, + %sums[row] }
//   } }
//
// Rows of %y are where what several tiles add to them is kept. The last lanes of a vector, as many as the basis has
// columns but one, have sums for no output; with a stride, so have those between two outputs.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "Epilogue.h"
#include "LaneEmitter.h"
#include "RoundActivations.h"
#include "Words.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

/// Entries of a list that are added without a branch between them.
static constexpr int64_t kUnrolledEntries = 4;

namespace {

/// Consecutive tiles of columns that differ in their place alone.
struct ColumnTiles {
  int64_t begin, end;
  /// Of the first tile: the lane and the column that the input begins with, how many columns of it there are, and how
  /// many outputs.
  int64_t lane, column, count, outputs;

  bool isLike(const ColumnTiles &next) const {
    return lane == next.lane && count == next.count && outputs == next.outputs;
  }
};

struct BasisConvLowering {
  BasisConvOp op;
  int64_t lanes;
  OpBuilder &builder;
  bool startsFromZero;
  Location loc = op.getLoc();
  int64_t channels = op.getInputType().getDimSize(1), inRows = op.getInputType().getDimSize(2),
          inColumns = op.getInputType().getDimSize(3);
  int64_t outs = op.getInitType().getDimSize(1), outRows = op.getInitType().getDimSize(2),
          outColumns = op.getInitType().getDimSize(3);
  int64_t bases = op.getBasisType().getDimSize(0), tapRows = op.getBasisType().getDimSize(1),
          tapColumns = op.getBasisType().getDimSize(2);
  bool isRounded = op.getRounded();
  BasisConvOp::Tile size = BasisConvOp::tileOf(op.getGeometry(), lanes);
  int64_t width = size.columns, rowStride = op.getStrides()[0], columnStride = op.getStrides()[1];
  LaneEmitter emit{builder, loc, width};
  Type element = isRounded ? Type(builder.getI16Type()) : Type(builder.getF32Type());

  /// Channels by rows by lanes; of each row what rounded activations are multiples of.
  Value tile = {}, scales = {};

  void lower() {
    OpBuilder::InsertionGuard guard(builder);
    if (!isContiguousInside(op.getInput()) || !isContiguousInside(op.getInit()))
      lanes = 1;
    auto allocate = [&](ArrayRef<int64_t> shape, Type type) -> Value {
      return memref::AllocOp::create(builder, loc, MemRefType::get(shape, type), builder.getI64IntegerAttr(64));
    };
    tile = allocate({channels, size.rows * width}, element);
    if (isRounded)
      scales = allocate({size.rows}, builder.getF32Type());
    AffineNest nest(builder, loc);
    AffineExpr sample = nest.loopOverDim(op.getInit(), 0);
    // Of all rows of a loop, the same rows of the basis give rows of the result.
    int64_t whole = inRows / size.rows * size.rows, step = std::lcm(size.rows, rowStride);
    for (int64_t begin = 0; begin < std::min(step, whole); begin += size.rows)
      lowerRows(nest, sample, {begin, whole, step, size.rows});
    if (whole < inRows)
      lowerRows(nest, sample, {whole, inRows, inRows - whole, inRows - whole});
  }

  /// Input rows from `begin` to `end` by `step`, a multiple of the stride or one, `count` at a time.
  struct RowRun {
    int64_t begin, end, step, count;
  };

  void lowerRows(const AffineNest &samples, AffineExpr sample, const RowRun &run) {
    if (reachedRows(run).empty()) // between those that a stride takes
      return;
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(samples);
    AffineExpr row = nest.loop(run.begin, run.end, run.step);
    SmallVector<Value> inverses;
    for (int64_t i = 0; isRounded && i < run.count; ++i)
      inverses.push_back(emitRowScale(nest, sample, row + i, i));
    for (const ColumnTiles &tiles : columnTiles()) {
      OpBuilder::InsertionGuard inner(builder);
      AffineNest columns(nest);
      AffineExpr number = columns.loop(0, tiles.end - tiles.begin);
      for (int64_t i = 0; i < run.count; ++i)
        fillTile(columns, tiles, {sample, row + i, tiles.column + number * (size.outputs * columnStride)}, i, run.step,
                 isRounded ? inverses[i] : Value());
      lowerTile(columns, tiles, {sample, row, (tiles.begin + number) * size.outputs}, run);
    }
  }

  //===--------------------------------------------------------------------===//
  // Input
  //===--------------------------------------------------------------------===//

  SmallVector<ColumnTiles> columnTiles() {
    SmallVector<ColumnTiles> result;
    int64_t padding = op.getPadding()[1];
    for (int64_t i = 0, e = llvm::divideCeil(outColumns, size.outputs); i < e; ++i) {
      int64_t first = i * size.outputs * columnStride - padding, column = std::clamp<int64_t>(first, 0, inColumns);
      int64_t end = std::clamp<int64_t>(first + width, column, inColumns);
      ColumnTiles next{i,      i + 1,        column - first,
                       column, end - column, std::min(size.outputs, outColumns - i * size.outputs)};
      if (!result.empty() && result.back().isLike(next))
        result.back().end = next.end;
      else
        result.push_back(next);
    }
    return result;
  }

  /// Cuts `count` lanes into vectors, the last one perhaps masked; calls `body(offset, width)` for each.
  void forEachPiece(AffineNest &nest, int64_t count, function_ref<void(int64_t, int64_t)> body) {
    int64_t whole = count / lanes * lanes, rest = count - whole;
    bool isMasked = fitsMaskedVector(rest, lanes);
    forEachLaneRun(isMasked ? whole : count, lanes, [&](int64_t begin, int64_t end, int64_t piece) {
      for (int64_t offset = begin; offset < end; offset += piece)
        body(offset, piece);
    });
    if (!isMasked)
      return;
    nest.existingLanes = rest;
    body(whole, lanes);
    nest.existingLanes = 0;
  }

  /// The scale of a row of all channels, stored as number `place`; returns what its activations are to be multiplied
  /// with.
  Value emitRowScale(AffineNest nest, AffineExpr sample, AffineExpr row, int64_t place) {
    int64_t vector = overlappingWidth(inColumns, lanes);
    SmallVector<Value> largest{LaneEmitter{builder, loc, vector}.bits(0)};
    AffineExpr channel = nest.loopCarrying(channels, largest);
    for (int64_t i = 0, e = countOverlapping(inColumns, lanes); i < e; ++i) {
      AffineExpr column = nest.constant(std::min(i * vector, inColumns - vector));
      largest[0] = emitLargest(nest, largest[0], op.getInput(), {sample, channel, row, column}, vector);
    }
    nest.closeCarrying(largest);
    return emitScaleOf(nest, largest[0], scales, {nest.constant(place)});
  }

  /// Sample, row and column of the first number of a tile.
  struct Place {
    AffineExpr sample, row, column;
  };

  /// Fills row `number` of the tile, and asks for that of the tile `step` rows on.
  void fillTile(const AffineNest &outer, const ColumnTiles &tiles, const Place &from, int64_t number, int64_t step,
                Value inverse) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(outer);
    AffineExpr channel = nest.loop(0, channels);
    if (tiles.count < width)
      nest.store(zeros(width), tile, {channel, nest.constant(number * width)});
    forEachPiece(nest, tiles.count, [&](int64_t offset, int64_t piece) {
      Value numbers = nest.load(op.getInput(), {from.sample, channel, from.row, from.column + offset}, piece);
      if (isRounded) {
        LaneEmitter lane{builder, loc, piece};
        Value rounded = lane.bitsOf(nest.fma(numbers, lane.spread(inverse), lane.number(kRoundToByte)));
        numbers = arith::TruncIOp::create(builder, loc, lane.typeOf(element), rounded);
      }
      nest.store(numbers, tile, {channel, nest.constant(number * width + tiles.lane + offset)});
      // Rows of channels lie far apart; the next ones have the time of all outputs to arrive.
      nest.prefetch(op.getInput(), {from.sample, channel, from.row + step, from.column + offset});
    });
  }

  Value zeros(int64_t count) {
    auto type = VectorType::get({count}, element);
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }

  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  /// The rows of the result that rows of a run add to, times the stride and less the first row of the run's tile;
  /// without padding.
  SmallVector<int64_t> reachedRows(const RowRun &run) {
    SmallVector<int64_t> reached;
    for (int64_t offset = -(tapRows - 1) * op.getDilations()[0]; offset < run.count; ++offset)
      for (int64_t r = 0; r < tapRows; ++r) {
        int64_t row = offset + r * op.getDilations()[0];
        if (row < 0 || row >= run.count || (run.begin + offset + op.getPadding()[0]) % rowStride != 0)
          continue;
        reached.push_back(offset);
        break;
      }
    return reached;
  }

  void lowerTile(AffineNest &nest, const ColumnTiles &tiles, const Place &first, const RowRun &run) {
    SmallVector<int64_t> reached = reachedRows(run);
    Value inRow = nest.materialize(first.row);
    SmallVector<Value> position{index(0)};
    AffineExpr out = nest.loopCarrying(outs, position);
    SmallVector<Value> carried{position[0]};
    carried.append(reached.size(), emit.number(0));
    AffineExpr base = nest.loopCarrying(bases, carried);
    SmallVector<Value> sums = sumsOfLists(nest, out, base, run.count, carried[0]);
    for (auto [i, sum] : llvm::enumerate(sums))
      convolve(nest, out, base, i, sum, reached, MutableArrayRef(carried).drop_front());
    nest.closeCarrying(carried);
    position[0] = carried[0];
    for (auto [offset, sum] : llvm::zip_equal(reached, ArrayRef(carried).drop_front()))
      addToRow(nest, tiles, {first.sample, out, nest.constant(0), first.column}, inRow, offset, sum);
    nest.closeCarrying(position);
  }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value toIndex(Value integer) { return arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), integer); }

  /// T of an output and basis kernel for each row of the tile. Its lists begin at `position`, which moves behind them.
  SmallVector<Value> sumsOfLists(AffineNest &nest, AffineExpr out, AffineExpr base, int64_t rows, Value &position) {
    // Rows lie one after the other: vectors need not end where they do.
    int64_t together = llvm::isPowerOf2_64(rows) ? rows : 1;
    SmallVector<Value> sums(rows / together, zeros(together * width));
    for (int64_t list : {0, 1}) {
      Value count = toIndex(nest.load(op.getCounts(), {out, base, nest.constant(list)}, 1));
      Value end = arith::AddIOp::create(builder, loc, position, count);
      Value rest = arith::RemUIOp::create(builder, loc, count, index(kUnrolledEntries));
      Value whole = arith::SubIOp::create(builder, loc, end, rest);
      addEntries(position, whole, kUnrolledEntries, sums, /*subtracts=*/list == 1);
      addEntries(whole, end, 1, sums, /*subtracts=*/list == 1);
      position = end;
    }
    if (together == 1)
      return sums;
    SmallVector<Value> ofRows;
    for (int64_t row = 0; row < rows; ++row)
      ofRows.push_back(vector::ExtractStridedSliceOp::create(builder, loc, sums[0], ArrayRef<int64_t>{row * width},
                                                             ArrayRef<int64_t>{width}, ArrayRef<int64_t>{1}));
    return ofRows;
  }

  /// Adds the channels of entries from `begin` to `end`, `step` at a time.
  void addEntries(Value begin, Value end, int64_t step, SmallVectorImpl<Value> &sums, bool subtracts) {
    auto type = cast<VectorType>(sums[0].getType());
    auto body = [&](OpBuilder &b, Location l, Value entry, ValueRange carried) {
      SmallVector<Value> inner(carried);
      for (Value channel : channelsOf(entry, step))
        for (auto [i, sum] : llvm::enumerate(inner)) {
          SmallVector<Value> place{channel, index(i * type.getNumElements())};
          sum = accumulate(sum, vector::LoadOp::create(b, l, type, tile, place), subtracts);
        }
      scf::YieldOp::create(b, l, inner);
    };
    auto loop = scf::ForOp::create(builder, loc, begin, end, index(step), sums, body);
    sums.assign(loop.getResults().begin(), loop.getResults().end());
  }

  /// The `count` channels from `entry` of the lists on, read as one integer: a processor loads few things in a cycle.
  SmallVector<Value> channelsOf(Value entry, int64_t count) {
    if (count == 1)
      return {toIndex(memref::LoadOp::create(builder, loc, op.getLists(), entry))};
    Type number = cast<MemRefType>(op.getLists().getType()).getElementType();
    int64_t bits = number.getIntOrFloatBitWidth();
    Type word = builder.getIntegerType(count * bits);
    Value loaded = vector::LoadOp::create(builder, loc, VectorType::get({count}, number), op.getLists(), entry);
    loaded = vector::BitCastOp::create(builder, loc, VectorType::get({1}, word), loaded);
    loaded = vector::ExtractOp::create(builder, loc, loaded, ArrayRef<int64_t>{0});
    auto constant = [&](int64_t value) {
      return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(word, value)).getResult();
    };
    SmallVector<Value> channels;
    for (int64_t i = 0; i < count; ++i) {
      Value field = i == 0 ? loaded : arith::ShRUIOp::create(builder, loc, loaded, constant(i * bits)).getResult();
      channels.push_back(toIndex(arith::AndIOp::create(builder, loc, field, constant((int64_t(1) << bits) - 1))));
    }
    return channels;
  }

  Value accumulate(Value sum, Value numbers, bool subtracts) {
    if (isRounded)
      return subtracts ? arith::SubIOp::create(builder, loc, sum, numbers).getResult()
                       : arith::AddIOp::create(builder, loc, sum, numbers).getResult();
    return subtracts ? arith::SubFOp::create(builder, loc, sum, numbers).getResult()
                     : arith::AddFOp::create(builder, loc, sum, numbers).getResult();
  }

  /// Adds what row `row` of the tile, of lists' sum `sum`, gives to `sums` of the rows that are reached.
  void convolve(AffineNest &nest, AffineExpr out, AffineExpr base, int64_t row, Value sum, ArrayRef<int64_t> reached,
                MutableArrayRef<Value> sums) {
    SmallVector<AffineExpr> place{out, base};
    if (cast<MemRefType>(op.getScales().getType()).getNumElements() == 1)
      place.assign(2, nest.constant(0));
    Value scale = nest.load(op.getScales(), place, 1);
    if (isRounded) {
      sum = arith::SIToFPOp::create(builder, loc, emit.f32(), sum);
      scale = arith::MulFOp::create(builder, loc, scale, nest.load(scales, {nest.constant(row)}, 1));
    }
    sum = emit.times(sum, emit.spread(scale));
    for (int64_t s = 0; s < tapColumns; ++s) {
      SmallVector<int64_t> further;
      for (int64_t lane = 0; lane < width; ++lane)
        further.push_back((lane + s * op.getDilations()[1]) % width);
      Value moved = s == 0 ? sum : vector::ShuffleOp::create(builder, loc, sum, sum, further).getResult();
      for (int64_t r = 0; r < tapRows; ++r) {
        const int64_t *offset = llvm::find(reached, row - r * op.getDilations()[0]);
        if (offset == reached.end())
          continue;
        Value tap = nest.loadBroadcast(op.getBasis(), {base, nest.constant(r), nest.constant(s)}, width);
        Value &there = sums[offset - reached.begin()];
        there = nest.fma(moved, tap, there);
      }
    }
  }

  /// What `sums` are added to; null for nothing. Rows above have added before `isFirst` ones, but for those of row 0.
  Value alreadyThere(AffineNest &nest, ArrayRef<AffineExpr> place, int64_t piece, Value inRow, bool isFirst) {
    if (startsFromZero && isFirst)
      return {};
    Value before = nest.load(op.getInit(), place, piece);
    if (!startsFromZero)
      return before;
    Value isTop = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, inRow, index(0));
    return arith::SelectOp::create(builder, loc, isTop, nest.zero(op.getInit(), piece), before);
  }

  /// `count` outputs from `first` on of the lanes of `sums`.
  Value outputsOf(Value sums, int64_t first, int64_t count) {
    if (count == 1)
      return vector::ExtractOp::create(builder, loc, sums, first * columnStride);
    SmallVector<int64_t> places;
    for (int64_t i = first; i < first + count; ++i) // beyond the tile, of none
      places.push_back(std::min(i * columnStride, width - 1));
    return vector::ShuffleOp::create(builder, loc, sums, sums, places);
  }

  /// Adds `sums` to the row of the result that is `inRow + offset` and padding, over the stride, if there is one.
  void addToRow(const AffineNest &outer, const ColumnTiles &tiles, ArrayRef<AffineExpr> first, Value inRow,
                int64_t offset, Value sums) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(outer);
    Value row = arith::AddIOp::create(builder, loc, inRow, index(offset + op.getPadding()[0]));
    Value exists = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, row, index(outRows * rowStride));
    auto there = scf::IfOp::create(builder, loc, exists, /*withElseRegion=*/false);
    builder.setInsertionPointToStart(there.thenBlock());
    if (rowStride > 1)
      row = arith::DivUIOp::create(builder, loc, row, index(rowStride));
    AffineExpr at = nest.index(row);
    forEachPiece(nest, tiles.outputs, [&](int64_t lane, int64_t piece) {
      Value part = outputsOf(sums, lane, piece);
      SmallVector<AffineExpr> place{first[0], first[1], at, first[3] + lane};
      if (Value before = alreadyThere(nest, place, piece, inRow, /*isFirst=*/offset >= 0))
        part = arith::AddFOp::create(builder, loc, part, before);
      nest.store(part, op.getInit(), place);
    });
  }
};

} // namespace

void mlir::compress::lowerBasisConv(BasisConvOp op, int64_t lanes, OpBuilder &builder) {
  constexpr int64_t kMostLanes = 16;
  // Rows of the input, in order, add to each row of the result, and the first one that does need not read it.
  int64_t padding = op.getPadding()[0], outRows = op.getInitType().getDimSize(2);
  bool addsToAll = op.getStrides()[0] == 1 && op.getDilations()[0] == 1 && padding < op.getBasisType().getDimSize(1) &&
                   outRows <= op.getInputType().getDimSize(2) + padding;
  bool startsFromZero = addsToAll && eraseZeroFill(op, op.getInit());
  BasisConvLowering{op, std::min(lanes, kMostLanes), builder, startsFromZero}.lower();
}
