//===- PerLayer.cpp - What each layer takes -------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PerLayer.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <stdexcept>

using namespace compress;

/// The counter that a library for this processor reads.
static int64_t readCounter() {
#if defined(__x86_64__)
  return static_cast<int64_t>(__builtin_ia32_rdtsc());
#elif defined(__aarch64__)
  int64_t ticks;
  asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
  return ticks;
#else
  throw std::runtime_error("--per-layer knows no counter of this processor");
#endif
}

/// Ticks per microsecond, from some milliseconds of a clock.
static double measureTickRate() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLongEnough(20);
  auto start = Clock::now();
  int64_t first = readCounter();
  auto end = start;
  while (end - start < kLongEnough)
    end = Clock::now();
  int64_t ticks = readCounter() - first;
  if (ticks <= 0)
    throw std::runtime_error("this processor's counter stands still");
  return static_cast<double>(ticks) / std::chrono::duration<double, std::micro>(end - start).count();
}

/// The prediction for a batch: full runs, and between one sample and a full one a straight line.
static double predictedUs(const LayerInfo &layer, int64_t batch) {
  int64_t few = layer.samples[0], most = layer.samples[1], rest = batch % most;
  double full = static_cast<double>(batch / most) * layer.predictedUs[1];
  if (rest == 0)
    return full;
  double slope = most > few ? (layer.predictedUs[1] - layer.predictedUs[0]) / static_cast<double>(most - few) : 0;
  return full + layer.predictedUs[0] + slope * static_cast<double>(rest - few);
}

/// What bounds it at the nearer of the two batches.
static std::string boundOf(const LayerInfo &layer, int64_t batch) {
  return layer.bound[2 * batch > layer.samples[0] + layer.samples[1] || layer.samples[0] == layer.samples[1]];
}

namespace {
struct TableRow {
  std::string name, op, bound;
  /// 0: nothing is expected of it.
  double predicted = 0;
  /// Sorted.
  std::vector<double> times;

  double least() const { return times.front(); }
  double median() const { return times[(times.size() - 1) / 2]; }
};
} // namespace

static void printTable(const std::vector<TableRow> &rows) {
  size_t name = 5, op = 2;
  for (const TableRow &row : rows) {
    name = std::max(name, row.name.size());
    op = std::max(op, row.op.size());
  }
  auto text = [](size_t width, const std::string &what) {
    std::printf("%-*s  ", static_cast<int>(width), what.c_str());
  };
  text(name, "layer");
  text(op, "op");
  std::printf("%12s %12s %12s %6s  %-7s  %s\n", "predicted us", "min us", "median us", "share", "bound", "of bound");
  for (const TableRow &row : rows) {
    text(name, row.name);
    text(op, row.op);
    char predicted[32] = "-", ofBound[32] = "-";
    if (row.predicted > 0) {
      std::snprintf(predicted, sizeof predicted, "%.3f", row.predicted);
      if (row.least() > 0)
        std::snprintf(ofBound, sizeof ofBound, "%.0f %%", 100 * row.predicted / row.least());
    }
    double whole = rows.back().median();
    std::printf("%12s %12.3f %12.3f %4.0f %%  %-7s  %s\n", predicted, row.least(), row.median(),
                whole > 0 ? 100 * row.median() / whole : 0, row.bound.empty() ? "-" : row.bound.c_str(), ofBound);
  }
}

void compress::printPerLayer(const Library &library, Library::Call &call, int64_t repetitions) {
  std::vector<LayerInfo> layers = library.layers();
  std::vector<TableRow> rows;
  for (const LayerInfo &layer : layers)
    rows.push_back({layer.name + (layer.fused.empty() ? "" : " + " + layer.fused),
                    layer.op,
                    boundOf(layer, call.batch()),
                    predictedUs(layer, call.batch()),
                    {}});
  TableRow rest{"(outside of layers)", "", "", 0, {}}, whole{"(whole call)", "", "", 0, {}};
  double rate = measureTickRate();
  for (int64_t i = 0; i < repetitions; ++i) {
    call.run();
    std::vector<int64_t> ticks = call.ticks();
    int64_t inLayers = std::accumulate(ticks.begin(), ticks.end() - 1, int64_t(0));
    for (size_t r = 0; r < rows.size(); ++r)
      rows[r].times.push_back(static_cast<double>(ticks[r]) / rate);
    rest.times.push_back(static_cast<double>(ticks.back() - inLayers) / rate);
    whole.times.push_back(static_cast<double>(ticks.back()) / rate);
  }
  for (const TableRow &row : rows)
    whole.predicted += row.predicted;
  rows.push_back(std::move(rest));
  rows.push_back(std::move(whole));
  for (TableRow &row : rows)
    std::sort(row.times.begin(), row.times.end());
  std::printf("batch %lld, %lld calls, %.1f ticks per us\n", static_cast<long long>(call.batch()),
              static_cast<long long>(repetitions), rate);
  printTable(rows);
}
