//===- Measure.h - Rates of this machine, measured ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_MACHINE_MEASURE_H
#define COMPRESS_TOOLS_COMPRESS_MACHINE_MEASURE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace compress {

/// Peak operations per second of one thread; a multiply-add is two. Best of several runs.
double peakF32();
/// Of bf16 and int8 dot products where the processor has them, of int8 with AVX2 as exact sums of pairs, else 0.
double peakBF16();
double peakInt8();
/// Of bf16 and int8 products of tiles (AMX); 0 where the processor has none, or the system does not give them.
double peakTileBF16();
double peakTileInt8();

#if defined(__x86_64__) && defined(__linux__)
/// The loops behind these: four products of tiles of 16 x 64 bytes a step, of a process that has tiles.
void multiplyTilesOfBF16(int steps);
void multiplyTilesOfInt8(int steps);
/// Operations of a step: 16 x 16 sums of 32 products of bf16, of 64 of int8, four times; a multiply-add is two.
constexpr double kTileBF16Operations = 4.0 * 2 * 16 * 16 * 32, kTileInt8Operations = 4.0 * 2 * 16 * 16 * 64;
#endif

/// Width of the SIMD registers that the loops of this file use.
int64_t vectorBytes();

/// What one thread reads per second, again and again, from so many bytes.
struct FootprintRate {
  size_t bytes;
  double bytesPerSecond;
};

/// Rates at 8 KiB to 256 MiB, four footprints an octave. All are measured in turn, round after round for `seconds`, and
/// the best of each is kept: what disturbs the machine for a while spoils one round, not one footprint.
std::vector<FootprintRate> measureFootprints(double seconds);

/// A level of memory: `L1`, `L2`, `L3`, `memory` (whose bytes are 0), and what one thread reads from it per second.
struct MemoryLevel {
  std::string name;
  size_t bytes;
  double readBytesPerSecond;
};

/// The four levels, by where the rates of ascending footprints fall. What the system says of caches is not asked: in a
/// virtual machine it is what the host has, or a guess, and not what one thread gets.
std::vector<MemoryLevel> levelsOf(std::vector<FootprintRate> curve);

/// The last cache as the processor reports it: enough to read to push all else out.
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
  /// Reads the first `bytes` several times.
  double repeated(int times, size_t bytes);

private:
  size_t count;
  float *floats;
};

} // namespace compress

#endif // COMPRESS_TOOLS_COMPRESS_MACHINE_MEASURE_H
