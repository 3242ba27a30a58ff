//===- CostModel.h - Seconds from operations, bytes and a machine ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The constants were fitted to 100 layers that were drawn from a seed and timed, and checked on others:
// `scripts/cost-model`, docs/Design/20261125-cost-model.md.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_COSTMODEL_H
#define COMPRESS_ANALYSIS_COSTMODEL_H

#include "compress/Analysis/Machine.h"

namespace mlir::compress {

/// The part of a machine's peak that products reach in register tiles, spectral ones with two numbers per slot, and the
/// transforms, whose operations are no multiply-adds.
inline constexpr double kDenseReach = 0.8, kSpectralReach = 0.6, kTransformReach = 1.0 / 3;
/// Seconds that a layer takes to begin and to end: its loops, their first loads, the last stores.
inline constexpr double kLayerSeconds = 1e-7;

/// How much more than `numbers` are the lanes of the vectors that hold them, next to each other: at least 1.
inline double laneFactor(double numbers, const Machine &machine) {
  int64_t lanes = machine.f32Lanes(), whole = static_cast<int64_t>(numbers);
  return whole > 0 ? static_cast<double>((whole + lanes - 1) / lanes * lanes) / numbers : 1;
}

/// Seconds of `operations` in transforms that are straight-line code of `codeOperations`, which is fetched once. An
/// instruction of vectors has about 8 bytes, and comes from the second cache at half the rate of data.
inline double transformSeconds(double operations, double codeOperations, const Machine &machine) {
  return operations / (machine.peakFlops * kTransformReach) + codeOperations * 8 / (machine.l2BytesPerSecond / 2);
}

/// Seconds to read `bytes` one after the other. What exceeds the last cache leaves its share there.
inline double streamSeconds(int64_t bytes, const Machine &machine) {
  int64_t beyond = bytes - machine.l3Bytes;
  return beyond > 0 ? machine.l3Bytes / machine.l3BytesPerSecond + beyond / machine.memoryBytesPerSecond
                    : bytes / machine.bandwidthFor(bytes);
}

/// What an addition and a stored byte count beside a multiplication in a circuit: bits of an 8-bit product, and what of
/// a block RAM a byte takes.
inline constexpr double kCircuitAddition = 1.0 / 8, kCircuitByte = 1.0 / 64;

/// What a way to compute a layer takes, per sample.
struct Cost {
  /// Multiplications and additions of numbers that are asked for.
  double multiplies = 0, adds = 0;
  /// Those of them in transforms, and the operations of the transforms' code.
  double transforms = 0, transformCode = 0;
  /// `laneFactor` of transforms and of products, and the part of the peak that products reach.
  double transformLanes = 1, productLanes = 1, productReach = kDenseReach;
  /// Weight bytes read per sample.
  int64_t weightBytes = 0;
  /// The factor of eps in the error bound of an output (DESIGN section 6): terms of the sum, plus the transform's
  /// depth.
  int64_t roundings = 0;

  /// Seconds per sample: transforms, then products, or their weights from the level that holds them.
  /// For a circuit: nanoseconds of one multiplier, one multiplication each, which is an order and no time.
  double seconds(const Machine &machine) const {
    if (!machine.isProcessor)
      return 1e-9 * (multiplies + kCircuitAddition * adds + kCircuitByte * weightBytes);
    double products = (multiplies + adds - transforms) * productLanes / (machine.peakFlops * productReach);
    double stream = streamSeconds(weightBytes, machine);
    return kLayerSeconds + transformSeconds(transforms * transformLanes, transformCode, machine) +
           (products > stream ? products : stream);
  }
};

} // namespace mlir::compress

#endif // COMPRESS_ANALYSIS_COSTMODEL_H
