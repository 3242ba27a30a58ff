//===- NarrowWeights.cpp - Round spectra to bf16 or int8 ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %ws = arith.constant … : tensor<64x64x64xf32>           %ws = arith.constant … : tensor<32x64x64xi32>
//   %ys = compress.spectral_matmul ins(%xs, %ws)       =>   %ys = compress.spectral_dot bf16 ins(%xs, %ws)
//
// int8 weights have a scale for each frequency and out block: spectra of trained layers differ by orders of magnitude
// between frequencies.
//
//===----------------------------------------------------------------------===//

#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

namespace mlir::compress {
#define GEN_PASS_DEF_NARROWWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The largest magnitude of a signed byte that its negative has, too.
constexpr double kMostI8 = 127;
/// Numbers of the activation have this added, to have no sign.
constexpr double kActivationOffset = 128;

uint32_t bitsOfBF16(double value) {
  llvm::APFloat number(static_cast<float>(value));
  bool losesInfo;
  number.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

double valueOfBF16(uint32_t bits) {
  return llvm::APFloat(llvm::APFloat::BFloat(), llvm::APInt(16, bits)).convertToFloat();
}

/// The slots of frequency `f`: for even k the real slots 0 and k/2 share one. -1: none.
std::pair<int64_t, int64_t> slotsOf(int64_t f, int64_t k) {
  if (k % 2 == 0)
    return {2 * f, 2 * f + 1};
  return f == 0 ? std::pair<int64_t, int64_t>{0, -1} : std::pair<int64_t, int64_t>{2 * f - 1, 2 * f};
}

/// Weights k x taps x q x p as words, and what goes with them.
struct NarrowedWeights {
  int64_t k, taps, q, p;
  ArrayRef<double> values;
  int64_t frequencies = 0, inWords = 0;
  std::vector<double> words = {}, scales = {}, offsets = {};
  double squaredError = 0, squaredNorm = 0;

  double valueAt(int64_t slot, int64_t tap, int64_t in, int64_t out) const {
    return slot < 0 || in >= q ? 0 : values[((slot * taps + tap) * q + in) * p + out];
  }

  void note(double value, double rounded) {
    squaredNorm += value * value;
    squaredError += (value - rounded) * (value - rounded);
  }

  double &wordAt(int64_t f, int64_t tap, int64_t word, int64_t out) {
    return words[((f * taps + tap) * inWords + word) * p + out];
  }

  void round(WordFormat format) {
    frequencies = llvm::divideCeil(k, 2);
    inWords = llvm::divideCeil(q, SpectralDotOp::blocksPerWord(format));
    words.assign(frequencies * taps * inWords * p, 0);
    if (format == WordFormat::i8) {
      scales.assign(frequencies * p, 0);
      offsets.assign(frequencies * p, 0);
    }
    for (int64_t f = 0; f < frequencies; ++f)
      for (int64_t out = 0; out < p; ++out)
        format == WordFormat::bf16 ? roundToBF16(f, out) : roundToI8(f, out);
  }

  void roundToBF16(int64_t f, int64_t out) {
    auto [first, second] = slotsOf(f, k);
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t in = 0; in < q; ++in) {
        uint32_t word = 0;
        for (auto [place, slot] : {std::pair{0, first}, std::pair{16, second}}) {
          uint32_t bits = bitsOfBF16(valueAt(slot, tap, in, out));
          note(valueAt(slot, tap, in, out), valueOfBF16(bits));
          word |= bits << place;
        }
        wordAt(f, tap, in, out) = static_cast<int32_t>(word);
      }
  }

  void roundToI8(int64_t f, int64_t out) {
    auto [first, second] = slotsOf(f, k);
    double largest = 0;
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t in = 0; in < q; ++in)
        largest = std::max({largest, std::abs(valueAt(first, tap, in, out)), std::abs(valueAt(second, tap, in, out))});
    // As the kernel multiplies by it.
    double scale = static_cast<float>(largest / kMostI8), sum = 0;
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t i = 0; i < inWords; ++i) {
        uint32_t word = 0;
        int64_t place = 0;
        for (int64_t in : {i, i + inWords})
          for (int64_t slot : {first, second}) {
            double value = valueAt(slot, tap, in, out);
            double code = scale > 0 ? std::clamp(std::nearbyint(value / scale), -kMostI8, kMostI8) : 0;
            note(value, code * scale);
            sum += code;
            word |= (static_cast<uint32_t>(static_cast<int32_t>(code)) & 0xff) << place;
            place += 8;
          }
        wordAt(f, tap, i, out) = static_cast<int32_t>(word);
      }
    scales[f * p + out] = scale;
    offsets[f * p + out] = -kActivationOffset * sum;
  }
};

struct NarrowWeightsPass : compress::impl::NarrowWeightsPassBase<NarrowWeightsPass> {
  using Base = compress::impl::NarrowWeightsPassBase<NarrowWeightsPass>;
  using Base::Base;

