//===- SpectralForm.cpp - Circulant layers by transforms ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y = linalg.matmul(x, compress.circulant(c))          ws = scale * rfft(c)                weights only: folds
//                                                   =>   xs = compress.rfft(x)               q transforms
//                                                        ys = compress.spectral_matmul(xs, ws)
//                                                        y  = compress.rfft_transpose(ys)    p transforms
//
//===----------------------------------------------------------------------===//

#include "SpectralForm.h"
#include "TensorEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "compress/Kernel/Count.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Multiplies slot `s`, the outermost dimension of `value`, by its scale in the inverse transform, 1/k or 2/k;
/// imaginary slots also by -1 if `conjugate`. A scale is a small integer over k: 1/k itself is no f32 number unless k
/// is a power of two, and would be wrong in what compress-promote-to-f64 makes of it.
static Value emitSlotScale(OpBuilder &builder, Location loc, Value value, bool conjugate) {
  int64_t k = typeOf(value).getDimSize(0), rank = typeOf(value).getRank();
  bool isExact = llvm::isPowerOf2_64(k);
  SmallVector<double> scales;
  for (int64_t slot = 0; slot < k; ++slot) {
    double scale =
        isExact ? kernel::slotScale(k, slot) : std::round(kernel::slotScale(k, slot) * static_cast<double>(k));
    scales.push_back(conjugate && kernel::isImaginarySlot(k, slot) ? -scale : scale);
  }
  Type element = typeOf(value).getElementType();
  Value scale = materializeConstant(builder, loc, RankedTensorType::get({k}, element), scales);
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  AffineMap slotOnly = AffineMap::get(rank, 0, builder.getAffineDimExpr(0));
  Value empty = tensor::EmptyOp::create(builder, loc, typeOf(value).getShape(), element);
  SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, value.getType(), ValueRange{value, scale}, empty, {identity, slotOnly, identity}, parallel,
             [&](OpBuilder &b, Location l, ValueRange args) {
               Value product = arith::MulFOp::create(b, l, args[0], args[1]);
               if (!isExact) {
                 auto size = FloatAttr::get(element, static_cast<double>(k));
                 product = arith::DivFOp::create(b, l, product, arith::ConstantOp::create(b, l, size).getResult());
               }
               linalg::YieldOp::create(b, l, product);
             })
      .getResult(0);
}

/// Moves dimension `from` to place `to`.
static Value emitMoveDim(OpBuilder &builder, Location loc, Value value, int64_t from, int64_t to) {
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()));
  permutation.erase(permutation.begin() + from);
  permutation.insert(permutation.begin() + to, from);
  if (llvm::is_sorted(permutation))
    return value;
  SmallVector<int64_t> shape;
  for (int64_t d : permutation)
    shape.push_back(typeOf(value).getDimSize(d));
  Value empty = tensor::EmptyOp::create(builder, loc, shape, typeOf(value).getElementType());
  return linalg::TransposeOp::create(builder, loc, value, empty, permutation)->getResult(0);
}

/// Groups of a reshape that merges the last two of `rank` dimensions.
static SmallVector<ReassociationIndices> lastTwo(int64_t rank) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d < rank - 1; ++d)
    groups.push_back({d});
  groups.back().push_back(rank - 1);
  return groups;
}

/// Static [..., k] to slots [k, ...], one transform per vector.
static Value emitRfftOfLastDim(OpBuilder &builder, Location loc, Value value) {
  SmallVector<int64_t> shape(typeOf(value).getShape());
  int64_t k = shape.back(), dim = shape.size() - 1;
  shape.back() = 1;
  shape.insert(shape.begin(), k);
  Value empty = tensor::EmptyOp::create(builder, loc, shape, typeOf(value).getElementType());
  Value planes = RfftOp::create(builder, loc, empty.getType(), value, empty, dim).getResult(0);
  return tensor::CollapseShapeOp::create(builder, loc, planes, lastTwo(shape.size()));
}

Value mlir::compress::emitInverseOfLastDim(OpBuilder &builder, Location loc, Value value) {
  SmallVector<int64_t> flat(typeOf(value).getShape());
  Value slots = emitMoveDim(builder, loc, value, flat.size() - 1, 0);
  slots = emitSlotScale(builder, loc, slots, /*conjugate=*/false);
  SmallVector<int64_t> planes(typeOf(slots).getShape());
  planes.push_back(1);
  auto planesType = RankedTensorType::get(planes, typeOf(value).getElementType());
  slots = tensor::ExpandShapeOp::create(builder, loc, planesType, slots, lastTwo(planes.size()));
  Value empty = tensor::EmptyOp::create(builder, loc, flat, typeOf(value).getElementType());
  return RfftTransposeOp::create(builder, loc, empty.getType(), slots, empty, flat.size() - 1, /*accumulate=*/false)
      .getResult(0);
}

