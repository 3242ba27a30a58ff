//===- Transform.cpp - Lower the transforms to loops of codelets -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.rfft dim = 1 ins(%x : memref<?x8xf32>) outs(%xs : memref<4x?x2xf32>)
//   =>
//   affine.for %b = 0 to %n { affine.for %j = 0 to 2 {
//     %x0 = affine.load %x[%b, %j * 4] …                 the codelet of Kernel/, straight-line, loads at first use
//     affine.store %s0, %xs[0, %b, %j] … } }
//
// Lanes run along the innermost dimension. Where that is the transformed one they are neighbouring blocks:
//
//   affine.for %j = 0 to 64 step 16 {
//     affine.for %t = 0 to 64 step 4 { … }                 numbers t to t + 3 of 16 blocks, transposed, to a small tile
//     …                                                    the codelet, on vectors of 16 blocks
//     affine.vector_store %s0, %xs[0, %b, %j] … }
//
// Slots that a transpose of the planes makes innermost are stored so at once, by transposing them back; lanes may then
// be rows as well as blocks; the lines of the next group are fetched meanwhile. Short blocks are transposed in
// registers. The loop around the tile keeps the compiler from holding it in registers, which it would spill.
//
// A last block that the extent does not fill is peeled: its missing numbers are zero, or are not computed. Of a dynamic
// extent the whole blocks are lowered the same way, and one block that may be cut short by masks.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "PlaneViews.h"
#include "RegisterTranspose.h"
#include "compress/Kernel/Emit.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A buffer on the stack of k vectors, shared by all transforms of a function, or of a parallel loop's body, that need
/// such a one. It is outside of all other loops, which would allocate at each turn.
Value scratchTile(OpBuilder &builder, Location loc, int64_t k, int64_t width, Type element) {
  constexpr StringLiteral kMark = "compress.scratch";
  Operation *scope = builder.getInsertionBlock()->getParentOp();
  while (!isa<FunctionOpInterface, scf::ForallOp, scf::ParallelOp, affine::AffineParallelOp>(scope))
    scope = scope->getParentOp();
  Block &entry = scope->getRegion(0).front();
  auto type = MemRefType::get({k, width}, element);
  for (auto alloca : entry.getOps<memref::AllocaOp>())
    if (alloca->hasAttr(kMark) && alloca.getType() == type)
      return alloca;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&entry);
  auto alloca = memref::AllocaOp::create(builder, loc, type, builder.getI64IntegerAttr(64));
  alloca->setAttr(kMark, builder.getUnitAttr());
  return alloca;
}

/// A transform along `dim` of `flat`, with slots in the outermost dimension of `planes`.
struct TransformLowering {
  Value flat, planes;
  int64_t dim;
  const kernel::Network &network;
  /// Of slots to numbers; null of numbers to slots.
  const Epilogue *epilogue;
  /// Slots to numbers that are added to where the epilogue starts.
  bool accumulate;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;
  /// If not null, where slots go instead of to `planes`: the same with slots in the innermost dimension.
  Value slotRows = nullptr;
  /// The dimension of `flat` that lanes run along; of `dim`, they are blocks. -1 if none.
  int64_t laneDim = -1;

  MemRefType flatType() const { return cast<MemRefType>(flat.getType()); }
  MemRefType planesType() const { return cast<MemRefType>(planes.getType()); }

  bool toPlanes() const { return !epilogue; }
  int64_t blockSize() const { return planesType().getDimSize(0); }

  void lower() {
    int64_t last = flatType().getRank() - 1;
    if (lanes > 1 && isContiguousInside(flat) && (slotRows || isContiguousInside(planes)))
      laneDim = last != dim ? last : flatType().isDynamicDim(dim) ? -1 : chooseLanesOfRows();
    if (laneDim == dim)
      lowerAcrossBlocks();
    else
      lowerAllBlocks();
  }

  /// Of a transform along the innermost dimension: blocks, which are neighbours in planes; where slots are in rows,
  /// rows are as good, if they fill more lanes.
  int64_t chooseLanesOfRows() const {
    auto filled = [&](int64_t extent) { return ShapedType::isDynamic(extent) ? lanes : std::min(extent, lanes); };
    int64_t best = dim, most = filled(flatType().getDimSize(dim) / blockSize());
    for (int64_t d = 0; slotRows && d < dim; ++d)
      if (int64_t count = filled(flatType().getDimSize(d)); count > most)
        std::tie(best, most) = std::pair(d, count);
    return best;
  }
  /// True if a vector's lanes are gathered from several rows or blocks of `flat`, whose numbers are contiguous.
  bool isGroup(int64_t width) const { return width > 1 && dim == flatType().getRank() - 1; }

