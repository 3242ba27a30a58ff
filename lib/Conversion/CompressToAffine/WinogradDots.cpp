//===- WinogradDots.cpp - Convolutions of bytes by fewer products ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution of bytes with 3 x 3 taps and strides of 1, exactly, by 36 products for 16 results instead of 144
// (Kernel/Winograd.h). Transformed numbers have up to 16 bits, whose dot products are half as fast as those of bytes,
// or with AVX2 as fast.
//
//   for n:                                     samples
//     %points[36][tiles][words]                16-bit pairs of transformed channels: of a word of four bytes the even
//                                              ones, and in a second half the odd ones
//     for p:                                   panels of filters
//       for each of 6 rows of points:
//         %filters[6][words][columns]          decoded from the bytes of the panel, which are what is stored
//         %products[36][tiles][columns] = sums of %points * %filters
//       results: 576 times the sums modulo 2^32, times the inverse of 9, shifted by 6 bits
//
// Sums wrap. That is exact where the constant weights bound a sum by 2^25: then what is left after 6 bits says it.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "LaneEmitter.h"
#include "PlaneViews.h"
#include "Words.h"
#include "compress/Kernel/Winograd.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::compress;
using kernel::kWinogradPoints;
using kernel::kWinogradResults;
using kernel::kWinogradTaps;

/// Words of a vector of processors with dot products, the only length that these have.
static constexpr int64_t kDotLanes = 16;
static constexpr int64_t kBytesPerWord = 4;

namespace {

struct LaneArithmetic {
  OpBuilder &builder;
  Location loc;
  /// Words of a vector.
  int64_t lanes;

  Value constant(Value like, int64_t number) const {
    auto type = cast<VectorType>(like.getType());
    Attribute scalar = builder.getIntegerAttr(type.getElementType(), number);
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, scalar));
  }
  Value add(Value a, Value b) const { return arith::AddIOp::create(builder, loc, a, b); }
  Value sub(Value a, Value b) const { return arith::SubIOp::create(builder, loc, a, b); }
  Value shift(Value a, int64_t by) const {
    return by == 0 ? a : arith::ShLIOp::create(builder, loc, a, constant(a, by)).getResult();
  }
  Value right(Value a, int64_t by) const { return arith::ShRSIOp::create(builder, loc, a, constant(a, by)); }
  Value seenAs(Value a, int64_t count, unsigned bits) const {
    return vector::BitCastOp::create(builder, loc, VectorType::get({count}, builder.getIntegerType(bits)), a);
  }
  /// The bytes of words at even places, with or without sign, or at odd ones, as numbers of 16 bits.
  Value halves(Value bytes, bool odd, bool isUnsigned) const {
    constexpr int64_t kByte = 8;
    Value pairs = seenAs(bytes, 2 * lanes, 2 * kByte);
    if (!isUnsigned)
      return right(odd ? pairs : shift(pairs, kByte), kByte);
    return odd ? arith::ShRUIOp::create(builder, loc, pairs, constant(pairs, kByte)).getResult()
               : arith::AndIOp::create(builder, loc, pairs, constant(pairs, 255)).getResult();
  }
};

using Points = std::array<Value, kWinogradPoints>;

class WinogradLowering {
public:
  WinogradLowering(linalg::LinalgOp op, int64_t lanes, OpBuilder &builder)
      : op(op), builder(builder), loc(op.getLoc()), lanes(lanes), out(op.getDpsInits()[0]),
        extents(op.getStaticLoopRanges()), epilogue(out), arithmetic{builder, loc, lanes} {}

  bool lower() {
    if (!matches() || !pays() || !isExact())
      return false;
    epilogue.takeStart(op);
    bool hasOverlap = height() % kWinogradResults || width() % kWinogradResults;
    if (epilogue.readsResult() && hasOverlap) // results of two tiles would be added to twice
      return false;
    epilogue.takeFinish(op);
    x = mergeTrailing(builder, loc, op.getDpsInputs()[0], 3);
    weights = mergeTrailing(builder, loc, op.getDpsInputs()[1], 4);
    points = allocate({kPlanes, tiles(), 2 * words()});
    filters = allocate({kWinogradPoints, 2 * words(), columns()});
    products = allocate({kPlanes, tiles(), columns()});
    emit();
    return true;
  }

private:
  enum Loop { Sample, Row, Column, Panel, Filter, RowTap, ColumnTap, Word, Byte, NumLoops };
  static constexpr int64_t kPlanes = kWinogradPoints * kWinogradPoints;

