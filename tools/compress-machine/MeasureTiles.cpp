//===- MeasureTiles.cpp - Rates of tile registers -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products of tiles (AMX) that wait for nothing: four sums of two tiles by two, all in registers.
//
//===----------------------------------------------------------------------===//

#include "BestRate.h"
#include "Measure.h"

using namespace compress;

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Bits of CPUID's leaf 7, EDX.
static constexpr unsigned kTileBF16 = 1u << 22, kTiles = 1u << 24, kTileInt8 = 1u << 25;

/// True if the processor multiplies tiles of the format of `bit`, the system saves them, and gives them to this
/// process.
static bool hasTiles(unsigned bit) {
  constexpr unsigned kSavesState = 1u << 27, kTileState = 3u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kSavesState))
    return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (kTiles | bit)) != (kTiles | bit))
    return false;
  unsigned saved, high;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  return (saved & kTileState) == kTileState && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

namespace {

/// What ldtilecfg reads, of palette 1: rows, and bytes of a row, of each tile.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

} // namespace

// Tiles 0 to 3 are sums, 4 to 7 the factors. Of zeros, as the time does not depend on numbers.
#define COMPRESS_TILE_PRODUCTS(PRODUCT)                                                                                \
  const TileConfiguration configuration;                                                                               \
  _tile_loadconfig(&configuration);                                                                                    \
  _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);                                                          \
  _tile_zero(4), _tile_zero(5), _tile_zero(6), _tile_zero(7);                                                          \
  for (int step = 0; step < steps; ++step)                                                                             \
    PRODUCT(0, 4, 6), PRODUCT(1, 4, 7), PRODUCT(2, 5, 6), PRODUCT(3, 5, 7);                                            \
  _tile_release()

__attribute__((target("amx-tile,amx-int8"))) void compress::multiplyTilesOfInt8(int steps) {
  COMPRESS_TILE_PRODUCTS(_tile_dpbusd);
}

__attribute__((target("amx-tile,amx-bf16"))) void compress::multiplyTilesOfBF16(int steps) {
  COMPRESS_TILE_PRODUCTS(_tile_dpbf16ps);
}

static double rateOf(unsigned bit, double operationsPerStep, void (*multiply)(int)) {
  constexpr int kSteps = 1000;
  return hasTiles(bit) ? bestRate(operationsPerStep * kSteps, [=] { multiply(kSteps); }) : 0;
}

double compress::peakTileInt8() { return rateOf(kTileInt8, kTileInt8Operations, multiplyTilesOfInt8); }
double compress::peakTileBF16() { return rateOf(kTileBF16, kTileBF16Operations, multiplyTilesOfBF16); }

#else

double compress::peakTileInt8() { return 0; }
double compress::peakTileBF16() { return 0; }

#endif
