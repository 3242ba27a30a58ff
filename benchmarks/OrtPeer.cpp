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
#include <vector>

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
  ReleaseEnv = 92,
  ReleaseStatus = 93,
  ReleaseMemoryInfo = 94,
  ReleaseSession = 95,
  ReleaseValue = 96,
  ReleaseTensorTypeAndShapeInfo = 99,
  ReleaseSessionOptions = 100,
};

constexpr uint32_t kApiVersion = 16;
constexpr int kFloat = 1, kUInt8 = 2, kAllOptimizations = 99, kWarnings = 3;

size_t elements(const int64_t *shape, size_t rank) {
  size_t count = 1;
  for (size_t d = 0; d < rank; ++d)
    count *= shape[d];
  return count;
}

struct Base {
  const void *(*getApi)(uint32_t);
  const char *(*getVersion)();
};

} // namespace

struct ort_peer {
  void *const *api = nullptr;
  std::string version;
  void *environment = nullptr, *options = nullptr, *session = nullptr, *memory = nullptr;
  std::string boundInputName, boundOutputName;
  std::vector<void *> boundInputs;
  void *boundOutput = nullptr;

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

  void *tensor(const void *data, bool isBytes, const int64_t *shape, size_t rank) {
    size_t bytes = elements(shape, rank) * (isBytes ? 1 : sizeof(float));
    void *value = nullptr;
    call(CreateTensorWithData, memory, const_cast<void *>(data), bytes, shape, rank, isBytes ? kUInt8 : kFloat, &value);
    return value;
  }

  void bind(bool isBytes, const char *input, const char *data, size_t count, size_t stride, const int64_t *shape,
            size_t rank, const char *output, void *result, const int64_t *resultShape, size_t resultRank) {
    boundInputName = input;
    boundOutputName = output;
    for (size_t i = 0; i < count; ++i)
      boundInputs.push_back(tensor(data + i * stride, isBytes, shape, rank));
    boundOutput = tensor(result, isBytes, resultShape, resultRank);
  }

  void runBound(size_t which) {
    const char *input = boundInputName.c_str(), *output = boundOutputName.c_str();
    call(Run, session, static_cast<void *>(nullptr), &input, &boundInputs[which], size_t(1), &output, size_t(1),
         &boundOutput);
  }

  void run(const char *input, const float *data, const int64_t *shape, size_t rank, const char *output, float *result,
           size_t resultCount) {
    void *in = tensor(data, /*isBytes=*/false, shape, rank), *out = nullptr;
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

int ort_peer_bind(ort_peer *peer, int isBytes, const char *input, const void *data, size_t count, size_t stride,
                  const int64_t *shape, size_t rank, const char *output, void *result, const int64_t *resultShape,
                  size_t resultRank, char *error, size_t errorBytes) {
  return guarded(error, errorBytes, [&] {
    peer->bind(isBytes, input, static_cast<const char *>(data), count, stride, shape, rank, output, result, resultShape,
               resultRank);
  });
}

int ort_peer_run_bound(ort_peer *peer, size_t which, char *error, size_t errorBytes) {
  return guarded(error, errorBytes, [&] { peer->runBound(which); });
}

const char *ort_peer_version(ort_peer *peer) { return peer->version.c_str(); }

void ort_peer_close(ort_peer *peer) {
  for (void *value : peer->boundInputs)
    peer->release(ReleaseValue, value);
  if (peer->boundOutput)
    peer->release(ReleaseValue, peer->boundOutput);
  if (peer->session)
    peer->release(ReleaseSession, peer->session);
  if (peer->memory)
    peer->release(ReleaseMemoryInfo, peer->memory);
  if (peer->options)
    peer->release(ReleaseSessionOptions, peer->options);
  if (peer->environment)
    peer->release(ReleaseEnv, peer->environment);
  delete peer;
}
