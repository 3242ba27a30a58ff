//===- Products.cpp - Products with constant weights as integers -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

/// Most bits of sums that another product reads: beyond them, they are rounded to as many.
static constexpr int64_t kMostStageBits = 32;

Value mlir::compress::exactSum(OpBuilder &builder, Location loc, Value a, Value b) {
  int64_t width = std::max(a.getType().getIntOrFloatBitWidth(), b.getType().getIntOrFloatBitWidth()) + 1;
  return arith::AddIOp::create(builder, loc, extend(builder, loc, a, width), extend(builder, loc, b, width));
}

namespace {
/// Exact sums of products in one width.
struct Accumulator {
  OpBuilder &builder;
  Location loc;
  int64_t productWidth, width;

  Accumulator(OpBuilder &builder, Location loc, FixedFormat x, FixedFormat w, int64_t terms)
      : builder(builder), loc(loc), productWidth(x.width + w.width), width(productWidth + ceilLog2(terms)) {}

  Value zero() { return integer(builder, loc, 0, width); }
  Value multiply(Value x, Value w) {
    Value product = arith::MulIOp::create(builder, loc, extend(builder, loc, x, productWidth),
                                          extend(builder, loc, w, productWidth));
    return extend(builder, loc, product, width);
  }
  Value add(Value sum, Value product) { return arith::AddIOp::create(builder, loc, sum, product); }
  Value subtract(Value sum, Value product) { return arith::SubIOp::create(builder, loc, sum, product); }
};
} // namespace

FailureOr<FixedConstant> FixedPointEmitter::biases(Operation *op, const Initial &start, int64_t fraction) {
  double largest = 0;
  for (double value : start.values)
    largest = std::max(largest, std::abs(value));
  constexpr int64_t kMostBiasBits = 48;
  SmallVector<int64_t> values;
  FixedFormat format{1, fraction};
  for (double value : start.values) {
    FixedFormat wide{kMostBiasBits, fraction};
    values.push_back(quantize(value, wide));
    format.width = std::max(format.width, bitsFor(values.back(), values.back()));
  }
  if (formatFor(kMostBiasBits, largest).fraction < fraction) {
    (void)refuse(op, "its bias is too large beside the range of its result");
    return failure();
  }
  return constant(op, "bias", start.shape, values, format);
}

LogicalResult FixedPointEmitter::emitProduct(linalg::LinalgOp op) {
  OpOperand *x = op.getDpsInputOperand(0), *w = op.getDpsInputOperand(1);
  if (!tensors.contains(x->get()))
    std::swap(x, w);
  return emitProduct(op, {x->get(), w->get(), op.getDpsInits()[0], op.getMatchingIndexingMap(x),
                          op.getMatchingIndexingMap(w), op.getMatchingIndexingMap(op.getDpsInitOperand(0)),
                          op.getStaticLoopRanges(), std::nullopt});
}

LogicalResult FixedPointEmitter::emitCodedProduct(CodedContractOp op) {
  CodedTensor coded = cast<CodedKernelOpInterface>(*op).getCoded();
  return emitProduct(op, {op.getInput(), coded.codes, op.getInit(), op.getInputMap(), op.getWeightMap(),
                          op.getInitMap(), op.getLoopExtents(), coded});
}

/// True if `op` is a product, or scales a sum before it is added to where a layer starts from (form `scaled`).
static bool readsExactSums(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  auto scale = linalgOp ? matchScale(linalgOp) : std::nullopt;
  return isProduct(op) || (scale && scale->init);
}

FailureOr<FixedFormat> FixedPointEmitter::sumFormat(Operation *op, const FixedFormat &sum, bool isPlain) {
  Value result = op->getResult(0);
  bool isStage = isPlain && result.hasOneUse() && result.use_begin()->getOperandNumber() == 0 &&
                 readsExactSums(*result.user_begin());
  if (!isStage)
    return activationFormat(op);
  if (sum.width <= kMostStageBits)
    return sum;
  FailureOr<double> largest = largestOf(result, op);
  if (failed(largest))
    return failure();
  return formatFor(kMostStageBits, *largest);
}

namespace {
/// The loops of a product: those of the result, those over groups of weights with one factor, those in a group.
struct ProductLoops {
  SmallVector<unsigned> outer, inner;
  int64_t outerTerms = 1, innerTerms = 1;
  /// Of a loop: the length of its groups.
  SmallVector<int64_t> group;

