//===- CodedDots.cpp - Lower products of rounded activations and codes -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.coded_dot bits = 4 offset = 8 ins(%x, %words, %scales) outs(%y)
//   =>
//   %xs = memref.alloc : memref<?x1024xi32>                        rounded activations; scales and sums of groups
//   beside affine.for panels { affine.for rows {
//     %sums = affine.for groups iter_args(…) {
//       %dots = for words { two dot products: of the low and of the high bits of each byte }
//       %sums + %dots * scale of weights * scale of activations
//   } } }
//
// Bytes of codes have no sign, as the first factor of dot instructions wants it (CodeDecoder.h). What was added to them
// is subtracted from where the sum of a group starts. Activations that do not fill the last group get zeros. At least
// 16 rows are computed in tile registers where there are some (CodedTiles.h).
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "CodedTiles.h"
#include "Epilogue.h"
#include "RoundActivations.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t kBytesPerWord = 4;

namespace {

struct CodedDotLowering {
  CodedDotOp op;
  int64_t lanes;
  DotInstructions instructions;
  OpBuilder &builder;
  bool startsFromZero;
  Location loc = op.getLoc();
  RoundedRows rounded = {};
  ArrayRef<int64_t> shape = op.getWordsType().getShape();
  int64_t panels = shape[0], groups = shape[1], wordsPerGroup = shape[2], panel = shape[3];
  CodeDecoder decoder{op.getByteCode(), instructions};
  int64_t group = op.getGroup(), fields = decoder.fields();
  /// Words of activations.
  int64_t inWords = group / kBytesPerWord;
  int64_t outputs = cast<MemRefType>(op.getInit().getType()).getShape().back();
  int64_t rank = cast<MemRefType>(op.getInit().getType()).getRank();
  bool usesTiles = false;

  //===--------------------------------------------------------------------===//
  // Activations
  //===--------------------------------------------------------------------===//

  void round() {
    SmallVector<OpFoldResult> sizes;
    for (int64_t d = 0; d + 1 < rank; ++d)
      sizes.push_back(extentOf(builder, loc, op.getInput(), d));
    auto allocate = [&](int64_t extent, Type element) {
      SmallVector<OpFoldResult> all(sizes);
      all.push_back(builder.getIndexAttr(extent));
      return allocateRows(builder, loc, all, element, extent);
    };
    rounded.words = allocate(groups * inWords + (usesTiles ? wordsBehindRows(op) : 0), builder.getI32Type());
    rounded.scales = allocate(groups, builder.getF32Type());
    rounded.sums = allocate(groups, op.getZeros() ? Type(builder.getF32Type()) : builder.getI32Type());
    int64_t inputs = cast<MemRefType>(op.getInput().getType()).getShape().back(), whole = inputs / group;
    roundGroups(op.getInput(), 0, whole, 0);
    if (whole == groups)
      return;
    Value padded = allocate(group, builder.getF32Type());
    emitLastInputs(builder, loc, op.getInput(), inputs % group, padded, lanes);
    roundGroups(padded, whole, groups, whole);
  }

  /// Rounds groups from `begin` to `end`; `numbers` has those from `first` on.
  void roundGroups(Value numbers, int64_t begin, int64_t end, int64_t first) {
    if (begin == end)
      return;
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    SmallVector<AffineExpr> row = loopOverRows(nest, op.getInput());
    AffineExpr number = nest.loop(begin, end), column = (number - first) * group;
    Value inverse = emitScale(nest, numbers, row, column, group, rounded.scales, number, lanes);
    packWords(nest, numbers, row, number, column, inverse);
  }

  void packWords(AffineNest &nest, Value of, ArrayRef<AffineExpr> row, AffineExpr number, AffineExpr column,
                 Value inverse) {
    int64_t width = std::gcd(lanes, inWords);
    LaneEmitter emit{builder, loc, width};
    Value by = emit.spread(inverse), base = emit.number(kRoundToByte), ones = emit.bits(0x01010101);
    SmallVector<Value> sum{emit.bits(0)};
    forEachStep(nest, inWords / width, 4, sum, [&](AffineExpr step) {
      Value word;
      for (int64_t byte = 0; byte < kBytesPerWord; ++byte) {
        Value numbers = nest.load(of, indexAt(row, column + step * width + byte * inWords), width);
        Value code = emit.bitsOf(nest.fma(numbers, by, base));
        code = emit.left(byte == 3 ? code : emit.masked(code, 0xff), 8 * byte);
        word = word ? emit.both(word, code) : code;
      }
      nest.store(word, rounded.words, indexAt(row, number * inWords + step * width));
      sum[0] = emitCodeDot(nest, instructions, /*most=*/127, ones, word, sum[0]);
    });
    Value total = sum[0];
    if (width > 1)
      total = vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD, total);
    LaneEmitter scalar{builder, loc, 1};
    if (op.getZeros())
      total = arith::SIToFPOp::create(builder, loc, builder.getF32Type(), total);
    else
      total = arith::MulIOp::create(builder, loc, total, scalar.bits(-static_cast<int32_t>(decoder.code.byteOffset())));
    nest.store(total, rounded.sums, indexAt(row, number));
  }

