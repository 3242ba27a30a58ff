//===- BestRate.h - The best of many runs ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_MACHINE_BESTRATE_H
#define COMPRESS_TOOLS_COMPRESS_MACHINE_BESTRATE_H

#include <algorithm>
#include <chrono>

namespace compress {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The best rate, per second, of `run`, which does `work` at each call, in calls for so many `seconds`.
template <typename Run>
double bestRate(double work, Run run, double seconds = 0.03) {
  double best = 0;
  for (double end = now() + seconds; now() < end;) {
    double start = now();
    run();
    best = std::max(best, work / (now() - start));
  }
  return best;
}

} // namespace compress

#endif // COMPRESS_TOOLS_COMPRESS_MACHINE_BESTRATE_H
