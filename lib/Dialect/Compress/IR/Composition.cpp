//===- Composition.cpp - Representations of representations ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parameters of a representation may be what another one stands for. These helpers ask the operand, whatever it is.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

int64_t mlir::compress::storedBitsOf(Value value) {
  if (auto weight = value.getDefiningOp<CompressedWeightOpInterface>())
    return weight.storedBits();
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * type.getElementTypeBitWidth();
}

int64_t mlir::compress::sliceStepOf(Value value, int64_t dim) {
  if (auto weight = value.getDefiningOp<CompressedWeightOpInterface>())
    return weight.sliceStep(dim);
  return 1;
}

Value mlir::compress::emitSliceOf(OpBuilder &builder, Location loc, Value value, int64_t dim, OpFoldResult offset,
                                  int64_t size) {
  auto type = cast<RankedTensorType>(value.getType());
  if (size == type.getDimSize(dim) && isConstantIntValue(offset, 0))
    return value;
  if (auto weight = value.getDefiningOp<CompressedWeightOpInterface>())
    return weight.emitSlice(builder, dim, offset, size);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)), sizes;
  SmallVector<OpFoldResult> ones(type.getRank(), builder.getIndexAttr(1));
  for (int64_t extent : type.getShape())
    sizes.push_back(builder.getIndexAttr(extent));
  offsets[dim] = offset;
  sizes[dim] = builder.getIndexAttr(size);
  return emitExtractSlice(builder, loc, value, offsets, sizes, ones);
}