  ProductLoops(const FixedProduct &product, const FixedWeights &weights) : group(product.extents) {
    for (auto [expr, size] : llvm::zip_equal(product.weightMap.getResults(), weights.group))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        group[dim.getPosition()] = size;
    for (auto [d, extent] : llvm::enumerate(product.extents)) {
      if (product.resultMap.isFunctionOfDim(d))
        continue;
      if (group[d] < extent) {
        outer.push_back(d);
        outerTerms *= extent / group[d];
      }
      if (group[d] > 1) {
        inner.push_back(d);
        innerTerms *= group[d];
      }
    }
    sortReductions(outer, product.activationMap);
    sortReductions(inner, product.activationMap);
  }
};

/// Opens loops over dimension `d` of a sum in the order in which the numbers along it were written, if `from` is a
/// reshaped tensor and they are all in one group; else one loop. Returns the index; `count` grows by the loops.
AffineExpr openReduction(AffineNest &nest, const FixedProduct &product, const FixedTensor &from, unsigned d,
                         int64_t extent, SmallVectorImpl<Value> &carried, size_t &count) {
  SmallVector<PlaceLoop> loops;
  for (auto [dim, expr] : llvm::enumerate(product.activationMap.getResults()))
    if (auto bare = dyn_cast<AffineDimExpr>(expr); bare && bare.getPosition() == d && from.shape[dim] == extent)
      loops = loopsAlong(from, dim);
  if (loops.size() <= 1)
    loops = {{extent, 1}};
  count += loops.size();
  AffineExpr index = nest.constant(0);
  for (PlaceLoop loop : loops)
    index = index + nest.loopCarrying(loop.extent, carried) * loop.stride;
  return index;
}
} // namespace

