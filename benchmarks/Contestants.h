//===- Contestants.h - What is timed side by side -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_BENCHMARKS_CONTESTANTS_H
#define COMPRESS_BENCHMARKS_CONTESTANTS_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace compress {

/// The inputs that all contestants rotate over, one behind the other from a boundary of 64 bytes each, and the output's
/// shape. Names are those of the network's one input and one output; both are float32, or uint8.
struct Problem {
  std::string inputName = "x", outputName = "y";
  std::vector<int64_t> inputShape, outputShape;
  std::vector<const char *> inputs;
  int64_t batch = 1;
  size_t elementBytes = sizeof(float);

  static size_t elements(const std::vector<int64_t> &shape);
  size_t bytes(const std::vector<int64_t> &shape) const { return elements(shape) * elementBytes; }
};

/// One implementation, loaded, with its output preallocated.
class Contestant {
public:
  virtual ~Contestant() = default;
  virtual void run(size_t input) = 0;
  /// The bytes of what the last call gave.
  virtual std::vector<char> output() const = 0;
  /// What there is to say of it: a version, a plan.
  virtual std::string remark() const { return ""; }
};

/// `words`: `library PATH`, `ort MODEL RUNTIME` or `fftw K COUNT LIBRARY`. Throws std::runtime_error.
std::unique_ptr<Contestant> makeContestant(const std::vector<std::string> &words, const Problem &problem);

} // namespace compress

#endif // COMPRESS_BENCHMARKS_CONTESTANTS_H
