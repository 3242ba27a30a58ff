//===- TileInstruction.h - Instructions of tiles as bytes ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_EMULATOR_TILEINSTRUCTION_H
#define COMPRESS_TEST_EMULATOR_TILEINSTRUCTION_H

#include <cstdint>
#include <optional>

namespace mlir::compress::test {

enum class TileOp { LoadConfig, StoreConfig, Release, Zero, Load, Store, DotSS, DotSU, DotUS, DotUU, DotBF16 };

/// An instruction of AMX-TILE, AMX-INT8 or AMX-BF16.
struct TileInstruction {
  TileOp op;
  unsigned length;
  /// Tiles: of ModRM.reg, ModRM.rm and VEX.vvvv.
  unsigned reg, rm, vvvv;
  /// Of an operand in memory, general registers by their number in instructions; -1 for none, kNextInstruction for rip.
  int base, index;
  unsigned scale;
  int32_t displacement;

  static constexpr int kNextInstruction = 16;

  bool isInMemory() const {
    return op == TileOp::LoadConfig || op == TileOp::StoreConfig || op == TileOp::Load || op == TileOp::Store;
  }

  /// Nullopt if `code` is another instruction, or none that is valid.
  static std::optional<TileInstruction> decode(const uint8_t *code);
};

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_EMULATOR_TILEINSTRUCTION_H
