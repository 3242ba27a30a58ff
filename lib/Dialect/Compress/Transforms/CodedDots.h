//===- CodedDots.h - Layers of codes on rounded activations ----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CODEDDOTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CODEDDOTS_H

#include "compress/Dialect/Compress/IR/Compress.h"

namespace mlir::compress {

/// A fully connected layer of constant codes whose numbers are bytes times a unit, as compress.coded_dot has it.
struct CodedLayer {
  CodedContractOp op;
  ByteCode code;
  int64_t outputs, inputs;
  DotGroups groups;
  /// The dimension of the codes with the outputs; the other one has the inputs.
  unsigned outDim;
  /// Row-major, as the operands are.
  SmallVector<double> codes, scales, zeros;

  /// nullopt, and the reason, if the op cannot say it.
  static std::optional<CodedLayer> get(CodedContractOp op, std::string &whyNot);

  /// Replaces the layer, in panels for vectors of `lanes`. Its operands may be dead after that.
  void replace(int64_t lanes);
};

/// Says which layers below `root` round their activations since they were selected; false if none does.
bool remarkRounded(Operation *root);

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_CODEDDOTS_H