  /// Lowers all blocks, at all positions.
  void lowerAllBlocks() {
    int64_t k = blockSize(), n = flatType().getDimSize(dim), whole = n / k;
    if (ShapedType::isDynamic(n)) {
      AffineExpr extent = builder.getAffineSymbolExpr(0);
      auto between = [&](AffineExpr from, AffineExpr to) {
        return [=](AffineNest &nest) { return nest.loopBetween(flat, dim, from, to); };
      };
      lowerBlocks(between(builder.getAffineConstantExpr(0), extent.floorDiv(k)), k);
      if (k > 1)
        lowerMaskedBlock(between(extent.floorDiv(k), extent.ceilDiv(k)));
      return;
    }
    auto between = [](int64_t from, int64_t to) { return [=](AffineNest &nest) { return nest.loop(from, to); }; };
    if (whole > 0)
      lowerBlocks(between(0, whole), k);
    if (n % k)
      lowerBlocks(between(whole, whole + 1), n % k);
  }

  /// Opens the loops over positions and, by `openBlocks`, over blocks, and in them those of each run of lanes; calls
  /// `body` with the indices in `flat`, blocks at `dim`, and the number of lanes.
  void forEachPlace(function_ref<AffineExpr(AffineNest &)> openBlocks,
                    function_ref<void(AffineNest &, SmallVector<AffineExpr> index, int64_t width)> body) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    int64_t rank = flatType().getRank();
    SmallVector<AffineExpr> index(rank);
    for (int64_t d = 0; d < rank; ++d)
      if (d == dim)
        index[d] = openBlocks(nest);
      else if (d != laneDim)
        index[d] = nest.loopOverDim(flat, d);
    if (laneDim < 0 || laneDim == dim)
      return body(nest, index, 1);
    int64_t extent = flatType().getDimSize(laneDim);
    if (laneDim == rank - 1 && fitsMaskedVector(extent, lanes)) {
      nest.existingLanes = extent;
      index[laneDim] = nest.constant(0);
      return body(nest, index, llvm::PowerOf2Ceil(extent));
    }
    forEachRun(extent, [&](LaneRun run) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inside(nest);
      index[laneDim] = inside.loopOver(run, flat, laneDim);
      body(inside, index, run.width);
    });
  }

  /// Runs of lanes that cover `extent`. The last vector overlaps the one before where no number of `flat` is
  /// added to.
  void forEachRun(int64_t extent, function_ref<void(LaneRun)> body) {
    bool readsResult = accumulate && epilogue->readsResult();
    if (readsResult || extent <= 0) // 0, or dynamic
      return forEachLaneRun(extent, lanes, body);
    int64_t width = overlappingWidth(extent, lanes), whole = extent / width * width;
    body(LaneRun::of(0, whole, width, width));
    if (whole < extent)
      body(LaneRun::of(extent - width, extent, width, width));
  }

  /// The place of `slot` in `planes`.
  static SmallVector<AffineExpr> planeIndex(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t slot) {
    SmallVector<AffineExpr> at{nest.constant(slot)};
    llvm::append_range(at, index);
    return at;
  }

  /// Lowers blocks that each have `valid` numbers inside of the extent.
  void lowerBlocks(function_ref<AffineExpr(AffineNest &)> openBlocks, int64_t valid) {
    forEachPlace(openBlocks, [&](AffineNest &nest, SmallVector<AffineExpr> index, int64_t width) {
      lowerBlock(nest, index, width, valid);
    });
  }

  void lowerBlock(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width, int64_t valid) {
    if (isGroup(width))
      return toPlanes() ? lowerGroupToPlanes(nest, index, width, valid) : lowerGroupFromPlanes(nest, index, width);
    auto at = [&](int64_t t) { return flatIndexOf(index, 0, nest.constant(t)); };
    if (toPlanes())
      kernel::emit(
          builder, loc, kernel::restrictInputs(network, valid),
          [&](int64_t t) { return nest.load(flat, at(t), width); },
          [&](int64_t s, Value value) { storeSlot(nest, index, s, value); });
    else
      kernel::emit(
          builder, loc, kernel::restrictOutputs(network, valid),
          [&](int64_t s) { return nest.load(planes, planeIndex(nest, index, s), width); },
          [&](int64_t t, Value value) { storeNumber(nest, at(t), value, width); });
  }

  /// Lowers with a lane for each of neighbouring blocks.
  void lowerAcrossBlocks() {
    int64_t k = blockSize(), n = flatType().getDimSize(dim), whole = n / k;
    forEachPlace([](AffineNest &nest) { return nest.constant(0); },
                 [&](AffineNest &nest, SmallVector<AffineExpr> index, int64_t) {
                   auto lowerRun = [&](LaneRun run, int64_t valid) {
                     OpBuilder::InsertionGuard guard(builder);
                     AffineNest inside(nest);
                     index[dim] = inside.loopOver(run, flat, dim);
                     lowerBlock(inside, index, run.width, valid);
                   };
                   forEachRun(whole, [&](LaneRun run) { lowerRun(run, k); });
                   if (n % k)
                     lowerRun(LaneRun::of(whole, whole + 1, 1, 1), n % k);
                 });
  }

  /// Numbers of so many blocks fit registers, of which there are about twice as many as lanes.
  bool fitsRegisters() const { return blockSize() <= lanes; }

  /// The index of row `row` of a group, which is a block or a position.
  SmallVector<AffineExpr> rowOf(ArrayRef<AffineExpr> index, int64_t row) {
    SmallVector<AffineExpr> at(index);
    if (row > 0)
      at[laneDim] = at[laneDim] + row;
    return at;
  }

  /// The place in `flat` of number `t` of row `row` of a group.
  SmallVector<AffineExpr> flatIndexOf(ArrayRef<AffineExpr> index, int64_t row, AffineExpr t) {
    SmallVector<AffineExpr> at = rowOf(index, row);
    at[dim] = at[dim] * blockSize() + t;
    return at;
  }

  /// Asks for part `t` of k of the next group's lines, those that are read and those that rows of slots are stored to;
  /// in order, which other orders lose to. Loads and stores are apart from the codelet, which is as long: without this
  /// one waits for the other. Behind the last group a prefetch does nothing.
  void prefetchNextGroup(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width, int64_t t) {
    constexpr int64_t kLineNumbers = 16;
    int64_t perRow = llvm::divideCeil(blockSize(), kLineNumbers), all = 2 * width * perRow;
    for (int64_t i = t * all / blockSize(), e = (t + 1) * all / blockSize(); i < e; ++i) {
      int64_t row = width + i / 2 / perRow;
      AffineExpr first = nest.constant(i / 2 % perRow * kLineNumbers);
      if (i % 2 == 0) {
        nest.prefetch(flat, flatIndexOf(index, row, first));
        continue;
      }
      SmallVector<AffineExpr> at = rowOf(index, row);
      at.push_back(first);
      nest.prefetch(slotRows, at, /*isWrite=*/true);
    }
  }

  /// The first `valid` numbers of each row exist.
  void lowerGroupToPlanes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width, int64_t valid) {
    int64_t k = blockSize();
    SmallVector<Value> numbers(k), slots(k);
    auto loadChunk = [&](AffineNest &nest, AffineExpr t, int64_t count) {
      return loadTransposed(builder, loc, count, width,
                            [&](int64_t row) { return nest.load(flat, flatIndexOf(index, row, t), count); });
    };
    Value tile;
    if (!fitsRegisters()) {
      tile = scratchTile(builder, loc, slotRows ? 2 * k : k, width, flatType().getElementType());
      forEachLaneRun(valid, std::min(kLoadChunk, width), [&](int64_t begin, int64_t end, int64_t count) {
        OpBuilder::InsertionGuard guard(builder);
        AffineNest inside(nest);
        AffineExpr t = inside.loop(begin, end, count);
        for (auto [i, value] : llvm::enumerate(loadChunk(inside, t, count)))
          inside.store(value, tile, {t + i, inside.constant(0)});
      });
    }
    int64_t numLoads = 0;
    auto load = [&](int64_t t) {
      if (tile && slotRows)
        prefetchNextGroup(nest, index, width, numLoads++);
      if (tile)
        return nest.load(tile, {nest.constant(t), nest.constant(0)}, width);
      if (!numbers[t])
        forEachLaneRun(valid, std::min(kLoadChunk, width), [&](int64_t begin, int64_t end, int64_t count) {
          if (t < begin || t >= end)
            return;
          int64_t first = t - (t - begin) % count;
          llvm::copy(loadChunk(nest, nest.constant(first), count), numbers.begin() + first);
        });
      return numbers[t];
    };
    kernel::emit(builder, loc, kernel::restrictInputs(network, valid), load, [&](int64_t s, Value value) {
      if (!slotRows)
        return storeSlot(nest, index, s, value);
      if (tile)
        nest.store(value, tile, {nest.constant(k + s), nest.constant(0)});
      slots[s] = value;
    });
    if (slotRows)
      storeRows(nest, slots, tile, k, width, [&](AffineNest &nest, int64_t row, AffineExpr s, Value value, int64_t) {
        SmallVector<AffineExpr> at = rowOf(index, row);
        at.push_back(s);
        nest.store(value, slotRows, at);
      });
  }

  void lowerGroupFromPlanes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width) {
    int64_t k = blockSize();
    SmallVector<Value> numbers(k);
    Value tile;
    if (!fitsRegisters())
      tile = scratchTile(builder, loc, k, width, flatType().getElementType());
    kernel::emit(
        builder, loc, network, [&](int64_t s) { return nest.load(planes, planeIndex(nest, index, s), width); },
        [&](int64_t t, Value value) {
          if (tile)
            nest.store(value, tile, {nest.constant(t), nest.constant(0)});
          numbers[t] = value;
        });
    storeRows(nest, numbers, tile, 0, width,
              [&](AffineNest &nest, int64_t row, AffineExpr t, Value value, int64_t count) {
                storeNumber(nest, flatIndexOf(index, row, t), value, count);
              });
  }

  /// Transposes `numbers`, a lane per row, to rows, from registers or from `tile`, where they are from `first` on.
  /// Calls `store` with the row and its numbers from which on.
  void storeRows(AffineNest &nest, ArrayRef<Value> numbers, Value tile, int64_t first, int64_t width,
                 function_ref<void(AffineNest &, int64_t row, AffineExpr, Value, int64_t count)> store) {
    forEachLaneRun(numbers.size(), storeChunk(width), [&](int64_t begin, int64_t end, int64_t count) {
      int64_t turns = tile ? 1 : (end - begin) / count;
      for (int64_t turn = 0; turn < turns; ++turn) {
        OpBuilder::InsertionGuard guard(builder);
        AffineNest inside(nest);
        AffineExpr t = tile ? inside.loop(begin, end, count) : inside.constant(begin + turn * count);
        SmallVector<Value> chunk(numbers.slice(begin + turn * count, count));
        for (int64_t i = 0; tile && i < count; ++i)
          chunk[i] = inside.load(tile, {t + (first + i), inside.constant(0)}, width);
        storeTransposed(builder, loc, chunk, [&](int64_t row, Value value) { store(inside, row, t, value, count); });
      }
    });
  }

  void storeSlot(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t slot, Value value) {
    SmallVector<AffineExpr> at = planeIndex(nest, index, slot);
    if (slotRows)
      std::rotate(at.begin(), at.begin() + 1, at.end());
    nest.store(value, slotRows ? slotRows : planes, at);
  }

  void storeNumber(AffineNest &nest, ArrayRef<AffineExpr> at, Value value, int64_t width) {
    if (accumulate)
      value = arith::AddFOp::create(builder, loc, epilogue->start(nest, at, width), value);
    nest.store(epilogue->finish(nest, value, at, width), epilogue->destination(), at);
  }

  /// Lowers a block of which the extent, not known, cuts off some: those numbers are read as zero and are not written.
  void lowerMaskedBlock(function_ref<AffineExpr(AffineNest &)> openBlocks) {
    forEachPlace(openBlocks, [&](AffineNest &nest, SmallVector<AffineExpr> index, int64_t width) {
      Value extent = memref::DimOp::create(builder, loc, flat, dim);
      if (toPlanes())
        kernel::emit(
            builder, loc, network, [&](int64_t t) { return loadInside(nest, index, t, extent, width); },
            [&](int64_t s, Value value) { nest.store(value, planes, planeIndex(nest, index, s)); });
      else
        kernel::emit(
            builder, loc, network, [&](int64_t s) { return nest.load(planes, planeIndex(nest, index, s), width); },
            [&](int64_t t, Value value) { storeInside(nest, index, t, extent, value, width); });
    });
  }

  /// Where number `t` of a block is along `dim`, and if that is inside of `extent`.
  std::pair<Value, Value> placeOf(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t t, Value extent) {
    Value number = nest.materialize(index[dim] * blockSize() + t);
    return {number, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, number, extent)};
  }

  Value loadInside(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t t, Value extent, int64_t width) {
    auto [number, isInside] = placeOf(nest, index, t, extent);
    Value last = arith::SubIOp::create(builder, loc, extent, arith::ConstantIndexOp::create(builder, loc, 1));
    SmallVector<AffineExpr> at(index);
    at[dim] = nest.index(arith::MinSIOp::create(builder, loc, number, last));
    Value value = nest.load(flat, at, width);
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(value.getType()));
    return arith::SelectOp::create(builder, loc, isInside, value, zero);
  }

  void storeInside(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t t, Value extent, Value value, int64_t width) {
    auto [number, isInside] = placeOf(nest, index, t, extent);
    auto op = scf::IfOp::create(builder, loc, isInside, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(op.thenBlock());
    AffineNest inside(nest);
    SmallVector<AffineExpr> at(index);
    at[dim] = inside.index(number);
    storeNumber(inside, at, value, width);
  }
};

