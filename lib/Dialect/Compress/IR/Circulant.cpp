//===- Circulant.cpp - Meaning, pullback and forms of circulant weights ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// expand writes out the definition by the skew trick, so that no map has `mod` (tiling such maps goes wrong, upstream):
// 2k-1 copies of the k parameters, read as k rows of 2k-1, hold c[(r - s) mod k] at row s, column r, because
// s*(2k-1) + r = r - s modulo k.
//
//   c: p x q x k x taps  ->  p x q x taps x k  ->  … x (2k-1) x k  ->  … x k x (2k-1)  ->  … x k x k  ->  blocks in
//   place
//
//===----------------------------------------------------------------------===//

#include "SpectralForm.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Emits tensor ops of static shape at one location. Dimensions are counted from 0; negative ones from the end.
struct TensorEmitter {
  OpBuilder &builder;
  Location loc;

  static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

  Value empty(ArrayRef<int64_t> shape, Value like) {
    return tensor::EmptyOp::create(builder, loc, shape, typeOf(like).getElementType());
  }

  Value zeros(ArrayRef<int64_t> shape, Value like) {
    Type element = typeOf(like).getElementType();
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    return linalg::FillOp::create(builder, loc, zero, empty(shape, like)).getResult(0);
  }

  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    if (llvm::is_sorted(permutation))
      return value;
    SmallVector<int64_t> shape;
    for (int64_t d : permutation)
      shape.push_back(typeOf(value).getDimSize(d));
    return linalg::TransposeOp::create(builder, loc, value, empty(shape, value), permutation)->getResult(0);
  }

  /// Copies `value` along a new dimension before dimension `at`.
  Value broadcast(Value value, int64_t at, int64_t extent) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    shape.insert(shape.begin() + at, extent);
    return linalg::BroadcastOp::create(builder, loc, value, empty(shape, value), ArrayRef<int64_t>{at})->getResult(0);
  }

  /// Sums over dimension `at`.
  Value reduceSum(Value value, int64_t at) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    shape.erase(shape.begin() + at);
    auto sum = linalg::ReduceOp::create(
        builder, loc, value, zeros(shape, value), ArrayRef<int64_t>{at}, [](OpBuilder &b, Location l, ValueRange args) {
          linalg::YieldOp::create(b, l, ValueRange{arith::AddFOp::create(b, l, args[0], args[1])});
        });
    return sum->getResult(0);
  }

  /// Merges dimensions `at` and `at + 1`.
  Value collapse(Value value, int64_t at) {
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0, e = typeOf(value).getRank(); d < e; ++d) {
      if (d == at + 1)
        groups.back().push_back(d);
      else
        groups.push_back({d});
    }
    return tensor::CollapseShapeOp::create(builder, loc, value, groups);
  }

  /// Splits dimension `at` into `outer` times the rest.
  Value expand(Value value, int64_t at, int64_t outer) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0, e = shape.size(); d < e; ++d)
      groups.push_back(d < at    ? ReassociationIndices{d}
                       : d == at ? ReassociationIndices{d, d + 1}
                                 : ReassociationIndices{d + 1});
    int64_t inner = shape[at] / outer;
    shape[at] = outer;
    shape.insert(shape.begin() + at + 1, inner);
    auto type = RankedTensorType::get(shape, typeOf(value).getElementType());
    return tensor::ExpandShapeOp::create(builder, loc, type, value, groups);
  }

  SmallVector<OpFoldResult> indices(ArrayRef<int64_t> values) {
    SmallVector<OpFoldResult> result;
    for (int64_t v : values)
      result.push_back(builder.getIndexAttr(v));
    return result;
  }

  /// The leading corner of `shape`.
  Value crop(Value value, ArrayRef<int64_t> shape) {
    if (typeOf(value).getShape() == shape)
      return value;
    SmallVector<int64_t> zeros(shape.size(), 0), ones(shape.size(), 1);
    return tensor::ExtractSliceOp::create(builder, loc, value, indices(zeros), indices(shape), indices(ones));
  }

  /// Zeros after the end, up to `shape`: the transpose of crop.
  Value padTo(Value value, ArrayRef<int64_t> shape) {
    if (typeOf(value).getShape() == shape)
      return value;
    SmallVector<int64_t> offsets(shape.size(), 0), ones(shape.size(), 1);
    return tensor::InsertSliceOp::create(builder, loc, value, zeros(shape, value), indices(offsets),
                                         indices(typeOf(value).getShape()), indices(ones));
  }
};

