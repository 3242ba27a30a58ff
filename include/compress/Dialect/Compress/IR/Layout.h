//===- Layout.h - Store numbers in a layout -------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_LAYOUT_H
#define COMPRESS_DIALECT_COMPRESS_IR_LAYOUT_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// The row-major values of the stored tensor that `layout` makes of `values`, of the static type `logical`; packed
/// codes as bytes, sign-extended.
SmallVector<double> storeInLayout(LayoutAttr layout, ShapedType logical, ArrayRef<double> values);

/// The inverse: the values of the tensor of type `logical`, codes sign-extended.
SmallVector<double> readFromLayout(LayoutAttr layout, ShapedType logical, ArrayRef<double> stored);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_LAYOUT_H
