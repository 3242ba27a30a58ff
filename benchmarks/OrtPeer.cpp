//===- OrtPeer.cpp - ONNX Runtime as a measuring stick --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX Runtime's C API is one struct of function pointers that only ever grows at its end; `Slot` has the places of
// those that are called here (onnxruntime_c_api.h, struct OrtApi).
//
//===----------------------------------------------------------------------===//

#include "OrtPeer.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace {

enum Slot {
  GetErrorMessage = 2,
  CreateEnv = 3,
  CreateSession = 7,
  Run = 9,
  CreateSessionOptions = 10,
  SetGraphOptimizationLevel = 23,
  SetIntraOpNumThreads = 24,
  SetInterOpNumThreads = 25,
  CreateTensorWithData = 49,
  GetTensorMutableData = 51,
  GetTensorShapeElementCount = 64,
  GetTensorTypeAndShape = 65,
  CreateCpuMemoryInfo = 69,
  ReleaseStatus = 93,
  ReleaseSession = 95,
  ReleaseValue = 96,
  ReleaseTensorTypeAndShapeInfo = 99,
};

constexpr uint32_t kApiVersion = 16;
constexpr int kFloat = 1, kAllOptimizations = 99, kWarnings = 3;

struct Base {
  const void *(*getApi)(uint32_t);
  const char *(*getVersion)();
};

} // namespace

struct ort_peer {
  void *const *api = nullptr;
  std::string version;
  void *environment = nullptr, *options = nullptr, *session = nullptr, *memory = nullptr;

  template <typename... Args>
  void call(Slot slot, Args... args) {
    void *status = reinterpret_cast<void *(*)(Args...)>(api[slot])(args...);
    if (!status)
      return;
    std::string message = reinterpret_cast<const char *(*)(void *)>(api[GetErrorMessage])(status);
    release(ReleaseStatus, status);
    throw std::runtime_error("ONNX Runtime: " + message);
  }

  void release(Slot slot, void *object) { reinterpret_cast<void (*)(void *)>(api[slot])(object); }

  void open(const char *library, const char *model, int threads) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      throw std::runtime_error(std::string("cannot load ONNX Runtime: ") + dlerror());
    auto getBase = reinterpret_cast<const Base *(*)()>(dlsym(handle, "OrtGetApiBase"));
    if (!getBase)
      throw std::runtime_error(std::string("'") + library + "' is no ONNX Runtime");
    version = getBase()->getVersion();
    api = static_cast<void *const *>(getBase()->getApi(kApiVersion));
    if (!api)
      throw std::runtime_error("ONNX Runtime " + version + " is too old");
    call(CreateEnv, kWarnings, "compress", &environment);
    call(CreateSessionOptions, &options);
    call(SetIntraOpNumThreads, options, threads);
    call(SetInterOpNumThreads, options, 1);
    call(SetGraphOptimizationLevel, options, kAllOptimizations);
    call(CreateSession, environment, model, options, &session);
    call(CreateCpuMemoryInfo, 1, 0, &memory);
  }

  void run(const char *input, const float *data, const int64_t *shape, size_t rank, const char *output, float *result,
           size_t resultCount) {
    size_t count = 1;
    for (size_t d = 0; d < rank; ++d)
      count *= shape[d];
    void *in = nullptr, *out = nullptr;
    call(CreateTensorWithData, memory, const_cast<float *>(data), count * sizeof(float), shape, rank, kFloat, &in);
    call(Run, session, static_cast<void *>(nullptr), &input, &in, size_t(1), &output, size_t(1), &out);
    if (result)
      copy(out, result, resultCount);
    release(ReleaseValue, in);
    release(ReleaseValue, out);
  }

  void copy(void *value, float *result, size_t resultCount) {
    void *info = nullptr;
    float *values = nullptr;
    size_t count = 0;
    call(GetTensorTypeAndShape, value, &info);
    call(GetTensorShapeElementCount, info, &count);
    release(ReleaseTensorTypeAndShapeInfo, info);
    call(GetTensorMutableData, value, &values);
    std::copy(values, values + std::min(count, resultCount), result);
  }
};

template <typename Work>
static int guarded(char *error, size_t errorBytes, Work work) {
  try {
    work();
    return 0;
  } catch (const std::exception &problem) {
    std::snprintf(error, errorBytes, "%s", problem.what());
    return 1;
  }
}

int ort_peer_open(const char *library, const char *model, int threads, ort_peer **peer, char *error,
                  size_t errorBytes) {
  *peer = new ort_peer;
  return guarded(error, errorBytes, [&] { (*peer)->open(library, model, threads); });
}

int ort_peer_run(ort_peer *peer, const char *input, const float *data, const int64_t *shape, size_t rank,
                 const char *output, float *result, size_t resultCount, char *error, size_t errorBytes) {
  return guarded(error, errorBytes, [&] { peer->run(input, data, shape, rank, output, result, resultCount); });
}

const char *ort_peer_version(ort_peer *peer) { return peer->version.c_str(); }

void ort_peer_close(ort_peer *peer) {
  if (peer->session)
    peer->release(ReleaseSession, peer->session);
  delete peer;
}
