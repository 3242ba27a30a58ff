//===- FftwPeer.h - FFTW as a measuring stick -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_BENCHMARKS_FFTWPEER_H
#define COMPRESS_BENCHMARKS_FFTWPEER_H

#include <cstdint>
#include <string>
#include <vector>

namespace compress {

/// `count` real transforms of `k` contiguous floats each, in single precision, by the fastest plan that FFTW finds. Its
/// library is loaded at run time (it is GPL); nothing of it is needed to build. Functions throw std::runtime_error.
class FftwPeer {
public:
  FftwPeer(const std::string &library, int64_t k, int64_t count);
  FftwPeer(const FftwPeer &) = delete;
  FftwPeer &operator=(const FftwPeer &) = delete;
  ~FftwPeer();

  /// Transforms `count * k` floats, aligned to 64 bytes.
  void run(const float *input);

  /// The last spectra in the slot order of `compress.rfft`: Re 0, Re k/2 for even k, then pairs Re f, Im f.
  std::vector<float> slots() const;

  /// What the plan is: `r2c patient`, `r2hc measure`, …
  std::string plan() const { return chosen.name; }

private:
  /// Complex results (`r2c`), or k reals, imaginary parts in reverse at the end (`r2hc`).
  struct Plan {
    std::string name;
    bool halfcomplex = false;
    void *handle = nullptr;
  };

  void *symbol(const char *name) const;
  Plan make(bool halfcomplex, bool patient, float *scratch);
  void execute(const Plan &plan, const float *input);
  double seconds(const Plan &plan, const float *input);
  void destroy(Plan &plan);

  void *library;
  int64_t k, count;
  Plan chosen;
  float *output;
};

} // namespace compress

#endif // COMPRESS_BENCHMARKS_FFTWPEER_H
