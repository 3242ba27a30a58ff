//===- NarrowWeights.cpp - Round weights to bf16 or int8 ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %ws = arith.constant … : tensor<64x64x64xf32>           %ws = arith.constant … : tensor<32x64x64xi32>
//   %ys = compress.spectral_matmul ins(%xs, %ws)       =>   %ys = compress.spectral_dot bf16 ins(%xs, %ws)
//
// A dense product is one of circulant blocks of one number, which are their own spectra:
//
//   %y = linalg.matmul ins(%x, %w)                     =>   %xs = tensor.expand_shape %x … : tensor<1x?x512xf32>
//                                                           %ys = compress.spectral_dot bf16 ins(%xs, %ws)
//
// int8 weights have a scale for each frequency and out block: spectra of trained layers differ by orders of magnitude
// between frequencies.
//
// Codes stay what they are, and multiply activations that are rounded to int8: compress.coded_contract becomes
// compress.coded_dot (CodedDots.h).
//
//===----------------------------------------------------------------------===//

#include "ByteLayer.h"
#include "CodedDots.h"
#include "RoundWords.h"
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "compress/Dialect/Compress/IR/LinearConsumer.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::compress {
#define GEN_PASS_DEF_NARROWWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A product of constant weights, dense or of spectra, as compress.spectral_dot has it.
struct Product {
  Operation *op;
  /// With slots outermost; of a dense product, the tensors without.
  Value input, init;
  int64_t inDim, outDim;
  SmallVector<int64_t> strides, dilations, taps;
  /// Block size, in blocks and out blocks.
  int64_t k, q, p;
  /// Slots, taps, in blocks, out blocks.
  SmallVector<double> values;
  bool isDense = false, startsFromZero = false;

  int64_t numTaps() const { return llvm::product_of(taps); }

  /// Predicted for one sample: of f32 as it is, or of words of a `format`, with the rounding of the activation.
  double seconds(const Machine &machine) const;
  double secondsOf(WordFormat format, const WordWeights &weights, const Machine &machine) const;

  /// A product of spectra; nullopt and the reason if it stays.
  template <typename Op>
  static std::optional<Product> ofSpectra(Op op, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                                          std::string &whyNot) {
    auto type = cast<ShapedType>(op.getWeights().getType());
    auto values = type.getElementType().isF32() ? constantValues(op.getWeights()) : std::nullopt;
    if (!values) {
      whyNot = "its weights are no constant f32 tensor";
      return std::nullopt;
    }
    SmallVector<int64_t> shape(type.getShape());
    return Product{op,
                   op.getInput(),
                   op.getInit(),
                   static_cast<int64_t>(op.getInDim()),
                   static_cast<int64_t>(op.getOutDim()),
                   SmallVector<int64_t>(strides),
                   SmallVector<int64_t>(dilations),
                   SmallVector<int64_t>(ArrayRef(shape).slice(1, strides.size())),
                   shape.front(),
                   shape[shape.size() - 2],
                   shape.back(),
                   std::move(*values)};
  }

  static std::optional<Product> ofDense(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot);

private:
  /// Operations in whole vectors, dynamic extents taken as 1.
  double operations(const Machine &machine) const;
  bool takeDims(const LinearConsumer &consumer, SmallVectorImpl<int64_t> &tapDims, std::string &whyNot);
  void takeValues(const LinearConsumer &consumer, ArrayRef<int64_t> tapDims, ArrayRef<double> of);
};

/// Numbers of `shape`, dynamic extents taken as 1.
double numbersOf(ArrayRef<int64_t> shape) {
  double numbers = 1;
  for (int64_t extent : shape)
    numbers *= ShapedType::isDynamic(extent) ? 1 : static_cast<double>(extent);
  return numbers;
}

double Product::operations(const Machine &machine) const {
  ArrayRef<int64_t> shape = cast<ShapedType>(init.getType()).getShape();
  double lanes = ShapedType::isDynamic(shape.back()) ? 1 : laneFactor(static_cast<double>(shape.back()), machine);
  double blocks = numbersOf(isDense ? shape : shape.drop_front());
  return blocks * static_cast<double>(q * numTaps() * kernel::productOperations(k)) * lanes;
}

double Product::seconds(const Machine &machine) const {
  double reach = isDense ? kDenseReach : kSpectralReach;
  return std::max(operations(machine) / (machine.peakFlops * reach),
                  streamSeconds(static_cast<int64_t>(values.size()) * 4, machine));
}

