//===- LibraryBenchmark.cpp - Time libraries beside their peers -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The driver of scripts/bench: all contestants of one case in one process, on one thread.
//
//   library-benchmark CASE.txt OUT      prints the times as JSON; writes the last outputs to OUT/<contestant>.out
//   library-benchmark --machine         prints this machine's peaks as JSON
//
// CASE.txt has lines of words between tabs:
//
//   batch 64
//   type float32|uint8                  of the input and the output, float32 if there is no such line before them
//   input NAME FILE COUNT SHAPE…        COUNT inputs of that shape, one behind the other in FILE
//   output NAME SHAPE…
//   rounds 10
//   seconds 0.02                        of each contestant in each round
//   sweep BYTES                         read before each timed call; without it caches are warm
//   contestant NAME library|ort|fftw …  as in Contestants.h
//
// Google Benchmark runs each contestant, an iteration per sample, with manual times: a sample is one call, or as many
// as take 20 us, and a sweep before it is not timed. A round runs every contestant once, in an order that turns by one
// each round, so that what disturbs the machine disturbs all, and rounds can be compared in pairs. Google Benchmark's
// own repetitions are interleaved at random and averaged, so rounds, least samples and medians are kept here.
//
//===----------------------------------------------------------------------===//

#include "Contestants.h"
#include "Measure.h"
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

using namespace compress;
using Clock = std::chrono::steady_clock;

namespace {

constexpr double kSampleSeconds = 20e-6;
/// About how fast a sweep is, for the number of samples in a round.
constexpr double kSweepBytesPerSecond = 15e9;

struct Row {
  std::string name, error;
  std::unique_ptr<Contestant> contestant;
  size_t calls = 0; // made so far: says which input is next
  size_t callsPerSample = 1, samplesPerRound = 1;
  std::vector<double> minima, medians; // of each round, in seconds per call
};

struct Case {
  Problem problem;
  std::unique_ptr<char, decltype(&std::free)> inputs{nullptr, &std::free}; // all of them
  std::vector<std::vector<std::string>> contestants;                       // name, then words
  int rounds = 10;
  double seconds = 0.02;
  size_t sweepBytes = 0;
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

//===----------------------------------------------------------------------===//
// The case's file
//===----------------------------------------------------------------------===//

std::vector<std::string> split(const std::string &line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; std::getline(stream, word, '\t');)
    words.push_back(word);
  return words;
}

std::vector<int64_t> shapeOf(const std::vector<std::string> &words, size_t first) {
  std::vector<int64_t> shape;
  for (size_t i = first; i < words.size(); ++i)
    shape.push_back(std::stoll(words[i]));
  return shape;
}

/// Each input starts at a page, as inputs of their own would.
void readInputs(Case &it, const std::string &path, size_t count) {
  size_t bytes = it.problem.bytes(it.problem.inputShape), stride = (bytes + 4095) / 4096 * 4096;
  auto *data = static_cast<char *>(std::aligned_alloc(4096, count * stride));
  it.inputs.reset(data);
  std::ifstream file(path, std::ios::binary);
  for (size_t i = 0; i < count; ++i) {
    if (!file.read(data + i * stride, bytes))
      throw std::runtime_error("'" + path + "' has fewer inputs than its line says");
    it.problem.inputs.push_back(data + i * stride);
  }
}

Case readCase(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    throw std::runtime_error("'" + path + "' cannot be read");
  Case it;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> words = split(line);
    words.resize(std::max<size_t>(words.size(), 2));
    const std::string &key = words[0];
    if (key == "batch") {
      it.problem.batch = std::stoll(words[1]);
    } else if (key == "type" && (words[1] == "float32" || words[1] == "uint8")) {
      it.problem.elementBytes = words[1] == "uint8" ? 1 : sizeof(float);
    } else if (key == "input" && words.size() > 4) {
      it.problem.inputName = words[1];
      it.problem.inputShape = shapeOf(words, 4);
      readInputs(it, words[2], std::stoull(words[3]));
    } else if (key == "output") {
      it.problem.outputName = words[1];
      it.problem.outputShape = shapeOf(words, 2);
    } else if (key == "rounds") {
      it.rounds = std::stoi(words[1]);
    } else if (key == "seconds") {
      it.seconds = std::stod(words[1]);
    } else if (key == "sweep") {
      it.sweepBytes = std::stoull(words[1]);
    } else if (key == "contestant") {
      it.contestants.emplace_back(words.begin() + 1, words.end());
    } else {
      throw std::runtime_error("'" + path + "': unknown line '" + line + "'");
    }
  }
  if (it.problem.inputs.empty() || it.problem.outputShape.empty() || it.rounds < 1)
    throw std::runtime_error("'" + path + "' expects an input, an output, and 1 or more rounds");
  return it;
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

/// Seconds per call of `calls` calls, each on the next input.
double sample(Row &row, size_t calls, size_t numInputs) {
  Clock::time_point start = Clock::now();
  for (size_t i = 0; i < calls; ++i)
    row.contestant->run(row.calls++ % numInputs);
  return since(start) / calls;
}

/// Loads a contestant and finds how many calls a sample takes.
void open(Row &row, const std::vector<std::string> &words, const Case &it) {
  row.contestant = makeContestant(words, it.problem);
  size_t numInputs = it.problem.inputs.size();
  double fastest = sample(row, 1, numInputs);
  for (int i = 0; i < 3; ++i)
    fastest = std::min(fastest, sample(row, 1, numInputs));
  if (!it.sweepBytes)
    row.callsPerSample = std::max<size_t>(1, std::ceil(kSampleSeconds / fastest));
  double each = fastest * row.callsPerSample + it.sweepBytes / kSweepBytesPerSecond;
  row.samplesPerRound = std::max<size_t>(1, std::ceil(it.seconds / each));
}

/// Rows are printed by printRows, not by Google Benchmark.
struct Silent : benchmark::BenchmarkReporter {
  bool ReportContext(const Context &) override { return true; }
  void ReportRuns(const std::vector<Run> &) override {}
};

/// One round of `row`: a run of Google Benchmark.
void timeRound(Row &row, const Case &it, Sweep *sweep, std::vector<double> &sweepRates) {
  std::vector<double> samples;
  std::string error;
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark(row.name.c_str(),
                               [&](benchmark::State &state) {
                                 for (auto _ : state) {
                                   try {
                                     if (sweep)
                                       sweepRates.push_back(sweep->run());
                                     samples.push_back(sample(row, row.callsPerSample, it.problem.inputs.size()));
                                     state.SetIterationTime(samples.back());
                                   } catch (const std::exception &problem) {
                                     error = problem.what();
                                     state.SkipWithError(problem.what());
                                     break;
                                   }
                                 }
                               })
      ->Iterations(row.samplesPerRound)
      ->UseManualTime();
  Silent reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter, "all");
  if (samples.empty() || !error.empty())
    throw std::runtime_error(error);
  row.minima.push_back(*std::min_element(samples.begin(), samples.end()));
  row.medians.push_back(median(samples));
}

