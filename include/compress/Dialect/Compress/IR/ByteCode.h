//===- ByteCode.h - Number codes as bytes ----------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_BYTECODE_H
#define COMPRESS_DIALECT_COMPRESS_IR_BYTECODE_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace mlir::compress {

class NumberCodeAttrInterface;

/// How a number code is multiplied as bytes without sign: the number of a field is `unit * (byte - byteOffset())`, and
/// its byte is the field itself, or comes from a table.
struct ByteCode {
  /// Of a field: 2, 4 or 8.
  int64_t bits;
  double unit = 1;
  /// Without a table: what a field is larger by than its number over the unit.
  int64_t offset = 0;
  /// The table: the number over the unit of each field; empty without.
  llvm::SmallVector<int64_t> numbers;
  /// The field of each raw code.
  llvm::SmallVector<int64_t> fields;

  /// nullopt where the numbers are no bytes times a unit, or a table of them is too long to be looked up in registers.
  static std::optional<ByteCode> get(NumberCodeAttrInterface code);

  bool looksUp() const { return !numbers.empty(); }
  /// What a byte is larger by than the number over the unit.
  int64_t byteOffset() const;
  /// The largest byte of a field.
  int64_t mostByte() const;
};

/// Inputs of compress.coded_dot in groups of activations that share a scale; the last group need not be full.
struct DotGroups {
  int64_t size, count;
  /// Groups that share the scales of weights.
  int64_t perScale;

  /// For `inputs` of which `perScale` share a scale of weights; nullopt where these are not whole words of codes.
  static std::optional<DotGroups> get(int64_t inputs, int64_t perScale, const ByteCode &code);
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_BYTECODE_H
