//===- Random.h - A generator with the same numbers everywhere -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_FUZZ_RANDOM_H
#define COMPRESS_TEST_FUZZ_RANDOM_H

#include <cstddef>
#include <cstdint>

namespace mlir::compress::fuzz {

/// SplitMix64. Distributions of the standard library differ between implementations; these do not.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// A number in [0, n); 0 if n is 0.
  size_t below(size_t n) { return n == 0 ? 0 : next() % n; }

  /// True `percent` times in a hundred.
  bool chance(unsigned percent) { return below(100) < percent; }

  /// An element of a container with random access that is not empty.
  template <typename Container>
  auto &pick(Container &&container) {
    return container[below(container.size())];
  }

private:
  uint64_t state;
};

} // namespace mlir::compress::fuzz

#endif // COMPRESS_TEST_FUZZ_RANDOM_H
