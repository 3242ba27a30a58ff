//===- TileEmulator.cpp - Runs code with tiles on any x86-64 -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileEmulator.h"
#include "TileInstruction.h"
#include "TileState.h"
#include <asm/prctl.h>
#include <atomic>
#include <csignal>
#include <cstring>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

using namespace mlir::compress::test;

/// Allocated by the first instruction that is emulated: it is no call of malloc that the signal interrupts.
static thread_local TileState tiles;
static std::atomic<uint64_t> counts[6];

/// Where a context keeps the general registers, by their number in instructions.
static constexpr int kRegisters[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static uint64_t valueOf(const ucontext_t &context, int reg) {
  return reg < 0 ? 0 : context.uc_mcontext.gregs[kRegisters[reg]];
}

/// The tile loads and stores have no index in the usual sense: it is the distance of rows.
static uint8_t *addressOf(const TileInstruction &instruction, const ucontext_t &context, bool hasStride) {
  uint64_t base = instruction.base == TileInstruction::kNextInstruction
                      ? context.uc_mcontext.gregs[REG_RIP] + instruction.length
                      : valueOf(context, instruction.base);
  uint64_t index = hasStride ? 0 : valueOf(context, instruction.index) << instruction.scale;
  return reinterpret_cast<uint8_t *>(base + index + int64_t(instruction.displacement));
}

static bool count(unsigned which) {
  counts[which].fetch_add(1, std::memory_order_relaxed);
  return true;
}

/// False where the instruction would fault.
static bool execute(const TileInstruction &i, const ucontext_t &context) {
  int64_t stride = valueOf(context, i.index) << i.scale;
  switch (i.op) {
  case TileOp::LoadConfig:
    return tiles.configure(addressOf(i, context, false)) && count(0);
  case TileOp::StoreConfig:
    tiles.storeConfig(addressOf(i, context, false));
    return true;
  case TileOp::Release:
    tiles.release();
    return count(1);
  case TileOp::Zero:
    return tiles.zero(i.reg) && count(2);
  case TileOp::Load:
    return tiles.load(i.reg, addressOf(i, context, true), stride) && count(3);
  case TileOp::Store:
    return tiles.store(i.reg, addressOf(i, context, true), stride) && count(4);
  case TileOp::DotBF16:
    return tiles.dotBF16(i.reg, i.rm, i.vvvv) && count(5);
  case TileOp::DotSS:
  case TileOp::DotSU:
  case TileOp::DotUS:
  case TileOp::DotUU:
    break;
  }
  bool aHasSign = i.op == TileOp::DotSS || i.op == TileOp::DotSU;
  bool bHasSign = i.op == TileOp::DotSS || i.op == TileOp::DotUS;
  return tiles.dotBytes(i.reg, i.rm, i.vvvv, aHasSign, bHasSign) && count(5);
}

static void onIllegalInstruction(int signal, siginfo_t *, void *where) {
  auto &context = *static_cast<ucontext_t *>(where);
  auto *code = reinterpret_cast<const uint8_t *>(context.uc_mcontext.gregs[REG_RIP]);
  auto instruction = TileInstruction::decode(code);
  if (!instruction || !execute(*instruction, context)) {
    std::signal(signal, SIG_DFL); // comes again, and ends the program
    return;
  }
  context.uc_mcontext.gregs[REG_RIP] += instruction->length;
}

/// True if the processor has tiles that the system saves and grants; XCR0 says the former.
static bool hasTiles() {
  uint32_t a = 7, b, c = 0, d;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  constexpr uint32_t kTileBF16 = 1u << 22, kTile = 1u << 24, kTileI8 = 1u << 25, kAll = kTileBF16 | kTile | kTileI8;
  constexpr long kRequest = 0x1023, kTileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
  return (d & kAll) == kAll && syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

int tile_emulator_install(void) {
  if (hasTiles())
    return 0;
  struct sigaction action = {};
  action.sa_sigaction = onIllegalInstruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGILL, &action, nullptr) == 0 ? 1 : -1;
}

tile_counts tile_emulator_take_counts(void) {
  uint64_t taken[6];
  for (unsigned i = 0; i < 6; ++i)
    taken[i] = counts[i].exchange(0, std::memory_order_relaxed);
  return {taken[0], taken[1], taken[2], taken[3], taken[4], taken[5]};
}

int tile_emulator_is_released(void) { return tiles.isReleased(); }
