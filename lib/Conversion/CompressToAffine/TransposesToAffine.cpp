//===- TransposesToAffine.cpp - Transpose tiles in registers --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.generic { (i, j) -> x[i, j], y[j, i] = f(x[i, j]) }
//   =>
//   affine.for i = … step 16 { affine.for j = … step 16 {
//     16 times: affine.vector_load %x, f in lanes along j
//     64 vector.interleave: rows of the tile become its columns
//     16 times: affine.vector_store %y } }
//
// A loop nest reads or writes one number of each line of the cache that it touches. f is computed on the side whose
// numbers have more bits, so that what is transposed has the fewest.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "Buffers.h"
#include "Epilogue.h"
#include "RegisterTranspose.h"
#include "compress/Conversion/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/bit.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTTRANSPOSESTOAFFINEPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Shorter sides of a matrix are left to loops.
static constexpr int64_t kLeastSide = 4;

namespace {

/// An elementwise op one of whose operands is contiguous along another loop than its result.
struct TransposeLowering {
  linalg::LinalgOp op;
  int64_t lanes;
  OpBuilder &builder;
  Location loc = op.getLoc();
  OpOperand *turned = nullptr;
  /// The loops that the turned operand and the result are contiguous along.
  int64_t inner = -1, outer = -1;
  int64_t side = 0;
  /// True if the body is computed before the transpose, in lanes along `inner`.
  bool isBodyFirst = false;

  Value out() { return op.getDpsInits()[0]; }
  AffineMap mapOf(OpOperand *operand) { return op.getMatchingIndexingMap(operand); }
  AffineMap outMap() { return mapOf(op.getDpsInitOperand(0)); }
  static int64_t lastLoop(AffineMap map) { return cast<AffineDimExpr>(map.getResults().back()).getPosition(); }
  static int64_t bitsOf(Value memref) { return cast<MemRefType>(memref.getType()).getElementTypeBitWidth(); }

  /// Finds the tile; false if the op has none.
  bool choose() {
    if (lanes < kLeastSide || !op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 ||
        op.getNumReductionLoops() != 0 || op.hasIndexSemantics() || !isElementwise(*op.getBlock()) ||
        op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) || op.getNumLoops() < 2 || !outMap().isPermutation())
      return false;
    outer = lastLoop(outMap());
    for (OpOperand *operand : op.getDpsInputOperands()) {
      AffineMap map = mapOf(operand);
      if (!isa<MemRefType>(operand->get().getType()) || mayAlias(operand->get(), out()))
        return false;
      if (!map.isPermutation() || lastLoop(map) == outer)
        continue;
      if (turned) // two transposes at once: not seen in networks
        return false;
      turned = operand;
      inner = lastLoop(map);
    }
    return turned && chooseSide();
  }

  bool chooseSide() {
    if (!allowsLanes(out()) || !allowsLanes(turned->get()) || bitsOf(out()) % 8 || bitsOf(turned->get()) % 8)
      return false;
    auto extents = op.getStaticLoopRanges();
    int64_t least = std::min({lanes, extents[inner], extents[outer]});
    side = llvm::bit_floor<uint64_t>(std::max<int64_t>(least, 0));
    bool narrows = bitsOf(out()) <= bitsOf(turned->get());
    for (bool first : {narrows, !narrows})
      if (side >= kLeastSide && othersAllowLanesAlong(first ? inner : outer)) {
        isBodyFirst = first;
        return true;
      }
    return false;
  }

  bool othersAllowLanesAlong(int64_t loop) {
    return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
      auto stride = strideAlong(mapOf(operand), loop);
      return operand == turned || (stride && (*stride == 0 || (*stride == 1 && isContiguousInside(operand->get()))));
    });
  }

  void lower() {
    AffineNest nest(builder, loc);
    OpBuilder::InsertionGuard guard(builder);
    SmallVector<AffineExpr> at(op.getNumLoops());
    for (auto [position, expr] : llvm::enumerate(outMap().getResults()))
      if (int64_t loop = cast<AffineDimExpr>(expr).getPosition(); loop != inner && loop != outer)
        at[loop] = nest.loopOverDim(out(), position);
    forEachTile(nest, inner, at, [&](AffineNest &rows) {
      forEachTile(rows, outer, at, [&](AffineNest &columns) { lowerTile(columns, at); });
    });
  }

  /// Opens the loop over the sides of tiles along `loop`, and one for a last that overlaps.
  void forEachTile(const AffineNest &nest, int64_t loop, SmallVectorImpl<AffineExpr> &at,
                   function_ref<void(AffineNest &)> body) {
    int64_t extent = op.getStaticLoopRanges()[loop];
    for (const TileRun &run : cutIntoTiles(extent, side, /*perChunk=*/1, /*mayRecompute=*/true)) {
      OpBuilder::InsertionGuard guard(builder);
      AffineNest inside = nest;
      at[loop] = inside.loop(run.run.begin, run.run.end, run.run.step) + run.offsets[0];
      body(inside);
    }
  }

  void lowerTile(AffineNest &nest, ArrayRef<AffineExpr> at) {
    SmallVector<Value> numbers;
    for (int64_t i = 0; i < side; ++i) {
      SmallVector<AffineExpr> row(at);
      row[outer] = row[outer] + i;
      numbers.push_back(isBodyFirst ? compute(nest, row, Value())
                                    : nest.load(turned->get(), indexOf(mapOf(turned), row), side));
    }
    numbers = transposeSquare(builder, loc, numbers);
    for (int64_t i = 0; i < side; ++i) {
      SmallVector<AffineExpr> column(at);
      column[inner] = column[inner] + i;
      nest.store(isBodyFirst ? numbers[i] : compute(nest, column, numbers[i]), out(), indexOf(outMap(), column));
    }
  }

  /// The body in lanes from `at` on, of operands that are loaded there; of `loaded` for the turned one, if it is given.
  Value compute(AffineNest &nest, ArrayRef<AffineExpr> at, Value loaded) {
    SmallVector<Value> arguments;
    for (OpOperand &operand : op->getOpOperands()) {
      if (op.isDpsInit(&operand) || !op.payloadUsesValueFromOperand(&operand)) {
        arguments.push_back(Value());
        continue;
      }
      AffineMap map = mapOf(&operand);
      bool isVector = map.isFunctionOfDim(isBodyFirst ? inner : outer);
      arguments.push_back(&operand == turned && loaded ? loaded
                          : isVector                   ? nest.load(operand.get(), indexOf(map, at), side)
                                                       : nest.loadBroadcast(operand.get(), indexOf(map, at), side));
    }
    return emitInLanes(builder, *op.getBlock(), arguments, side);
  }

  static SmallVector<AffineExpr> indexOf(AffineMap map, ArrayRef<AffineExpr> at) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : map.getResults())
      index.push_back(expr.replaceDims(at));
    return index;
  }
};

struct ConvertTransposesToAffinePass
    : compress::impl::ConvertTransposesToAffinePassBase<ConvertTransposesToAffinePass> {
  using Base = compress::impl::ConvertTransposesToAffinePassBase<ConvertTransposesToAffinePass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyVectorLanes(getOperation(), getArgument(), vectorLanes)))
      return signalPassFailure();
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      OpBuilder builder(op);
      TransposeLowering lowering{op, vectorLanes, builder};
      if (!lowering.choose())
        continue;
      lowering.lower();
      op->erase();
      ++numLowered;
    }
  }
};

} // namespace
