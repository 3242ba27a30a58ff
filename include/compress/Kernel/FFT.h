//===- FFT.h - Real discrete Fourier transforms as networks ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// X[f] = sum over t of x[t] exp(-2 pi i f t / k), of k reals, in k real slots: slot 0 is Re X[0]; for even k, slot 1 is
// Re X[k/2]; then come the pairs Re X[f], Im X[f] for f = 1, 2, …
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_FFT_H
#define COMPRESS_KERNEL_FFT_H

#include "compress/Kernel/Network.h"

namespace mlir::compress::kernel {

/// The transform of k reals, any k >= 1, to k slots. Where 4 divides k: conjugate-pair split radix (Kamar and Elcherif
/// 1989), with exactly 2k lg k - 4k + 6 operations for a power of two (Sorensen et al., IEEE Trans. ASSP 35, 1987).
/// Other composite k: decimation in time by the smallest prime factor. Primes: the direct form, folded by symmetry. Its
/// transpose (Network.h) is the inverse of slots scaled by slotScale.
Network rfft(int64_t k);

/// Number of slots that are real: frequency 0, and k/2 for even k. They come first.
int64_t numRealSlots(int64_t k);

/// Multiplications and additions of a product of two half spectra of k slots that is added to a third.
int64_t productOperations(int64_t k);

/// Frequency of a slot.
int64_t slotFrequency(int64_t k, int64_t slot);

/// True if a slot is the imaginary part of its frequency.
bool isImaginarySlot(int64_t k, int64_t slot);

/// Scale of a slot in the inverse transform: 1/k for real slots, else 2/k.
double slotScale(int64_t k, int64_t slot);

/// Most operations of a transform that is emitted as straight-line code.
inline constexpr int64_t kMostEmittedOperations = int64_t(1) << 17;

/// At least the number of operations of rfft(k), without building it; INT64_MAX for transforms that nothing can hold.
int64_t operationCountUpperBound(int64_t k);

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_FFT_H
