//===- Quantize.h - Numbers as integers with a scale ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_IMPORT_ONNX_QUANTIZE_H
#define COMPRESS_LIB_IMPORT_ONNX_QUANTIZE_H

#include "Node.h"

namespace mlir::compress::onnx_import {

/// An activation rounded to integers without sign over its own range.
struct DynamicQuantization {
  Value codes, scale, zero;

  /// Fails after a refusal.
  static FailureOr<DynamicQuantization> get(Node &node, Value x);
};

/// True, after a refusal, if operand `i` is no tensor of `element`.
bool refusesElement(Node &node, int i, Type element);

void addIntegerOps(NodeImporters &importers);
void addMatMulNBits(NodeImporters &importers);

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_QUANTIZE_H
