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
// A last block that the extent does not fill is peeled: its missing numbers are zero, or are not computed.
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "compress/Kernel/Emit.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A transform along `dim` of `flat`, with slots in the outermost dimension of `planes`.
struct TransformLowering {
  Value flat, planes;
  int64_t dim;
  const kernel::Network &network;
  /// Numbers to slots, or back; the latter may add to what `flat` holds.
  bool toPlanes, accumulate;
  int64_t lanes;
  OpBuilder &builder;
  Location loc;

  MemRefType flatType() const { return cast<MemRefType>(flat.getType()); }
  MemRefType planesType() const { return cast<MemRefType>(planes.getType()); }

  void lower() {
    int64_t last = flatType().getRank() - 1;
    bool useLanes = lanes > 1 && last != dim && allowsLanes(flat) && allowsLanes(planes);
    if (!useLanes)
      return lowerRun(0, 0, 1);
    forEachLaneRun(flatType().getDimSize(last), lanes,
                   [&](int64_t begin, int64_t end, int64_t width) { lowerRun(begin, end, width); });
  }

  /// Lowers all blocks at the lanes from `begin` to `end`; at all positions if `end` is 0.
  void lowerRun(int64_t begin, int64_t end, int64_t width) {
    int64_t k = planesType().getDimSize(0), n = flatType().getDimSize(dim);
    int64_t whole = n / k;
    if (whole > 0)
      lowerBlocks(0, whole, k, begin, end, width);
    if (n % k)
      lowerBlocks(whole, whole + 1, n % k, begin, end, width);
  }

  /// Lowers blocks `from` to `to`, each with `valid` numbers inside of the extent.
  void lowerBlocks(int64_t from, int64_t to, int64_t valid, int64_t begin, int64_t end, int64_t width) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest(builder, loc);
    int64_t k = planesType().getDimSize(0), rank = flatType().getRank();
    SmallVector<AffineExpr> flatIndex(rank), planeIndex(rank + 1);
    for (int64_t d = 0; d < rank; ++d) {
      bool isLaneDim = end > 0 && d == rank - 1;
      flatIndex[d] = d == dim    ? nest.loop(from, to)
                     : isLaneDim ? nest.loop(begin, end, width)
                                 : nest.loopOverDim(flat, d);
      planeIndex[d + 1] = flatIndex[d];
    }
    AffineExpr blockStart = flatIndex[dim] * k;
    auto at = [&](int64_t t) -> ArrayRef<AffineExpr> {
      flatIndex[dim] = blockStart + t;
      return flatIndex;
    };
    auto slot = [&](int64_t s) -> ArrayRef<AffineExpr> {
      planeIndex[0] = nest.constant(s);
      return planeIndex;
    };
    if (toPlanes)
      kernel::emit(
          builder, loc, kernel::restrictInputs(network, valid),
          [&](int64_t t) { return nest.load(flat, at(t), width); },
          [&](int64_t s, Value value) { nest.store(value, planes, slot(s)); });
    else
      kernel::emit(
          builder, loc, kernel::restrictOutputs(network, valid),
          [&](int64_t s) { return nest.load(planes, slot(s), width); },
          [&](int64_t t, Value value) {
            if (accumulate)
              value = arith::AddFOp::create(builder, loc, nest.load(flat, at(t), width), value);
            nest.store(value, flat, at(t));
          });
  }
};

/// Merges the dimensions after `dim` into one where both buffers are contiguous and static there, so that lanes run
/// across rows of pixels.
void mergeTrailingDims(Value &flat, Value &planes, int64_t dim, OpBuilder &builder, Location loc) {
  auto mergeable = [](MemRefType type, int64_t from) {
    return type.getRank() - from >= 2 && type.getLayout().isIdentity() &&
           llvm::none_of(type.getShape().drop_front(from), ShapedType::isDynamic);
  };
  auto flatType = cast<MemRefType>(flat.getType()), planesType = cast<MemRefType>(planes.getType());
  if (!mergeable(flatType, dim + 1) || !mergeable(planesType, dim + 2))
    return;
  auto merge = [&](Value memref, int64_t from) -> Value {
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0, e = cast<MemRefType>(memref.getType()).getRank(); d < e; ++d) {
      if (d <= from)
        groups.push_back({d});
      else
        groups.back().push_back(d);
    }
    return memref::CollapseShapeOp::create(builder, loc, memref, groups);
  };
  flat = merge(flat, dim + 1);
  planes = merge(planes, dim + 2);
}

} // namespace

void mlir::compress::lowerRfft(RfftOp op, int64_t lanes, OpBuilder &builder) {
  Value flat = op.getInput(), planes = op.getInit();
  mergeTrailingDims(flat, planes, op.getDim(), builder, op.getLoc());
  kernel::Network network = kernel::rfft(op.getBlockSize());
  TransformLowering{
      flat,    planes,     static_cast<int64_t>(op.getDim()), network, /*toPlanes=*/true, /*accumulate=*/false, lanes,
      builder, op.getLoc()}
      .lower();
}

void mlir::compress::lowerRfftTranspose(RfftTransposeOp op, int64_t lanes, OpBuilder &builder) {
  Value flat = op.getInit(), planes = op.getInput();
  mergeTrailingDims(flat, planes, op.getDim(), builder, op.getLoc());
  kernel::Network network = kernel::transpose(kernel::rfft(op.getBlockSize()));
  TransformLowering{
      flat,    planes,     static_cast<int64_t>(op.getDim()), network, /*toPlanes=*/false, op.getAccumulate(), lanes,
      builder, op.getLoc()}
      .lower();
}
