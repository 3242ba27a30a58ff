//===- FftwPeer.cpp - FFTW as a measuring stick ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// FFTW3's C interface is called by name, without its header. Debian's build has SSE2 and AVX codelets and no fma, which
// is what users of the package get; the report says which plan ran.
//
//===----------------------------------------------------------------------===//

#include "FftwPeer.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>

using namespace compress;

// fftw3.h: FFTW_MEASURE, FFTW_PATIENT, FFTW_R2HC. Both transforms keep their input.
static constexpr unsigned kMeasure = 0, kPatient = 1u << 5;
static constexpr int kR2HC = 0;
/// Seconds that FFTW may spend on one plan; it then takes the best so far.
static constexpr double kPlanSeconds = 20;

static float *alignedFloats(size_t count) {
  size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  auto *floats = static_cast<float *>(std::aligned_alloc(64, bytes));
  std::fill(floats, floats + bytes / sizeof(float), 0.0f);
  return floats;
}

void *FftwPeer::symbol(const char *name) const {
  void *address = dlsym(library, name);
  if (!address)
    throw std::runtime_error(std::string("FFTW has no ") + name);
  return address;
}

FftwPeer::FftwPeer(const std::string &path, int64_t k, int64_t count) : k(k), count(count) {
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(std::string("cannot load FFTW: ") + dlerror());
  reinterpret_cast<void (*)(double)>(symbol("fftwf_set_timelimit"))(kPlanSeconds);
  output = alignedFloats(count * (k + 2));
  float *scratch = alignedFloats(count * k);
  // The fastest of four plans, timed alike: planners err, and PATIENT is not always the best.
  double best = 0;
  for (bool halfcomplex : {false, true})
    for (bool patient : {false, true}) {
      Plan plan = make(halfcomplex, patient, scratch);
      if (!plan.handle)
        continue;
      double time = seconds(plan, scratch);
      if (chosen.handle && time >= best) {
        destroy(plan);
        continue;
      }
      destroy(chosen);
      chosen = plan;
      best = time;
    }
  std::free(scratch);
  if (!chosen.handle)
    throw std::runtime_error("FFTW has no plan for " + std::to_string(k) + " points");
}

FftwPeer::~FftwPeer() {
  destroy(chosen);
  std::free(output);
}

void FftwPeer::destroy(Plan &plan) {
  if (plan.handle)
    reinterpret_cast<void (*)(void *)>(symbol("fftwf_destroy_plan"))(plan.handle);
  plan.handle = nullptr;
}

FftwPeer::Plan FftwPeer::make(bool halfcomplex, bool patient, float *scratch) {
  Plan plan;
  plan.name = std::string(halfcomplex ? "r2hc" : "r2c") + (patient ? " patient" : " measure");
  plan.halfcomplex = halfcomplex;
  int n = k, many = count, complexes = k / 2 + 1;
  unsigned flags = patient ? kPatient : kMeasure;
  if (halfcomplex) {
    using Make = void *(*)(int, const int *, int, float *, const int *, int, int, float *, const int *, int, int,
                           const int *, unsigned);
    plan.handle = reinterpret_cast<Make>(symbol("fftwf_plan_many_r2r"))(1, &n, many, scratch, nullptr, 1, n, output,
                                                                        nullptr, 1, n, &kR2HC, flags);
  } else {
    using Make =
        void *(*)(int, const int *, int, float *, const int *, int, int, void *, const int *, int, int, unsigned);
    plan.handle = reinterpret_cast<Make>(symbol("fftwf_plan_many_dft_r2c"))(1, &n, many, scratch, nullptr, 1, n, output,
                                                                            nullptr, 1, complexes, flags);
  }
  return plan;
}

void FftwPeer::execute(const Plan &plan, const float *input) {
  static const auto r2c = reinterpret_cast<void (*)(void *, const float *, void *)>(symbol("fftwf_execute_dft_r2c"));
  static const auto r2r = reinterpret_cast<void (*)(void *, const float *, float *)>(symbol("fftwf_execute_r2r"));
  if (plan.halfcomplex)
    r2r(plan.handle, input, output);
  else
    r2c(plan.handle, input, output);
}

double FftwPeer::seconds(const Plan &plan, const float *input) {
  double best = 1e9;
  for (int round = 0; round < 50; ++round) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 8; ++i)
      execute(plan, input);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void FftwPeer::run(const float *input) { execute(chosen, input); }

std::vector<float> FftwPeer::slots() const {
  std::vector<float> result;
  result.reserve(count * k);
  for (int64_t i = 0; i < count; ++i) {
    const float *row = output + i * (chosen.halfcomplex ? k : 2 * (k / 2 + 1));
    auto re = [&](int64_t f) { return chosen.halfcomplex ? row[f] : row[2 * f]; };
    auto im = [&](int64_t f) { return chosen.halfcomplex ? row[k - f] : row[2 * f + 1]; };
    result.push_back(re(0));
    if (k % 2 == 0)
      result.push_back(re(k / 2));
    for (int64_t f = 1; 2 * f < k; ++f) {
      result.push_back(re(f));
      result.push_back(im(f));
    }
  }
  return result;
}