  //===--------------------------------------------------------------------===//
  // Products
  //===--------------------------------------------------------------------===//

  /// A vector of outputs in a panel; `existing` lanes of it if not all.
  struct Outputs {
    AffineExpr offset;
    int64_t existing;
  };

  void lower() {
    if (!isContiguousInside(op.getInput()) || !isContiguousInside(op.getInit()) || !isContiguousInside(op.getWords()) ||
        !isContiguousInside(op.getScales()) || (op.getZeros() && !isContiguousInside(op.getZeros())))
      lanes = 1;
    usesTiles = allowsCodedTiles(op, lanes, instructions);
    round();
    if (usesTiles)
      lowerCodedDotToTiles(op, rounded, decoder, startsFromZero, [&] { lowerToLanes(); }, builder);
    else
      lowerToLanes();
  }

  void lowerToLanes() {
    int64_t whole = outputs / panel;
    if (whole > 0)
      lowerPanels(0, whole, panel);
    if (whole < panels)
      lowerPanels(whole, panels, outputs % panel);
  }

  /// Panels from `begin` to `end`, of which `count` outputs exist: all rows for one, then the next. Tiles of a panel
  /// are a loop: where there are no vectors, each pair of outputs is one.
  void lowerPanels(int64_t begin, int64_t end, int64_t count) {
    constexpr int64_t kRows = 4, kVectors = 2;
    int64_t width = std::gcd(lanes, panel), tileWidth = kVectors * width, whole = count / tileWidth * tileWidth;
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr number = nest.loop(begin, end);
    for (const TileRun &tile : cutRows(kRows)) {
      if (whole > 0) {
        OpBuilder::InsertionGuard inner(builder);
        AffineNest inside(nest);
        lowerRows(inside, number, tile, outputsOf(inside.loop(0, whole, tileWidth), tileWidth, width), width);
      }
      if (whole < count)
        lowerRows(nest, number, tile, outputsOf(nest.constant(whole), count - whole, width), width);
    }
  }

  /// The vectors of `count` outputs from `first` on.
  static SmallVector<Outputs> outputsOf(AffineExpr first, int64_t count, int64_t width) {
    SmallVector<Outputs> outs;
    for (int64_t offset = 0; offset < count; offset += width)
      outs.push_back({first + offset, count - offset < width ? count - offset : 0});
    return outs;
  }

