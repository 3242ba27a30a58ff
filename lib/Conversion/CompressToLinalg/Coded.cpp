//===- Coded.cpp - Ops on stored integers as decoded numbers --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = compress.coded_contract … ins(%x, %codes, %scales) outs(%y0)
//   =>
//   %s = %scales, copied to each code of its group
//   %w = linalg.generic (%codes, %s) { scale * decode(code) }
//   %y = linalg.generic (%x, %w) outs(%y0) { y + x * w }          the maps of the op
//
//===----------------------------------------------------------------------===//

#include "../../Dialect/Compress/IR/TensorEmitter.h"
#include "Patterns.h"
#include "compress/Dialect/Compress/IR/CodedTensor.h"
#include "compress/Dialect/Compress/IR/Compress.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Copies each entry of `value` (scales or zeros) to the codes of its group.
Value spread(TensorEmitter &emit, Value value, ArrayRef<int64_t> group, ArrayRef<int64_t> shape) {
  for (auto [d, size] : llvm::enumerate(group)) {
    if (TensorEmitter::typeOf(value).getDimSize(d) == shape[d])
      continue;
    value = emit.collapse(emit.broadcast(value, d + 1, size), d);
    SmallVector<int64_t> cropped(TensorEmitter::typeOf(value).getShape());
    cropped[d] = shape[d];
    value = emit.crop(value, cropped);
  }
  return value;
}

/// The numbers of `coded`; null if they are stored in a layout or have dynamic extents.
Value emitNumbers(OpBuilder &builder, Location loc, const CodedTensor &coded) {
  auto codes = dyn_cast<RankedTensorType>(coded.codes.getType());
  if (coded.layout || !codes || !codes.hasStaticShape() || !TensorEmitter::typeOf(coded.scales).hasStaticShape())
    return {};
  TensorEmitter emit{builder, loc};
  ArrayRef<int64_t> shape = codes.getShape();
  auto code = cast<NumberCodeAttrInterface>(coded.code);
  SmallVector<Value> inputs{coded.codes, spread(emit, coded.scales, coded.group, shape)};
  if (coded.zeros)
    inputs.push_back(spread(emit, coded.zeros, coded.group, shape));
  SmallVector<AffineMap> maps(inputs.size(), builder.getMultiDimIdentityMap(shape.size()));
  return emit.generate(inputs, maps, shape, TensorEmitter::typeOf(coded.scales).getElementType(),
                       [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                         Value raw = arith::ExtUIOp::create(b, l, b.getI32Type(), args[0]);
                         Value number = code.decode(b, l, raw, args[1].getType());
                         if (args.size() > 3) // codes, scales, zeros, and the destination
                           number = arith::SubFOp::create(b, l, number, args[2]);
                         return arith::MulFOp::create(b, l, args[1], number);
                       });
}

struct ConvertDecodePattern : OpConversionPattern<DecodeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DecodeOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Value numbers = emitNumbers(rewriter, op.getLoc(), op.getCoded());
    if (!numbers)
      return rewriter.notifyMatchFailure(op, "codes are packed or of dynamic shape");
    rewriter.replaceOp(op, numbers);
    return success();
  }
};

struct ConvertCodedContractPattern : OpConversionPattern<CodedContractOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(CodedContractOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value numbers = emitNumbers(rewriter, op.getLoc(), op.getCoded());
    if (!numbers)
      return rewriter.notifyMatchFailure(op, "codes are packed or of dynamic shape");
    SmallVector<AffineMap> maps{op.getInputMap(), op.getWeightMap(), op.getInitMap()};
    SmallVector<utils::IteratorType> loops;
    for (unsigned d = 0; d < maps[2].getNumDims(); ++d)
      loops.push_back(maps[2].isFunctionOfDim(d) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
    auto product = linalg::GenericOp::create(
        rewriter, op.getLoc(), adaptor.getInit().getType(), ValueRange{adaptor.getInput(), numbers}, adaptor.getInit(),
        maps, loops, [](OpBuilder &b, Location l, ValueRange args) {
          Value sum = arith::AddFOp::create(b, l, args[2], arith::MulFOp::create(b, l, args[0], args[1]));
          linalg::YieldOp::create(b, l, sum);
        });
    rewriter.replaceOp(op, product.getResults());
    return success();
  }
};

} // namespace

void mlir::compress::populateCodedToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertDecodePattern, ConvertCodedContractPattern>(patterns.getContext());
}
