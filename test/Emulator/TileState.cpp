//===- TileState.cpp - Registers of tiles, and what instructions do ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileState.h"
#include <cmath>
#include <cstring>
#include <immintrin.h>

using namespace mlir::compress::test;

/// Where a configuration keeps what: SDM volume 1, table 18-1.
static constexpr size_t kStartRow = 1, kReserved = 2, kBytesPerRow = 16, kReservedBytes = 32, kRowsOfTile = 48,
                        kReservedRows = 56;

static bool areZeros(const uint8_t *bytes, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i)
    if (bytes[i])
      return false;
  return true;
}

bool TileState::configure(const uint8_t *bytes) {
  if (bytes[0] > 1)
    return false;
  TileState next;
  next.palette = bytes[0];
  if (next.palette == 1) {
    if (!areZeros(bytes, kReserved, kBytesPerRow) || !areZeros(bytes, kReservedBytes, kRowsOfTile) ||
        !areZeros(bytes, kReservedRows, kConfigBytes) || bytes[kStartRow] > kRows)
      return false;
    next.startRow = bytes[kStartRow];
    std::memcpy(next.bytesPerRow, bytes + kBytesPerRow, sizeof(bytesPerRow));
    std::memcpy(next.rows, bytes + kRowsOfTile, sizeof(rows));
    for (unsigned tile = 0; tile < kTiles; ++tile)
      if (next.bytesPerRow[tile] > kBytes || next.rows[tile] > kRows ||
          (next.bytesPerRow[tile] == 0) != (next.rows[tile] == 0))
        return false;
  }
  *this = next;
  return true;
}

void TileState::storeConfig(uint8_t *bytes) const {
  std::memset(bytes, 0, kConfigBytes);
  bytes[0] = palette;
  bytes[kStartRow] = startRow;
  std::memcpy(bytes + kBytesPerRow, bytesPerRow, sizeof(bytesPerRow));
  std::memcpy(bytes + kRowsOfTile, rows, sizeof(rows));
}

bool TileState::zero(unsigned tile) {
  if (!isUsable(tile))
    return false;
  std::memset(data[tile], 0, sizeof(data[tile]));
  return true;
}

bool TileState::load(unsigned tile, const uint8_t *base, int64_t stride) {
  if (!zero(tile))
    return false;
  for (int64_t row = 0; row < rows[tile]; ++row)
    std::memcpy(data[tile][row], base + row * stride, bytesPerRow[tile]);
  return true;
}

bool TileState::store(unsigned tile, uint8_t *base, int64_t stride) const {
  if (!isUsable(tile))
    return false;
  for (int64_t row = 0; row < rows[tile]; ++row)
    std::memcpy(base + row * stride, data[tile][row], bytesPerRow[tile]);
  return true;
}

/// SDM: #UD if two of the tiles are one, or if their shapes do not fit.
bool TileState::fitProduct(unsigned to, unsigned a, unsigned b) const {
  return isUsable(to) && isUsable(a) && isUsable(b) && to != a && to != b && a != b && bytesPerRow[to] % 4 == 0 &&
         bytesPerRow[a] % 4 == 0 && rows[to] == rows[a] && bytesPerRow[a] / 4 == rows[b] &&
         bytesPerRow[to] == bytesPerRow[b];
}

bool TileState::dotBytes(unsigned to, unsigned a, unsigned b, bool aHasSign, bool bHasSign) {
  if (!fitProduct(to, a, b))
    return false;
  auto extend = [](uint8_t byte, bool hasSign) -> int32_t { return hasSign ? int8_t(byte) : byte; };
  for (unsigned m = 0; m < rows[to]; ++m) {
    uint32_t sums[kBytes / 4]; // without sign: sums wrap
    std::memcpy(sums, data[to][m], sizeof(sums));
    for (unsigned k = 0; k < rows[b]; ++k)
      for (unsigned n = 0; n < bytesPerRow[to] / 4u; ++n)
        for (unsigned byte = 0; byte < 4; ++byte)
          sums[n] += extend(data[a][m][4 * k + byte], aHasSign) * extend(data[b][k][4 * n + byte], bHasSign);
    std::memcpy(data[to][m], sums, sizeof(sums));
  }
  return true;
}

static float numberOf(const uint8_t *bf16) {
  uint32_t bits = uint32_t(bf16[0]) << 16 | uint32_t(bf16[1]) << 24;
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

/// One row of TDPBF16PS; MXCSR has to say that denormal numbers are zeros, and to round to nearest.
__attribute__((target("fma"))) static void addRowOfBF16(float *sums, const uint8_t *a, const uint8_t (*b)[64],
                                                        unsigned steps, unsigned columns) {
  float pairs[2][16] = {};
  for (unsigned k = 0; k < steps; ++k)
    for (unsigned n = 0; n < columns; ++n)
      for (unsigned i = 0; i < 2; ++i)
        pairs[i][n] = std::fma(numberOf(a + 4 * k + 2 * i), numberOf(b[k] + 4 * n + 2 * i), pairs[i][n]);
  for (unsigned n = 0; n < columns; ++n)
    sums[n] += pairs[0][n] + pairs[1][n];
}

bool TileState::dotBF16(unsigned to, unsigned a, unsigned b) {
  if (!fitProduct(to, a, b))
    return false;
  constexpr unsigned kZeroDenormals = 0x8040, kMaskedRoundingToNearest = 0x1f80;
  unsigned before = _mm_getcsr();
  _mm_setcsr(kMaskedRoundingToNearest | kZeroDenormals);
  for (unsigned m = 0; m < rows[to]; ++m) {
    alignas(64) float sums[kBytes / 4];
    std::memcpy(sums, data[to][m], sizeof(sums));
    addRowOfBF16(sums, data[a][m], data[b], rows[b], bytesPerRow[to] / 4);
    std::memcpy(data[to][m], sums, sizeof(sums));
  }
  _mm_setcsr(before);
  return true;
}
