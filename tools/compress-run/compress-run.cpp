//===- compress-run.cpp - Run a compiled library --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Needs no compiler and no MLIR: it may be copied to the device.
//
//===----------------------------------------------------------------------===//

#include "Library.h"
#include "PerLayer.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <getopt.h>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/stat.h>

using namespace compress;

static const char *kHelp = R"(usage: compress-run LIB --input NAME=FILE.npy … [options]

Runs a library that compress-compile made on NumPy arrays.

  compress-run out/libmnist.so                                        prints its inputs and outputs
  compress-run out/libmnist.so --input image=x.npy --output-dir y     writes y/<output>.npy
  compress-run out/libmnist.so --input image=x.npy --benchmark        prints min, median and p90 of a call
  compress-run out/libmnist.so --input image=x.npy --per-layer        prints what each layer takes, and what it should

options:
  --input NAME=FILE    an input; the leading extent is the batch
  --output-dir DIR     write each output as DIR/<name>.npy
  --benchmark          time calls on one thread, after one that is not counted
  --per-layer          print, per layer: the cost model's prediction, the time of calls on one thread after one that is not
                       counted, and what bounds it; of a library that was compiled with --profile
  --repetitions N      calls to time (default 100)
  --check-against LIB  run another library on the same inputs and print the largest difference of each output
  --help               this text
)";

namespace {
struct Options {
  std::string library, outputDir, against;
  std::map<std::string, std::string> inputs;
  bool benchmark = false, perLayer = false;
  int64_t repetitions = 100;
};
} // namespace

static int64_t parseCount(const std::string &text) {
  size_t used = 0;
  int64_t count = 0;
  try {
    count = std::stoll(text, &used);
  } catch (const std::exception &) {
    used = 0;
  }
  if (used != text.size() || text.empty() || count < 1)
    throw std::runtime_error("--repetitions expects a number of 1 or more, but got '" + text + "'");
  return count;
}

static Options parse(int argc, char **argv) {
  static const option kLong[] = {{"input", required_argument, nullptr, 'i'},
                                 {"output-dir", required_argument, nullptr, 'o'},
                                 {"benchmark", no_argument, nullptr, 'b'},
                                 {"per-layer", no_argument, nullptr, 'l'},
                                 {"repetitions", required_argument, nullptr, 'n'},
                                 {"check-against", required_argument, nullptr, 'c'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int code; (code = getopt_long(argc, argv, "ho:", kLong, nullptr)) != -1;) {
    std::string value = optarg ? optarg : "";
    switch (code) {
    case 'i': {
      size_t equals = value.find('=');
      if (equals == std::string::npos)
        throw std::runtime_error("--input expects NAME=FILE.npy, but got '" + value + "'");
      options.inputs[value.substr(0, equals)] = value.substr(equals + 1);
      break;
    }
    case 'o':
      options.outputDir = value;
      break;
    case 'b':
      options.benchmark = true;
      break;
    case 'l':
      options.perLayer = true;
      break;
    case 'n':
      options.repetitions = parseCount(value);
      break;
    case 'c':
      options.against = value;
      break;
    case 'h':
      std::fputs(kHelp, stdout);
      std::exit(0);
    default:
      throw std::runtime_error("see compress-run --help");
    }
  }
  if (optind + 1 != argc)
    throw std::runtime_error("expects one library; see compress-run --help");
  options.library = argv[optind];
  return options;
}

static void printTensors(const char *kind, const std::vector<TensorInfo> &tensors) {
  for (const TensorInfo &info : tensors)
    std::printf("%s %s: %s %s\n", kind, info.name.c_str(), dtypeName(info.dtype), shapeText(info.shape).c_str());
}

/// The arrays of the files, in the order of the library's inputs.
static std::vector<Array> readInputs(const Library &library, const Options &options) {
  std::vector<Array> arrays;
  std::string known;
  for (const TensorInfo &info : library.inputs) {
    auto file = options.inputs.find(info.name);
    if (file == options.inputs.end())
      throw std::runtime_error("input '" + info.name + "' is missing: --input " + info.name + "=FILE.npy, " +
                               dtypeName(info.dtype) + " " + shapeText(info.shape));
    arrays.push_back(readNpy(file->second));
    known += (known.empty() ? "" : ", ") + info.name;
  }
  if (options.inputs.size() != library.inputs.size())
    for (const auto &given : options.inputs)
      if (std::none_of(library.inputs.begin(), library.inputs.end(),
                       [&](const TensorInfo &info) { return info.name == given.first; }))
        throw std::runtime_error("the library has no input '" + given.first + "'; it has: " + known);
  return arrays;
}

static void benchmark(Library::Call &call, int64_t repetitions) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int64_t i = 0; i < repetitions; ++i) {
    auto start = Clock::now();
    call.run();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  auto quantile = [&](double q) { return times[static_cast<size_t>(q * (times.size() - 1))]; };
  double samples = std::max<double>(1, call.batch());
  std::printf("batch %lld, %lld calls: min %.2f us, median %.2f us, p90 %.2f us; per sample: median %.3f us\n",
              static_cast<long long>(call.batch()), static_cast<long long>(repetitions), times.front(), quantile(0.5),
              quantile(0.9), quantile(0.5) / samples);
}

