//===- NormalizeQuant.cpp - Read and write quantized types ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %q = quant.scast %codes : tensor<4x8xi8> to tensor<4x8x!quant.uniform<i8:f32, 0.5:3>>
//   %w = quant.dcast %q : … to tensor<4x8xf32>
//   <=>
//   %w = compress.dequantize %codes, %scales, %zeros code(#compress.uniform<bits = 8>)
//            : tensor<4x8xi8>, tensor<1x1xf32>, tensor<1x1xi8> -> tensor<4x8xf32>
//
// Bounds of the storage type narrower than its bits limit the codes, not what they stand for: an attribute keeps them.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_NORMALIZEQUANTPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

static constexpr StringLiteral kStorageRange = "compress.storage_range";

namespace {

/// The scales and zero points of a quantized type, spread over the dimensions of a tensor of it.
struct UniformParameters {
  SmallVector<int64_t> shape;
  SmallVector<double> scales, zeros;

  bool hasZeros() const {
    return llvm::any_of(zeros, [](double zero) { return zero != 0; });
  }
};

} // namespace

static UniformParameters parametersOf(quant::QuantizedType type, int64_t rank) {
  UniformParameters result;
  result.shape.assign(rank, 1);
  llvm::TypeSwitch<quant::QuantizedType>(type)
      .Case([&](quant::UniformQuantizedType uniform) {
        result.scales = {uniform.getScale()};
        result.zeros = {static_cast<double>(uniform.getZeroPoint())};
      })
      .Case([&](quant::UniformQuantizedPerAxisType uniform) {
        result.shape[uniform.getQuantizedDimension()] = uniform.getScales().size();
        result.scales.assign(uniform.getScales().begin(), uniform.getScales().end());
        result.zeros.assign(uniform.getZeroPoints().begin(), uniform.getZeroPoints().end());
      })
      .Case([&](quant::UniformQuantizedSubChannelType uniform) {
        result.shape.assign(uniform.getScales().getType().getShape().begin(),
                            uniform.getScales().getType().getShape().end());
        for (const APFloat &scale : uniform.getScales().getValues<APFloat>())
          result.scales.push_back(scale.convertToDouble());
        for (const APInt &zero : uniform.getZeroPoints().getValues<APInt>())
          result.zeros.push_back(uniform.isSigned() ? static_cast<double>(zero.getSExtValue())
                                                    : static_cast<double>(zero.getZExtValue()));
      });
  return result;
}

namespace {

struct NormalizeQuantPass : compress::impl::NormalizeQuantPassBase<NormalizeQuantPass> {
  using Base = compress::impl::NormalizeQuantPassBase<NormalizeQuantPass>;
  using Base::Base;

  void runOnOperation() override {
    if (direction == QuantDirection::In)
      getOperation()->walk([&](quant::DequantizeCastOp op) { read(op); });
    else
      getOperation()->walk([&](DequantizeOp op) { write(op); });
  }

  /// quant.dcast of quant.scast to compress.dequantize.
  void read(quant::DequantizeCastOp dcast) {
    auto scast = dcast.getInput().getDefiningOp<quant::StorageCastOp>();
    auto refuse = [&](const Twine &why) { dcast->emitWarning("compress-normalize-quant: is left as it is: ") << why; };
    if (!scast)
      return refuse("its operand is no quant.scast of stored integers");
    auto codes = dyn_cast<RankedTensorType>(scast.getInput().getType());
    auto result = dyn_cast<RankedTensorType>(dcast.getType());
    if (!codes || !result || !codes.hasStaticShape() || llvm::is_contained(codes.getShape(), 0))
      return refuse("expects a tensor of static shape that is not empty");
    if (!result.getElementType().isF32() && !result.getElementType().isF64())
      return refuse("expects an expressed type of f32 or f64");
    auto type = cast<quant::QuantizedType>(cast<RankedTensorType>(scast.getType()).getElementType());
    int64_t bits = type.getStorageTypeIntegralWidth(), least = type.isSigned() ? 2 : 1;
    if (bits < least || bits > 8)
      return refuse("expects stored integers of " + Twine(least) + " to 8 bits");
    UniformParameters parameters = parametersOf(type, codes.getRank());
    if (parameters.scales.empty())
      return refuse("expects a uniform type");
    double low = quant::QuantizedType::getDefaultMinimumForInteger(type.isSigned(), bits);
    double high = quant::QuantizedType::getDefaultMaximumForInteger(type.isSigned(), bits);
    if (llvm::any_of(parameters.zeros, [&](double zero) { return zero < low || zero > high; }))
      return refuse("a zero point is no stored integer");

    OpBuilder builder(dcast);
    auto scalesType = RankedTensorType::get(parameters.shape, result.getElementType());
    Value scales = materializeConstant(builder, dcast.getLoc(), scalesType, parameters.scales), zeros;
    if (parameters.hasZeros())
      zeros = materializeConstant(builder, dcast.getLoc(), scalesType.clone(codes.getElementType()),
                                  wrapped(parameters.zeros, bits));
    auto code = UniformAttr::get(&getContext(), bits, !type.isSigned());
    auto dequantize = DequantizeOp::create(builder, dcast.getLoc(), result, scast.getInput(), scales, zeros, code,
                                           DenseI64ArrayAttr());
    if (type.hasStorageTypeBounds())
      dequantize->setAttr(kStorageRange,
                          builder.getDenseI64ArrayAttr({type.getStorageTypeMin(), type.getStorageTypeMax()}));
    dcast.replaceAllUsesWith(dequantize.getResult());
    dcast.erase();
    if (scast.use_empty())
      scast.erase();
    ++numNormalized;
  }

