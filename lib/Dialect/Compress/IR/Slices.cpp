//===- Slices.cpp - Slices of tensors that may be empty -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

static bool isEmpty(ArrayRef<OpFoldResult> sizes) {
  return llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); });
}

Value mlir::compress::emitExtractSlice(OpBuilder &builder, Location loc, Value value, ArrayRef<OpFoldResult> offsets,
                                       ArrayRef<OpFoldResult> sizes, ArrayRef<OpFoldResult> strides) {
  if (isEmpty(sizes))
    return tensor::EmptyOp::create(builder, loc, sizes, cast<RankedTensorType>(value.getType()).getElementType());
  return tensor::ExtractSliceOp::create(builder, loc, value, offsets, sizes, strides);
}

Value mlir::compress::emitInsertSlice(OpBuilder &builder, Location loc, Value part, Value into,
                                      ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                      ArrayRef<OpFoldResult> strides) {
  if (isEmpty(sizes))
    return into;
  return tensor::InsertSliceOp::create(builder, loc, part, into, offsets, sizes, strides);
}