  bool hasDots() const { return lanes == kDotLanes; }
  /// Rows of a register tile: sums in half of the registers of AVX-512 at most, or of AVX2, which has as many again for
  /// filters, a broadcast and what is added.
  int64_t tileRows() const {
    constexpr int64_t kMostRows = 8, kMostSums = 8;
    return hasDots() ? kMostRows : std::max<int64_t>(kMostSums * lanes / columns(), 1);
  }
  int64_t height() const { return extents[Row]; }
  int64_t width() const { return extents[Column]; }
  int64_t columns() const { return extents[Filter]; }
  int64_t words() const { return extents[Word]; }
  int64_t tileColumns() const { return llvm::divideCeil(width(), kWinogradResults); }
  int64_t tiles() const { return llvm::divideCeil(height(), kWinogradResults) * tileColumns(); }

  /// True if the op is such a convolution, of whole vectors of channels and filters.
  bool matches() {
    if (op.getNumLoops() != NumLoops)
      return false;
    auto dim = [&](int64_t loop) { return builder.getAffineDimExpr(loop); };
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(NumLoops, 0, exprs, builder.getContext()); };
    SmallVector<AffineMap> expected{
        map({dim(Sample), dim(Row) + dim(RowTap), dim(Column) + dim(ColumnTap), dim(Word), dim(Byte)}),
        map({dim(Panel), dim(RowTap), dim(ColumnTap), dim(Word), dim(Filter), dim(Byte)}),
        map({dim(Sample), dim(Row), dim(Column), dim(Panel), dim(Filter)})};
    bool areStatic =
        llvm::none_of(ArrayRef(extents).drop_front(), [](int64_t extent) { return ShapedType::isDynamic(extent); });
    auto isPlain = [](Value memref, int64_t from) { return areMergeable(cast<MemRefType>(memref.getType()), from); };
    return op.getIndexingMapsArray() == expected && areStatic && extents[RowTap] == kWinogradTaps &&
           extents[ColumnTap] == kWinogradTaps && height() >= kWinogradResults && width() >= kWinogradResults &&
           columns() % lanes == 0 && words() % lanes == 0 && allowsLanes(out) && isPlain(op.getDpsInputs()[0], 3) &&
           isPlain(op.getDpsInputs()[1], 4);
  }

  /// True if it takes fewer vector operations than one for each word and vector of results. Transforms are counted with
  /// their loads and stores: about 230 for a tile and a vector of channels (each half), 300 for a word and vector of
  /// filters, 300 for a tile and a vector of filters. Without dot products a word of bytes takes two products of pairs.
  bool pays() const {
    constexpr int64_t kMostPoints = int64_t(1) << 21; // bytes, which each panel reads from the second and third caches
    int64_t vectors = extents[Panel] * columns() / lanes, blocks = words() / lanes;
    int64_t direct = height() * width() * vectors * kWinogradTaps * kWinogradTaps * words() * (hasDots() ? 1 : 2);
    int64_t transforms = tiles() * blocks * 2 * 230 + vectors * (words() + tiles()) * 300;
    int64_t fewer = kPlanes * tiles() * vectors * 2 * words() + transforms;
    return kPlanes * tiles() * words() * 2 * kBytesPerWord <= kMostPoints && fewer + fewer / 8 < direct;
  }

  /// The bytes of constant filters; none if they are no constant.
  SmallVector<char> constantBytes() {
    auto get = op.getDpsInputs()[1].getDefiningOp<memref::GetGlobalOp>();
    auto global = get ? SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(op, get.getNameAttr()) : nullptr;
    Attribute initial = global ? global.getInitialValueAttr() : nullptr;
    if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(initial)) {
      AsmResourceBlob *blob = resource.getRawHandle().getBlob();
      return blob ? llvm::to_vector(blob->getData()) : SmallVector<char>();
    }
    auto dense = dyn_cast_or_null<DenseElementsAttr>(initial);
    return dense ? llvm::to_vector_of<char>(dense.getValues<int8_t>()) : SmallVector<char>();
  }

  /// True if no result can be 2^25 or more.
  bool isExact() {
    SmallVector<char> bytes = constantBytes();
    int64_t run = columns() * kBytesPerWord, perPanel = kWinogradTaps * kWinogradTaps * words() * run;
    if (static_cast<int64_t>(bytes.size()) != extents[Panel] * perPanel)
      return false;
    SmallVector<int64_t> positive(extents[Panel] * columns(), 0), negative(positive);
    for (auto [i, byte] : llvm::enumerate(bytes)) {
      int64_t weight = static_cast<int8_t>(byte), filter = i / perPanel * columns() + i % run / kBytesPerWord;
      (weight < 0 ? negative : positive)[filter] += std::abs(weight);
    }
    constexpr int64_t kMostByte = 255, kBits = 32 - 1 - kernel::kWinogradShift;
    return kMostByte * std::max(*llvm::max_element(positive), *llvm::max_element(negative)) < int64_t(1) << kBits;
  }

  Value allocate(ArrayRef<int64_t> shape) {
    return memref::AllocOp::create(builder, loc, MemRefType::get(shape, builder.getI32Type()),
                                   builder.getI64IntegerAttr(64));
  }

  void emit() {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    AffineExpr sample = nest.loopOverDim(out, 0);
    transformInput(nest, sample);
    AffineExpr panel = nest.loop(0, extents[Panel]);
    for (int64_t row = 0; row < kWinogradPoints; ++row) {
      transformFilters(nest, panel, row);
      multiply(nest, row);
    }
    storeResults(nest, sample, panel);
  }

  /// Calls `body` with where a tile begins, and its number. The last one of a row may overlap the one before.
  void forEachTile(const AffineNest &nest, function_ref<void(AffineNest &, AffineExpr, AffineExpr, AffineExpr)> body) {
    auto cut = [](int64_t extent) { return cutIntoTiles(extent, kWinogradResults, 1, /*mayRecompute=*/true); };
    for (const TileRun &rows : cut(height()))
      for (const TileRun &cols : cut(width())) {
        OpBuilder::InsertionGuard guard(builder);
        AffineNest inside = nest;
        AffineExpr row = inside.loop(rows.run.begin, rows.run.end, rows.run.step);
        AffineExpr column = inside.loop(cols.run.begin, cols.run.end, cols.run.step);
        AffineExpr number = row.floorDiv(kWinogradResults) * tileColumns() + column.floorDiv(kWinogradResults);
        body(inside, row + rows.offsets[0], column + cols.offsets[0], number);
      }
  }

  void transformInput(const AffineNest &outer, AffineExpr sample) {
    forEachTile(outer, [&](AffineNest &nest, AffineExpr row, AffineExpr column, AffineExpr tile) {
      AffineExpr word = nest.loop(0, words(), lanes);
      for (int64_t half : {0, 1}) {
        std::array<Points, kWinogradPoints> rows;
        for (int64_t i = 0; i < kWinogradPoints; ++i) {
          Points numbers;
          for (int64_t j = 0; j < kWinogradPoints; ++j) {
            Value bytes = nest.load(x, {sample, row + i, column + j, word * kBytesPerWord}, lanes * kBytesPerWord);
            numbers[j] = arithmetic.halves(bytes, half == 1, /*isUnsigned=*/true);
          }
          rows[i] = kernel::winogradInput(arithmetic, numbers);
        }
        for (int64_t j = 0; j < kWinogradPoints; ++j) {
          Points numbers;
          for (int64_t i = 0; i < kWinogradPoints; ++i)
            numbers[i] = rows[i][j];
          numbers = kernel::winogradInput(arithmetic, numbers);
          for (int64_t i = 0; i < kWinogradPoints; ++i)
            nest.store(arithmetic.seenAs(numbers[i], lanes, 32), points,
                       {nest.constant(i * kWinogradPoints + j), tile, word + half * words()});
        }
      }
    });
  }

  /// Row `i` of the points of a panel's filters.
  void transformFilters(AffineNest nest, AffineExpr panel, int64_t i) {
    OpBuilder::InsertionGuard guard(builder);
    AffineExpr word = nest.loop(0, words()), column = nest.loop(0, columns(), lanes);
    for (int64_t half : {0, 1}) {
      std::array<Value, kWinogradTaps> row;
      for (int64_t u = 0; u < kWinogradTaps; ++u) {
        std::array<Value, kWinogradTaps> taps;
        for (int64_t t = 0; t < kWinogradTaps; ++t) {
          Value bytes = nest.load(weights, {panel, nest.constant(t), nest.constant(u), word, column * kBytesPerWord},
                                  lanes * kBytesPerWord);
          taps[t] = arithmetic.halves(bytes, half == 1, /*isUnsigned=*/false);
        }
        row[u] = kernel::winogradFilter(arithmetic, i, taps);
      }
      for (int64_t j = 0; j < kWinogradPoints; ++j)
        nest.store(arithmetic.seenAs(kernel::winogradFilter(arithmetic, j, row), lanes, 32), filters,
                   {nest.constant(j), word + half * words(), column});
    }
  }

  /// The products of row `i` of points.
  void multiply(AffineNest nest, int64_t i) {
    OpBuilder::InsertionGuard guard(builder);
    AffineExpr j = nest.loop(0, kWinogradPoints);
    int64_t rows = llvm::divideCeil(tiles(), llvm::divideCeil(tiles(), tileRows())), whole = tiles() / rows * rows;
    multiplyTiles(nest, i, j, 0, whole, rows);
    if (whole < tiles())
      multiplyTiles(nest, i, j, whole, tiles(), tiles() - whole);
  }

  void multiplyTiles(AffineNest nest, int64_t i, AffineExpr j, int64_t begin, int64_t end, int64_t rows) {
    OpBuilder::InsertionGuard guard(builder);
    int64_t vectors = columns() / lanes;
    AffineExpr tile = nest.loop(begin, end, rows), plane = j + i * kWinogradPoints;
    SmallVector<Value> sums(rows * vectors, nest.zero(products, lanes));
    AffineExpr step = nest.loopCarrying(2 * words(), sums);
    SmallVector<Value> loaded;
    for (int64_t v = 0; v < vectors; ++v)
      loaded.push_back(nest.load(filters, {j, step, nest.constant(v * lanes)}, lanes));
    for (int64_t r = 0; r < rows; ++r) {
      Value pair = nest.loadBroadcast(points, {plane, tile + r, step}, lanes);
      for (int64_t v = 0; v < vectors; ++v)
        sums[r * vectors + v] = addPairs(pair, loaded[v], sums[r * vectors + v]);
    }
    nest.closeCarrying(sums);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        nest.store(sums[r * vectors + v], products, {plane, tile + r, nest.constant(v * lanes)});
  }

  Value addPairs(Value a, Value b, Value sum) {
    if (!hasDots()) {
      AffineNest nest(builder, loc);
      return emitPairs(nest, a, b, sum);
    }
    auto pairs = [&](Value words) { return arithmetic.seenAs(words, 2 * lanes, 16); };
    return LLVM::CallIntrinsicOp::create(builder, loc, sum.getType(),
                                         builder.getStringAttr("llvm.x86.avx512.vpdpwssd.512"),
                                         ValueRange{sum, pairs(a), pairs(b)})
        .getResult(0);
  }

  void storeResults(const AffineNest &outer, AffineExpr sample, AffineExpr panel) {
    forEachTile(outer, [&](AffineNest &nest, AffineExpr row, AffineExpr column, AffineExpr tile) {
      AffineExpr filter = nest.loop(0, columns(), lanes);
      std::array<std::array<Value, kWinogradResults>, kWinogradPoints> rows;
      for (int64_t i = 0; i < kWinogradPoints; ++i) {
        Points numbers;
        for (int64_t j = 0; j < kWinogradPoints; ++j)
          numbers[j] = nest.load(products, {nest.constant(i * kWinogradPoints + j), tile, filter}, lanes);
        rows[i] = kernel::winogradOutput(arithmetic, numbers);
      }
      for (int64_t j = 0; j < kWinogradResults; ++j) {
        Points numbers;
        for (int64_t i = 0; i < kWinogradPoints; ++i)
          numbers[i] = rows[i][j];
        auto results = kernel::winogradOutput(arithmetic, numbers);
        for (int64_t i = 0; i < kWinogradResults; ++i)
          storeResult(nest, results[i], {sample, row + i, column + j, panel, filter});
      }
    });
  }

  void storeResult(AffineNest &nest, Value multiple, ArrayRef<AffineExpr> place) {
    Value inverse = arithmetic.constant(multiple, static_cast<int32_t>(kernel::kInverseOf9));
    Value shifted = arith::MulIOp::create(builder, loc, multiple, inverse);
    Value sum = arithmetic.right(shifted, kernel::kWinogradShift);
    sum = arithmetic.add(sum, epilogue.start(nest, place, lanes));
    nest.store(epilogue.finish(nest, sum, place, lanes), epilogue.destination(), place);
  }

  linalg::LinalgOp op;
  OpBuilder &builder;
  Location loc;
  int64_t lanes;
  Value out;
  SmallVector<int64_t> extents;
  Epilogue epilogue;
  LaneArithmetic arithmetic;
  Value x, weights, points, filters, products;
};

} // namespace

bool mlir::compress::lowerWinogradDot(linalg::LinalgOp op, int64_t lanes, StringRef extensions, OpBuilder &builder) {
  DotInstructions instructions = DotInstructions::get(extensions);
  bool multipliesPairs =
      (lanes == kDotLanes && instructions.has(WordFormat::i8, lanes)) || instructions.addsPairs(lanes);
  return multipliesPairs && WinogradLowering(op, lanes, builder).lower();
}
