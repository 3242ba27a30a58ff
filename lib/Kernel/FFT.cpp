//===- FFT.cpp - Real discrete Fourier transforms as networks -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/FFT.h"
#include <cassert>
#include <cmath>

using namespace mlir::compress::kernel;

namespace {

/// One frequency of a half spectrum.
struct Complex {
  Term re, im;
};

/// Frequencies 0 to n/2.
using HalfSpectrum = std::vector<Complex>;

constexpr double kTwoPi = 6.283185307179586476925286766559;

double cosine(int64_t numerator, int64_t n) { return std::cos(kTwoPi * (numerator % n) / n); }
double sine(int64_t numerator, int64_t n) { return std::sin(kTwoPi * (numerator % n) / n); }

int64_t smallestPrimeFactor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p)
    if (n % p == 0)
      return p;
  return n;
}

struct TransformBuilder {
  NetworkBuilder &net;

  HalfSpectrum transform(const std::vector<Term> &x) {
    int64_t n = x.size();
    if (n == 1)
      return {{x[0], {}}};
    if (n == 2)
      return {{net.add(x[0], x[1]), {}}, {net.sub(x[0], x[1]), {}}};
    if (n % 4 == 0)
      return splitRadix(x);
    int64_t p = smallestPrimeFactor(n);
    return p == n ? direct(x) : decimate(x, p);
  }

  /// x[first], x[first + step], … (count numbers), indices modulo the length.
  static std::vector<Term> pick(const std::vector<Term> &x, int64_t first, int64_t step, int64_t count) {
    std::vector<Term> result;
    for (int64_t i = 0, n = x.size(); i < count; ++i)
      result.push_back(x[(first + i * step + n) % n]);
    return result;
  }

  /// u + v exp(-i angle) with c = cos, s = sin.
  Complex rotate(Complex v, double c, double s) {
    return {net.add(net.mul(c, v.re), net.mul(s, v.im)), net.sub(net.mul(c, v.im), net.mul(s, v.re))};
  }

  /// Conjugate-pair split radix: even samples, samples 1 mod 4, samples -1 mod 4, whose twiddles are conjugates.
  HalfSpectrum splitRadix(const std::vector<Term> &x) {
    int64_t n = x.size(), quarter = n / 4;
    HalfSpectrum even = transform(pick(x, 0, 2, n / 2));
    HalfSpectrum plus = transform(pick(x, 1, 4, quarter)), minus = transform(pick(x, -1, 4, quarter));
    HalfSpectrum result(n / 2 + 1);
    for (int64_t f = 0; f <= quarter / 2; ++f) {
      double c = cosine(f, n), s = sine(f, n);
      Complex a = rotate(plus[f], c, s), b = rotate(minus[f], c, -s);
      Complex sum{net.add(a.re, b.re), net.add(a.im, b.im)}, difference{net.sub(a.re, b.re), net.sub(a.im, b.im)};
      Complex u = even[f], v{even[quarter - f].re, -even[quarter - f].im};
      result[f] = {net.add(u.re, sum.re), net.add(u.im, sum.im)};
      result[n / 2 - f] = {net.sub(u.re, sum.re), net.sub(sum.im, u.im)};
      result[quarter + f] = {net.add(v.re, difference.im), net.sub(v.im, difference.re)};
      if (f > 0)
        result[quarter - f] = {net.sub(v.re, difference.im), -net.add(v.im, difference.re)};
    }
    return result;
  }

  /// Decimation in time by p: X[f] = sum over r of exp(-2 pi i r f / n) S_r[f mod n/p].
  HalfSpectrum decimate(const std::vector<Term> &x, int64_t p) {
    int64_t n = x.size(), m = n / p;
    std::vector<HalfSpectrum> parts;
    for (int64_t r = 0; r < p; ++r)
      parts.push_back(transform(pick(x, r, p, m)));
    HalfSpectrum result(n / 2 + 1);
    for (int64_t f = 0; f <= n / 2; ++f) {
      int64_t g = f % m;
      for (int64_t r = 0; r < p; ++r) {
        Complex part = g <= m / 2 ? parts[r][g] : Complex{parts[r][m - g].re, -parts[r][m - g].im};
        Complex rotated = rotate(part, cosine(r * f, n), sine(r * f, n));
        result[f] = {net.add(result[f].re, rotated.re), net.add(result[f].im, rotated.im)};
      }
      if (f == 0 || 2 * f == n)
        result[f].im = {};
    }
    return result;
  }

  /// The definition, with x[t] and x[n-t] folded first: their cosines agree, their sines are opposite.
  HalfSpectrum direct(const std::vector<Term> &x) {
    int64_t n = x.size();
    std::vector<Complex> folded{{}};
    for (int64_t t = 1; t <= n / 2; ++t)
      folded.push_back({net.add(x[t], x[n - t]), net.sub(x[t], x[n - t])});
    HalfSpectrum result(n / 2 + 1);
    for (int64_t f = 0; f <= n / 2; ++f) {
      Complex sum{x[0], {}};
      for (int64_t t = 1; t <= n / 2; ++t) {
        sum.re = net.add(sum.re, net.mul(cosine(f * t, n), folded[t].re));
        sum.im = net.sub(sum.im, net.mul(sine(f * t, n), folded[t].im));
      }
      result[f] = sum;
    }
    return result;
  }
};

} // namespace

Network mlir::compress::kernel::rfft(int64_t k) {
  assert(k >= 1 && "a transform has at least one point");
  NetworkBuilder net(k);
  std::vector<Term> x;
  for (int64_t t = 0; t < k; ++t)
    x.push_back(net.input(t));
  HalfSpectrum spectrum = TransformBuilder{net}.transform(x);
  std::vector<Term> slots;
  for (int64_t slot = 0; slot < k; ++slot) {
    const Complex &value = spectrum[slotFrequency(k, slot)];
    slots.push_back(isImaginarySlot(k, slot) ? value.im : value.re);
  }
  return net.finish(std::move(slots));
}

int64_t mlir::compress::kernel::numRealSlots(int64_t k) { return k % 2 == 0 ? 2 : 1; }

int64_t mlir::compress::kernel::productOperations(int64_t k) {
  int64_t real = numRealSlots(k);
  return 2 * (real + 4 * ((k - real) / 2));
}

int64_t mlir::compress::kernel::slotFrequency(int64_t k, int64_t slot) {
  int64_t real = numRealSlots(k);
  if (slot < real)
    return slot * (k / 2);
  return (slot - real) / 2 + 1;
}

bool mlir::compress::kernel::isImaginarySlot(int64_t k, int64_t slot) {
  int64_t real = numRealSlots(k);
  return slot >= real && (slot - real) % 2 == 1;
}

double mlir::compress::kernel::slotScale(int64_t k, int64_t slot) { return (slot < numRealSlots(k) ? 1.0 : 2.0) / k; }

int64_t mlir::compress::kernel::operationCountUpperBound(int64_t k) {
  if (k <= 2)
    return 2;
  if (k > int64_t(1) << 24) // even finding the factors would take long
    return INT64_MAX;
  if (k % 4 == 0)
    return operationCountUpperBound(k / 2) + 2 * operationCountUpperBound(k / 4) + 4 * k;
  int64_t p = smallestPrimeFactor(k);
  if (p == k)
    return k * k + k;
  return p * operationCountUpperBound(k / p) + (k / 2 + 1) * p * 8;
}