LogicalResult FixedPointEmitter::emitProduct(Operation *op, const FixedProduct &product) {
  const FixedTensor *x = input(op, product.activation);
  if (!x)
    return failure();
  if (!product.resultMap.isProjectedPermutation())
    return refuse(op, "it adds numbers of its result up");
  FixedTensor from = *x;
  auto w = productWeights(op, product);
  auto start = initial(op, product.init);
  if (failed(w) || failed(start))
    return failure();
  ProductLoops loops(product, *w);
  int64_t fraction = from.format.fraction + w->fraction + (w->factors ? w->factors->format.fraction : 0);
  FailureOr<FixedConstant> bias = start->isZero() ? FixedConstant() : biases(op, *start, fraction);
  if (failed(bias))
    return failure();
  // A sum in a group, what it is with its factor, the sum of these.
  int64_t productWidth = from.format.width + w->bits, groupWidth = productWidth + ceilLog2(loops.innerTerms);
  if (w->isShifts) // magnitudes up to 2^(width - 1) times the sum of those of the weights
    groupWidth = std::min(groupWidth, from.format.width + ceilLog2(static_cast<int64_t>(w->gain) + 1));
  productWidth = std::min(productWidth, groupWidth);
  int64_t sumWidth = groupWidth;
  if (w->factors)
    sumWidth += w->factors->format.width + ceilLog2(loops.outerTerms);
  if (!start->isZero())
    sumWidth = std::max(sumWidth, bias->format.width) + 1;
  auto format = sumFormat(op, {sumWidth, fraction}, start->isZero());
  if (failed(format))
    return failure();
  Requantization how{{sumWidth, fraction}, *format};
  if (failed(check(op, how)))
    return failure();

  auto dimOf = [&](unsigned i) { return cast<AffineDimExpr>(product.resultMap.getResult(i)).getPosition(); };
  SmallVector<unsigned> order =
      writingOrder(op->getResult(0), from, product.activationMap, product.resultMap.getResults(), [&](AffineExpr loop) {
        return product.weightMap.isFunctionOfDim(cast<AffineDimExpr>(loop).getPosition());
      });
  std::optional<SparseWeights> sparse = loops.outer.empty() ? withoutZeros(op, product, from, *w) : std::nullopt;
  FixedTensor to = allocate(op->getResult(0), *format, order);
  Step step = begin(op, "accumulate", {from}, to);
  OpBuilder &builder = step.builder;
  MLIRContext *context = op->getContext();
  Value ps = sparse ? read(step, sparse->places) : Value(), ws = read(step, sparse ? sparse->codes : w->codes),
        fs = w->factors ? read(step, *w->factors) : Value(), bs = start->isZero() ? Value() : read(step, *bias);
  AffineNest nest(builder, step.loc);
  SmallVector<AffineExpr> at(product.extents.size(), nest.constant(0)), groups(at), outIndex;
  for (unsigned i : order)
    at[dimOf(i)] = groups[dimOf(i)] = nest.loop(0, product.extents[dimOf(i)]);
  for (unsigned i = 0; i < order.size(); ++i)
    outIndex.push_back(at[dimOf(i)]);
  auto place = [&](AffineMap map, ArrayRef<AffineExpr> at, ArrayRef<int64_t> shape) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : map.getResults())
      index.push_back(expr.replaceDims(at));
    return flatten(index, shape, context);
  };
  int64_t outerWidth = w->factors ? groupWidth + w->factors->format.width + ceilLog2(loops.outerTerms) : groupWidth;
  SmallVector<Value> total{integer(builder, step.loc, 0, outerWidth)};
  for (unsigned d : loops.outer) {
    groups[d] = nest.loopCarrying(product.extents[d] / loops.group[d], total);
    at[d] = groups[d] * loops.group[d];
  }
  SmallVector<Value> carried{w->factors ? integer(builder, step.loc, 0, groupWidth) : total[0]};
  size_t numInner = 0;
  Value factorX, factorW;
  if (sparse) {
    SmallVector<AffineExpr> entry;
    for (unsigned d : sparse->outputs)
      entry.push_back(at[d]);
    entry.push_back(nest.loopCarrying(sparse->perOutput, carried));
    numInner = 1;
    AffineExpr number = flatten(entry, sparse->codes.shape, context);
    factorX = loadAt(nest, step.inputs[0], place(product.activationMap, at, from.shape), nest.load(ps, number, 1));
    factorW = nest.load(ws, number, 1);
  } else {
    for (unsigned d : loops.inner)
      at[d] = at[d] + openReduction(nest, product, from, d, loops.group[d], carried, numInner);
    factorX = nest.load(step.inputs[0], place(product.activationMap, at, from.shape), 1);
    factorW = nest.load(ws, place(product.weightMap, at, w->codes.shape), 1);
  }
  Value term = multiply(builder, step.loc, factorX, factorW, *w, productWidth);
  carried[0] = arith::AddIOp::create(builder, step.loc, carried[0], extend(builder, step.loc, term, groupWidth));
  for (size_t i = 0; i < numInner; ++i)
    nest.closeCarrying(carried);
  if (w->factors) {
    SmallVector<AffineExpr> index;
    for (auto [expr, size, extent] : llvm::zip_equal(product.weightMap.getResults(), w->group, w->codes.shape))
      index.push_back(size == extent ? nest.constant(0) : expr.replaceDims(groups));
    int64_t factorWidth = groupWidth + w->factors->format.width;
    Value factor = nest.load(fs, flatten(index, w->factors->shape, context), 1);
    Value scaled = arith::MulIOp::create(builder, step.loc, extend(builder, step.loc, carried[0], factorWidth),
                                         extend(builder, step.loc, factor, factorWidth));
    total[0] = arith::AddIOp::create(builder, step.loc, total[0], extend(builder, step.loc, scaled, outerWidth));
    for (size_t i = 0; i < loops.outer.size(); ++i)
      nest.closeCarrying(total);
  } else {
    total = carried;
  }
  Value result = total[0];
  if (bs)
    result = exactSum(builder, step.loc, result, nest.load(bs, place(start->map, outIndex, start->shape), 1));
  if (*format == how.from)
    nest.store(result, step.output, flatten(outIndex, to.shape, context));
  else
    nest.store(round(builder, step.loc, result, how), step.output, flatten(outIndex, to.shape, context));
  return success();
}

