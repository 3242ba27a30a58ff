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
#include "TensorEmitter.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

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

int64_t CirculantOp::storedBits() { return storedBitsOf(getParams()); }

/// The dimension of params that is dimension `dim` of the result, in blocks or whole.
static int64_t paramDimOf(CirculantOp op, int64_t dim) {
  SmallVector<int64_t> dims = op.getRoleDims();
  int64_t role = llvm::find(dims, dim) - dims.begin();
  return role < 2 ? role : role + 1;
}

int64_t CirculantOp::sliceStep(int64_t dim) {
  int64_t param = paramDimOf(*this, dim);
  return sliceStepOf(getParams(), param) * (param < 2 ? getBlockSize() : 1);
}

Value CirculantOp::emitSlice(OpBuilder &builder, int64_t dim, OpFoldResult offset, int64_t size) {
  int64_t param = paramDimOf(*this, dim), step = param < 2 ? getBlockSize() : 1;
  OpFoldResult first = affine::makeComposedFoldedAffineApply(
      builder, getLoc(), AffineMap::get(0, 1, builder.getAffineSymbolExpr(0).floorDiv(step)), {offset});
  Value params = emitSliceOf(builder, getLoc(), getParams(), param, first, llvm::divideCeil(size, step));
  SmallVector<int64_t> shape(getResultType().getShape());
  shape[dim] = size;
  return CirculantOp::create(builder, getLoc(), getResultType().clone(shape), params, getDomain(), getOrderAttr());
}

SmallVector<Form> CirculantOp::forms(const LinearConsumer &consumer, const Machine &machine, std::string &whyNot) {
  return spectralForms(*this, consumer, machine, whyNot);
}

Value CirculantOp::emitForm(StringRef name, const LinearConsumer &consumer, OpBuilder &builder) {
  assert(name == "spectral" && "the only form that forms() offers");
  return emitSpectralForm(*this, consumer, builder);
}