double Product::secondsOf(WordFormat format, const WordWeights &weights, const Machine &machine) const {
  // The largest magnitude, a scale, the conversion, the packing; and of a product of parts of words a shift for each.
  constexpr double kPerRoundedNumber = 10, kShifts = 2;
  bool isBF16 = format == WordFormat::bf16;
  double peak = isBF16 ? machine.peakBF16 : machine.peakInt8;
  double stream = streamSeconds(static_cast<int64_t>(weights.words.size()) * 4, machine);
  if (isBF16 && peak <= 0) // words of weights become f32, with a shift or a mask for tiles of positions
    return std::max(operations(machine) / (machine.peakFlops * kSpectralReach), stream);
  double rounding = numbersOf(cast<ShapedType>(input.getType()).getShape()) * kPerRoundedNumber / machine.peakFlops;
  double dot = operations(machine) / ((peak > 0 ? peak : machine.peakFlops / kShifts) * kSpectralReach);
  return rounding + std::max(dot, stream);
}

/// Notes the windows, and the dimensions of the weights with their taps; false and the reason if the op cannot say it.
bool Product::takeDims(const LinearConsumer &consumer, SmallVectorImpl<int64_t> &tapDims, std::string &whyNot) {
  auto count = [&](Role role) { return llvm::count(consumer.roles, role); };
  if (count(Role::In) != 1 || count(Role::Out) != 1 || count(Role::Batch) != 0) {
    whyNot = "its weights have other dimensions than out, in and taps";
    return false;
  }
  SmallVector<int64_t> order;
  for (const ActivationDim &dim : consumer.dims) {
    if (dim.kind == ActivationDim::In)
      continue;
    order.push_back(dim.resultDim);
    if (dim.kind == ActivationDim::Window) {
      tapDims.push_back(dim.tapDim);
      strides.push_back(dim.stride);
      dilations.push_back(dim.dilation);
    } else if (!tapDims.empty()) {
      whyNot = "its windows are not the innermost dimensions of the activation beside the channels";
      return false;
    }
  }
  if (llvm::is_sorted(order) && static_cast<int64_t>(tapDims.size()) == count(Role::Tap))
    return true;
  whyNot = "its activation and its result have their dimensions in different orders";
  return false;
}

/// Orders the weights as taps, in, out.
void Product::takeValues(const LinearConsumer &consumer, ArrayRef<int64_t> tapDims, ArrayRef<double> of) {
  auto type = cast<RankedTensorType>(consumer.weight.getType());
  SmallVector<int64_t> dims(tapDims), extents, steps, stride(type.getRank(), 1);
  dims.push_back(llvm::find(consumer.roles, Role::In) - consumer.roles.begin());
  dims.push_back(llvm::find(consumer.roles, Role::Out) - consumer.roles.begin());
  for (int64_t d = type.getRank() - 2; d >= 0; --d)
    stride[d] = stride[d + 1] * type.getDimSize(d + 1);
  for (int64_t d : dims) {
    extents.push_back(type.getDimSize(d));
    steps.push_back(stride[d]);
  }
  taps.assign(extents.begin(), extents.end() - 2);
  q = extents[extents.size() - 2];
  p = extents.back();
  values.reserve(of.size());
  SmallVector<int64_t> at(dims.size(), 0);
  for (int64_t i = 0, e = of.size(), place = 0; i < e; ++i) {
    values.push_back(of[place]);
    for (int64_t d = dims.size() - 1; d >= 0; --d) {
      place += steps[d];
      if (++at[d] < extents[d])
        break;
      place -= at[d] * steps[d];
      at[d] = 0;
    }
  }
}

std::optional<Product> Product::ofDense(linalg::LinalgOp op, OpOperand &weight, std::string &whyNot) {
  auto consumer = LinearConsumer::get(op, weight, whyNot);
  if (!consumer)
    return std::nullopt;
  auto values = consumer->resultType().getElementType().isF32() ? constantValues(consumer->weight) : std::nullopt;
  if (!values || values->empty()) {
    whyNot = "its weights are no constant f32 tensor";
    return std::nullopt;
  }
  Product product{
      op, consumer->paddedActivation, consumer->init, consumer->inDim, consumer->outDim, {}, {}, {}, 1, 0, 0, {}};
  SmallVector<int64_t> tapDims;
  if (!product.takeDims(*consumer, tapDims, whyNot))
    return std::nullopt;
  product.takeValues(*consumer, tapDims, *values);
  product.isDense = true;
  product.startsFromZero = consumer->initIsZero();
  return product;
}

