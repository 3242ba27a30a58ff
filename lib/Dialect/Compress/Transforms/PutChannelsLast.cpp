//===- PutChannelsLast.cpp - Give convolutions their filters as lanes -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = linalg.conv_2d_nchw_fchw ins(%x, %w) outs(%init) : tensor<64x64x3x3xf32>
//   =>
//   %t = linalg.transpose ins(%x) permutation = [0, 2, 3, 1]
//   %s = linalg.generic { (n, p, h, w, kh, kw, c, f) -> t[n, h + kh, w + kw, c], u[p, kh, kw, c, f], s[n, h, w, p, f] }
//          ins(%t, %u : …, tensor<2x3x3x64x32xf32>)                                      64 filters in panels of 32
//   %m = tensor.collapse_shape %s : tensor<?x56x56x2x32xf32> into tensor<?x56x56x64xf32>
//   %y = linalg.transpose ins(%m) permutation = [0, 3, 1, 2]
//
// Lanes along filters are whole, where rows of 28 pixels are one vector and three quarters; weights are read from one
// end of a panel to the other, pixels one number at a time from channels that are next to each other.
//
//===----------------------------------------------------------------------===//

#include "Moves.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PUTCHANNELSLASTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Products of one result: of fewer, transposing takes a noticeable part of the time.
static constexpr int64_t kLeastTerms = 128;

/// `value` by `permutation`; what is padded is transposed inside of its padding.
static Value transposedInside(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> permutation) {
  auto pad = value.getDefiningOp<tensor::PadOp>();
  Value number = pad ? pad.getConstantPaddingValue() : Value();
  Attribute constant;
  if (!number || !matchPattern(number, m_Constant(&constant)))
    return transposed(builder, loc, value, permutation);
  SmallVector<OpFoldResult> low = pad.getMixedLowPad(), high = pad.getMixedHighPad();
  SmallVector<int64_t> shape(pad.getResultType().getShape());
  for (auto *sizes : {&low, &high})
    applyPermutationToVector(*sizes, permutation);
  applyPermutationToVector(shape, permutation);
  Value padding = arith::ConstantOp::create(builder, loc, cast<TypedAttr>(constant));
  return tensor::PadOp::create(builder, loc, RankedTensorType::get(shape, pad.getResultType().getElementType()),
                               transposed(builder, loc, pad.getSource(), permutation), low, high, padding);
}

namespace {

/// A convolution of floats with filters that are constant, or decoded from constant codes, whose dimensions all have
/// one role.
struct FloatConvolution {
  linalg::LinalgOp op;
  linalg::ConvolutionDimensions dims;
  /// Filters of a panel.
  int64_t width = 0;

  static std::optional<FloatConvolution> get(linalg::LinalgOp op, int64_t lanes) {
    FloatConvolution result{op, {}};
    if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 || !linalg::isaConvolutionOpInterface(op) ||
        !multipliesAndAdds(*op.getBlock()))
      return std::nullopt;
    auto dims = linalg::inferConvolutionDims(op);
    if (failed(dims) || dims->batch.size() != 1 || dims->outputChannel.size() != 1 || dims->inputChannel.size() != 1 ||
        !dims->depth.empty())
      return std::nullopt;
    result.dims = *dims;
    auto weights = cast<RankedTensorType>(result.weights().getType());
    if (!result.hasConstantWeights() || !weights.hasStaticShape() || !isEvaluable(weights) ||
        weights.getNumElements() / result.filters() < kLeastTerms)
      return std::nullopt;
    for (int64_t width : {2 * lanes, lanes})
      if (result.width == 0 && result.filters() % width == 0 && width % result.filtersPerScale() == 0)
        result.width = width;
    return result.width > 0 && result.start() ? std::optional(result) : std::nullopt;
  }

  /// True if numbers of one type are multiplied, and nothing else is done to them.
  static bool multipliesAndAdds(Block &body) {
    return llvm::hasNItems(body, 3) && isa<arith::MulFOp>(body.front()) && isa<arith::AddFOp>(*std::next(body.begin()));
  }

  Value input() { return op.getDpsInputs()[0]; }
  Value weights() { return op.getDpsInputs()[1]; }
  /// What decodes the weights when the network runs; null if they are numbers.
  DecodeOp decode() { return weights().getDefiningOp<DecodeOp>(); }
  bool hasConstantWeights() {
    auto isConstant = [](Value value) { return !value || value.getDefiningOp<arith::ConstantOp>(); };
    if (DecodeOp op = decode())
      return !op.getLayout() && isConstant(op.getCodes()) && isConstant(op.getScales()) && isConstant(op.getZeros());
    return isConstant(weights());
  }
  /// The dimension of the weights that is of filters, and how many of these share a scale if not all do.
  int64_t filterDim() { return *mapOf(1).getResultPosition(getAffineDimExpr(dims.outputChannel[0], op.getContext())); }
  int64_t filtersPerScale() {
    bool areApart = decode() && cast<RankedTensorType>(decode().getScales().getType()).getDimSize(filterDim()) > 1;
    return areApart ? decode().getGroup()[filterDim()] : 1;
  }
  AffineMap mapOf(unsigned operand) { return op.getIndexingMapsArray()[operand]; }
  int64_t filters() { return op.getStaticLoopRanges()[dims.outputChannel[0]]; }