  /// Unsigned integers as the signed ones of the same bits, which constants are made of.
  static SmallVector<double> wrapped(ArrayRef<double> values, int64_t bits) {
    return llvm::map_to_vector(values, [&](double value) {
      return static_cast<double>(llvm::SignExtend64(static_cast<uint64_t>(static_cast<int64_t>(value)), bits));
    });
  }

  /// compress.dequantize to quant.dcast of quant.scast.
  void write(DequantizeOp op) {
    auto refuse = [&](const Twine &why) { op->emitWarning("compress-normalize-quant: is left as it is: ") << why; };
    auto code = dyn_cast<UniformAttr>(op.getCode());
    if (!code)
      return refuse("a quantized type has no such number code");
    auto scales = constantValues(op.getScales());
    std::optional<SmallVector<double>> zeros = SmallVector<double>(scales ? scales->size() : 0, 0.0);
    if (op.getZeros())
      zeros = constantValues(op.getZeros());
    if (!scales || !zeros)
      return refuse("scales and zeros of a quantized type are constants");
    for (double &zero : *zeros)
      zero = code.valueOf(static_cast<int64_t>(zero));
    if (op.getGroup())
      for (auto [extent, count, group] :
           llvm::zip(op.getCodesType().getShape(), op.getScalesType().getShape(), *op.getGroup()))
        if (extent != count * group && count != 1)
          return refuse("groups of a quantized type divide the extents");
    quant::QuantizedType type = typeFor(op, code, *scales, *zeros);
    if (!type)
      return; // the type's verifier has said why
    OpBuilder builder(op);
    auto quantized = op.getCodesType().clone(type);
    Value cast = quant::StorageCastOp::create(builder, op.getLoc(), quantized, op.getCodes());
    Value dense = quant::DequantizeCastOp::create(builder, op.getLoc(), op.getResultType(), cast);
    op.getResult().replaceAllUsesWith(dense);
    op.erase();
    ++numNormalized;
  }

  /// The quantized type of `op`: per tensor, per axis, or of blocks, by the shape of its scales; null where there is
  /// none.
  quant::QuantizedType typeFor(DequantizeOp op, UniformAttr code, ArrayRef<double> scales, ArrayRef<double> zeros) {
    bool isSigned = !code.getUnsignedCodes();
    unsigned flags = isSigned ? quant::QuantizationFlags::Signed : 0;
    Type storage = op.getCodesType().getElementType(), expressed = op.getResultType().getElementType();
    int64_t low = quant::QuantizedType::getDefaultMinimumForInteger(isSigned, code.getBits());
    int64_t high = quant::QuantizedType::getDefaultMaximumForInteger(isSigned, code.getBits());
    if (auto range = op->getAttrOfType<DenseI64ArrayAttr>(kStorageRange); range && range.size() == 2) {
      low = range[0];
      high = range[1];
    }
    auto emitWarning = [&] { return op->emitWarning("compress-normalize-quant: is left as it is: "); };
    ArrayRef<int64_t> shape = op.getScalesType().getShape(), codes = op.getCodesType().getShape();
    SmallVector<int64_t> integers = llvm::map_to_vector(zeros, [](double zero) { return static_cast<int64_t>(zero); });
    SmallVector<int32_t> dims;
    SmallVector<int64_t> blocks;
    for (auto [d, count] : llvm::enumerate(shape))
      if (count != 1) {
        dims.push_back(d);
        blocks.push_back(codes[d] / count);
      }
    if (dims.empty())
      return quant::UniformQuantizedType::getChecked(emitWarning, flags, storage, expressed, scales[0], integers[0],
                                                     low, high);
    if (dims.size() == 1 && blocks[0] == 1)
      return quant::UniformQuantizedPerAxisType::getChecked(emitWarning, flags, storage, expressed, scales, integers,
                                                            dims[0], low, high);
    auto dense = [&](Type element, ArrayRef<double> values) {
      OpBuilder builder(&getContext());
      SmallVector<Attribute> entries;
      for (double value : values)
        entries.push_back(isa<FloatType>(element)
                              ? Attribute(FloatAttr::get(element, value))
                              : IntegerAttr::get(element, APInt(element.getIntOrFloatBitWidth(),
                                                                static_cast<int64_t>(value), true, true)));
      return DenseElementsAttr::get(RankedTensorType::get(shape, element), entries);
    };
    return quant::UniformQuantizedSubChannelType::getChecked(emitWarning, flags, storage, expressed,
                                                             dense(expressed, scales), dense(storage, zeros), dims,
                                                             blocks, low, high);
  }
};

} // namespace