static double valueAt(const Array &array, size_t i) {
  const char *at = array.bytes.data() + i * elementBytes(array.dtype);
  auto load = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  switch (array.dtype) {
  case F32:
    return load(float());
  case F64:
    return load(double());
  case I32:
    return load(int32_t());
  case I64:
    return load(int64_t());
  case U8:
  case Bool:
    return load(uint8_t());
  default:
    return load(int8_t());
  }
}

/// The same values as another float type, so that a reference in double can be given what the library is given.
static Array convert(const Array &array, int32_t dtype) {
  if (array.dtype == dtype || !(dtype == F32 || dtype == F64) || !(array.dtype == F32 || array.dtype == F64))
    return array;
  size_t count = array.bytes.size() / elementBytes(array.dtype);
  Array result{dtype, array.shape, std::vector<char>(count * elementBytes(dtype))};
  for (size_t i = 0; i < count; ++i) {
    double value = valueAt(array, i);
    float narrow = static_cast<float>(value);
    if (dtype == F64)
      std::memcpy(result.bytes.data() + i * 8, &value, 8);
    else
      std::memcpy(result.bytes.data() + i * 4, &narrow, 4);
  }
  return result;
}

static void checkAgainst(const std::string &path, const std::vector<Array> &inputs, const Library &library,
                         const std::vector<Array> &results) {
  Library other(path);
  if (other.inputs.size() != inputs.size() || other.outputs.size() != results.size())
    throw std::runtime_error("'" + path + "' has other inputs or outputs");
  std::vector<Array> converted;
  for (size_t i = 0; i < inputs.size(); ++i)
    converted.push_back(convert(inputs[i], other.inputs[i].dtype));
  Library::Call call(other, converted);
  call.run();
  std::vector<Array> expected = call.results();
  for (size_t o = 0; o < results.size(); ++o) {
    if (results[o].shape != expected[o].shape)
      throw std::runtime_error("output '" + library.outputs[o].name + "' has shape " + shapeText(results[o].shape) +
                               ", but " + shapeText(expected[o].shape) + " in '" + path + "'");
    double largest = 0, scale = 0;
    size_t count = results[o].bytes.size() / std::max<size_t>(1, elementBytes(results[o].dtype));
    for (size_t i = 0; i < count; ++i) {
      double a = valueAt(results[o], i), b = valueAt(expected[o], i);
      double difference = std::fabs(a - b);
      largest = difference > largest || std::isnan(difference) ? difference : largest;
      scale = std::max(scale, std::fabs(b));
    }
    std::printf("output %s: largest difference %.3g, largest value %.3g\n", library.outputs[o].name.c_str(), largest,
                scale);
  }
}

static void writeOutputs(const Options &options, const Library &library, const std::vector<Array> &results) {
  if (mkdir(options.outputDir.c_str(), 0777) != 0 && errno != EEXIST)
    throw std::runtime_error("'" + options.outputDir + "' cannot be made: " + std::strerror(errno));
  for (size_t o = 0; o < results.size(); ++o) {
    std::string file = library.outputs[o].name;
    std::replace(file.begin(), file.end(), '/', '_');
    std::string path = options.outputDir + "/" + file + ".npy";
    writeNpy(path, results[o]);
    std::printf("%s: %s %s\n", path.c_str(), dtypeName(results[o].dtype), shapeText(results[o].shape).c_str());
  }
}

static void run(const Options &options) {
  Library library(options.library);
  if (options.perLayer)
    library.layers(); // before anything else, says what is wrong
  if (options.inputs.empty() && !library.inputs.empty() && !options.perLayer) {
    printTensors("input", library.inputs);
    printTensors("output", library.outputs);
    std::printf("workspace: %zu bytes for one sample, %zu for many\n", library.workspaceBytes(1),
                library.workspaceBytes(int64_t(1) << 30));
    return;
  }
  std::vector<Array> inputs = readInputs(library, options);
  Library::Call call(library, inputs);
  call.run();
  std::vector<Array> results = call.results();
  if (!options.outputDir.empty())
    writeOutputs(options, library, results);
  if (!options.against.empty())
    checkAgainst(options.against, inputs, library, results);
  if (options.benchmark)
    benchmark(call, options.repetitions);
  if (options.perLayer)
    printPerLayer(library, call, options.repetitions);
}

int main(int argc, char **argv) {
  try {
    run(parse(argc, argv));
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
