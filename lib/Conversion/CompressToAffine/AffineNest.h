//===- AffineNest.h - Affine loop nests with lanes -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_AFFINENEST_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_AFFINENEST_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Builders.h"

namespace mlir::compress {

/// Chunks along one dimension: the multiples of `step` from `begin` below `end`. Of a dynamic extent, its whole steps,
/// or those of what whole steps of `begin` leave of it.
struct LaneRun {
  enum class Part { Static, WholeSteps, Rest };
  Part part;
  int64_t begin, end, step;
  /// Lanes of the vectors that a chunk is made of.
  int64_t width;
  /// Of a rest: the steps that were taken before it, as many of each as fitted, the first of them first.
  SmallVector<int64_t, 4> before = {};

  static LaneRun of(int64_t begin, int64_t end, int64_t step, int64_t width) {
    return {Part::Static, begin, end, step, width};
  }
  static LaneRun wholeSteps(int64_t step, int64_t width) { return {Part::WholeSteps, 0, 0, step, width}; }
  /// Of what whole steps of each of `before`, one after the other, leave: the whole steps of `step`.
  static LaneRun rest(ArrayRef<int64_t> before, int64_t step = 1) {
    return {Part::Rest, 0, 0, step, 1, SmallVector<int64_t, 4>(before)};
  }
};

/// A part of a dimension in chunks, and what a chunk is made of: vectors of `run.width` at `offsets` from its begin.
struct TileRun {
  LaneRun run;
  SmallVector<int64_t> offsets;
  /// If not 0, the lanes that exist (AffineNest::existingLanes).
  int64_t existingLanes = 0;

