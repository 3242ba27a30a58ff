//===- Transform.cpp - Transforms as products with a matrix ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.rfft dim = 1 ins(%x : tensor<?x7xf32>) outs(%i : tensor<4x?x2xf32>)
//   =>
//   %p = zeros, with %x in its corner : tensor<?x8xf32>  ->  tensor<?x2x4xf32>
//   X[s, b, j] = sum over t of basis[s, t] * p[b, j, t]              basis: a constant k x k, cosines and minus sines
//
// The transpose is the same sum over s, then merged, cropped and, with `accumulate`, added.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Points of the largest transform whose matrix is written out: 128 MiB as doubles.
static constexpr int64_t kMostPoints = 4096;

/// Fails with an error if the matrix of a transform of `k` points is too large.
static LogicalResult verifyPoints(Operation *op, int64_t k) {
  if (k <= kMostPoints)
    return success();
  return op->emitOpError("is a transform of ") << k << " points: its matrix is written out for at most " << kMostPoints;
}

namespace {

/// The ops of one transform between numbers (`flat`, blocks of k along `dim`) and slots (`planes`).
struct TransformEmitter {
  OpBuilder &builder;
  Location loc;
  int64_t k, dim;
  Type element;

  /// basis(s, t): the entry of slot s for number t.
  Value basis() {
    SmallVector<double> values;
    for (int64_t s = 0; s < k; ++s)
      for (int64_t t = 0; t < k; ++t) {
        double angle = 2 * M_PI * static_cast<double>(kernel::slotFrequency(k, s) * t % k) / static_cast<double>(k);
        values.push_back(kernel::isImaginarySlot(k, s) ? -std::sin(angle) : std::cos(angle));
      }
    return materializeConstant(builder, loc, RankedTensorType::get({k, k}, element), values);
  }

  Value zeros(ArrayRef<OpFoldResult> sizes) { return fillZero(tensor::EmptyOp::create(builder, loc, sizes, element)); }
  Value fillZero(Value destination) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    return linalg::FillOp::create(builder, loc, zero, destination).getResult(0);
  }

  /// Groups of a reshape that splits dimension `dim` of a tensor of `rank` dimensions in two.
  SmallVector<ReassociationIndices> groups(int64_t rank) {
    SmallVector<ReassociationIndices> result;
    for (int64_t d = 0; d < rank; ++d)
      result.push_back(d < dim    ? ReassociationIndices{d}
                       : d == dim ? ReassociationIndices{d, d + 1}
                                  : ReassociationIndices{d + 1});
    return result;
  }

  /// The maps of basis, flat in blocks, and planes over the loops s, dimensions of the flat tensor in blocks, t.
  SmallVector<AffineMap> maps(int64_t rank) {
    auto loop = [&](int64_t d) { return builder.getAffineDimExpr(d); };
    AffineExpr s = loop(0), t = loop(rank + 1);
    SmallVector<AffineExpr> flat, planes{s};
    for (int64_t d = 0; d < rank; ++d) {
      flat.push_back(loop(d + 1));
      planes.push_back(loop(d + 1));
      if (d == dim)
        flat.push_back(t);
    }
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(rank + 2, 0, exprs, builder.getContext()); };
    return {map({s, t}), map(flat), map(planes)};
  }

  /// destination += sum over the loop `reduction` of basis times `input`.
  Value multiply(Value input, AffineMap inputMap, Value destination, AffineMap map, AffineMap basisMap,
                 int64_t reduction) {
    SmallVector<utils::IteratorType> loops(map.getNumDims(), utils::IteratorType::parallel);
    loops[reduction] = utils::IteratorType::reduction;
    return linalg::GenericOp::create(builder, loc, destination.getType(), ValueRange{basis(), input}, destination,
                                     ArrayRef<AffineMap>{basisMap, inputMap, map}, loops,
                                     [](OpBuilder &b, Location l, ValueRange args) {
                                       Value product = arith::MulFOp::create(b, l, args[0], args[1]);
                                       Value sum = arith::AddFOp::create(b, l, args[2], product);
                                       linalg::YieldOp::create(b, l, sum);
                                     })
        .getResult(0);
  }
};

struct ConvertRfftPattern : OpConversionPattern<RfftOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RfftOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value flat = adaptor.getInput(), init = adaptor.getInit();
    int64_t k = op.getBlockSize(), dim = op.getDim(), rank = typeOf(flat).getRank();
    int64_t blocks = typeOf(init).getDimSize(dim + 1), extent = typeOf(flat).getDimSize(dim);
    if (ShapedType::isDynamic(blocks))
      return rewriter.notifyMatchFailure(op, "the number of blocks is dynamic");
    if (failed(verifyPoints(op, k)))
      return failure();
    TransformEmitter emit{rewriter, loc, k, dim, typeOf(flat).getElementType()};
    TensorBox box(rewriter, loc, flat);
    if (extent != blocks * k) {
      TensorBox padded = box.with(rewriter, dim, 0, blocks * k);
      flat = box.insert(rewriter, loc, flat, emit.zeros(padded.sizes));
    }
    SmallVector<OpFoldResult> sizes = box.sizes;
    sizes[dim] = rewriter.getIndexAttr(blocks);
    sizes.insert(sizes.begin() + dim + 1, rewriter.getIndexAttr(k));
    auto [shape, dynamic] = decomposeMixedValues(sizes);
    auto type = RankedTensorType::get(shape, emit.element);
    Value split = tensor::ExpandShapeOp::create(rewriter, loc, type, flat, emit.groups(rank), sizes);
    SmallVector<AffineMap> maps = emit.maps(rank);
    rewriter.replaceOp(op, emit.multiply(split, maps[1], emit.fillZero(init), maps[2], maps[0], rank + 1));
    return success();
  }
};

struct ConvertRfftTransposePattern : OpConversionPattern<RfftTransposeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RfftTransposeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value planes = adaptor.getInput(), init = adaptor.getInit();
    int64_t k = op.getBlockSize(), dim = op.getDim(), rank = typeOf(init).getRank();
    if (failed(verifyPoints(op, k)))
      return failure();
    TransformEmitter emit{rewriter, loc, k, dim, typeOf(init).getElementType()};
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, planes);
    sizes.erase(sizes.begin());
    sizes.insert(sizes.begin() + dim + 1, rewriter.getIndexAttr(k));
    SmallVector<AffineMap> maps = emit.maps(rank);
    Value split = emit.multiply(planes, maps[2], emit.zeros(sizes), maps[1], maps[0], 0);
    Value flat = tensor::CollapseShapeOp::create(rewriter, loc, split, emit.groups(rank));
    TensorBox box(rewriter, loc, init);
    if (typeOf(flat).getDimSize(dim) != typeOf(init).getDimSize(dim))
      flat = box.extract(rewriter, loc, flat);
    if (flat.getType() != init.getType()) // extents that are only known on one side
      flat = tensor::CastOp::create(rewriter, loc, init.getType(), flat);
    if (op.getAccumulate())
      flat = linalg::AddOp::create(rewriter, loc, TypeRange{init.getType()}, ValueRange{init, flat}, ValueRange{init})
                 .getResult(0);
    rewriter.replaceOp(op, flat);
    return success();
  }
};

} // namespace

void mlir::compress::populateTransformToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertRfftPattern, ConvertRfftTransposePattern>(patterns.getContext());
}