/// Merges the dimensions after `dim` into one where both buffers are contiguous and static there, and the epilogue
/// allows it, so that lanes run across rows of pixels.
void mergeTrailingDims(Value &flat, Value &planes, int64_t dim, Epilogue *epilogue, OpBuilder &builder, Location loc) {
  auto mergeable = [](MemRefType type, int64_t from) { return type.getRank() - from >= 2 && areMergeable(type, from); };
  auto flatType = cast<MemRefType>(flat.getType()), planesType = cast<MemRefType>(planes.getType());
  if (!mergeable(flatType, dim + 1) || !mergeable(planesType, dim + 2) || (epilogue && !epilogue->canMerge(dim + 1)))
    return;
  if (epilogue)
    epilogue->merge(dim + 1, builder);
  flat = mergeTrailing(builder, loc, flat, dim + 1);
  planes = mergeTrailing(builder, loc, planes, dim + 2);
}

} // namespace

void mlir::compress::lowerRfft(RfftOp op, int64_t lanes, OpBuilder &builder) {
  Value slotRows = lanes > 1 ? takeTranspose(op, builder) : Value();
  if (lanes > 1 && !slotRows) {
    auto subview = op.getInit().getDefiningOp<memref::SubViewOp>(); // of padded planes
    separateSlots(subview ? subview.getSource() : op.getInit());
  }
  Value flat = op.getInput(), planes = op.getInit();
  mergeTrailingDims(flat, planes, op.getDim(), nullptr, builder, op.getLoc());
  kernel::Network network = kernel::rfft(op.getBlockSize());
  TransformLowering{flat,        planes,  static_cast<int64_t>(op.getDim()), network, nullptr, false, lanes, builder,
                    op.getLoc(), slotRows}
      .lower();
}

void mlir::compress::lowerRfftTranspose(RfftTransposeOp op, int64_t lanes, OpBuilder &builder) {
  Value flat = op.getInit(), planes = op.getInput();
  Epilogue epilogue(flat);
  if (lanes > 1) {
    if (op.getAccumulate())
      epilogue.takeStart(op);
    epilogue.takeFinish(op);
  }
  mergeTrailingDims(flat, planes, op.getDim(), &epilogue, builder, op.getLoc());
  bool accumulate = op.getAccumulate() && !epilogue.startsFromZero();
  kernel::Network network = kernel::transpose(kernel::rfft(op.getBlockSize()));
  TransformLowering{flat,    planes,     static_cast<int64_t>(op.getDim()), network, &epilogue, accumulate, lanes,
                    builder, op.getLoc()}
      .lower();
}
