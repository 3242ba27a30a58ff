//===- Machine.h - Peaks of this machine, measured ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_BENCHMARKS_MACHINE_H
#define COMPRESS_BENCHMARKS_MACHINE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace compress {

/// Peak operations per second of one thread; a multiply-add is two. Best of several runs.
double peakF32();
/// Of bf16 and int8 dot products where the processor has them, else 0.
double peakBF16();
double peakInt8();

/// A level of memory: `L1`, `L2`, `L3`, `memory` (whose bytes are 0), and what one thread reads from it per second.
struct MemoryLevel {
  std::string name;
  size_t bytes;
  double readBytesPerSecond;
};

std::vector<MemoryLevel> measureMemory();

/// The last cache as the processor reports it.
size_t lastCacheBytes();

/// Memory that is read through, to push all else out of caches.
class Sweep {
public:
  explicit Sweep(size_t bytes);
  Sweep(const Sweep &) = delete;
  Sweep &operator=(const Sweep &) = delete;
  ~Sweep();
  /// Reads all of it; returns bytes per second.
  double run();
  /// Reads all of it several times.
  double repeated(int times);

private:
  size_t count;
  float *floats;
};

} // namespace compress

#endif // COMPRESS_BENCHMARKS_MACHINE_H
