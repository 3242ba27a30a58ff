//===- Dequantize.cpp - Meaning and pullback of stored integers -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// expand spreads scales (and zeros) to the shape of the codes, and multiplies element by element:
//
//   scales: 64 x 4  ->  64 x 4 x 32  ->  64 x 128                              copies, merged, cropped where ragged
//   W = linalg.generic (codes, scales) { scale * decode(code) }
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Groups.h"
#include "ListForm.h"
#include "RebuildForm.h"
#include "TensorEmitter.h"
#include "TwoStageForm.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

SmallVector<int64_t> DequantizeOp::getGroupSizes() {
  return groupSizes(getGroup(), getCodesType().getShape(), getScalesType().getShape());
}

LogicalResult DequantizeOp::verify() {
  RankedTensorType codes = getCodesType(), scales = getScalesType(), result = getResultType();
  unsigned bits = getCode().getNumBits();
  auto isCode = [&](Type type) { return getElementTypeOrSelf(type).isSignlessInteger(bits); };
  if (!isCode(codes) || (getZeros() && !isCode(getZeros().getType()))) // dequantize C1
    return emitOpError("expects codes and zeros of element type i") << bits << ", as the code says, got " << codes;
  if (codes.getShape() != result.getShape() ||
      llvm::any_of(codes.getShape(), [](int64_t d) { return d < 1; })) // dequantize C2
    return emitOpError("expects a result of the shape of codes, extents at least 1, got ")
           << codes << " and " << result;
  if (scales.getElementType() != result.getElementType()) // dequantize C3
    return emitOpError("expects scales and result of one element type, got ")
           << scales.getElementType() << " and " << result.getElementType();
  return verifyGroups(*this, getGroup(), codes, scales, getZeros(), getCode());
}

namespace {

/// The tensors of one op, spread to the shape of its codes.
struct DequantizeEmitter : GroupEmitter {
  DequantizeOp op;

  DequantizeEmitter(OpBuilder &builder, DequantizeOp op)
      : GroupEmitter(builder, op.getLoc(), op.getGroupSizes(), op.getCodesType().getShape(),
                     op.getScalesType().getShape()),
        op(op) {}

  /// `factor` times what the codes stand for without scale, element by element.
  Value multiplyNumbers(Value factor) {
    SmallVector<Value> inputs{op.getCodes(), factor};
    if (op.getZeros())
      inputs.push_back(spread(op.getZeros()));
    SmallVector<AffineMap> maps(inputs.size(), builder.getMultiDimIdentityMap(shape.size()));
    return generate(inputs, maps, shape, typeOf(factor).getElementType(),
                    [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                      auto number = [&](Value code) {
                        Value raw = arith::ExtUIOp::create(b, l, b.getI32Type(), code);
                        return op.getCode().decode(b, l, raw, args[1].getType());
                      };
                      Value value = number(args[0]);
                      if (op.getZeros())
                        value = arith::SubFOp::create(b, l, value, number(args[2]));
                      return arith::MulFOp::create(b, l, args[1], value);
                    });
  }
};

} // namespace

Value DequantizeOp::expand(OpBuilder &builder) {
  DequantizeEmitter emit(builder, *this);
  return emit.multiplyNumbers(emit.spread(getScales()));
}

/// Scales are the only float operands: dL/ds = sum over the group of (value - zero) * dL/dW.
SmallVector<Value> DequantizeOp::pullback(OpBuilder &builder, Value gradient) {
  DequantizeEmitter emit(builder, *this);
  return {emit.gather(emit.multiplyNumbers(gradient))};
}