  static TileRun of(LaneRun run) { return {run, {0}}; }
};

/// Builds one nest of affine loops. Indices are affine expressions over the loops opened so far, innermost last;
/// leaving a scope (a saved copy) closes them.
///
/// An extent that is no affine symbol (a tile's, that depends on the index of a loop around it) gets an scf.for; loads
/// and stores inside of it are those of memref and vector.
class AffineNest {
public:
  AffineNest(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  OpBuilder &builder;
  Location loc;
  /// If not 0, the lanes of all vectors that exist: others are read as zero and not written.
  int64_t existingLanes = 0;

  /// Opens a loop over 0, step, … below dimension `dim` of `memref` and returns its index. A static extent of 1 needs
  /// none.
  AffineExpr loopOverDim(Value memref, int64_t dim);
  /// Opens a loop from `begin` to `end` by `step`; a single trip needs none.
  AffineExpr loop(int64_t begin, int64_t end, int64_t step = 1);
  /// Opens a loop from `begin` to `end`, even of a single trip: a nest of its own beside others.
  AffineExpr loopAlways(int64_t begin, int64_t end, int64_t step = 1);
  /// Opens a loop over the multiples of `step` of which a whole step lies below dimension `dim` of `memref`, of dynamic
  /// extent.
  AffineExpr loopOverWholeSteps(Value memref, int64_t dim, int64_t step);
  /// Opens a loop over what whole steps of each of `before`, one after the other, leave: the whole steps of `step`.
  AffineExpr loopOverRest(Value memref, int64_t dim, ArrayRef<int64_t> before, int64_t step = 1);
  /// Opens the loop of a run along dimension `dim` of `memref`.
  AffineExpr loopOver(const LaneRun &run, Value memref, int64_t dim);
  /// Opens a loop from `begin` to `end`, expressions of the extent (symbol 0) of dimension `dim` of `memref`.
  AffineExpr loopBetween(Value memref, int64_t dim, AffineExpr begin, AffineExpr end, int64_t step = 1);
  /// Opens a loop over dimension `dim` of `memref`, of dynamic extent, that carries `values`.
  AffineExpr loopOverDimCarrying(Value memref, int64_t dim, SmallVectorImpl<Value> &values);
  /// Opens a loop that carries `values`; on return `values` are the values inside of it. Close with closeCarrying.
  AffineExpr loopCarrying(int64_t extent, SmallVectorImpl<Value> &values);
  /// Yields `values` from the loop opened last by one of the two and continues after it, with its results in `values`.
  void closeCarrying(SmallVectorImpl<Value> &values);

  /// An index that is no loop's, and need not be affine.
  AffineExpr index(Value value);
  /// The value of `index`.
  Value materialize(AffineExpr index);

  AffineExpr constant(int64_t value) { return builder.getAffineConstantExpr(value); }

  /// Reads `lanes` numbers along the innermost dimension, or one.
  Value load(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes);
  /// Reads `lanes` numbers `stride` apart, 1 or 2, along the innermost dimension; nothing beyond the last one is read.
  Value loadStrided(Value memref, ArrayRef<AffineExpr> indices, int64_t stride, int64_t lanes);
  /// Reads one number and copies it to all lanes.
  Value loadBroadcast(Value memref, ArrayRef<AffineExpr> indices, int64_t lanes);
  void store(Value value, Value memref, ArrayRef<AffineExpr> indices);

  /// Asks for the line of a number, which need not exist.
  void prefetch(Value memref, ArrayRef<AffineExpr> indices, bool isWrite = false);

  /// a*b + c, rounded once.
  Value fma(Value a, Value b, Value c);
  Value negate(Value a);
  /// Zeros of the type that a load from `memref` has.
  Value zero(Value memref, int64_t lanes);

private:
  /// The mask of existingLanes.
  Value mask(int64_t lanes);
  AffineMap mapOf(ArrayRef<AffineExpr> indices);
  SmallVector<Value> materialize(ArrayRef<AffineExpr> indices);
  /// Opens a loop between expressions of `extent`; it carries `values` if there are any.
  Operation *openLoop(Value extent, AffineExpr begin, AffineExpr end, int64_t step, ValueRange values = {});

  SmallVector<Value> ivs;
  /// Null for a loop that a single trip did not need.
  SmallVector<Operation *> carrying;
  /// False as soon as an index is no affine dimension.
  bool isAffine = true;
};

/// Fails, with an error at `op`, unless `lanes` of the option `vector-lanes` of `pass` are a power of two from 1 to
/// 256: 1024 bytes of f32, the widest registers that a machine description allows.
LogicalResult verifyVectorLanes(Operation *op, StringRef pass, int64_t lanes);

/// Cuts `extent` into runs of at most `lanes` lanes, a power of two, halving it for what remains; calls
/// `body(begin, end, width)` for each run of chunks of one width.
void forEachLaneRun(int64_t extent, int64_t lanes, function_ref<void(int64_t begin, int64_t end, int64_t width)> body);
/// The same as runs whose chunks are vectors; a dynamic extent is cut into whole vectors and a scalar rest.
void forEachLaneRun(int64_t extent, int64_t lanes, function_ref<void(LaneRun run)> body);

/// Cuts a dynamic extent into its whole steps of `most`, and what these leave into ever smaller steps down to 1. Three
/// rows are a step of their own, not two and one: a row alone reads all weights for itself, and its few sums wait for
/// one another.
SmallVector<LaneRun> cutIntoRows(int64_t most);

/// True if a static `extent` is better covered by one vector of which not all lanes exist.
bool fitsMaskedVector(int64_t extent, int64_t lanes);
/// Lanes of the vectors that cover a static `extent` where vectors may overlap: at most `lanes`, a power of two.
int64_t overlappingWidth(int64_t extent, int64_t lanes);
/// How many of them cover it.
int64_t countOverlapping(int64_t extent, int64_t lanes);

/// Cuts `extent` into vectors of at most `lanes` and those into chunks of `perChunk`. Where the vectors do not fill the
/// extent, the last one overlaps the one before, which is in the same chunk unless `mayRecompute`.
SmallVector<TileRun> cutIntoTiles(int64_t extent, int64_t lanes, int64_t perChunk, bool mayRecompute);

/// How far apart the numbers that `map` reaches are along `loop`: 0 if it does not depend on it, or 1 or 2 of its
/// innermost result; nullopt otherwise.
std::optional<int64_t> strideAlong(AffineMap map, int64_t loop);

/// True if the innermost dimension of `memref` is contiguous.
bool isContiguousInside(Value memref);
/// True if the innermost dimension of `memref` is contiguous and its extent static, so that lanes may run along it.
bool allowsLanes(Value memref);

/// Emit loops for one kernel op on buffers, with vectors of at most `lanes`.
void lowerRfft(RfftOp op, int64_t lanes, OpBuilder &builder);
void lowerRfftTranspose(RfftTransposeOp op, int64_t lanes, OpBuilder &builder);
void lowerSpectralMatmul(SpectralMatmulOp op, int64_t lanes, OpBuilder &builder);
void lowerSpectralConv(SpectralConvOp op, int64_t lanes, OpBuilder &builder);
/// `extensions` as of convert-compress-to-affine.
void lowerSpectralDot(SpectralDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
void lowerCodedDot(CodedDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
void lowerBasisConv(BasisConvOp op, int64_t lanes, OpBuilder &builder);
void lowerBasisDot(BasisDotOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
void lowerCodedContract(CodedContractOp op, int64_t lanes, OpBuilder &builder);
void lowerDecode(DecodeOp op, int64_t lanes, OpBuilder &builder);
void lowerUnpackRows(UnpackRowsOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
/// True for a sum of products of bytes without and with sign, the last loop over the four bytes of a word in both.
bool isByteDot(linalg::LinalgOp op);
/// Lowers such a sum to lanes; false if it has no dimension for them.
bool lowerByteDot(linalg::LinalgOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
/// True for such a sum whose factors and result share their innermost dimension, which is not summed over: channels
/// with taps of their own.
bool isProductOfByteLanes(linalg::LinalgOp op);
/// Lowers such a sum to lanes of channels; false if there is one channel.
bool lowerProductOfByteLanes(linalg::LinalgOp op, int64_t lanes, OpBuilder &builder);
/// Lowers a sum of words that is a convolution with 3 x 3 constant taps by fewer products; false if it is none, or if
/// that does not pay, is not exact, or the processor has no dot products.
bool lowerWinogradDot(linalg::LinalgOp op, int64_t lanes, StringRef extensions, OpBuilder &builder);
void lowerRelayout(RelayoutOp op, OpBuilder &builder);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_AFFINENEST_H
