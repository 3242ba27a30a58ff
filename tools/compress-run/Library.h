//===- Library.h - A compiled library, loaded -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_RUN_LIBRARY_H
#define COMPRESS_TOOLS_COMPRESS_RUN_LIBRARY_H

#include "Npy.h"
#include <map>

namespace compress {

/// An input or output as the library describes it; -1 in the shape is the batch.
struct TensorInfo {
  std::string name;
  int32_t dtype;
  std::vector<int64_t> shape;

  size_t bytes(int64_t batch) const;
};

/// A layer of a library that was compiled with --profile, as its header explains it.
struct LayerInfo {
  std::string name, op, fused;
  int64_t samples[2];
  double predictedUs[2];
  std::string bound[2];
};

/// A library that compress-compile made. All functions throw std::runtime_error with what is wrong.
class Library {
public:
  /// Loads `path`; the prefix of its functions is its file name without `lib` and `.so`.
  explicit Library(const std::string &path);

  std::string name;
  std::vector<TensorInfo> inputs, outputs;

  /// The batch that the arrays, one per input in order, have in common; checks their types and shapes.
  int64_t batchOf(const std::vector<Array> &arrays) const;

  /// What it counts ticks of.
  std::vector<LayerInfo> layers() const;

  size_t workspaceBytes(int64_t batch) const { return workspaceBytesFunction(batch); }

  /// A call that can be made again and again, with buffers of its own.
  class Call {
  public:
    Call(const Library &library, std::vector<Array> arrays);
    void run();
    /// One array per output.
    std::vector<Array> results() const { return outputs; }
    int64_t batch() const { return numSamples; }
    /// Of each layer in the last run, and of the whole run.
    std::vector<int64_t> ticks() const;

  private:
    const Library &library;
    std::vector<Array> inputs, outputs;
    int64_t numSamples;
    std::vector<char> workspace;
    std::vector<void *> arguments;
  };

private:
  std::vector<TensorInfo> tensors(const std::string &suffix) const;
  void *symbol(const std::string &suffix) const;

  void *handle;
  std::string path;
  size_t (*workspaceBytesFunction)(int64_t);
  const char *(*error)(int);
  void *runFunction;
};

} // namespace compress

#endif // COMPRESS_TOOLS_COMPRESS_RUN_LIBRARY_H