Value mlir::compress::emitInverseOfLastDimTranspose(OpBuilder &builder, Location loc, Value value) {
  Value slots = emitSlotScale(builder, loc, emitRfftOfLastDim(builder, loc, value), /*conjugate=*/false);
  return emitMoveDim(builder, loc, slots, 0, typeOf(slots).getRank() - 1);
}

//===----------------------------------------------------------------------===//
// The form
//===----------------------------------------------------------------------===//

/// Straight-line code beyond this many operations is slower to compile and to fetch than it is worth.
static constexpr int64_t kMaxTransformOperations = 8192;

/// True if the consumer contracts the out dimension of `weight`: it multiplies by the transposed matrix.
static bool usesTransposed(CirculantOp weight, const LinearConsumer &consumer) {
  return consumer.roles[weight.getRoleDims()[0]] == Role::In;
}

/// The spectra as codes, if that is what is stored.
static std::optional<CodedTensor> codedSpectra(CirculantOp weight) {
  auto params = weight.getParams().getDefiningOp<CompressedWeightOpInterface>();
  return params && weight.getDomain() == Domain::spectrum ? params.getCoded() : std::nullopt;
}

/// What is in the lanes of the spectra of a tensor of `shape` with `blocks` in dimension `dim`: the numbers behind
/// them, or else the blocks.
static double numbersInLanes(ArrayRef<int64_t> shape, int64_t dim, int64_t blocks) {
  ArrayRef<int64_t> behind = shape.drop_front(dim + 1);
  double numbers = behind.empty() ? static_cast<double>(blocks) : 1;
  for (int64_t extent : behind)
    numbers *= ShapedType::isStatic(extent) ? static_cast<double>(extent) : 1;
  return numbers;
}

SmallVector<Form> mlir::compress::spectralForms(CirculantOp weight, const LinearConsumer &consumer,
                                                const Machine &machine, std::string &whyNot) {
  SmallVector<int64_t> dims = weight.getRoleDims();
  Role first = consumer.roles[dims[0]], second = consumer.roles[dims[1]];
  bool rolesFit = (first == Role::Out && second == Role::In) || (first == Role::In && second == Role::Out);
  for (int64_t dim : ArrayRef(dims).drop_front(2))
    rolesFit &= consumer.roles[dim] == Role::Tap;
  if (!rolesFit) {
    whyNot = "the consumer uses the weight's dimensions in other roles than out, in and taps";
    return {};
  }
  bool windowSeen = false;
  for (const ActivationDim &dim : consumer.dims) {
    windowSeen |= dim.kind == ActivationDim::Window;
    if (dim.kind == ActivationDim::Free && windowSeen) {
      whyNot = "the windows are not the innermost dimensions of the activation beside the channels";
      return {};
    }
  }
  int64_t k = weight.getBlockSize(), p = weight.getNumBlockRows(), q = weight.getNumBlockCols();
  if (kernel::operationCountUpperBound(k) > kMaxTransformOperations) {
    whyNot = "a transform of " + std::to_string(k) + " points is too long for straight-line code";
    return {};
  }
  if (usesTransposed(weight, consumer))
    std::swap(p, q);
  kernel::OperationCount transform = kernel::count(kernel::rfft(k));
  double inPositions = 1, outPositions = consumer.positionsPerSample(), taps = 1;
  for (auto [dim, extent] : llvm::zip(consumer.dims, typeOf(consumer.activation).getShape()))
    if (dim.kind != ActivationDim::In && ShapedType::isStatic(extent))
      inPositions *= extent;
  for (int64_t dim : ArrayRef(dims).drop_front(2))
    taps *= weight.getResultType().getDimSize(dim);
  double multiplies = static_cast<double>(kernel::productOperations(k)) / 2;
  Form form{"spectral", {}};
  Cost &cost = form.cost;
  double transforms = inPositions * q + outPositions * p;
  cost.multiplies = transforms * transform.multiplies + outPositions * p * q * taps * multiplies;
  cost.adds = transforms * transform.adds + outPositions * p * q * taps * multiplies;
  cost.transforms = transforms * transform.total();
  cost.transformCode = 2 * transform.total();
  ArrayRef<int64_t> result = consumer.resultType().getShape();
  double inLanes = numbersInLanes(typeOf(consumer.activation).getShape(), consumer.inDim, q);
  double outLanes = numbersInLanes(result, consumer.outDim, p);
  cost.transformLanes =
      (inPositions * q * laneFactor(inLanes, machine) + outPositions * p * laneFactor(outLanes, machine)) / transforms;
  // Rows of pixels follow each other in a vector unless a stride leaves some out.
  bool skips = llvm::any_of(consumer.dims, [](const ActivationDim &dim) { return dim.stride > 1; });
  cost.productLanes = laneFactor(skips && consumer.outDim + 1 < static_cast<int64_t>(result.size())
                                     ? numbersInLanes(result, result.size() - 2, p)
                                     : outLanes,
                                 machine);
  cost.productReach = kSpectralReach;
  // Time-domain codes become float spectra at compile time.
  cost.weightBytes = codedSpectra(weight) ? weight.storedBits() / 8
                                          : weight.getParamsType().getNumElements() *
                                                weight.getParamsType().getElementTypeBitWidth() / 8;
  if (auto coded = codedSpectra(weight)) {
    cost.adds +=
        weight.getParamsType().getNumElements() * (cast<NumberCodeAttrInterface>(coded->code).decodeOperations() + 1.0);
    cost.roundings += 3;
  }
  cost.roundings = q * static_cast<int64_t>(taps) + transform.depth;
  return {form};
}

