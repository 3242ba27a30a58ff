//===- Hints.h - What a file says of how a layer may be computed -*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_HINTS_H
#define COMPRESS_DIALECT_COMPRESS_IR_HINTS_H

namespace mlir::compress {

/// Attribute of products: the activations may be rounded to int8, in the groups of the weights. Where it is lost, the
/// layer is more exact. A float in place of a unit: where the relative error to expect is at most that; forms are
/// asked with it.
inline constexpr const char *kRoundsActivations = "compress.rounds_activations";

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_HINTS_H
