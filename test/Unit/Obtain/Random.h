//===- Random.h - Seeded weights for the tests --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every sequence has its own seed, printed with a failure.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_OBTAIN_RANDOM_H
#define COMPRESS_TEST_UNIT_OBTAIN_RANDOM_H

#include "llvm/ADT/ArrayRef.h"
#include <cmath>
#include <random>
#include <vector>

namespace mlir::compress::obtain::test {

/// `count` normal numbers of deviation `deviation`.
inline std::vector<double> normals(size_t count, unsigned seed, double deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, deviation);
  std::vector<double> numbers(count);
  for (double &number : numbers)
    number = normal(generator);
  return numbers;
}

/// a (m x n) times b (n x cols).
inline std::vector<double> product(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b, int64_t m, int64_t n,
                                   int64_t cols) {
  std::vector<double> result(m * cols, 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < n; ++l)
      for (int64_t j = 0; j < cols; ++j)
        result[i * cols + j] += a[i * n + l] * b[l * cols + j];
  return result;
}

inline double squares(llvm::ArrayRef<double> numbers) {
  double sum = 0;
  for (double number : numbers)
    sum += number * number;
  return sum;
}

inline std::vector<double> minus(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b) {
  std::vector<double> result(a.begin(), a.end());
  for (size_t i = 0; i < a.size(); ++i)
    result[i] -= b[i];
  return result;
}

inline double largest(llvm::ArrayRef<double> numbers) {
  double result = 0;
  for (double number : numbers)
    result = std::max(result, std::abs(number));
  return result;
}

/// Entries rounded to f32, as a weight stores them.
inline std::vector<double> toFloat(std::vector<double> numbers) {
  for (double &number : numbers)
    number = static_cast<float>(number);
  return numbers;
}

/// Four units in the last place of the largest entry, in f32.
inline double fourUlp(llvm::ArrayRef<double> numbers) {
  float top = static_cast<float>(largest(numbers));
  return 4 * (std::nextafter(top, HUGE_VALF) - top);
}

} // namespace mlir::compress::obtain::test

#endif // COMPRESS_TEST_UNIT_OBTAIN_RANDOM_H