/// Coded spectra with dimensions in the order `permutation` (the slot first), decoded when the layer runs: the package
/// holds codes. The slots' scales go into the scales of the codes.
static Value emitCodedSpectra(const CodedTensor &coded, ArrayRef<int64_t> permutation, bool conjugate,
                              OpBuilder &builder, Location loc) {
  TensorEmitter emit{builder, loc};
  auto place = [&](Value value) { return value ? emit.transpose(value, permutation) : Value(); };
  Value codes = place(coded.codes), zeros = place(coded.zeros);
  SmallVector<int64_t> group = applyPermutation(coded.group, permutation);
  int64_t k = TensorEmitter::typeOf(codes).getDimSize(0);
  // A scale for each slot.
  auto spreadSlots = [&](Value value) -> Value {
    if (!value || TensorEmitter::typeOf(value).getDimSize(0) == k)
      return value;
    value = emit.collapse(emit.broadcast(value, 1, group[0]), 0);
    SmallVector<int64_t> shape(TensorEmitter::typeOf(value).getShape());
    shape[0] = k;
    return emit.crop(value, shape);
  };
  Value scales = emitSlotScale(builder, loc, spreadSlots(place(coded.scales)), conjugate);
  zeros = spreadSlots(zeros);
  group[0] = 1;
  Type element = TensorEmitter::typeOf(scales).getElementType();
  auto stored = DequantizeOp::create(builder, loc, TensorEmitter::typeOf(codes).clone(element), codes, scales, zeros,
                                     cast<NumberCodeAttrInterface>(coded.code), builder.getDenseI64ArrayAttr(group));
  Value spectra = stored.rebuild(builder);
  stored->erase();
  return spectra;
}

/// Weight spectra k x taps… x in blocks x out blocks, scaled for the transposed transform. `tapDims` are the dimensions
/// of params in the order of the activation's windows.
static Value emitWeightSpectra(CirculantOp weight, ArrayRef<int64_t> tapDims, bool transposed, OpBuilder &builder,
                               Location loc) {
  SmallVector<int64_t> permutation(tapDims);
  permutation.append({transposed ? 0 : 1, transposed ? 1 : 0});
  bool isTime = weight.getDomain() == Domain::time;
  permutation.insert(isTime ? permutation.end() : permutation.begin(), 2);
  if (auto coded = codedSpectra(weight))
    return emitCodedSpectra(*coded, permutation, /*conjugate=*/transposed, builder, loc);
  Value value = TensorEmitter{builder, loc}.transpose(weight.getParams(), permutation);
  if (isTime)
    value = emitRfftOfLastDim(builder, loc, value);
  return emitSlotScale(builder, loc, value, /*conjugate=*/transposed);
}

static OpFoldResult addConstant(OpBuilder &builder, Location loc, OpFoldResult value, int64_t constant) {
  if (constant == 0)
    return value;
  AffineExpr sum = builder.getAffineSymbolExpr(0) + constant;
  return affine::makeComposedFoldedAffineApply(builder, loc, AffineMap::get(0, 1, sum), {value});
}

