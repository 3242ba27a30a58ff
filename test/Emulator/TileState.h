//===- TileState.h - Registers of tiles, and what instructions do --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tile registers of x86-64 (AMX), after the pseudocode of Intel's Software Developer's Manual, volume 2, for tests
// on processors that have none.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_EMULATOR_TILESTATE_H
#define COMPRESS_TEST_EMULATOR_TILESTATE_H

#include <cstddef>
#include <cstdint>

namespace mlir::compress::test {

/// The tiles of a thread. What returns bool returns false, and changes nothing, where the instruction would fault.
class TileState {
public:
  static constexpr unsigned kTiles = 8, kRows = 16, kBytes = 64;
  /// Bytes of a configuration in memory.
  static constexpr size_t kConfigBytes = 64;

  /// LDTILECFG: shapes from `bytes`; all tiles become zero. Palette 0 releases them.
  bool configure(const uint8_t *bytes);
  /// STTILECFG.
  void storeConfig(uint8_t *bytes) const;
  /// TILERELEASE.
  void release() { *this = TileState(); }
  bool isReleased() const { return palette == 0; }

  /// TILEZERO.
  bool zero(unsigned tile);
  /// TILELOADD: a row from `base`, the next one `stride` bytes behind it.
  bool load(unsigned tile, const uint8_t *base, int64_t stride);
  /// TILESTORED.
  bool store(unsigned tile, uint8_t *base, int64_t stride) const;

  /// TDPBSSD and its like: to i32 sums of `to`, products of four bytes of `a` by four of `b`.
  bool dotBytes(unsigned to, unsigned a, unsigned b, bool aHasSign, bool bHasSign);
  /// TDPBF16PS: to f32 sums of `to`, products of two bf16 of `a` by two of `b`. The first of each pair have a sum of
  /// their own, and so have the second ones; denormal numbers are zeros.
  bool dotBF16(unsigned to, unsigned a, unsigned b);

private:
  bool isUsable(unsigned tile) const { return tile < kTiles && rows[tile] > 0; }
  bool fitProduct(unsigned to, unsigned a, unsigned b) const;

  uint8_t palette = 0, startRow = 0;
  uint16_t bytesPerRow[kTiles] = {};
  uint8_t rows[kTiles] = {};
  alignas(64) uint8_t data[kTiles][kRows][kBytes] = {};
};

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_EMULATOR_TILESTATE_H
