//===- Reference.h - Networks run in this process --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_HLS_REFERENCE_H
#define COMPRESS_TARGET_HLS_REFERENCE_H

#include "compress/Target/HLS/Samples.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace mlir {
class ExecutionEngine;
} // namespace mlir

namespace mlir::compress {

/// Writes `compress.range`, the smallest and the largest number that occurs, on the input and the ops of @main of
/// `module`, one function on static float tensors with one input, by running it on all of `samples`.
llvm::Error calibrate(ModuleOp module, const Samples &samples);

/// The network of exact integers, compiled for the processor of this process through the LLVM path. What it computes is
/// what every hardware back end must compute.
class FixedPointReference {
public:
  /// Of @main of `module`, as convert-compress-to-fixed-point leaves it, with one input and one result.
  static llvm::Expected<FixedPointReference> get(ModuleOp module);
  FixedPointReference(FixedPointReference &&);
  ~FixedPointReference();

  void run(llvm::ArrayRef<int64_t> input, llvm::MutableArrayRef<int64_t> result);

private:
  explicit FixedPointReference(std::unique_ptr<ExecutionEngine> engine);

  std::unique_ptr<ExecutionEngine> engine;
};

} // namespace mlir::compress

#endif // COMPRESS_TARGET_HLS_REFERENCE_H