/// Spectra of the activation, with the consumer's padding: only true pixels are transformed, the rim is zero.
static Value emitActivationSpectra(const LinearConsumer &consumer, int64_t k, int64_t blocks, OpBuilder &builder,
                                   Location loc) {
  Value activation = consumer.activation;
  Type element = typeOf(activation).getElementType();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, activation);
  sizes[consumer.inDim] = builder.getIndexAttr(blocks);
  sizes.insert(sizes.begin(), builder.getIndexAttr(k));
  SmallVector<OpFoldResult> padded = sizes, offsets(sizes.size(), builder.getIndexAttr(0));
  bool hasPadding = false;
  for (auto [d, dim] : llvm::enumerate(consumer.dims)) {
    padded[d + 1] = addConstant(builder, loc, sizes[d + 1], dim.padLow + dim.padHigh);
    offsets[d + 1] = builder.getIndexAttr(dim.padLow);
    hasPadding |= dim.padLow || dim.padHigh;
  }
  Value init = tensor::EmptyOp::create(builder, loc, padded, element);
  if (!hasPadding)
    return RfftOp::create(builder, loc, init.getType(), activation, init, consumer.inDim).getResult(0);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  init = linalg::FillOp::create(builder, loc, zero, init).getResult(0);
  SmallVector<OpFoldResult> ones(sizes.size(), builder.getIndexAttr(1));
  Value inner = emitExtractSlice(builder, loc, init, offsets, sizes, ones);
  Value spectra = RfftOp::create(builder, loc, inner.getType(), activation, inner, consumer.inDim).getResult(0);
  return emitInsertSlice(builder, loc, spectra, init, offsets, sizes, ones);
}

/// `value` with dimension d taken from dimension `permutation[d]`, dynamic extents included.
static Value emitTranspose(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation))
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value), moved;
  for (int64_t d : permutation)
    moved.push_back(sizes[d]);
  Value empty = tensor::EmptyOp::create(builder, loc, moved, typeOf(value).getElementType());
  return linalg::TransposeOp::create(builder, loc, value, empty, permutation)->getResult(0);
}

Value mlir::compress::emitSpectralForm(CirculantOp weight, const LinearConsumer &consumer, OpBuilder &builder) {
  Location loc = consumer.op->getLoc();
  bool transposed = usesTransposed(weight, consumer);
  int64_t k = weight.getBlockSize(), p = weight.getNumBlockRows(), q = weight.getNumBlockCols();
  if (transposed)
    std::swap(p, q);
  SmallVector<int64_t> roleDims = weight.getRoleDims(), tapDims, strides, dilations, order;
  for (const ActivationDim &dim : consumer.dims) {
    if (dim.kind == ActivationDim::In)
      continue;
    order.push_back(dim.resultDim);
    if (dim.kind != ActivationDim::Window)
      continue;
    tapDims.push_back(llvm::find(roleDims, dim.tapDim) - roleDims.begin() + 1);
    strides.push_back(dim.stride);
    dilations.push_back(dim.dilation);
  }
  // The kernel ops keep the activation's order of dimensions; `order` lists them as dimensions of the result.
  int64_t outDim = llvm::is_sorted(order) ? consumer.outDim : order.size();
  order.insert(order.begin() + outDim, consumer.outDim);

  Value spectra = emitActivationSpectra(consumer, k, q, builder, loc);
  Value weights = emitWeightSpectra(weight, tapDims, transposed, builder, loc);
  Value init = emitTranspose(builder, loc, consumer.init, order);
  Type element = consumer.resultType().getElementType();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, init);
  Value target = consumer.initIsZero() ? tensor::EmptyOp::create(builder, loc, sizes, element).getResult() : init;
  sizes[outDim] = builder.getIndexAttr(p);
  sizes.insert(sizes.begin(), builder.getIndexAttr(k));
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value sums =
      linalg::FillOp::create(builder, loc, zero, tensor::EmptyOp::create(builder, loc, sizes, element).getResult())
          .getResult(0);
  if (strides.empty())
    sums = SpectralMatmulOp::create(builder, loc, sums.getType(), spectra, weights, sums, consumer.inDim, outDim)
               .getResult(0);
  else
    sums = SpectralConvOp::create(builder, loc, sums.getType(), spectra, weights, sums, consumer.inDim, outDim, strides,
                                  dilations)
               .getResult(0);
  Value result = RfftTransposeOp::create(builder, loc, target.getType(), sums, target, outDim,
                                         /*accumulate=*/!consumer.initIsZero())
                     .getResult(0);
  return emitTranspose(builder, loc, result, invertPermutationVector(order));
}