/// Runs `work`; what is wrong is the row's error, and the row is not timed any more.
template <typename Work>
void guard(Row &row, Work work) {
  if (!row.error.empty())
    return;
  try {
    work();
  } catch (const std::exception &problem) {
    row.error = *problem.what() ? problem.what() : "failed";
  }
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "\"";
}

std::string list(const std::vector<double> &values, double unit) {
  std::string result = "[";
  for (double value : values)
    result += (result.size() > 1 ? ", " : "") + std::to_string(value * unit);
  return result + "]";
}

void printRows(const std::vector<Row> &rows, const std::vector<double> &sweepRates, size_t numInputs) {
  std::printf("{\"sweep_gb_per_s\": %s,\n \"contestants\": [", list(sweepRates, 1e-9).c_str());
  const char *separator = "\n";
  for (const Row &row : rows) {
    std::string remark = row.contestant ? row.contestant->remark() : "";
    std::printf("%s  {\"name\": %s, \"error\": %s, \"remark\": %s, \"last_input\": %zu,\n   \"min_us\": %s,\n"
                "   \"median_us\": %s}",
                separator, quoted(row.name).c_str(), quoted(row.error).c_str(), quoted(remark).c_str(),
                row.calls ? (row.calls - 1) % numInputs : 0, list(row.minima, 1e6).c_str(),
                list(row.medians, 1e6).c_str());
    separator = ",\n";
  }
  std::printf("]}\n");
}

void printMachine() {
  std::printf(
      "{\"last_cache_bytes\": %zu,\n \"peak_flops\": {\"f32\": %.4g, \"bf16\": %.4g, \"i8\": %.4g},\n \"levels\": [",
      lastCacheBytes(), peakF32(), std::max(peakBF16(), peakTileBF16()), std::max(peakInt8(), peakTileInt8()));
  const char *separator = "";
  for (const MemoryLevel &level : levelsOf(measureFootprints(2.5))) {
    std::printf("%s\n  {\"name\": \"%s\", \"bytes\": %zu, \"read_bytes_per_s\": %.4g}", separator, level.name.c_str(),
                level.bytes, level.readBytesPerSecond);
    separator = ",";
  }
  std::printf("]}\n");
}

void runCase(const std::string &path, const std::string &directory) {
  Case it = readCase(path);
  std::vector<Row> rows(it.contestants.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].name = it.contestants[i][0];
    guard(rows[i], [&] { open(rows[i], {it.contestants[i].begin() + 1, it.contestants[i].end()}, it); });
  }
  std::unique_ptr<Sweep> sweep = it.sweepBytes ? std::make_unique<Sweep>(it.sweepBytes) : nullptr;
  std::vector<double> sweepRates;
  for (int round = 0; round < it.rounds; ++round)
    for (size_t i = 0; i < rows.size(); ++i) {
      Row &row = rows[(round + i) % rows.size()];
      guard(row, [&] { timeRound(row, it, sweep.get(), sweepRates); });
    }
  for (Row &row : rows)
    guard(row, [&] {
      std::vector<char> values = row.contestant->output();
      std::ofstream file(directory + "/" + row.name + ".out", std::ios::binary);
      if (!file.write(values.data(), values.size()))
        throw std::runtime_error("cannot write its output");
    });
  printRows(rows, sweepRates, it.problem.inputs.size());
}

} // namespace

int main(int argc, char **argv) {
  try {
    if (argc == 2 && std::string(argv[1]) == "--machine") {
      printMachine();
      return 0;
    }
    if (argc != 3) {
      std::fprintf(stderr, "usage: library-benchmark CASE.txt OUT | --machine\n");
      return 2;
    }
    runCase(argv[1], argv[2]);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
