//===- Spectral.cpp - Products of spectra as complex ones -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w) outs(%y)
//   =>
//   y[0:2]  += sum over g of w * x                                             slots 0 and k/2, which are real
//   (y[2::2], y[3::2])  += sum over g of (w[2::2], w[3::2]) * (x[2::2], x[3::2])   as complex numbers, in one op
//
// A product is a convolution without windows.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

struct SpectralEmitter {
  OpBuilder &builder;
  Location loc;
  Value input, weights, init;
  int64_t inDim, outDim;
  ArrayRef<int64_t> strides, dilations;

  int64_t rank() const { return cast<RankedTensorType>(init.getType()).getRank() - 1; }
  int64_t numTaps() const { return strides.size(); }
  int64_t numLoops() const { return 1 + rank() + numTaps() + 1; }

  AffineExpr loop(int64_t d) { return builder.getAffineDimExpr(d); }
  AffineMap map(ArrayRef<AffineExpr> exprs) { return AffineMap::get(numLoops(), 0, exprs, builder.getContext()); }

  /// Loops: slot, the dimensions of init, taps, in block.
  AffineMap initMap() {
    SmallVector<AffineExpr> exprs;
    for (int64_t d = 0; d <= rank(); ++d)
      exprs.push_back(loop(d));
    return map(exprs);
  }
  AffineMap weightsMap() {
    SmallVector<AffineExpr> exprs{loop(0)};
    for (int64_t t = 0; t < numTaps(); ++t)
      exprs.push_back(loop(1 + rank() + t));
    exprs.push_back(loop(numLoops() - 1));
    exprs.push_back(loop(1 + outDim));
    return map(exprs);
  }
  AffineMap inputMap() {
    SmallVector<AffineExpr> positions, exprs{loop(0)};
    for (int64_t d = 0; d < rank(); ++d)
      if (d != outDim)
        positions.push_back(loop(1 + d));
    int64_t firstWindow = positions.size() - numTaps();
    for (int64_t t = 0; t < numTaps(); ++t)
      positions[firstWindow + t] = positions[firstWindow + t] * strides[t] + loop(1 + rank() + t) * dilations[t];
    positions.insert(positions.begin() + inDim, loop(numLoops() - 1));
    exprs.append(positions);
    return map(exprs);
  }

  /// Slots from `first` on, `step` apart, of each operand; `sums += products` of them, as `body` says.
  Value accumulate(Value sums, ArrayRef<int64_t> firsts, int64_t count, int64_t step,
                   function_ref<void(OpBuilder &, Location, ValueRange)> body) {
    SmallVector<Value> inputs, outputs;
    SmallVector<TensorBox> boxes;
    SmallVector<AffineMap> maps;
    auto slots = [&](Value value, int64_t first) {
      return TensorBox(builder, loc, value).with(builder, 0, first, count, step);
    };
    for (auto [value, valueMap] : {std::pair(weights, weightsMap()), std::pair(input, inputMap())})
      for (int64_t first : firsts) {
        inputs.push_back(slots(value, first).extract(builder, loc, value));
        maps.push_back(valueMap);
      }
    for (int64_t first : firsts) {
      boxes.push_back(slots(sums, first));
      outputs.push_back(boxes.back().extract(builder, loc, sums));
      maps.push_back(initMap());
    }
    SmallVector<utils::IteratorType> loops(numLoops(), utils::IteratorType::parallel);
    for (int64_t d = 1 + rank(); d < numLoops(); ++d)
      loops[d] = utils::IteratorType::reduction;
    auto product =
        linalg::GenericOp::create(builder, loc, ValueRange(outputs).getTypes(), inputs, outputs, maps, loops, body);
    for (auto [part, box] : llvm::zip(product.getResults(), boxes))
      sums = box.insert(builder, loc, part, sums);
    return sums;
  }

  Value emit() {
    int64_t k = cast<RankedTensorType>(init.getType()).getDimSize(0), real = kernel::numRealSlots(k);
    auto multiply = [](OpBuilder &b, Location l, Value x, Value y) -> Value {
      return arith::MulFOp::create(b, l, x, y);
    };
    Value sums = accumulate(init, {0}, real, 1, [&](OpBuilder &b, Location l, ValueRange args) {
      Value sum = arith::AddFOp::create(b, l, args[2], multiply(b, l, args[0], args[1]));
      linalg::YieldOp::create(b, l, sum);
    });
    if (real == k)
      return sums;
    return accumulate(sums, {real, real + 1}, (k - real) / 2, 2, [&](OpBuilder &b, Location l, ValueRange args) {
      Value wRe = args[0], wIm = args[1], xRe = args[2], xIm = args[3];
      Value re = arith::AddFOp::create(b, l, args[4], multiply(b, l, wRe, xRe));
      re = arith::SubFOp::create(b, l, re, multiply(b, l, wIm, xIm));
      Value im = arith::AddFOp::create(b, l, args[5], multiply(b, l, wRe, xIm));
      im = arith::AddFOp::create(b, l, im, multiply(b, l, wIm, xRe));
      linalg::YieldOp::create(b, l, ValueRange{re, im});
    });
  }
};

struct ConvertSpectralMatmulPattern : OpConversionPattern<SpectralMatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(SpectralMatmulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value weights = adaptor.getWeights();
    if (op.getPanel())
      weights = op.emitPlainWeights(rewriter, weights);
    SpectralEmitter emit{rewriter,
                         op.getLoc(),
                         adaptor.getInput(),
                         weights,
                         adaptor.getInit(),
                         static_cast<int64_t>(op.getInDim()),
                         static_cast<int64_t>(op.getOutDim()),
                         {},
                         {}};
    rewriter.replaceOp(op, emit.emit());
    return success();
  }
};

struct ConvertSpectralConvPattern : OpConversionPattern<SpectralConvOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(SpectralConvOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SpectralEmitter emit{rewriter,
                         op.getLoc(),
                         adaptor.getInput(),
                         adaptor.getWeights(),
                         adaptor.getInit(),
                         static_cast<int64_t>(op.getInDim()),
                         static_cast<int64_t>(op.getOutDim()),
                         op.getStrides(),
                         op.getDilations()};
    rewriter.replaceOp(op, emit.emit());
    return success();
  }
};

} // namespace

void mlir::compress::populateSpectralToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertSpectralMatmulPattern, ConvertSpectralConvPattern>(patterns.getContext());
}
