//===- compress-obtain-test.cpp - Runs a fit on arrays from a pipe ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// compress-obtain-test FIT [number…] < arrays > arrays. An array is its rank and extents (int64) and its numbers
// (double), all in the machine's byte order. For each array in, the results of the fit in the order of the NumPy
// reference.
//
//===----------------------------------------------------------------------===//

#include "compress/Obtain/LowRank.h"
#include "compress/Obtain/SmartDeal.h"
#include "llvm/ADT/StringRef.h"
#include <cstdio>
#include <cstdlib>
#include <map>

using namespace mlir::compress::obtain;

namespace {

struct Array {
  std::vector<int64_t> shape;
  std::vector<double> values;
};

[[noreturn]] void fail(const char *message) {
  std::fprintf(stderr, "compress-obtain-test: %s\n", message);
  std::exit(1);
}

template <typename T>
std::vector<T> readAll(size_t count) {
  std::vector<T> numbers(count);
  if (count && std::fread(numbers.data(), sizeof(T), count, stdin) != count)
    fail("the input ends within an array");
  return numbers;
}

bool readArray(Array &array) {
  int64_t rank;
  if (std::fread(&rank, sizeof rank, 1, stdin) != 1)
    return false;
  array.shape = readAll<int64_t>(rank);
  size_t count = 1;
  for (int64_t extent : array.shape)
    count *= extent;
  array.values = readAll<double>(count);
  return true;
}

void write(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values) {
  int64_t rank = shape.size();
  std::fwrite(&rank, sizeof rank, 1, stdout);
  std::fwrite(shape.data(), sizeof(int64_t), rank, stdout);
  std::fwrite(values.data(), sizeof(double), values.size(), stdout);
}
void write(llvm::ArrayRef<double> values) { write({int64_t(values.size())}, values); }

/// Arguments after the name of the fit: numbers, then 0 and 1 for flags.
struct Arguments {
  std::vector<double> numbers;
  double operator[](size_t i) const { return i < numbers.size() ? numbers[i] : 0; }
};

/// theta low high cap rows scale -> coefficients, bases, and for each slice: error, iterations, unchanged, theta,
/// restarts.
void smartDeal(const Array &w, const Arguments &a) {
  SmartDealOptions options;
  options.theta = a[0];
  options.window = {int64_t(a[1]), int64_t(a[2]), true};
  options.maxIterations = a[3];
  options.byRow = a[4];
  options.scaleColumns = a[5];
  SmartDealFit fit = fitSmartDeal(w.values, w.shape, options);
  auto [slices, rows, r] = fit.slicing;
  write({fit.outs, slices, rows, r}, fit.coefficients);
  write({fit.outs, slices, r, r}, fit.basis);
  std::vector<double> infos;
  for (const SmartDealHistory &history : fit.histories)
    infos.insert(infos.end(), {history.errors.back(), double(history.errors.size()), double(history.unchanged),
                               history.theta, double(history.restarts)});
  write({int64_t(fit.histories.size()), 5}, infos);
}

/// rank energy -> coefficients, basis
void svd(const Array &x, const Arguments &a) {
  Factors factors = truncatedSVD(x.values, x.shape[0], x.shape[1], {int64_t(a[0]), a[1]});
  write({factors.rows, factors.rank}, factors.coefficients);
  write({factors.rank, factors.cols}, factors.basis);
}

void writeRounded(const Rounded &rounded, const Array &w) {
  write(w.shape, rounded.numbers);
  write(rounded.scaleShape, rounded.scales);
  write(rounded.scaleShape, rounded.zeros);
}

llvm::SmallVector<int64_t> groupOf(const Arguments &a, size_t from) {
  return {a.numbers.begin() + std::min(from, a.numbers.size()), a.numbers.end()};
}

/// threshold iterate group… -> numbers, scales, zeros
void ternary(const Array &w, const Arguments &a) {
  writeRounded(fitTernary(w.values, w.shape, groupOf(a, 2), {a[0], a[1] != 0}), w);
}

/// low high symmetric search group… -> numbers, scales, zeros
void uniform(const Array &w, const Arguments &a) {
  UniformOptions options{int64_t(a[0]), int64_t(a[1]), a[2] != 0, a[3] != 0};
  writeRounded(fitUniform(w.values, w.shape, groupOf(a, 4), options), w);
}

/// size -> indices, table
void codebook(const Array &w, const Arguments &a) {
  Codebook book = fitCodebook(w.values, a[0]);
  write(w.shape, std::vector<double>(book.indices.begin(), book.indices.end()));
  write(book.table);
}

} // namespace

int main(int argc, char **argv) {
  const std::map<llvm::StringRef, void (*)(const Array &, const Arguments &)> fits = {
      {"codebook", codebook}, {"smartdeal", smartDeal}, {"svd", svd}, {"ternary", ternary}, {"uniform", uniform}};
  auto fit = argc > 1 ? fits.find(argv[1]) : fits.end();
  if (fit == fits.end())
    fail("expects codebook, smartdeal, svd, ternary or uniform");
  Arguments arguments;
  for (int i = 2; i < argc; ++i)
    arguments.numbers.push_back(std::atof(argv[i]));
  for (Array array; readArray(array);)
    fit->second(array, arguments);
}