/// Weights that were rounded, and the figures that decided for the format.
struct Words {
  WordFormat format;
  WordWeights weights;
  std::string figures = {};
};

struct NarrowWeightsPass : compress::impl::NarrowWeightsPassBase<NarrowWeightsPass> {
  using Base = compress::impl::NarrowWeightsPassBase<NarrowWeightsPass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(readOptions()))
      return signalPassFailure();
    bool hasNarrowed = roundActivations() || multipliesBytes(getOperation());
    if (precision == "f32")
      return;
    SmallVector<Operation *> products;
    getOperation()->walk([&](Operation *op) {
      if (isa<SpectralMatmulOp, SpectralConvOp>(op) || denseWeight(op))
        products.push_back(op);
    });
    for (Operation *op : products)
      hasNarrowed |= narrow(op);
    if (hasNarrowed || described)
      return;
    getOperation()->emitError("compress-narrow-weights{precision=")
        << precision << "}: no layer can be narrowed: only layers with constant f32 weights, dense or computed by "
        << "transforms, have " << precision << " kernels"
        << (precision == "i8" ? ", and fully connected ones of codes whose numbers are bytes times one number" : "");
    signalPassFailure();
  }

private:
  /// The formats that may be taken, and for `auto` the machine by which the cheapest of them is.
  LogicalResult readOptions() {
    formats.clear();
    described.reset();
    if (precision == "f32")
      return success();
    if (precision == "bf16" || precision == "auto")
      formats.push_back(WordFormat::bf16);
    if (precision == "i8" || precision == "auto")
      formats.push_back(WordFormat::i8);
    auto refuse = [&](const Twine &option, const Twine &reason) {
      return getOperation()->emitError("compress-narrow-weights{" + option + "}: " + reason);
    };
    if (formats.empty())
      return refuse("precision=" + precision, "expects f32, bf16, i8 or auto");
    if (precision != "auto")
      return success();
    if (!(maxError > 0) || maxError >= 1)
      return refuse("max-error=" + Twine(llvm::formatv("{0}", maxError.getValue()).str()),
                    "expects the largest relative error of a layer's weights that auto may take, over 0 and under 1");
    auto found = Machine::get(machine);
    if (!found)
      return refuse("machine=" + machine, llvm::toString(found.takeError()));
    described = *found;
    return success();
  }

  /// Rounds the activations of layers of codes, where the options or the layer ask for it; false if there is none.
  bool roundActivations() {
    SmallVector<CodedContractOp> layers;
    getOperation()->walk([&](CodedContractOp op) {
      if (op->hasAttr(kRoundsActivations) || precision == "i8" || precision == "auto")
        layers.push_back(op);
    });
    bool hasRounded = remarkRounded(getOperation());
    for (CodedContractOp op : layers) {
      std::string whyNot, figures;
      auto layer = CodedLayer::get(op, whyNot);
      if (!layer || (!op->hasAttr(kRoundsActivations) && described && !pays(*layer, figures))) {
        remark::missed(op.getLoc(), weightRemark("narrow-weights", op))
            << "activations stay f32: " + (layer ? figures : whyNot);
        continue;
      }
      double error = CodedDotOp::expectedError(layer->groups.size);
      remark::passed(op.getLoc(), weightRemark("narrow-weights", op))
          << llvm::formatv("activations rounded to i8 by groups of {0}, the weights stay codes of {1} bits: relative "
                           "error to expect of normally distributed activations {2:e2}{3}",
                           layer->groups.size, layer->code.bits, error, figures.empty() ? "" : ": " + figures)
                 .str()
          << remark::metric("relative_error", error);
      layer->replace(vectorLanes);
      eraseWithOperands(op);
      ++numNarrowed;
      hasRounded = true;
    }
    return hasRounded;
  }

  /// True if `auto` takes rounded activations; with what decided.
  bool pays(const CodedLayer &layer, std::string &figures) const {
    double stream = streamSeconds(layer.outputs * layer.inputs * layer.code.bits / 8, *described);
    CodedContractOp op = layer.op;
    double decoding = std::max(stream, op.getArithmeticSeconds(*described, 1));
    double dot = std::max(stream, CodedDotOp::secondsPerSample(layer.inputs, layer.outputs, layer.groups.size,
                                                               layer.code.looksUp(), *described) *
                                      numbersOf(cast<ShapedType>(op.getInit().getType()).getShape().drop_back()));
    double error = CodedDotOp::expectedError(layer.groups.size);
    figures = llvm::formatv("f32 {0:f3} us, i8 {1:f3} us with error {2:e2}; {3:e2} is allowed", decoding * 1e6,
                            dot * 1e6, error, maxError.getValue());
    return error <= maxError && dot < decoding;
  }

  /// The operand of a dense product of floats that is constant.
  static OpOperand *denseWeight(Operation *op) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (!linalgOp || !isa<FloatType>(getElementTypeOrSelf(linalgOp.getDpsInits()[0].getType())) ||
        !(linalg::isaContractionOpInterface(linalgOp) || linalg::isaConvolutionOpInterface(linalgOp)))
      return nullptr;
    for (OpOperand *operand : linalgOp.getDpsInputOperands())
      if (isa<RankedTensorType>(operand->get().getType()) &&
          WeightView::get(operand->get()).source.getDefiningOp<arith::ConstantOp>())
        return operand;
    return nullptr;
  }

  bool narrow(Operation *op) {
    std::string whyNot;
    std::optional<Product> product;
    if (auto matmul = dyn_cast<SpectralMatmulOp>(op))
      product = Product::ofSpectra(matmul, {}, {}, whyNot);
    else if (auto conv = dyn_cast<SpectralConvOp>(op))
      product = Product::ofSpectra(conv, conv.getStrides(), conv.getDilations(), whyNot);
    else
      product = Product::ofDense(cast<linalg::LinalgOp>(op), *denseWeight(op), whyNot);
    if (auto words = product ? choose(*product, whyNot) : std::nullopt) {
      replace(*product, *words);
      return true;
    }
    remark::missed(op->getLoc(), weightRemark("narrow-weights", op)) << "stays f32: " + whyNot;
    return false;
  }

  /// The weights in the format that is asked for, or in the one of `auto` that should take the least time; nullopt and
  /// the reason if the layer stays f32.
  std::optional<Words> choose(const Product &product, std::string &whyNot) const {
    std::optional<Words> best;
    double seconds = described ? product.seconds(*described) : 0;
    std::string figures = described ? llvm::formatv("f32 {0:f3} us", seconds * 1e6).str() : "";
    for (WordFormat format : formats) {
      std::string misfit;
      if (!fits(product, format, misfit)) {
        whyNot = misfit;
        continue;
      }
      Words words{format, {product.k, product.numTaps(), product.q, product.p, panelOf(product)}};
      words.weights.round(format, product.values);
      if (!described)
        return words;
      double taken = product.secondsOf(format, words.weights, *described), error = words.weights.relativeError();
      figures += llvm::formatv(", {0} {1:f3} us with error {2:e2}", stringifyWordFormat(format), taken * 1e6, error);
      if (error > maxError || taken >= seconds)
        continue;
      seconds = taken;
      best = std::move(words);
    }
    if (!described)
      return std::nullopt;
    figures += llvm::formatv("; {0:e2} is allowed", maxError.getValue());
    if (best)
      best->figures = ": " + figures;
    else if (whyNot.empty())
      whyNot = figures;
    return best;
  }

  /// False and the reason if there is no kernel, or no gain.
  bool fits(const Product &product, WordFormat format, std::string &whyNot) const {
    ArrayRef<int64_t> shape = cast<ShapedType>(product.input.getType()).getShape();
    int64_t perWord = SpectralDotOp::blocksPerWord(format, product.k);
    if (ShapedType::isDynamic(shape[product.inDim + !product.isDense]) ||
        llvm::any_of(shape.take_back(product.strides.size()), ShapedType::isDynamic))
      whyNot = "in blocks or windows of its activation are of dynamic extent";
    else if (product.isDense && product.q < perWord)
      whyNot = "a word holds more numbers than it has in channels";
    // Each block has two numbers, if it has two.
    else if (format == WordFormat::i8 && !fitsSumsOfBytes((product.k > 1 ? 2 : 1) * product.numTaps() * product.q))
      whyNot = "its sums do not fit 32 bits";
    return whyNot.empty();
  }

  /// Out blocks of a panel, which a tile of the product reads from begin to end; 0: rows of words are as long as there
  /// are out blocks. Lanes are out blocks where these are innermost; else a tile has as many of them as registers do.
  int64_t panelOf(const Product &product) const {
    if (vectorLanes <= 1)
      return 0;
    int64_t rank = cast<ShapedType>(product.init.getType()).getRank() - !product.isDense;
    int64_t most = product.k == 1 ? 8 : 4;
    SmallVector<int64_t> widths{most};
    if (product.outDim == rank - 1)
      widths = {2 * vectorLanes, vectorLanes};
    for (int64_t width : widths)
      if (product.p > width && product.p % width == 0)
        return width;
    return 0;
  }

  void replace(Product &product, const Words &words) {
    const WordWeights &weights = words.weights;
    WordFormat format = words.format;
    OpBuilder builder(product.op);
    Location loc = product.op->getLoc();
    auto make = [&](ArrayRef<int64_t> shape, Type element, ArrayRef<double> of) {
      return materializeConstant(builder, loc, RankedTensorType::get(shape, element), of);
    };
    SmallVector<int64_t> shape{weights.frequencies};
    if (weights.panel)
      shape.push_back(product.p / weights.panel);
    llvm::append_range(shape, product.taps);
    shape.append({weights.inWords, weights.panel ? weights.panel : product.p});
    Value packed = make(shape, builder.getI32Type(), weights.words);
    SmallVector<Value> scaling;
    if (format == WordFormat::i8)
      scaling = {make({weights.frequencies, product.p}, builder.getF32Type(), weights.scales),
                 make({weights.frequencies, product.p}, builder.getI32Type(), weights.offsets)};
    Value input = product.input, init = product.init;
    if (product.isDense) {
      input = addSlot(builder, loc, input);
      init = product.startsFromZero ? zerosOfOneSlot(builder, loc, init) : addSlot(builder, loc, init);
    }
    Value result = SpectralDotOp::create(builder, loc, TypeRange{init.getType()}, input, packed, scaling, init, format,
                                         product.inDim, product.outDim, product.strides, product.dilations)
                       .getResult(0);
    if (product.isDense)
      result = tensor::CollapseShapeOp::create(builder, loc, product.init.getType(), result,
                                               slotGroups(cast<ShapedType>(product.init.getType()).getRank()));
    tell(product, words);
    product.op->replaceAllUsesWith(ValueRange{result});
    eraseWithOperands(product.op);
    ++numNarrowed;
  }

  void tell(const Product &product, const Words &words) const {
    double error = words.weights.relativeError();
    remark::passed(product.op->getLoc(), weightRemark("narrow-weights", product.op))
        << llvm::formatv("{0} in {1}: relative error of the weights {2:e2}; no calibration inputs, so that of the "
                         "layer is not known{3}",
                         product.isDense ? "weights" : "spectra", stringifyWordFormat(words.format), error,
                         words.figures)
               .str()
        << remark::metric("relative_error", error);
  }

  /// The groups of a reshape between a tensor of `rank` and one with a slot dimension before its own.
  static SmallVector<ReassociationIndices> slotGroups(int64_t rank) {
    SmallVector<ReassociationIndices> groups{{0}};
    for (int64_t d = 0; d < rank; ++d)
      d == 0 ? groups[0].push_back(1) : groups.push_back({d + 1});
    return groups;
  }

  static Value addSlot(OpBuilder &builder, Location loc, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
    shape.insert(shape.begin(), 1);
    sizes.insert(sizes.begin(), builder.getIndexAttr(1));
    return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), value, slotGroups(type.getRank()), sizes);
  }

  static Value zerosOfOneSlot(OpBuilder &builder, Location loc, Value like) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, like);
    sizes.insert(sizes.begin(), builder.getIndexAttr(1));
    Value empty = tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    Value zero = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
    return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  }

  /// Erases `op`, and the weights that nothing else reads.
  static void eraseWithOperands(Operation *op) {
    SmallVector<Operation *> producers;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        producers.push_back(producer);
    op->erase();
    for (Operation *producer : producers)
      if (isOpTriviallyDead(producer))
        eraseWithOperands(producer);
  }

  SmallVector<WordFormat> formats;
  /// Of `auto`.
  std::optional<Machine> described;
};

} // namespace
