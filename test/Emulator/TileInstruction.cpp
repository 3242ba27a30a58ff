//===- TileInstruction.cpp - Instructions of tiles as bytes --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileInstruction.h"
#include <cstring>

using namespace mlir::compress::test;

namespace {

/// The prefix of three bytes that all of these instructions have: SDM volume 2, 2.3.5.
struct VEX {
  unsigned r, x, b, map, w, vvvv, l, pp;

  static VEX of(const uint8_t *code) {
    return {unsigned(~code[1] >> 7 & 1), unsigned(~code[1] >> 6 & 1), unsigned(~code[1] >> 5 & 1),
            unsigned(code[1] & 0x1f),    unsigned(code[2] >> 7),      unsigned(~code[2] >> 3 & 0xf),
            unsigned(code[2] >> 2 & 1),  unsigned(code[2] & 3)};
  }
};

struct ModRM {
  unsigned mod, reg, rm;
};

} // namespace

/// VEX.pp: none, 66, F3, F2.
enum Prefix : unsigned { kNone, k66, kF3, kF2 };

static std::optional<TileOp> opOf(uint8_t opcode, unsigned pp, ModRM modrm) {
  bool isMemory = modrm.mod != 3, hasSIB = isMemory && modrm.rm == 4;
  switch (opcode) {
  case 0x49:
    if (isMemory && modrm.reg == 0 && pp <= k66)
      return pp == kNone ? TileOp::LoadConfig : TileOp::StoreConfig;
    if (!isMemory && modrm.rm == 0 && (pp == kF2 || (pp == kNone && modrm.reg == 0)))
      return pp == kF2 ? TileOp::Zero : TileOp::Release;
    return std::nullopt;
  case 0x4b: // 66 is TILELOADDT1, whose hint changes no value
    if (!hasSIB || pp == kNone)
      return std::nullopt;
    return pp == kF3 ? TileOp::Store : TileOp::Load;
  case 0x5c:
    if (isMemory || pp != kF3)
      return std::nullopt;
    return TileOp::DotBF16;
  case 0x5e:
    if (isMemory)
      return std::nullopt;
    return pp == kF2 ? TileOp::DotSS : pp == kF3 ? TileOp::DotSU : pp == k66 ? TileOp::DotUS : TileOp::DotUU;
  }
  return std::nullopt;
}

/// Reads what follows ModRM of an operand in memory: SDM volume 2, tables 2-2 and 2-3. Returns its length.
static unsigned decodeAddress(const uint8_t *code, VEX vex, ModRM modrm, TileInstruction &instruction) {
  unsigned length = 0, mod = modrm.mod, low = modrm.rm;
  if (low == 4) {
    uint8_t sib = code[length++];
    unsigned index = (sib >> 3 & 7) | vex.x << 3;
    instruction.index = index == 4 ? -1 : int(index);
    instruction.scale = sib >> 6;
    low = sib & 7;
  }
  bool hasNoBase = mod == 0 && low == 5;
  instruction.base = !hasNoBase ? int(low | vex.b << 3) : modrm.rm == 4 ? -1 : TileInstruction::kNextInstruction;
  if (mod == 1) {
    instruction.displacement = int8_t(code[length++]);
  } else if (mod == 2 || hasNoBase) {
    std::memcpy(&instruction.displacement, code + length, sizeof(int32_t));
    length += sizeof(int32_t);
  }
  return length;
}

std::optional<TileInstruction> TileInstruction::decode(const uint8_t *code) {
  constexpr uint8_t kVEX3 = 0xc4;
  constexpr unsigned kMap0F38 = 2, kThroughModRM = 5;
  if (code[0] != kVEX3)
    return std::nullopt;
  VEX vex = VEX::of(code);
  if (vex.map != kMap0F38 || vex.w != 0 || vex.l != 0)
    return std::nullopt;
  ModRM modrm{unsigned(code[4] >> 6), unsigned(code[4] >> 3 & 7), unsigned(code[4] & 7)};
  std::optional<TileOp> op = opOf(code[3], vex.pp, modrm);
  if (!op)
    return std::nullopt;
  TileInstruction instruction{*op, kThroughModRM, modrm.reg, modrm.rm, vex.vvvv, -1, -1, 0, 0};
  if (instruction.isInMemory())
    instruction.length += decodeAddress(code + kThroughModRM, vex, modrm, instruction);
  bool isProduct = *op >= TileOp::DotSS;
  // There are no tiles beyond the seventh, and what is not used has to be zero.
  if (vex.r != 0 || (isProduct ? vex.b != 0 || vex.vvvv >= 8 : vex.vvvv != 0))
    return std::nullopt;
  return instruction;
}
