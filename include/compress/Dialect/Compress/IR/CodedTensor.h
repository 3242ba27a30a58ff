//===- CodedTensor.h - A tensor of stored integers ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_CODEDTENSOR_H
#define COMPRESS_DIALECT_COMPRESS_IR_CODEDTENSOR_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::compress {

/// A tensor of numbers that is stored as integers: `scales[i / group] * (value(codes[i]) - zeros[i / group])`.
struct CodedTensor {
  Value codes, scales;
  /// Zero points: raw codes of the code in the source form, numbers in kernel ops; null if there are none.
  Value zeros;
  /// A NumberCodeAttrInterface.
  Attribute code;
  /// Consecutive codes per scale along each dimension.
  SmallVector<int64_t> group;
  /// A LayoutAttr of the codes; null where they lie as they are.
  Attribute layout;
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_CODEDTENSOR_H
