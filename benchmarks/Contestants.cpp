//===- Contestants.cpp - What is timed side by side -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contestants.h"
#include "../tools/compress-run/Library.h"
#include "FftwPeer.h"
#include "OrtPeer.h"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>

using namespace compress;

namespace {

/// Bytes from a boundary of 64, which as floats are not numbers until they are written.
class Buffer {
public:
  explicit Buffer(size_t size) : size(size) {
    data = static_cast<char *>(std::aligned_alloc(64, (size + 63) / 64 * 64));
    std::memset(data, 0xff, size);
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { std::free(data); }
  std::vector<char> values() const { return {data, data + size}; }

  char *data;
  size_t size;
};

/// A library that compress-compile made, called through its C functions.
class LibraryContestant : public Contestant {
public:
  LibraryContestant(const std::string &path, const Problem &problem)
      : library(path), problem(problem), result(problem.bytes(problem.outputShape)),
        workspace(library.workspaceBytes(problem.batch) + 1) {
    if (library.inputs.size() != 1 || library.outputs.size() != 1)
      throw std::runtime_error("expects a network of one input and one output");
    checkBytes(library.inputs[0], problem.inputShape);
    checkBytes(library.outputs[0], problem.outputShape);
    // Loaded already: this counts one more user of it.
    void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    function = reinterpret_cast<Run>(dlsym(handle, (library.name + "_run").c_str()));
  }

  void run(size_t input) override {
    if (function(problem.batch, problem.inputs[input], result.data, workspace.data))
      throw std::runtime_error(library.name + "_run failed");
  }

  std::vector<char> output() const override { return result.values(); }

private:
  using Run = int (*)(int64_t, const void *, void *, void *);

  void checkBytes(const TensorInfo &info, const std::vector<int64_t> &shape) {
    DType expected = problem.elementBytes == 1 ? U8 : F32;
    if (info.dtype != expected || info.bytes(problem.batch) != problem.bytes(shape))
      throw std::runtime_error("'" + info.name + "' is " + dtypeName(info.dtype) + " " + shapeText(info.shape) +
                               ", not " + dtypeName(expected) + " " + shapeText(shape));
  }

  Library library;
  const Problem &problem;
  Buffer result, workspace;
  Run function;
};

class OrtContestant : public Contestant {
public:
  OrtContestant(const std::string &model, const std::string &runtime, const Problem &problem)
      : result(problem.bytes(problem.outputShape)) {
    ort_peer *opened = nullptr;
    int code = ort_peer_open(runtime.c_str(), model.c_str(), 1, &opened, error, sizeof error);
    peer.reset(opened);
    check(code);
    size_t stride = problem.inputs.size() > 1 ? problem.inputs[1] - problem.inputs[0] : 0;
    check(ort_peer_bind(peer.get(), problem.elementBytes == 1, problem.inputName.c_str(), problem.inputs[0],
                        problem.inputs.size(), stride, problem.inputShape.data(), problem.inputShape.size(),
                        problem.outputName.c_str(), result.data, problem.outputShape.data(), problem.outputShape.size(),
                        error, sizeof error));
  }

  void run(size_t input) override { check(ort_peer_run_bound(peer.get(), input, error, sizeof error)); }
  std::vector<char> output() const override { return result.values(); }
  std::string remark() const override { return std::string("ONNX Runtime ") + ort_peer_version(peer.get()); }

private:
  void check(int code) {
    if (code)
      throw std::runtime_error(error);
  }

  char error[512];
  std::unique_ptr<ort_peer, decltype(&ort_peer_close)> peer{nullptr, &ort_peer_close};
  Buffer result;
};

class FftwContestant : public Contestant {
public:
  FftwContestant(const std::string &library, int64_t k, int64_t count, const Problem &problem)
      : problem(problem), fftw(library, k, count) {}

  void run(size_t input) override { fftw.run(reinterpret_cast<const float *>(problem.inputs[input])); }
  std::vector<char> output() const override {
    std::vector<float> slots = fftw.slots();
    const auto *bytes = reinterpret_cast<const char *>(slots.data());
    return {bytes, bytes + slots.size() * sizeof(float)};
  }
  std::string remark() const override { return "FFTW " + fftw.plan(); }

private:
  const Problem &problem;
  FftwPeer fftw;
};

} // namespace

size_t Problem::elements(const std::vector<int64_t> &shape) {
  size_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

std::unique_ptr<Contestant> compress::makeContestant(const std::vector<std::string> &words, const Problem &problem) {
  const std::string kind = words.empty() ? "" : words[0];
  if (kind == "library" && words.size() == 2)
    return std::make_unique<LibraryContestant>(words[1], problem);
  if (kind == "ort" && words.size() == 3)
    return std::make_unique<OrtContestant>(words[1], words[2], problem);
  if (kind == "fftw" && words.size() == 4)
    return std::make_unique<FftwContestant>(words[3], std::stoll(words[1]), std::stoll(words[2]), problem);
  throw std::runtime_error("expects 'library PATH', 'ort MODEL RUNTIME' or 'fftw K COUNT LIBRARY'");
}