int64_t DequantizeOp::storedBits() {
  int64_t bits = storedBitsOf(getCodes()) + storedBitsOf(getScales());
  return bits + (getZeros() ? storedBitsOf(getZeros()) : 0);
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// Codes that share a byte along the innermost dimension, once packed.
static int64_t codesPerByte(DequantizeOp op) { return 8 / llvm::PowerOf2Ceil(op.getCode().getNumBits()); }

int64_t DequantizeOp::sliceStep(int64_t dim) {
  int64_t step = getScalesType().getDimSize(dim) == 1 ? 1 : getGroupSizes()[dim];
  return dim == getCodesType().getRank() - 1 ? std::lcm(step, codesPerByte(*this)) : step;
}

Value DequantizeOp::emitSlice(OpBuilder &builder, int64_t dim, OpFoldResult offset, int64_t size) {
  Location loc = getLoc();
  SmallVector<int64_t> groups = getGroupSizes();
  bool isShared = getScalesType().getDimSize(dim) == 1;
  OpFoldResult scaleOffset = builder.getIndexAttr(0);
  if (!isShared)
    scaleOffset = affine::makeComposedFoldedAffineApply(
        builder, loc, AffineMap::get(0, 1, builder.getAffineSymbolExpr(0).floorDiv(groups[dim])), {offset});
  int64_t numScales = isShared ? 1 : llvm::divideCeil(size, groups[dim]);
  Value codes = emitSliceOf(builder, loc, getCodes(), dim, offset, size), zeros = getZeros();
  Value scales = emitSliceOf(builder, loc, getScales(), dim, scaleOffset, numScales);
  if (zeros)
    zeros = emitSliceOf(builder, loc, zeros, dim, scaleOffset, numScales);
  if (isShared)
    groups[dim] = size;
  auto type = cast<RankedTensorType>(codes.getType());
  auto scalesType = cast<RankedTensorType>(scales.getType());
  bool isRagged = llvm::any_of(llvm::zip(type.getShape(), scalesType.getShape(), groups),
                               [](auto t) { return std::get<0>(t) != std::get<1>(t) * std::get<2>(t); });
  return DequantizeOp::create(builder, loc, type.clone(getResultType().getElementType()), codes, scales, zeros,
                              getCode(), isRagged ? builder.getDenseI64ArrayAttr(groups) : DenseI64ArrayAttr());
}

std::optional<CodedTensor> DequantizeOp::getCoded() {
  return CodedTensor{getCodes(), getScales(), getZeros(), getCode(), getGroupSizes(), {}};
}

/// The numbers of `zeros` without scale, as `element`: of a slice, the slice of the numbers of the whole, which is
/// constant where a loop's slice is not.
static Value decodeZeros(OpBuilder &builder, Location loc, Value zeros, NumberCodeAttrInterface code, Type element) {
  if (auto slice = zeros.getDefiningOp<tensor::ExtractSliceOp>()) {
    Value source = slice.getSource(), whole;
    {
      OpBuilder::InsertionGuard guard(builder);
      if (Operation *op = source.getDefiningOp())
        builder.setInsertionPointAfter(op);
      whole = decodeZeros(builder, loc, source, code, element);
    }
    auto type = cast<RankedTensorType>(slice.getType().clone(element));
    return tensor::ExtractSliceOp::create(builder, loc, type, whole, slice.getMixedOffsets(), slice.getMixedSizes(),
                                          slice.getMixedStrides());
  }
  auto type = cast<RankedTensorType>(zeros.getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  return TensorEmitter{builder, loc}.generate(zeros, identity, type.getShape(), element,
                                              [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                                                Value raw = arith::ExtUIOp::create(b, l, b.getI32Type(), args[0]);
                                                return code.decode(b, l, raw, element);
                                              });
}

/// Zero points as numbers, as kernel ops take them.
static Value zerosAsNumbers(OpBuilder &builder, Location loc, const CodedTensor &coded) {
  if (!coded.zeros)
    return {};
  return decodeZeros(builder, loc, coded.zeros, cast<NumberCodeAttrInterface>(coded.code),
                     getElementTypeOrSelf(coded.scales.getType()));
}

Value DequantizeOp::rebuild(OpBuilder &builder) {
  CodedTensor coded = *getCoded();
  Value zeros = zerosAsNumbers(builder, getLoc(), coded);
  Value init = tensor::EmptyOp::create(builder, getLoc(), getResultType().getShape(), getResultType().getElementType());
  return DecodeOp::create(builder, getLoc(), getResultType(), getCodes(), getScales(), zeros, init, getCode(),
                          getGroupSizes(), LayoutAttr())
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

/// Roundings of a decoded number: code minus zero point, times scale, and the number itself where it is no integer.
static constexpr int64_t kDecodeRoundings = 3;

/// How often a product decodes each weight, in numbers of which `lanes` are as fast as one: once per tile of rows where
/// weights are loaded in lanes; otherwise for a few vectors of positions, and one at a time, which takes as long as a
/// vector.
static double timesDecoded(const LinearConsumer &consumer, double lanes, const Machine &machine) {
  constexpr int64_t kTileRows = 8, kTileVectors = 3;
  auto innermost = dyn_cast<AffineDimExpr>(consumer.resultMap.getResults().back());
  int64_t positions = consumer.positionsPerSample();
  if (innermost && consumer.weightMap.isFunctionOfDim(innermost.getPosition()))
    return llvm::divideCeil(positions, kTileRows);
  return static_cast<double>(llvm::divideCeil(positions, kTileVectors)) * laneFactor(1, machine) / lanes;
}

/// Seconds of the product with rounded activations (compress.coded_dot); nullopt where these are not allowed, or the op
/// cannot say the layer.
static std::optional<double> roundedSeconds(DequantizeOp op, const LinearConsumer &consumer, const Machine &machine) {
  Attribute hint = consumer.op->getAttr(kRoundsActivations);
  std::optional<ByteCode> code = ByteCode::get(op.getCode());
  std::optional<unsigned> outDim = CodedDotOp::outDimOf(consumer.activationMap, consumer.weightMap, consumer.resultMap);
  if (!machine.isProcessor || !hint || !code || !outDim)
    return std::nullopt;
  ArrayRef<int64_t> shape = op.getCodesType().getShape();
  int64_t inputs = shape[1 - *outDim];
  std::optional<DotGroups> groups = DotGroups::get(inputs, op.getGroupSizes()[1 - *outDim], *code);
  if (!groups || CodedDotOp::largestSum(groups->size, code->mostByte()) >= 0x1p31)
    return std::nullopt;
  if (auto allowed = dyn_cast<FloatAttr>(hint);
      allowed && CodedDotOp::expectedError(groups->size) > allowed.getValueAsDouble())
    return std::nullopt;
  return consumer.positionsPerSample() *
         CodedDotOp::secondsPerSample(inputs, shape[*outDim], groups->size, code->looksUp(), machine);
}

/// True for a convolution by constant codes: its filters are decoded at once, next to each other.
static bool decodesFilters(DequantizeOp op, const LinearConsumer &consumer) {
  auto isConstant = [](Value value) { return !value || value.getDefiningOp<arith::ConstantOp>(); };
  return isConstant(op.getCodes()) && isConstant(op.getScales()) && isConstant(op.getZeros()) &&
         llvm::any_of(consumer.dims, [](const ActivationDim &dim) { return dim.kind == ActivationDim::Window; });
}

/// The dimensions of a convolution's weight with its filters last, as the loops of dense convolutions read them
/// (compress-put-channels-last).
static SmallVector<int64_t> filtersLast(const LinearConsumer &consumer) {
  SmallVector<int64_t> order;
  for (Role wanted : {Role::Batch, Role::Tap, Role::In, Role::Out})
    for (auto [d, role] : llvm::enumerate(consumer.roles))
      if (role == wanted)
        order.push_back(d);
  return order;
}

/// The convolution by numbers that are decoded once, before it:
///
///   %n = compress.decode %codes : tensor<3x3x64x32xi4>, filters last, which folds
///   linalg.generic { (…) -> x[n, c, h + kh, w + kw], n[kh, kw, c, f], y[n, f, h, w] }
static Value emitDecodedFilters(DequantizeOp op, const LinearConsumer &consumer, OpBuilder &builder) {
  SmallVector<int64_t> order = filtersLast(consumer), group = op.getGroupSizes();
  applyPermutationToVector(group, order);
  TensorEmitter emit{builder, op.getLoc()};
  auto move = [&](Value value) { return value && !llvm::is_sorted(order) ? emit.transpose(value, order) : value; };
  Value codes = move(op.getCodes());
  auto type = cast<RankedTensorType>(codes.getType()).clone(op.getResultType().getElementType());
  auto moved = DequantizeOp::create(builder, op.getLoc(), type, codes, move(op.getScales()), move(op.getZeros()),
                                    op.getCode(), op.getGroup() ? builder.getDenseI64ArrayAttr(group) : nullptr);
  Value numbers = moved.rebuild(builder);
  moved->erase();
  SmallVector<AffineExpr> dims(consumer.weightMap.getResults());
  applyPermutationToVector(dims, order);
  return emitContraction(builder, consumer.op->getLoc(), consumer.paddedActivation, consumer.activationMap.getResults(),
                         numbers, dims, consumer.init, consumer.resultMap.getResults());
}

static constexpr int64_t kByte = 8;

/// Bytes that rows of codes, each in bytes of its own where it is decoded as a whole, take more than the codes.
static int64_t rowPadding(DequantizeOp op, const LinearConsumer &consumer) {
  ShapedType codes = op.getCodesType();
  int64_t last = decodesFilters(op, consumer) ? filtersLast(consumer).back() : codes.getRank() - 1;
  int64_t row = codes.getDimSize(last), field = llvm::PowerOf2Ceil(op.getCode().getNumBits());
  if (row == 0)
    return 0;
  return codes.getNumElements() / row * llvm::divideCeil(row * field, kByte) - codes.getNumElements() * field / kByte;
}

/// Bytes of what the product reads: scales and zero points that other representations stand for are numbers there.
static int64_t productBytes(DequantizeOp op) {
  auto numbers = [](ShapedType type) { return type.getNumElements() * type.getElementTypeBitWidth(); };
  int64_t bits = storedBitsOf(op.getCodes()) + numbers(op.getScalesType());
  return (bits + (op.getZeros() ? numbers(cast<ShapedType>(op.getZeros().getType())) : 0)) / kByte;
}

/// The product itself, and what decoding a number takes for each weight, or what that of bytes takes.
SmallVector<Form> DequantizeOp::forms(const LinearConsumer &consumer, const Machine &machine, std::string &whyNot) {
  Form form{"coded", consumer.denseCost(machine)};
  double decoding = static_cast<double>(getCodesType().getNumElements()) * (getCode().decodeOperations() + 1);
  Cost dense = form.cost;
  if (machine.isProcessor)
    form.cost.adds += decoding * timesDecoded(consumer, form.cost.productLanes, machine);
  else if (!needsMultiplier(getResult())) // codes that shift; a circuit decodes nothing
    form.cost.multiplies = 0;
  if (std::optional<double> seconds = roundedSeconds(*this, consumer, machine)) {
    // The operations are those of the dense product, at another part of the peak of floats.
    dense.productReach = (dense.multiplies + dense.adds) * dense.productLanes / (machine.peakFlops * *seconds);
    if (dense.productReach > form.cost.productReach)
      form.cost = dense;
  }
  form.cost.weightBytes = productBytes(*this);
  form.cost.roundings += kDecodeRoundings;
  SmallVector<Form> forms{form};
  llvm::append_range(forms, listForms(*this, consumer, machine));
  for (Form &rebuilt : rebuildForms(*this, consumer, machine, getCode().decodeOperations() + 1, whyNot)) {
    rebuilt.cost.weightBytes += rowPadding(*this, consumer);
    forms.push_back(std::move(rebuilt));
  }
  return forms;
}

Value DequantizeOp::emitForm(StringRef name, const LinearConsumer &consumer, OpBuilder &builder) {
  if (name == "rebuild")
    return decodesFilters(*this, consumer) ? emitDecodedFilters(*this, consumer, builder)
                                           : emitRebuildForm(*this, consumer, builder);
  if (name == kListForm || name == kRoundedListForm)
    return emitListForm(*this, name, consumer, builder);
  Location loc = consumer.op->getLoc();
  CodedTensor coded = *getCoded();
  Value zeros = zerosAsNumbers(builder, getLoc(), coded);
  ArrayAttr maps = builder.getAffineMapArrayAttr({consumer.activationMap, consumer.weightMap, consumer.resultMap});
  auto contract =
      CodedContractOp::create(builder, loc, consumer.init.getType(), consumer.paddedActivation, coded.codes,
                              coded.scales, zeros, consumer.init, maps, getCode(), coded.group, LayoutAttr());
  if (isa_and_nonnull<UnitAttr>(consumer.op->getAttr(kRoundsActivations)))
    contract->setAttr(kRoundsActivations, builder.getUnitAttr());
  return contract.getResult(0);
}
