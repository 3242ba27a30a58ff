//===- SpectralPullback.cpp - Gradients of the spectral kernel ops --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A transform's gradient is the other transform. Of a spectral product Y += W X, frequency by frequency,
//
//   dX = conj(W)^T dY          compress.spectral_matmul or _conv, of the gradient with zeros around and between windows
//   dW = sum of conj(X) dY     linalg.generic over slots: no new transform, the spectra are those of the forward pass
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

static Value emptyLike(OpBuilder &builder, Location loc, Value value) {
  return tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, value),
                                 typeOf(value).getElementType());
}

SmallVector<Value> RfftOp::pullback(OpBuilder &builder, Value gradient) {
  Value init = emptyLike(builder, getLoc(), getInput());
  auto numbers =
      RfftTransposeOp::create(builder, getLoc(), init.getType(), gradient, init, getDim(), /*accumulate=*/false);
  return {numbers.getResult(0), Value()};
}

SmallVector<Value> RfftTransposeOp::pullback(OpBuilder &builder, Value gradient) {
  Value init = emptyLike(builder, getLoc(), getInput());
  Value slots = RfftOp::create(builder, getLoc(), init.getType(), gradient, init, getDim()).getResult(0);
  return {slots, getAccumulate() ? gradient : Value()};
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {

/// A product of spectra; a matmul is a convolution without taps.
struct SpectralPullback {
  OpBuilder &builder;
  Location loc;
  Value input, weights, gradient;
  int64_t inDim, outDim;
  SmallVector<int64_t> strides, dilations;

  int64_t numTaps() const { return strides.size(); }
  /// Dimensions beside slot and block, windows last.
  int64_t numOthers() const { return typeOf(input).getRank() - 2; }
  int64_t blockSize() const { return typeOf(weights).getDimSize(0); }
  Type element() const { return typeOf(input).getElementType(); }

  Value zeros(ArrayRef<OpFoldResult> sizes) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element()));
    Value init = tensor::EmptyOp::create(builder, loc, sizes, element());
    return linalg::FillOp::create(builder, loc, zero, init).getResult(0);
  }

  /// 1, or -1 where a slot is an imaginary part.
  Value conjugateSigns() {
    SmallVector<double> signs;
    for (int64_t slot = 0; slot < blockSize(); ++slot)
      signs.push_back(kernel::isImaginarySlot(blockSize(), slot) ? -1.0 : 1.0);
    return materializeConstant(builder, loc, RankedTensorType::get({blockSize()}, element()), signs);
  }

  /// conj(W)^T: k x reversed taps… x p x q.
  Value adjointWeights() {
    SmallVector<int64_t> shape(typeOf(weights).getShape());
    int64_t rank = shape.size();
    std::swap(shape[rank - 1], shape[rank - 2]);
    Value init = tensor::EmptyOp::create(builder, loc, shape, element());
    AffineMap identity = builder.getMultiDimIdentityMap(rank);
    AffineMap slot = AffineMap::get(rank, 0, builder.getAffineDimExpr(0));
    SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
    auto body = [&](OpBuilder &b, Location l, ValueRange args) {
      SmallVector<Value> at;
      for (int64_t d = 0; d < rank; ++d) {
        at.push_back(linalg::IndexOp::create(b, l, d));
        if (d > 0 && d <= numTaps()) {
          Value last = arith::ConstantIndexOp::create(b, l, shape[d] - 1);
          at.back() = arith::SubIOp::create(b, l, last, at.back());
        }
      }
      std::swap(at[rank - 1], at[rank - 2]);
      Value stored = tensor::ExtractOp::create(b, l, weights, at);
      linalg::YieldOp::create(b, l, arith::MulFOp::create(b, l, args[0], stored).getResult());
    };
    return linalg::GenericOp::create(builder, loc, init.getType(), conjugateSigns(), init,
                                     ArrayRef<AffineMap>{slot, identity}, parallel, body)
        .getResult(0);
  }

  /// The dimension of input or gradient that is window `t`; `block` is its block dimension.
  int64_t windowDim(int64_t t, int64_t block) const {
    int64_t other = numOthers() - numTaps() + t;
    return 1 + other + (other >= block);
  }

  OpFoldResult addConstant(OpFoldResult value, int64_t constant) {
    AffineExpr sum = builder.getAffineSymbolExpr(0) + constant;
    return affine::makeComposedFoldedAffineApply(builder, loc, AffineMap::get(0, 1, sum), {value});
  }

  /// The gradient with zeros between the windows of a stride and around them, so that a convolution with reversed taps
  /// gives every place of the input.
  Value scatteredGradient() {
    if (numTaps() == 0)
      return gradient;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, gradient), padded = sizes;
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
        steps(sizes.size(), builder.getIndexAttr(1));
    for (int64_t t = 0; t < numTaps(); ++t) {
      int64_t reach = (typeOf(weights).getDimSize(1 + t) - 1) * dilations[t], out = windowDim(t, outDim);
      padded[out] = addConstant(tensor::getMixedSize(builder, loc, input, windowDim(t, inDim)), reach);
      offsets[out] = builder.getIndexAttr(reach);
      steps[out] = builder.getIndexAttr(strides[t]);
    }
    return emitInsertSlice(builder, loc, gradient, zeros(padded), offsets, sizes, steps);
  }

  Value toInput() {
    Value scattered = scatteredGradient(), adjoint = adjointWeights();
    Value init = zeros(tensor::getMixedSizes(builder, loc, input));
    if (numTaps() == 0)
      return SpectralMatmulOp::create(builder, loc, init.getType(), scattered, adjoint, init, outDim, inDim)
          .getResult(0);
    SmallVector<int64_t> ones(numTaps(), 1);
    return SpectralConvOp::create(builder, loc, init.getType(), scattered, adjoint, init, outDim, inDim, ones,
                                  dilations)
        .getResult(0);
  }

  /// Every `step`-th slot of [begin, k).
  Value slots(Value value, int64_t begin, int64_t count, int64_t step) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
        steps(sizes.size(), builder.getIndexAttr(1));
    offsets[0] = builder.getIndexAttr(begin);
    sizes[0] = builder.getIndexAttr(count);
    steps[0] = builder.getIndexAttr(step);
    return emitExtractSlice(builder, loc, value, offsets, sizes, steps);
  }

  Value insertSlots(Value part, Value whole, int64_t begin, int64_t step) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, part);
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
        steps(sizes.size(), builder.getIndexAttr(1));
    offsets[0] = builder.getIndexAttr(begin);
    steps[0] = builder.getIndexAttr(step);
    return emitInsertSlice(builder, loc, part, whole, offsets, sizes, steps);
  }

  /// Loops: slot, others (windows last), taps, in, out; the maps of input, gradient and weights over them.
  SmallVector<AffineMap> loopMaps() {
    int64_t others = numOthers(), taps = numTaps(), loops = 1 + others + taps + 2;
    auto dim = [&](int64_t d) { return builder.getAffineDimExpr(d); };
    SmallVector<AffineExpr> in{dim(0)}, out{dim(0)}, weight{dim(0)};
    for (int64_t d = 0; d < others; ++d) {
      int64_t t = d - (others - taps);
      in.push_back(t < 0 ? dim(1 + d) : dim(1 + d) * strides[t] + dim(1 + others + t) * dilations[t]);
      out.push_back(dim(1 + d));
    }
    in.insert(in.begin() + 1 + inDim, dim(loops - 2));
    out.insert(out.begin() + 1 + outDim, dim(loops - 1));
    for (int64_t t = 0; t < taps; ++t)
      weight.push_back(dim(1 + others + t));
    weight.append({dim(loops - 2), dim(loops - 1)});
    auto mapOf = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(loops, 0, exprs, builder.getContext()); };
    return {mapOf(in), mapOf(out), mapOf(weight)};
  }

  /// `inputs` are slots of input, then of gradient; `weight` the shape of the sums.
  ValueRange sumOuterProducts(ValueRange inputs, ArrayRef<int64_t> shape, int64_t numSums) {
    SmallVector<AffineMap> maps = loopMaps(), all;
    int64_t parts = inputs.size() / 2;
    all.append(parts, maps[0]);
    all.append(parts, maps[1]);
    all.append(numSums, maps[2]);
    SmallVector<Value> inits;
    SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(builder.getContext(), shape);
    for (int64_t i = 0; i < numSums; ++i)
      inits.push_back(zeros(sizes));
    SmallVector<utils::IteratorType> loops;
    for (unsigned d = 0; d < maps[2].getNumDims(); ++d)
      loops.push_back(maps[2].isFunctionOfDim(d) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
    auto body = [&](OpBuilder &b, Location l, ValueRange args) {
      auto times = [&](int64_t i, int64_t j) -> Value { return arith::MulFOp::create(b, l, args[i], args[j]); };
      auto plus = [&](Value x, Value y) -> Value { return arith::AddFOp::create(b, l, x, y); };
      if (numSums == 1)
        return void(linalg::YieldOp::create(b, l, plus(args[2], times(0, 1))));
      // One after the other: arguments are evaluated in no fixed order.
      Value rr = times(0, 2), ii = times(1, 3), ri = times(0, 3), ir = times(1, 2);
      Value re = plus(args[4], plus(rr, ii));
      Value im = plus(args[5], arith::SubFOp::create(b, l, ri, ir));
      linalg::YieldOp::create(b, l, ValueRange{re, im});
    };
    return linalg::GenericOp::create(builder, loc, TypeRange(inits), inputs, inits, all, loops, body).getResults();
  }

  Value toWeights() {
    int64_t k = blockSize(), real = kernel::numRealSlots(k), pairs = (k - real) / 2;
    SmallVector<int64_t> shape(typeOf(weights).getShape());
    Value sums = tensor::EmptyOp::create(builder, loc, shape, element());
    shape[0] = real;
    Value ofReal = sumOuterProducts({slots(input, 0, real, 1), slots(gradient, 0, real, 1)}, shape, 1).front();
    sums = insertSlots(ofReal, sums, 0, 1);
    if (pairs == 0)
      return sums;
    shape[0] = pairs;
    ValueRange parts = sumOuterProducts({slots(input, real, pairs, 2), slots(input, real + 1, pairs, 2),
                                         slots(gradient, real, pairs, 2), slots(gradient, real + 1, pairs, 2)},
                                        shape, 2);
    sums = insertSlots(parts[0], sums, real, 2);
    return insertSlots(parts[1], sums, real + 1, 2);
  }

  SmallVector<Value> run() {
    if (!typeOf(weights).hasStaticShape())
      return {};
    Value ofInput = toInput();
    return {ofInput, toWeights(), gradient};
  }
};

} // namespace

SmallVector<Value> SpectralMatmulOp::pullback(OpBuilder &builder, Value gradient) {
  Value weights = getPanel() ? emitPlainWeights(builder, getWeights()) : getWeights();
  SpectralPullback pullback{builder,
                            getLoc(),
                            getInput(),
                            weights,
                            gradient,
                            static_cast<int64_t>(getInDim()),
                            static_cast<int64_t>(getOutDim()),
                            {},
                            {}};
  SmallVector<Value> gradients = pullback.run();
  if (getPanel() && !gradients.empty())
    gradients[1] = emitPanels(builder, gradients[1]);
  return gradients;
}

SmallVector<Value> SpectralConvOp::pullback(OpBuilder &builder, Value gradient) {
  return SpectralPullback{builder,
                          getLoc(),
                          getInput(),
                          getWeights(),
                          gradient,
                          static_cast<int64_t>(getInDim()),
                          static_cast<int64_t>(getOutDim()),
                          SmallVector<int64_t>(getStrides()),
                          SmallVector<int64_t>(getDilations())}
      .run();
}
