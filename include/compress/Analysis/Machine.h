//===- Machine.h - What the cost model knows of a machine -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_MACHINE_H
#define COMPRESS_ANALYSIS_MACHINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <variant>

namespace mlir::compress {

/// One core, as data. Bytes, bytes per second and operations per second. A default-constructed one is the preset
/// `kDefaultName`.
struct Machine {
  static constexpr const char *kDefaultName = "xeon-sapphire-rapids";
  std::string name = kDefaultName;
  /// Where the numbers are from, in words: `preset`, `file …`.
  std::string source = "preset";

  int64_t l1Bytes = 48 << 10;
  int64_t l2Bytes = 2 << 20;
  int64_t l3Bytes = 32 << 20;
  double l1BytesPerSecond = 360e9;
  double l2BytesPerSecond = 179e9;
  double l3BytesPerSecond = 30e9;
  double memoryBytesPerSecond = 13e9;
  /// f32 additions plus multiplications per second of fused multiply-add code at full vector width.
  double peakFlops = 200e9;
  /// Of bf16 and int8 dot products at full vector width (of int8 with AVX2: exact sums of pairs); 0 where the processor
  /// has no instruction for them.
  double peakBF16 = 107e9;
  double peakInt8 = 845e9;
  /// SIMD register width in bytes.
  int64_t vectorBytes = 64;
  /// Of bf16 and int8 products in tile registers; 0 where there are none.
  double peakTileBF16 = 0;
  double peakTileInt8 = 0;

  /// False for a circuit that is made for one network: weights are wires and ROMs, nothing is decoded into a cache, and
  /// a shift is no multiplication.
  bool isProcessor = true;

  /// The name that `get` knows such a circuit by. Its costs count multipliers; no description has its rates.
  static constexpr const char *kCircuitName = "circuit";

  /// Rows from which on products are computed in tile registers.
  static constexpr int64_t kTileRows = 16;

  /// Rates of dot products for so many rows that share weights.
  double peakBF16For(int64_t rows) const { return rows >= kTileRows && peakTileBF16 > 0 ? peakTileBF16 : peakBF16; }
  double peakInt8For(int64_t rows) const { return rows >= kTileRows && peakTileInt8 > 0 ? peakTileInt8 : peakInt8; }

  /// f32 numbers of a SIMD register.
  int64_t f32Lanes() const { return vectorBytes / 4; }

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

  /// A preset's name; `native`, which is what `compress-machine --measure` left in `nativePath()`, or else the preset
  /// that fits this processor's vectors, as `source` says; or the path of a file.
  static llvm::Expected<Machine> get(llvm::StringRef text);
  /// The descriptions that are known by name; the first is the default.
  static llvm::ArrayRef<Machine> presets();
  static std::string nativePath();
  /// The name of the preset for processors with registers of `vectorBytes`, with dot products of bytes or not, with
  /// products of bytes in tile registers or not.
  static const char *presetFor(int64_t vectorBytes, bool hasByteDots, bool hasTiles);

  /// Reads a description. Errors name `file`, the key and what is expected of it.
  static llvm::Expected<Machine> fromJSON(llvm::StringRef text, llvm::StringRef file);
  std::string toJSON() const;
  /// One line of all numbers, in units for people.
  std::string summary() const;
};

/// A key of a description's JSON: which number of the machine it is, and what it means.
struct MachineKey {
  const char *name;
  std::variant<int64_t Machine::*, double Machine::*> member;
  const char *meaning;
  /// True if 0 has a meaning.
  bool mayBeZero = false;
  /// True if a description may do without it: then it is 0.
  bool isOptional = false;

  double get(const Machine &machine) const {
    return std::visit([&](auto pointer) { return static_cast<double>(machine.*pointer); }, member);
  }
};

/// Every key but `name`, in the order in which descriptions are written.
llvm::ArrayRef<MachineKey> machineKeys();

} // namespace mlir::compress

#endif // COMPRESS_ANALYSIS_MACHINE_H
