//===- Library.cpp - A compiled library, loaded ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Library.h"
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>
#include <utility>

using namespace compress;

/// The version of the C functions that this loader calls (docs/Design/20261123-frame.md).
static constexpr int32_t kABIVersion = 1;
static constexpr size_t kAlignment = 64;
static constexpr size_t kMostTensors = 1000;

size_t TensorInfo::bytes(int64_t batch) const {
  size_t count = elementBytes(dtype);
  for (int64_t extent : shape)
    count *= extent < 0 ? batch : extent;
  return count;
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// `mnist` of `out/libmnist.so`.
static std::string prefixOf(const std::string &path) {
  std::string file = path.substr(path.find_last_of('/') + 1);
  if (file.size() < 7 || file.compare(0, 3, "lib") != 0 || file.compare(file.size() - 3, 3, ".so") != 0)
    throw std::runtime_error("'" + path + "' is not named lib<name>.so");
  return file.substr(3, file.size() - 6);
}

void *Library::symbol(const std::string &suffix) const {
  void *address = dlsym(handle, (name + "_" + suffix).c_str());
  if (!address)
    throw std::runtime_error("'" + path + "' has no function " + name + "_" + suffix +
                             "; was it made by compress-compile, and not renamed?");
  return address;
}

std::vector<TensorInfo> Library::tensors(const std::string &suffix) const {
  struct Row {
    const char *name;
    int32_t dtype, rank;
    const int64_t *dims;
  };
  size_t count = 0;
  const Row *rows = reinterpret_cast<const Row *(*)(size_t *)>(symbol(suffix))(&count);
  std::vector<TensorInfo> infos;
  for (size_t i = 0; i < count; ++i)
    infos.push_back({rows[i].name, rows[i].dtype, {rows[i].dims, rows[i].dims + rows[i].rank}});
  return infos;
}

std::vector<LayerInfo> Library::layers() const {
  struct Row {
    const char *name, *op, *fused;
    int64_t samples[2];
    double predictedUs[2];
    const char *bound[2];
  };
  void *function = dlsym(handle, (name + "_layers").c_str());
  if (!function)
    throw std::runtime_error("'" + path + "' does not count ticks per layer; compile the model with --profile");
  size_t count = 0;
  const Row *rows = reinterpret_cast<const Row *(*)(size_t *)>(function)(&count);
  std::vector<LayerInfo> infos;
  for (size_t i = 0; i < count; ++i)
    infos.push_back({rows[i].name,
                     rows[i].op,
                     rows[i].fused,
                     {rows[i].samples[0], rows[i].samples[1]},
                     {rows[i].predictedUs[0], rows[i].predictedUs[1]},
                     {rows[i].bound[0], rows[i].bound[1]}});
  return infos;
}

Library::Library(const std::string &path) : name(prefixOf(path)), path(path) {
  // A path without a slash would be searched for in the system's folders.
  std::string place = path.find('/') == std::string::npos ? "./" + path : path;
  handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw std::runtime_error(std::string("cannot load the library: ") + dlerror());
  int32_t version = reinterpret_cast<int32_t (*)()>(symbol("abi_version"))();
  if (version != kABIVersion)
    throw std::runtime_error("'" + path + "' has ABI version " + std::to_string(version) + ", but this tool knows " +
                             std::to_string(kABIVersion) + "; use the tools of one release");
  workspaceBytesFunction = reinterpret_cast<size_t (*)(int64_t)>(symbol("workspace_bytes"));
  error = reinterpret_cast<const char *(*)(int)>(symbol("error"));
  runFunction = symbol("run");
  inputs = tensors("inputs");
  outputs = tensors("outputs");
  if (inputs.size() + outputs.size() > kMostTensors)
    throw std::runtime_error("'" + path + "' has more than " + std::to_string(kMostTensors) +
                             " inputs and outputs, the most that this tool passes");
}

//===----------------------------------------------------------------------===//
// Calling
//===----------------------------------------------------------------------===//

int64_t Library::batchOf(const std::vector<Array> &arrays) const {
  int64_t batch = -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo &info = inputs[i];
    const Array &array = arrays[i];
    if (array.dtype != info.dtype)
      throw std::runtime_error("input '" + info.name + "' expects " + dtypeName(info.dtype) + ", but got " +
                               dtypeName(array.dtype));
    bool fits = array.shape.size() == info.shape.size();
    for (size_t d = 0; fits && d < info.shape.size(); ++d)
      fits = info.shape[d] < 0 || info.shape[d] == array.shape[d];
    if (!fits)
      throw std::runtime_error("input '" + info.name + "' expects shape " + shapeText(info.shape) + ", but got " +
                               shapeText(array.shape));
    if (info.shape.empty() || info.shape[0] >= 0)
      continue;
    if (batch >= 0 && batch != array.shape[0])
      throw std::runtime_error("input '" + info.name + "' has batch " + std::to_string(array.shape[0]) +
                               ", but the one before has " + std::to_string(batch));
    batch = array.shape[0];
  }
  if (batch >= 0)
    return batch;
  return inputs.empty() || inputs[0].shape.empty() ? 1 : inputs[0].shape[0];
}

/// Calls `run` with the batch and as many pointers as there are indices.
template <size_t... indices>
static int callWords(void *function, int64_t batch, void *const *pointers, std::index_sequence<indices...>) {
  using Run = int (*)(int64_t, decltype(static_cast<void>(indices), static_cast<void *>(nullptr))...);
  return reinterpret_cast<Run>(function)(batch, pointers[indices]...);
}

/// Calls `run` with the batch and the pointers. The System V and AAPCS conventions pass words that a function does not
/// take harmlessly, so one call of the most words serves all, and one of few the common case.
static int callWords(void *function, int64_t batch, std::vector<void *> pointers) {
  constexpr size_t kFew = 8;
  if (pointers.size() <= kFew) {
    pointers.resize(kFew);
    return callWords(function, batch, pointers.data(), std::make_index_sequence<kFew>());
  }
  pointers.resize(kMostTensors + 1);
  return callWords(function, batch, pointers.data(), std::make_index_sequence<kMostTensors + 1>());
}

Library::Call::Call(const Library &library, std::vector<Array> arrays)
    : library(library), inputs(std::move(arrays)), numSamples(library.batchOf(inputs)),
      workspace(library.workspaceBytes(numSamples) + kAlignment) {
  for (Array &array : inputs)
    arguments.push_back(array.bytes.data());
  for (const TensorInfo &info : library.outputs) {
    Array array{info.dtype, info.shape, std::vector<char>(info.bytes(numSamples))};
    for (int64_t &extent : array.shape)
      extent = extent < 0 ? numSamples : extent;
    outputs.push_back(std::move(array));
  }
  for (Array &array : outputs)
    arguments.push_back(array.bytes.data());
  auto address = reinterpret_cast<uintptr_t>(workspace.data());
  arguments.push_back(reinterpret_cast<void *>((address + kAlignment - 1) / kAlignment * kAlignment));
}

void Library::Call::run() {
  if (int code = callWords(library.runFunction, numSamples, arguments))
    throw std::runtime_error(library.name + "_run failed: " + library.error(code));
}

std::vector<int64_t> Library::Call::ticks() const {
  auto function = reinterpret_cast<const int64_t *(*)(const void *)>(library.symbol("ticks"));
  const int64_t *first = function(arguments.back());
  return {first, first + library.layers().size() + 1};
}
