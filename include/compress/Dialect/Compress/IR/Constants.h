//===- Constants.h - Weights as constants ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_CONSTANTS_H
#define COMPRESS_DIALECT_COMPRESS_IR_CONSTANTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace mlir::compress {

/// A constant of `type` (f32, f64, or signless integers of at most 32 bits) with the row-major `values`, each rounded
/// once: a `dense_resource` of 64-byte alignment above 1 KiB, `dense` else. Upstream folds and uniques dense
/// attributes, not resources.
Value materializeConstant(OpBuilder &builder, Location loc, RankedTensorType type, ArrayRef<double> values);

/// A constant of `type`, of whole bytes or of bools at a byte each, with the row-major, little-endian `bytes`; a
/// resource above 1 KiB.
Value materializeConstant(OpBuilder &builder, Location loc, RankedTensorType type, ArrayRef<char> bytes);

/// The row-major, little-endian `bytes` as an attribute of `type`, as materializeConstant has it.
ElementsAttr constantElements(RankedTensorType type, ArrayRef<char> bytes);

/// Most elements of a tensor that is written out number by number at compile time: 2 GiB as doubles. A larger one,
/// which a few characters of text can state, is left to run time.
inline constexpr int64_t kMostEvaluatedElements = int64_t(1) << 28;

/// True if `type` has a static shape of at most `kMostEvaluatedElements` elements.
bool isEvaluable(ShapedType type);

/// The row-major values of a constant tensor of f32, f64 or signless integers of at most 32 bits (sign-extended),
/// `dense` or `dense_resource` (integers of fewer than 8 bits take a byte each there); nullopt if `value` is none.
std::optional<SmallVector<double>> constantValues(Value value);
/// The same of the attribute of a constant.
std::optional<SmallVector<double>> constantValues(Attribute elements, RankedTensorType type);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_CONSTANTS_H