/// The shapes on the way from parameters to the dense tensor.
struct CirculantShape {
  int64_t p, q, k, taps;
  SmallVector<int64_t> result, padded;
  /// Params p,q,k,taps… -> p,q,taps…,k and back.
  SmallVector<int64_t> slotsLast, slotsThird;
  /// Skewed p,q,taps…,s,r -> the result's dimensions with blocks and places apart; back.
  SmallVector<int64_t> toBlocks, fromBlocks;
  /// The result dimension of out and in.
  int64_t outDim, inDim;

  explicit CirculantShape(CirculantOp op)
      : p(op.getNumBlockRows()), q(op.getNumBlockCols()), k(op.getBlockSize()), taps(op.getNumTaps()),
        result(op.getResultType().getShape()), padded(result) {
    SmallVector<int64_t> dims = op.getRoleDims();
    outDim = dims[0];
    inDim = dims[1];
    padded[outDim] = p * k;
    padded[inDim] = q * k;
    slotsLast = {0, 1};
    slotsThird = {0, 1, taps + 2};
    for (int64_t t = 0; t < taps; ++t) {
      slotsLast.push_back(3 + t);
      slotsThird.push_back(2 + t);
    }
    slotsLast.push_back(2);
    // Skewed dimensions: p 0, q 1, taps 2…, s taps+2, r taps+3.
    for (int64_t d = 0, e = result.size(); d < e; ++d) {
      if (d == outDim)
        toBlocks.append({0, taps + 3});
      else if (d == inDim)
        toBlocks.append({1, taps + 2});
      else
        toBlocks.push_back(2 + (llvm::find(dims, d) - dims.begin() - 2));
    }
    fromBlocks.resize(toBlocks.size());
    for (auto [i, d] : llvm::enumerate(toBlocks))
      fromBlocks[d] = i;
  }

  /// Result dimension of the first of the two dimensions that a role has before the blocks are merged.
  int64_t first() const { return std::min(outDim, inDim); }
  int64_t second() const { return std::max(outDim, inDim); }
};

} // namespace

Value CirculantOp::expand(OpBuilder &builder) {
  TensorEmitter emit{builder, getLoc()};
  CirculantShape shape(*this);
  int64_t k = shape.k, last = shape.taps + 2;
  Value value = emit.transpose(getParams(), shape.slotsLast);
  if (getDomain() == Domain::spectrum)
    value = emitInverseOfLastDim(builder, getLoc(), value);
  value = emit.collapse(emit.broadcast(value, last, 2 * k - 1), last);
  value = emit.expand(value, last, k);
  SmallVector<int64_t> square(TensorEmitter::typeOf(value).getShape());
  square.back() = k;
  value = emit.transpose(emit.crop(value, square), shape.toBlocks);
  value = emit.collapse(value, shape.first());
  value = emit.collapse(value, shape.second());
  return emit.crop(value, shape.result);
}

/// The transpose of expand, step by step backwards: sums over wrapped diagonals.
SmallVector<Value> CirculantOp::pullback(OpBuilder &builder, Value gradient) {
  TensorEmitter emit{builder, getLoc()};
  CirculantShape shape(*this);
  int64_t k = shape.k, last = shape.taps + 2;
  Value value = emit.padTo(gradient, shape.padded);
  value = emit.expand(value, shape.second(), shape.padded[shape.second()] / k);
  value = emit.expand(value, shape.first(), shape.padded[shape.first()] / k);
  value = emit.transpose(value, shape.fromBlocks);
  SmallVector<int64_t> skewed(TensorEmitter::typeOf(value).getShape());
  skewed.back() = 2 * k - 1;
  value = emit.expand(emit.collapse(emit.padTo(value, skewed), last), last, 2 * k - 1);
  value = emit.reduceSum(value, last);
  if (getDomain() == Domain::spectrum)
    value = emitInverseOfLastDimTranspose(builder, getLoc(), value);
  return {emit.transpose(value, shape.slotsThird)};
}

int64_t CirculantOp::storedBits() {
  return getParamsType().getNumElements() * getParamsType().getElementTypeBitWidth();
}

SmallVector<Form> CirculantOp::forms(const LinearConsumer &consumer, const Machine &machine, std::string &whyNot) {
  return spectralForms(*this, consumer, whyNot);
}

Value CirculantOp::emitForm(StringRef name, const LinearConsumer &consumer, OpBuilder &builder) {
  assert(name == "spectral" && "the only form that forms() offers");
  return emitSpectralForm(*this, consumer, builder);
}
