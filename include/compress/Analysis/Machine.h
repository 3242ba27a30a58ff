//===- Machine.h - What the cost model knows of a machine -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_MACHINE_H
#define COMPRESS_ANALYSIS_MACHINE_H

#include <cstdint>

namespace mlir::compress {

/// One core, as data. Bytes, bytes per second and operations per second.
struct Machine {
  int64_t l1Bytes = 48 << 10;
  int64_t l2Bytes = 2 << 20;
  int64_t l3Bytes = 32 << 20;
  double l1BytesPerSecond = 360e9;
  double l2BytesPerSecond = 179e9;
  double l3BytesPerSecond = 30e9;
  double memoryBytesPerSecond = 13e9;
  /// f32 additions plus multiplications per second of fused multiply-add code at full vector width.
  double peakFlops = 200e9;
  /// SIMD register width in bytes.
  int64_t vectorBytes = 64;

  /// Name of the innermost level that holds `bytes`.
  const char *levelOf(int64_t bytes) const {
    return bytes <= l1Bytes ? "L1" : bytes <= l2Bytes ? "L2" : bytes <= l3Bytes ? "L3" : "memory";
  }

  /// Bandwidth of the innermost level that holds `bytes`.
  double bandwidthFor(int64_t bytes) const {
    return bytes <= l1Bytes   ? l1BytesPerSecond
           : bytes <= l2Bytes ? l2BytesPerSecond
           : bytes <= l3Bytes ? l3BytesPerSecond
                              : memoryBytesPerSecond;
  }
};

/// What a way to compute a layer takes, per sample.
struct Cost {
  double multiplies = 0, adds = 0;
  /// Weight bytes read per sample.
  int64_t weightBytes = 0;
  /// The factor of eps in the error bound of an output (DESIGN section 6): terms of the sum, plus the transform's
  /// depth.
  int64_t roundings = 0;

  /// Seconds per sample: operations at peak, or weights at the bandwidth of the level that holds them.
  double seconds(const Machine &machine) const {
    double compute = (multiplies + adds) / machine.peakFlops;
    double memory = weightBytes / machine.bandwidthFor(weightBytes);
    return compute > memory ? compute : memory;
  }
};

} // namespace mlir::compress

#endif // COMPRESS_ANALYSIS_MACHINE_H