  void runOnOperation() override {
    if (precision == "f32")
      return;
    if (precision != "bf16" && precision != "i8") {
      getOperation()->emitError("compress-narrow-weights{precision=") << precision << "}: expects f32, bf16 or i8";
      return signalPassFailure();
    }
    format = precision == "bf16" ? WordFormat::bf16 : WordFormat::i8;
    bool hasNarrowed = false;
    SmallVector<Operation *> products;
    getOperation()->walk([&](Operation *op) {
      if (isa<SpectralMatmulOp, SpectralConvOp>(op) || isDenseProduct(op))
        products.push_back(op);
    });
    for (Operation *op : products)
      hasNarrowed |= narrow(op);
    if (hasNarrowed)
      return;
    getOperation()->emitError("compress-narrow-weights{precision=")
        << precision << "}: no layer can be narrowed: only circulant layers that are computed by transforms have "
        << precision << " kernels";
    signalPassFailure();
  }

private:
  static bool isDenseProduct(Operation *op) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    return linalgOp && (linalg::isaContractionOpInterface(linalgOp) || linalg::isaConvolutionOpInterface(linalgOp)) &&
           llvm::any_of(op->getOperands(), [](Value v) { return v.getDefiningOp<arith::ConstantOp>(); });
  }

  bool narrow(Operation *op) {
    if (auto matmul = dyn_cast<SpectralMatmulOp>(op))
      return narrow(op, matmul.getInput(), matmul.getWeights(), matmul.getInit(), matmul.getInDim(), matmul.getOutDim(),
                    {}, {});
    if (auto conv = dyn_cast<SpectralConvOp>(op))
      return narrow(op, conv.getInput(), conv.getWeights(), conv.getInit(), conv.getInDim(), conv.getOutDim(),
                    conv.getStrides(), conv.getDilations());
    return keep(op, "a dense layer has no such kernel");
  }

  bool keep(Operation *op, const std::string &why) {
    remark::missed(op->getLoc(), weightRemark("narrow-weights", op)) << "stays f32: " + why;
    return false;
  }

  bool narrow(Operation *op, Value input, Value weights, Value init, int64_t inDim, int64_t outDim,
              ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
    auto type = dyn_cast<RankedTensorType>(weights.getType());
    auto inputType = cast<ShapedType>(input.getType());
    if (!type || !type.getElementType().isF32())
      return keep(op, "its weights are no f32 tensor");
    auto values = constantValues(weights);
    if (!values)
      return keep(op, "its weights are no constant");
    int64_t rank = type.getRank(), windows = strides.size();
    if (inputType.isDynamicDim(inDim + 1) ||
        llvm::any_of(inputType.getShape().take_back(windows), ShapedType::isDynamic))
      return keep(op, "in blocks or windows of its activation are of dynamic extent");
    NarrowedWeights narrowed{type.getDimSize(0), 1, type.getDimSize(rank - 2), type.getDimSize(rank - 1), *values};
    for (int64_t tap : type.getShape().slice(1, windows))
      narrowed.taps *= tap;
    if (narrowed.k < 2)
      return keep(op, "blocks of one number have no pairs of slots");
    // 255 times 127 for each number of a sum.
    double numbers = 2.0 * narrowed.taps * narrowed.q;
    if (format == WordFormat::i8 && numbers * 255 * kMostI8 > std::numeric_limits<int32_t>::max())
      return keep(op, "its sums do not fit 32 bits");
    narrowed.round(format);
    OpBuilder builder(op);
    auto make = [&](ArrayRef<int64_t> shape, Type element, ArrayRef<double> of) {
      return materializeConstant(builder, op->getLoc(), RankedTensorType::get(shape, element), of);
    };
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = narrowed.frequencies;
    shape[rank - 2] = narrowed.inWords;
    Value words = make(shape, builder.getI32Type(), narrowed.words);
    SmallVector<Value> scaling;
    if (format == WordFormat::i8)
      scaling = {make({narrowed.frequencies, narrowed.p}, builder.getF32Type(), narrowed.scales),
                 make({narrowed.frequencies, narrowed.p}, builder.getI32Type(), narrowed.offsets)};
    auto dot = SpectralDotOp::create(builder, op->getLoc(), TypeRange{init.getType()}, input, words, scaling, init,
                                     format, inDim, outDim, strides, dilations);
    double error = narrowed.squaredNorm > 0 ? std::sqrt(narrowed.squaredError / narrowed.squaredNorm) : 0;
    remark::passed(op->getLoc(), weightRemark("narrow-weights", op))
        << llvm::formatv("spectra in {0}: relative error of the weights {1:e2}; no calibration inputs, so that of the "
                         "layer is not known",
                         precision.getValue(), error)
               .str()
        << remark::metric("relative_error", error);
    op->replaceAllUsesWith(dot);
    op->erase();
    if (Operation *constant = weights.getDefiningOp(); isOpTriviallyDead(constant))
      constant->erase();
    ++numNarrowed;
    return true;
  }

  WordFormat format = WordFormat::bf16;
};

} // namespace