  void lowerRows(const AffineNest &nest, AffineExpr number, const TileRun &tile, ArrayRef<Outputs> outs,
                 int64_t width) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest inside(nest);
    SmallVector<AffineExpr> row;
    for (int64_t d = 0; d + 1 < rank; ++d)
      row.push_back(d + 2 == rank ? inside.loopOver(tile.run, op.getInit(), d) : inside.loopOverDim(op.getInit(), d));
    lowerTile(inside, number, row, tile.offsets, outs, width);
  }

  SmallVector<TileRun> cutRows(int64_t most) {
    int64_t extent = cast<MemRefType>(op.getInit().getType()).getDimSize(rank - 2);
    if (ShapedType::isStatic(extent))
      return cutIntoTiles(extent, 1, most, startsFromZero);
    return llvm::map_to_vector(
        cutIntoRows(most), [](LaneRun run) { return TileRun{run, llvm::to_vector(llvm::seq<int64_t>(0, run.step))}; });
  }

  void lowerTile(AffineNest &nest, AffineExpr number, ArrayRef<AffineExpr> row, ArrayRef<int64_t> offsets,
                 ArrayRef<Outputs> outs, int64_t width) {
    SmallVector<SmallVector<AffineExpr>> rows;
    for (int64_t offset : offsets) {
      rows.emplace_back(row);
      rows.back().back() = row.back() + offset;
    }
    auto forEachOutput = [&](function_ref<void(Value &, ArrayRef<AffineExpr>)> body, MutableArrayRef<Value> sums) {
      for (auto [i, sum] : llvm::enumerate(sums)) {
        const Outputs &out = outs[i % outs.size()];
        nest.existingLanes = out.existing;
        body(sum, indexAt(rows[i / outs.size()], number * panel + out.offset));
        nest.existingLanes = 0;
      }
    };
    SmallVector<Value> sums(rows.size() * outs.size());
    forEachOutput(
        [&](Value &sum, ArrayRef<AffineExpr> index) {
          sum = startsFromZero ? nest.zero(op.getInit(), width) : nest.load(op.getInit(), index, width);
        },
        sums);
    AffineExpr in = nest.loopCarrying(groups, sums);
    SmallVector<Value> dots = dotsOfGroup(nest, number, in, rows, outs, width);
    scale(nest, number, in, rows, outs, width, dots, sums);
    nest.closeCarrying(sums);
    forEachOutput([&](Value &sum, ArrayRef<AffineExpr> index) { nest.store(sum, op.getInit(), index); }, sums);
  }

  /// How many sums a product has that are added at its end: a field has its own where registers suffice, which saves
  /// shifts; and so have words in turn, which do not wait for each other then.
  struct Parts {
    int64_t fields, turns;
    bool inPlace;
  };

  /// How many words of activations may be multiplied in 16 bits one after the other, of at least two words of codes; 0
  /// if none.
  int64_t chainOf(int64_t width) const {
    Type sum = LaneEmitter{builder, loc, width}.i32();
    int64_t chain = longestChain(instructions, 127 * decoder.mostByte(/*inPlace=*/false), sum);
    return chain >= 2 * fields ? chain : 0;
  }

  Parts partsOf(int64_t numSums, int64_t width) const {
    constexpr int64_t kVectorLanes = 16, kMostSums = 16, kEnoughSums = 8, kLongGroup = 16;
    int64_t most = width == kVectorLanes ? kMostSums : kMostSums / 2;
    if (chainOf(width) > 0) // its sums are short, and nothing waits for them
      return {1, 1, false};
    Parts parts{numSums * fields <= most ? fields : 1, 1, false};
    parts.inPlace = parts.fields > 1 && decoder.staysInPlace(group, width);
    while (numSums * parts.fields * parts.turns < kEnoughSums && wordsPerGroup >= kLongGroup)
      parts.turns *= 2;
    return parts;
  }

  /// Calls `body(sum, field, bytes of codes, word of activations)` for all that is multiplied with a word of codes.
  void forEachDot(AffineNest &nest, AffineExpr number, AffineExpr in, AffineExpr word,
                  ArrayRef<SmallVector<AffineExpr>> rows, ArrayRef<Outputs> outs, int64_t width, bool inPlace,
                  function_ref<void(int64_t, int64_t, Value, Value)> body) {
    LaneEmitter emit{builder, loc, width};
    SmallVector<Value> codes;
    for (const Outputs &out : outs)
      codes.push_back(nest.load(op.getWords(), {number, in, word, out.offset}, width));
    for (int64_t field = 0; field < fields; ++field) {
      SmallVector<Value> bytes;
      for (Value code : codes)
        bytes.push_back(decoder.emit(emit, code, field, inPlace));
      for (auto [r, row] : llvm::enumerate(rows)) {
        AffineExpr column = in * inWords + (word * fields + field);
        Value x = nest.loadBroadcast(rounded.words, indexAt(row, column), width);
        for (auto [o, byte] : llvm::enumerate(bytes))
          body(r * outs.size() + o, field, byte, x);
      }
    }
  }

  /// Adds products in 16 bits, at most `chain` words of activations one after the other, to the sums. Of several rows a
  /// word at a time, in a loop: in straight code, decoded bytes of all words wait for the rows in memory.
  void addChains(AffineNest &nest, AffineExpr number, AffineExpr in, ArrayRef<SmallVector<AffineExpr>> rows,
                 ArrayRef<Outputs> outs, int64_t chain, int64_t width, SmallVectorImpl<Value> &sums) {
    constexpr int64_t kSumsAtOnce = 8;
    int64_t perChain = stepsAtOnce(wordsPerGroup, chain / fields), numSums = sums.size();
    auto halves = VectorType::get({2 * width}, builder.getI16Type());
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(halves));
    forEachStep(nest, wordsPerGroup / perChain, 1, sums, [&](AffineExpr block) {
      SmallVector<Value> chains(numSums, zero);
      forEachStep(nest, perChain, std::max<int64_t>(kSumsAtOnce / numSums, 1), chains, [&](AffineExpr word) {
        forEachDot(
            nest, number, in, block * perChain + word, rows, outs, width, /*inPlace=*/false,
            [&](int64_t i, int64_t, Value byte, Value x) { chains[i] = emitChainLink(nest, byte, x, chains[i]); });
      });
      for (auto [sum, link] : llvm::zip_equal(sums, chains))
        sum = emitChainEnd(nest, link, sum);
    });
  }

  /// The exact sums of a group: of each row for each vector of outputs.
  SmallVector<Value> dotsOfGroup(AffineNest &nest, AffineExpr number, AffineExpr in,
                                 ArrayRef<SmallVector<AffineExpr>> rows, ArrayRef<Outputs> outs, int64_t width) {
    LaneEmitter emit{builder, loc, width};
    size_t numSums = rows.size() * outs.size();
    Parts parts = partsOf(numSums, width);
    SmallVector<Value> sums;
    for (ArrayRef<AffineExpr> row : rows)
      sums.append(outs.size(),
                  op.getZeros() ? emit.bits(0) : nest.loadBroadcast(rounded.sums, indexAt(row, in), width));
    sums.append(numSums * (parts.fields * parts.turns - 1), emit.bits(0));
    if (int64_t chain = chainOf(width)) {
      addChains(nest, number, in, rows, outs, chain, width, sums);
      return sums;
    }
    int64_t turn = 0;
    forEachStep(nest, wordsPerGroup, 8, sums, [&](AffineExpr word) {
      forEachDot(nest, number, in, word, rows, outs, width, parts.inPlace,
                 [&](int64_t i, int64_t field, Value byte, Value x) {
                   Value &sum = sums[numSums * (turn * parts.fields + field % parts.fields) + i];
                   sum = emitCodeDot(nest, instructions, 127 * decoder.mostByte(parts.inPlace), byte, x, sum);
                 });
      turn = (turn + 1) % parts.turns;
    });
    for (size_t i = numSums; i < sums.size(); ++i) {
      int64_t field = i / numSums % parts.fields;
      Value more = decoder.sumOfField(emit, sums[i], field, parts.inPlace);
      sums[i % numSums] = arith::AddIOp::create(builder, loc, sums[i % numSums], more);
    }
    sums.truncate(numSums);
    return sums;
  }

  void scale(AffineNest &nest, AffineExpr number, AffineExpr in, ArrayRef<SmallVector<AffineExpr>> rows,
             ArrayRef<Outputs> outs, int64_t width, ArrayRef<Value> dots, MutableArrayRef<Value> sums) {
    LaneEmitter emit{builder, loc, width};
    int64_t perScale = op.getGroupsPerScale();
    AffineExpr place = perScale == groups ? nest.constant(0) : in.floorDiv(perScale);
    auto loadOfOuts = [&](Value of) {
      return llvm::map_to_vector(outs,
                                 [&](const Outputs &out) { return nest.load(of, {number, place, out.offset}, width); });
    };
    SmallVector<Value> weightScales = loadOfOuts(op.getScales()), minusZeros;
    if (op.getZeros())
      for (Value zero : loadOfOuts(op.getZeros()))
        minusZeros.push_back(nest.negate(zero));
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value inputScale = nest.loadBroadcast(rounded.scales, indexAt(row, in), width), sum;
      if (op.getZeros())
        sum = nest.loadBroadcast(rounded.sums, indexAt(row, in), width);
      for (size_t o = 0; o < outs.size(); ++o) {
        size_t i = r * outs.size() + o;
        Value dot = arith::SIToFPOp::create(builder, loc, emit.f32(), dots[i]);
        if (op.getZeros())
          dot = nest.fma(minusZeros[o], sum, dot);
        sums[i] = nest.fma(dot, emit.times(weightScales[o], inputScale), sums[i]);
      }
    }
  }
};

} // namespace

void mlir::compress::lowerCodedDot(CodedDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  bool startsFromZero = lanes > 1 && eraseZeroFill(op, op.getInit());
  CodedDotLowering{op, lanes, DotInstructions::get(extensions), builder, startsFromZero}.lower();
}