  /// Dimensions of a value, samples first, channels last, by the loops that its map has in them.
  SmallVector<int64_t> orderOf(AffineMap map, unsigned channel) {
    SmallVector<int64_t> order;
    auto add = [&](unsigned loop) {
      for (auto [d, expr] : llvm::enumerate(map.getResults()))
        if (expr.isFunctionOfDim(loop))
          order.push_back(d);
    };
    add(dims.batch[0]);
    for (unsigned loop : dims.outputImage)
      add(loop);
    add(channel);
    return order;
  }

  /// What sums start from: one number, or a bias of each filter; null if it is anything else.
  Value start() {
    Operation *init = op.getDpsInits()[0].getDefiningOp();
    if (auto fill = dyn_cast_or_null<linalg::FillOp>(init))
      return fill.getInputs()[0];
    auto broadcast = dyn_cast_or_null<linalg::BroadcastOp>(init);
    int64_t channel = *mapOf(2).getResultPosition(getAffineDimExpr(dims.outputChannel[0], op.getContext()));
    bool isBias = broadcast && cast<RankedTensorType>(broadcast.getInput().getType()).getRank() == 1 &&
                  !llvm::is_contained(broadcast.getDimensions(), channel);
    return isBias ? broadcast.getInput() : Value();
  }

  /// The dimensions of the weights as panels have them: taps, channel, filter.
  SmallVector<int64_t> panelOrder() {
    SmallVector<unsigned> loops(dims.filterLoop.begin(), dims.filterLoop.end());
    loops.push_back(dims.inputChannel[0]);
    loops.push_back(dims.outputChannel[0]);
    return llvm::map_to_vector(loops, [&](unsigned loop) -> int64_t {
      return *mapOf(1).getResultPosition(getAffineDimExpr(loop, op.getContext()));
    });
  }

  /// A constant with the dimensions of the weights in panels of `perPanel`: panel, taps, channel, filter of the panel.
  Value storeInPanels(OpBuilder &builder, Value constant, int64_t perPanel) {
    auto type = cast<RankedTensorType>(constant.getType());
    SmallVector<double> values = *constantValues(constant);
    SmallVector<int64_t> from = panelOrder(), steps = computeStrides(type.getShape());
    SmallVector<int64_t> shape{type.getDimSize(from.back()) / perPanel};
    for (int64_t d : ArrayRef(from).drop_back())
      shape.push_back(type.getDimSize(d));
    shape.push_back(perPanel);
    SmallVector<double> stored(values.size());
    SmallVector<int64_t> strides = computeStrides(shape);
    for (auto [place, value] : llvm::enumerate(stored)) {
      SmallVector<int64_t> at = delinearize(place, strides);
      int64_t source = (at.front() * perPanel + at.back()) * steps[from.back()];
      for (auto [d, i] : llvm::zip(ArrayRef(from).drop_back(), ArrayRef(at).drop_front().drop_back()))
        source += i * steps[d];
      value = values[source];
    }
    return materializeConstant(builder, op.getLoc(), RankedTensorType::get(shape, type.getElementType()), stored);
  }

  /// The weights in panels; where they are decoded, from codes in panels.
  Value weightsInPanels(OpBuilder &builder) {
    DecodeOp decoded = decode();
    if (!decoded)
      return storeInPanels(builder, weights(), width);
    int64_t filter = filterDim(), shared = filtersPerScale();
    bool areApart = cast<RankedTensorType>(decoded.getScales().getType()).getDimSize(filter) > 1;
    auto store = [&](Value scales) {
      return scales ? storeInPanels(builder, scales, areApart ? width / shared : 1) : Value();
    };
    SmallVector<int64_t> group{areApart ? 1 : filters() / width};
    for (int64_t d : ArrayRef(panelOrder()).drop_back())
      group.push_back(decoded.getGroup()[d]);
    group.push_back(areApart ? shared : width);
    Value codes = storeInPanels(builder, decoded.getCodes(), width);
    auto type = cast<RankedTensorType>(codes.getType()).clone(getElementTypeOrSelf(weights().getType()));
    Value empty = tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
    return DecodeOp::create(builder, decoded.getLoc(), type, codes, store(decoded.getScales()),
                            store(decoded.getZeros()), empty, decoded.getCode(), group, LayoutAttr())
        .getResult(0);
  }

