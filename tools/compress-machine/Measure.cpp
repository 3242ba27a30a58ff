//===- Measure.cpp - Rates of this machine, measured ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loops that do one thing only, on the widest registers that the processor has: chains of multiply-adds that are long
// enough to hide their latency, and sums of loads.
//
//===----------------------------------------------------------------------===//

#include "Measure.h"
#include "BestRate.h"
#include <algorithm>
#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace compress;

/// Keeps `value` computed.
template <typename T>
static void keep(const T &value) {
  asm volatile("" : : "m"(value) : "memory");
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static constexpr int kSteps = 4000, kChains = 12;

static double peakPortable() {
  return bestRate(2.0 * 4 * kChains * kSteps, [] {
    float sums[kChains][4] = {};
    for (int step = 0; step < kSteps; ++step)
      for (auto &sum : sums)
        for (float &lane : sum)
          lane = lane * 0.999f + 1e-3f;
    keep(sums);
  });
}

#if defined(__x86_64__)

// One chain per register and 12 chains: two units of latency 4 to 6 stay busy. The empty asm keeps the compiler from
// knowing that all start alike.
#define COMPRESS_CHAINS(VECTOR, START, STEP)                                                                           \
  VECTOR sums[kChains];                                                                                                \
  for (VECTOR &sum : sums) {                                                                                           \
    sum = START;                                                                                                       \
    asm volatile("" : "+v"(sum));                                                                                      \
  }                                                                                                                    \
  for (int step = 0; step < kSteps; ++step)                                                                            \
    _Pragma("GCC unroll 12") for (int c = 0; c < kChains; ++c) sums[c] = STEP;                                         \
  keep(sums)

__attribute__((target("avx512f"))) static void fma512() {
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  COMPRESS_CHAINS(__m512, _mm512_set1_ps(1), _mm512_fmadd_ps(sums[c], a, b));
}

__attribute__((target("avx2,fma"))) static void fma256() {
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  COMPRESS_CHAINS(__m256, _mm256_set1_ps(1), _mm256_fmadd_ps(sums[c], a, b));
}

__attribute__((target("avx512f,avx512bf16"))) static void dotBF16() {
  __m512bh a = (__m512bh)_mm512_set1_epi16(0x3f80), b = (__m512bh)_mm512_set1_epi16(0x3a80);
  keep(a), keep(b);
  COMPRESS_CHAINS(__m512, _mm512_set1_ps(1), _mm512_dpbf16_ps(sums[c], a, b));
}

__attribute__((target("avx512f,avx512vnni"))) static void dotInt8() {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  COMPRESS_CHAINS(__m512i, _mm512_set1_epi32(1), _mm512_dpbusd_epi32(sums[c], a, b));
}

// Without dot products: bytes as numbers of 16 bits, whose products are added in pairs, exactly.
__attribute__((target("avx2"))) static void pairsInt8() {
  __m256i ones = _mm256_set1_epi16(1);
  COMPRESS_CHAINS(__m256i, _mm256_set1_epi32(1), _mm256_add_epi32(sums[c], _mm256_madd_epi16(sums[c], ones)));
}

double compress::peakF32() {
  if (__builtin_cpu_supports("avx512f"))
    return bestRate(2.0 * 16 * kChains * kSteps, fma512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return bestRate(2.0 * 8 * kChains * kSteps, fma256);
  return peakPortable();
}

double compress::peakBF16() {
  return __builtin_cpu_supports("avx512bf16") ? bestRate(2.0 * 32 * kChains * kSteps, dotBF16) : 0;
}

double compress::peakInt8() {
  if (__builtin_cpu_supports("avx512vnni"))
    return bestRate(2.0 * 64 * kChains * kSteps, dotInt8);
  return __builtin_cpu_supports("avx2") ? bestRate(2.0 * 16 * kChains * kSteps, pairsInt8) : 0;
}

#else

double compress::peakF32() { return peakPortable(); }
double compress::peakBF16() { return 0; }
double compress::peakInt8() { return 0; }

#endif

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static constexpr int kStreams = 8;
static constexpr size_t kHugePage = 2 << 20;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void read512(const float *p, size_t count) {
  __m512 sums[kStreams];
  for (__m512 &sum : sums)
    sum = _mm512_setzero_ps();
  for (size_t i = 0; i + 16 * kStreams <= count; i += 16 * kStreams)
    _Pragma("GCC unroll 8") for (int c = 0; c < kStreams; ++c) sums[c] =
        _mm512_add_ps(sums[c], _mm512_load_ps(p + i + 16 * c));
  keep(sums);
}

__attribute__((target("avx2"))) static void read256(const float *p, size_t count) {
  __m256 sums[kStreams];
  for (__m256 &sum : sums)
    sum = _mm256_setzero_ps();
  for (size_t i = 0; i + 8 * kStreams <= count; i += 8 * kStreams)
    _Pragma("GCC unroll 8") for (int c = 0; c < kStreams; ++c) sums[c] =
        _mm256_add_ps(sums[c], _mm256_load_ps(p + i + 8 * c));
  keep(sums);
}

#endif

static void readPortable(const float *p, size_t count) {
  float sums[4 * kStreams] = {};
  for (size_t i = 0; i + 4 * kStreams <= count; i += 4 * kStreams)
    for (int c = 0; c < 4 * kStreams; ++c)
      sums[c] += p[i + c];
  keep(sums);
}

static void readAll(const float *p, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return read512(p, count);
  if (__builtin_cpu_supports("avx2"))
    return read256(p, count);
#endif
  readPortable(p, count);
}

int64_t compress::vectorBytes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") ? 64 : __builtin_cpu_supports("avx2") ? 32 : 16;
#else
  return 16;
#endif
}

Sweep::Sweep(size_t bytes) : count(bytes / sizeof(float) / 256 * 256) {
  size_t bytesOfPages = (count * sizeof(float) + kHugePage - 1) / kHugePage * kHugePage;
  floats = static_cast<float *>(std::aligned_alloc(kHugePage, bytesOfPages));
  if (!floats)
    throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Fewer faults, and caches are what is measured, not the translation of addresses. It is a wish: no is an answer.
  madvise(floats, bytesOfPages, MADV_HUGEPAGE);
#endif
  // Pages of zeros that were never written may be one page.
  std::fill(floats, floats + count, 1.0f);
}

Sweep::~Sweep() { std::free(floats); }

double Sweep::run() { return repeated(1, count * sizeof(float)); }

double Sweep::repeated(int times, size_t bytes) {
  size_t some = std::min(bytes / sizeof(float), count);
  double start = now();
  for (int i = 0; i < times; ++i)
    readAll(floats, some);
  return times * double(some * sizeof(float)) / (now() - start);
}

static size_t cacheBytes(int name, size_t otherwise) {
  long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

size_t compress::lastCacheBytes() {
  return std::max(cacheBytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20), cacheBytes(_SC_LEVEL3_CACHE_SIZE, 0));
}

/// The best rate of reading the first `bytes` again and again for a few milliseconds.
static double readRate(Sweep &sweep, size_t bytes) {
  // What is small is read many times together: a clock takes as long as a reading of L1.
  int times = 1 + (2 << 20) / bytes;
  sweep.repeated(1, bytes);
  double best = 0, end = now() + 0.002;
  do
    best = std::max(best, sweep.repeated(times, bytes));
  while (now() < end);
  return best;
}

std::vector<FootprintRate> compress::measureFootprints(double seconds) {
  constexpr size_t kSmallest = 8 << 10, kLargest = 256 << 20;
  double end = now() + seconds;
  std::vector<FootprintRate> curve;
  for (size_t octave = kSmallest; octave < kLargest; octave *= 2)
    for (size_t quarters = 4; quarters < 8; ++quarters)
      curve.push_back({octave / 4 * quarters, 0});
  curve.push_back({kLargest, 0});
  Sweep sweep(kLargest);
  for (bool isFirst = true; isFirst || now() < end; isFirst = false)
    for (FootprintRate &point : curve)
      if (isFirst || now() < end)
        point.bytesPerSecond = std::max(point.bytesPerSecond, readRate(sweep, point.bytes));
  return curve;
}
