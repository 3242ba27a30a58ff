//===- LibraryBenchmark.cpp - Time compiled libraries beside their peers --===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// library-benchmark CASES.txt [Google Benchmark's options]
//
// Each line of CASES.txt is `name kind path batch [library for shapes]`, kind `library` (lib<n>.so) or `ort`
// (model.onnx, with ORT_LIB set). Networks have one input and one output of floats. With
// --benchmark_enable_random_interleaving the rounds of all cases are interleaved, so that what disturbs the machine
// disturbs all.
//
//===----------------------------------------------------------------------===//

#include "../tools/compress-run/Library.h"
#include "OrtPeer.h"
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace compress;

namespace {

struct Case {
  std::string name, kind, path, shapeFrom;
  int64_t batch;
};

std::vector<float> randomFloats(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

/// The library that says the shapes of a case: its own, or that of its peer.
std::vector<int64_t> inputShape(const TensorInfo &info, int64_t batch) {
  std::vector<int64_t> shape = info.shape;
  for (int64_t &extent : shape)
    extent = extent < 0 ? batch : extent;
  return shape;
}

void registerLibrary(const Case &row) {
  auto library = std::make_shared<Library>(row.path);
  const TensorInfo &info = library->inputs.at(0);
  Array array{info.dtype, inputShape(info, row.batch), std::vector<char>(info.bytes(row.batch))};
  std::vector<float> values = randomFloats(array.bytes.size() / sizeof(float));
  std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  auto call = std::make_shared<Library::Call>(*library, std::vector<Array>{array});
  benchmark::RegisterBenchmark(row.name.c_str(), [library, call](benchmark::State &state) {
    for (auto _ : state)
      call->run();
  })->Unit(benchmark::kMicrosecond);
}

void registerOrt(const Case &row) {
  const char *runtime = std::getenv("ORT_LIB");
  if (!runtime)
    throw std::runtime_error("set ORT_LIB to libonnxruntime.so.1 to time " + row.name);
  Library shapes(row.shapeFrom);
  char error[512];
  ort_peer *peer;
  if (ort_peer_open(runtime, row.path.c_str(), 1, &peer, error, sizeof error))
    throw std::runtime_error(error);
  auto shape = inputShape(shapes.inputs.at(0), row.batch);
  auto data = std::make_shared<std::vector<float>>(randomFloats(shapes.inputs[0].bytes(row.batch) / sizeof(float)));
  std::string input = shapes.inputs[0].name, output = shapes.outputs.at(0).name;
  benchmark::RegisterBenchmark(row.name.c_str(), [=](benchmark::State &state) {
    char reason[512];
    for (auto _ : state)
      if (ort_peer_run(peer, input.c_str(), data->data(), shape.data(), shape.size(), output.c_str(), nullptr, 0,
                       reason, sizeof reason))
        state.SkipWithError(reason);
  })->Unit(benchmark::kMicrosecond);
}

void registerCases(const char *path) {
  std::ifstream file(path);
  if (!file)
    throw std::runtime_error(std::string("'") + path + "' cannot be read");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Case row;
    words >> row.name >> row.kind >> row.path >> row.batch >> row.shapeFrom;
    row.kind == "ort" ? registerOrt(row) : registerLibrary(row);
  }
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: library-benchmark CASES.txt [--benchmark_…]\n");
    return 1;
  }
  try {
    registerCases(argv[1]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