  /// The sums in panels, from what they start.
  Value startInPanels(OpBuilder &builder, ArrayRef<OpFoldResult> sizes, Type element) {
    Location loc = op.getLoc();
    Value empty = tensor::EmptyOp::create(builder, loc, sizes, element), from = start();
    if (!isa<RankedTensorType>(from.getType()))
      return linalg::FillOp::create(builder, loc, from, empty).getResult(0);
    auto type = RankedTensorType::get({filters() / width, width}, element);
    Value bias = tensor::ExpandShapeOp::create(builder, loc, type, from, ArrayRef<ReassociationIndices>{{0, 1}});
    auto places = llvm::to_vector(llvm::seq<int64_t>(0, sizes.size() - 2));
    return linalg::BroadcastOp::create(builder, loc, bias, empty, places)->getResult(0);
  }

  /// The maps of the activation, the filters and the sums. Sums run over taps, then channels, which are next to each
  /// other; the loop over filters becomes one over panels, and the last loop is along a panel.
  SmallVector<AffineMap> mapsInPanels(ArrayRef<int64_t> inputOrder, ArrayRef<int64_t> resultOrder) {
    MLIRContext *context = op.getContext();
    SmallVector<AffineExpr> renamed(op.getNumLoops()), x, w, y;
    unsigned next = 0;
    auto number = [&](unsigned loop) { renamed[loop] = getAffineDimExpr(next++, context); };
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (mapOf(2).isFunctionOfDim(loop))
        number(loop);
    llvm::for_each(dims.filterLoop, number);
    number(dims.inputChannel[0]);
    AffineExpr lane = getAffineDimExpr(next, context);
    for (int64_t d : inputOrder)
      x.push_back(mapOf(0).getResult(d).replaceDims(renamed));
    w.push_back(renamed[dims.outputChannel[0]]);
    for (unsigned loop : dims.filterLoop)
      w.push_back(renamed[loop]);
    w.append({renamed[dims.inputChannel[0]], lane});
    for (int64_t d : resultOrder)
      y.push_back(mapOf(2).getResult(d).replaceDims(renamed));
    y.push_back(lane);
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(next + 1, 0, exprs, context); };
    return {map(x), map(w), map(y)};
  }

  void rewrite(IRRewriter &rewriter) {
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    SmallVector<int64_t> inputOrder = orderOf(mapOf(0), dims.inputChannel[0]);
    SmallVector<int64_t> resultOrder = orderOf(mapOf(2), dims.outputChannel[0]);
    SmallVector<utils::IteratorType> iterators(op.getNumParallelLoops(), utils::IteratorType::parallel);
    iterators.append(op.getNumReductionLoops(), utils::IteratorType::reduction);
    iterators.push_back(utils::IteratorType::parallel);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, op.getDpsInits()[0]);
    applyPermutationToVector(sizes, resultOrder);
    sizes.back() = rewriter.getIndexAttr(filters() / width);
    sizes.push_back(rewriter.getIndexAttr(width));
    Value init = startInPanels(rewriter, sizes, getElementTypeOrSelf(op->getResult(0).getType()));
    Value source = transposedInside(rewriter, loc, input(), inputOrder);
    auto generic = linalg::GenericOp::create(
        rewriter, loc, TypeRange{init.getType()}, ValueRange{source, weightsInPanels(rewriter)}, ValueRange{init},
        mapsInPanels(inputOrder, resultOrder), iterators, [](OpBuilder &builder, Location loc, ValueRange arguments) {
          Value product = arith::MulFOp::create(builder, loc, arguments[0], arguments[1]);
          linalg::YieldOp::create(builder, loc, arith::AddFOp::create(builder, loc, arguments[2], product).getResult());
        });
    SmallVector<ReassociationIndices> groups;
    for (size_t d = 0; d < resultOrder.size(); ++d)
      groups.push_back({static_cast<int64_t>(d)});
    groups.back().push_back(resultOrder.size());
    Value merged = tensor::CollapseShapeOp::create(rewriter, loc, generic.getResult(0), groups);
    rewriter.replaceOp(op, transposed(rewriter, loc, merged, invertPermutationVector(resultOrder)));
  }
};

struct PutChannelsLastPass : compress::impl::PutChannelsLastPassBase<PutChannelsLastPass> {
  using Base = compress::impl::PutChannelsLastPassBase<PutChannelsLastPass>;
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    if (vectorLanes > 1)
      getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops)
      if (auto convolution = FloatConvolution::get(op, vectorLanes)) {
        convolution->rewrite(rewriter);
        ++numRewritten;
      }
  }
};

} // namespace