LogicalResult FixedPointEmitter::emitSpectralProduct(Operation *op, Value xValue, Value wValue, Value init,
                                                     int64_t inDim, int64_t outDim, ArrayRef<int64_t> strides,
                                                     ArrayRef<int64_t> dilations) {
  const FixedTensor *found = input(op, xValue);
  if (!found)
    return failure();
  FixedTensor x = *found;
  auto w = weights(op, wValue);
  auto start = initial(op, init);
  auto largest = largestOf(op->getResult(0), op);
  if (failed(w) || failed(start) || failed(largest))
    return failure();
  if (!start->isZero())
    return refuse(op, "spectra are added to something: only biases of the result are supported");
  FixedFormat format = formatFor(widthsOf(op).transform(), *largest);
  // Weights are k x taps… x q x p.
  int64_t k = w->shape.front(), q = w->shape[w->shape.size() - 2];
  ArrayRef<int64_t> taps = ArrayRef(w->shape).drop_front().drop_back(2);
  int64_t terms = q * ShapedType::getNumElements(taps);
  int64_t fraction = x.format.fraction + w->format.fraction;
  bool hasPairs = k > 2;
  auto howFor = [&](int64_t count) {
    return Requantization{{x.format.width + w->format.width + ceilLog2(count), fraction}, format};
  };
  if (failed(check(op, howFor(2 * terms))))
    return failure();

  // Dimension 0 is the slot: all of a pixel and an output are written together.
  size_t rank = cast<RankedTensorType>(op->getResult(0).getType()).getRank();
  SmallVector<unsigned> order;
  for (unsigned d = 1; d < rank; ++d)
    if (d != outDim + 1)
      order.push_back(d);
  order.append({static_cast<unsigned>(outDim + 1), 0});
  FixedTensor to = allocate(op->getResult(0), format, order);
  Step step = begin(op, "accumulate", {x}, to);
  OpBuilder &builder = step.builder;
  MLIRContext *context = op->getContext();
  Value ws = read(step, *w);
  AffineNest outer(builder, step.loc);
  // The result's indices without the slot.
  SmallVector<AffineExpr> rest(to.shape.size() - 1);
  for (unsigned d : ArrayRef(order).drop_back())
    rest[d - 1] = outer.loop(0, to.shape[d]);
  AffineExpr o = rest[outDim];

  // A loop over slots, or over pairs of slots that are `numParts` reals, in the nest of the result's place.
  auto emitSlots = [&](int64_t first, int64_t count, int64_t numParts) {
    OpBuilder::InsertionGuard guard(builder);
    AffineNest nest = outer;
    AffineExpr slot = nest.loop(0, count) * numParts + first;
    Accumulator sum(builder, step.loc, x.format, w->format, numParts * terms);
    SmallVector<Value> carried(numParts, sum.zero());
    SmallVector<AffineExpr> tapIndex;
    for (int64_t extent : taps)
      tapIndex.push_back(nest.loopCarrying(extent, carried));
    AffineExpr g = nest.loopCarrying(q, carried);
    auto load = [&](int64_t part) {
      SmallVector<AffineExpr> xIndex{slot + part}, wIndex{slot + part};
      SmallVector<AffineExpr> others(rest);
      others.erase(others.begin() + outDim);
      size_t firstWindow = others.size() - taps.size();
      for (auto [i, tap] : llvm::enumerate(tapIndex))
        others[firstWindow + i] = others[firstWindow + i] * strides[i] + tap * dilations[i];
      others.insert(others.begin() + inDim, g);
      xIndex.append(others);
      wIndex.append(tapIndex);
      wIndex.append({g, o});
      return std::pair(nest.load(step.inputs[0], flatten(xIndex, x.shape, context), 1),
                       nest.load(ws, flatten(wIndex, w->shape, context), 1));
    };
    auto [xr, wr] = load(0);
    if (numParts == 1) {
      carried[0] = sum.add(carried[0], sum.multiply(xr, wr));
    } else {
      auto [xi, wi] = load(1);
      carried[0] = sum.subtract(sum.add(carried[0], sum.multiply(xr, wr)), sum.multiply(xi, wi));
      carried[1] = sum.add(sum.add(carried[1], sum.multiply(xi, wr)), sum.multiply(xr, wi));
    }
    for (size_t i = 0; i < taps.size() + 1; ++i)
      nest.closeCarrying(carried);
    for (int64_t part = 0; part < numParts; ++part) {
      SmallVector<AffineExpr> index{slot + part};
      index.append(rest);
      nest.store(round(builder, step.loc, carried[part], howFor(numParts * terms)), step.output,
                 flatten(index, to.shape, context));
    }
  };
  emitSlots(0, numRealSlots(k), 1);
  if (hasPairs)
    emitSlots(numRealSlots(k), (k - numRealSlots(k)) / 2, 2);
  return success();
}
