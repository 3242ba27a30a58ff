//===- HostNetwork.h - A network that the compiler runs -------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_HOSTNETWORK_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_HOSTNETWORK_H

#include "../compress-run/Library.h"
#include "compress/Pipelines/Pipelines.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace mlir::compress {

/// Makes `main` return `values` in the place of its results.
void returnInstead(func::FuncOp main, ValueRange values);

/// A network of one input, compiled for this machine into a folder of temporary files, and loaded.
class HostNetwork {
public:
  /// Compiles `module`, which changes, by the pipeline that `options` describe; lanes are this machine's.
  static llvm::Expected<std::unique_ptr<HostNetwork>> compile(ModuleOp module, CompressToAffineOptions &options);
  ~HostNetwork();

  /// Both throw std::runtime_error where the samples are not those of the input. `samples`, the first dimension counts
  /// them, in batches that the network takes; what a stated batch does not divide is left out.
  std::vector<::compress::Array> batchesOf(const ::compress::Array &samples) const;
  /// The results of one batch.
  std::vector<::compress::Array> run(const ::compress::Array &batch) const;

private:
  explicit HostNetwork(StringRef directory) : directory(directory) {}
  llvm::Error build(ModuleOp module, CompressToAffineOptions &options);

  llvm::SmallString<128> directory;
  std::unique_ptr<::compress::Library> library;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_HOSTNETWORK_H
