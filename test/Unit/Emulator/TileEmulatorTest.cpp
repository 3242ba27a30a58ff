//===- TileEmulatorTest.cpp - Instructions of tiles as they are executed -===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These run on the hardware where there is any, and else by the handler of SIGILL.
//
//===----------------------------------------------------------------------===//

#include "TileEmulator.h"
#include "TileInstruction.h"
#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace mlir::compress::test;

#define TILES __attribute__((target("amx-tile,amx-int8,amx-bf16"), noinline))

namespace {

class TileEmulatorTest : public testing::Test {
protected:
  static void SetUpTestSuite() { ASSERT_GE(tile_emulator_install(), 0); }

  void SetUp() override {
    std::mt19937 random(13);
    for (auto *bytes : {a, b})
      for (int i = 0; i < 1024; ++i)
        bytes[i] = random();
  }

  alignas(64) uint8_t a[1024], b[1024];
  alignas(64) int32_t c[256] = {};
};

struct alignas(64) Config {
  uint8_t bytes[64] = {1};
};

/// All tiles of 16 rows of 64 bytes.
Config wholeTiles() {
  Config config;
  for (int tile = 0; tile < 8; ++tile) {
    config.bytes[16 + 2 * tile] = 64;
    config.bytes[48 + tile] = 16;
  }
  return config;
}

TILES void configure(const Config &config) { asm volatile("ldtilecfg %0" : : "m"(config)); }
TILES void release() { asm volatile("tilerelease"); }

/// c = a * b, whole tiles, by instruction `which`.
TILES void multiply(int which, const void *a, const void *b, void *c) {
  asm volatile("tilezero %%tmm0\n\ttileloadd (%0,%2), %%tmm6\n\ttileloaddt1 (%1,%2), %%tmm7"
               :
               : "r"(a), "r"(b), "r"(64l)
               : "memory");
  switch (which) {
  case 0:
    asm volatile("tdpbssd %%tmm7, %%tmm6, %%tmm0" ::);
    break;
  case 1:
    asm volatile("tdpbsud %%tmm7, %%tmm6, %%tmm0" ::);
    break;
  case 2:
    asm volatile("tdpbusd %%tmm7, %%tmm6, %%tmm0" ::);
    break;
  case 3:
    asm volatile("tdpbuud %%tmm7, %%tmm6, %%tmm0" ::);
    break;
  case 4:
    asm volatile("tdpbf16ps %%tmm7, %%tmm6, %%tmm0" ::);
    break;
  }
  asm volatile("tilestored %%tmm0, (%0,%1)" : : "r"(c), "r"(64l) : "memory");
}

/// An element of the product of bytes.
int32_t expected(const uint8_t *a, const uint8_t *b, int i, int j, bool aHasSign, bool bHasSign) {
  int32_t sum = 0;
  for (int k = 0; k < 64; ++k) {
    uint8_t x = a[64 * i + k], y = b[k / 4 * 64 + 4 * j + k % 4];
    sum += (aHasSign ? int8_t(x) : x) * (bHasSign ? int8_t(y) : y);
  }
  return sum;
}

} // namespace

TEST_F(TileEmulatorTest, ProductsOfBytesAreThoseOfTheirSigns) {
  configure(wholeTiles());
  for (int which = 0; which < 4; ++which) {
    multiply(which, a, b, c);
    for (int i = 0; i < 16; ++i)
      for (int j = 0; j < 16; ++j)
        ASSERT_EQ(c[16 * i + j], expected(a, b, i, j, which < 2, which % 2 == 0)) << which << ": " << i << ", " << j;
  }
  release();
}

TEST_F(TileEmulatorTest, ProductsOfBF16AreExactForSmallIntegers) {
  alignas(64) uint16_t x[512], y[512];
  alignas(64) float sums[256];
  auto numberOf = [](uint8_t byte) { return float(byte % 32) - 16; };
  auto bf16Of = [&](uint8_t byte) {
    float number = numberOf(byte);
    uint16_t high;
    std::memcpy(&high, reinterpret_cast<char *>(&number) + 2, 2);
    return high;
  };
  for (int i = 0; i < 512; ++i) {
    x[i] = bf16Of(a[i]);
    y[i] = bf16Of(b[i]);
  }
  configure(wholeTiles());
  multiply(4, x, y, sums);
  release();
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) {
      float sum = 0;
      for (int k = 0; k < 32; ++k)
        sum += numberOf(a[32 * i + k]) * numberOf(b[k / 2 * 32 + 2 * j + k % 2]);
      EXPECT_EQ(sums[16 * i + j], sum);
    }
}

/// Loads a tile by each way to say where it is, and stores it densely; `rows` are 80 bytes apart.
TILES static void copyByEachAddress(const uint8_t *rows, uint8_t *to) {
  const uint8_t *middle = rows + 1000;
  asm volatile(
      "movq %0, %%r13\n\tmovq $20, %%r12\n\ttileloadd (%%r13,%%r12,4), %%tmm1\n\ttilestored %%tmm1, (%1,%2)\n\t"
      "tileloadd -1000(%3,%%r12,4), %%tmm2\n\ttilestored %%tmm2, 1024(%1,%2)\n\t"
      "leaq 100(%%r13), %%r13\n\ttileloadd -100(%%r13,%%r12,4), %%tmm3\n\ttilestored %%tmm3, 2048(%1,%2)\n\t"
      "tileloadd -100(%%r13), %%tmm4\n\ttilestored %%tmm4, 3072(%1,%2)"
      :
      : "r"(rows), "r"(to), "r"(64l), "r"(middle)
      : "r12", "r13", "memory");
}

TEST_F(TileEmulatorTest, RowsAreWhereAddressesSay) {
  alignas(64) uint8_t rows[16 * 80], to[4 * 1024] = {};
  for (int i = 0; i < 16 * 80; ++i)
    rows[i] = i % 80 < 64 ? a[i / 80 * 64 + i % 80] : 0xee;
  configure(wholeTiles());
  copyByEachAddress(rows, to);
  release();
  for (int copy = 0; copy < 3; ++copy)
    EXPECT_EQ(std::memcmp(to + 1024 * copy, a, 1024), 0) << copy;
  for (int row = 0; row < 16; ++row)
    EXPECT_EQ(std::memcmp(to + 3072 + 64 * row, a, 64), 0) << "without an index, each row is the first: " << row;
}

TILES static Config storedConfig() {
  Config config;
  asm volatile("sttilecfg %0" : "=m"(config));
  return config;
}

TEST_F(TileEmulatorTest, ConfigurationIsReadBack) {
  Config config = wholeTiles();
  config.bytes[48] = 5;
  configure(config);
  EXPECT_EQ(std::memcmp(storedConfig().bytes, config.bytes, 64), 0);
  release();
  Config released{{0}};
  EXPECT_EQ(std::memcmp(storedConfig().bytes, released.bytes, 64), 0);
}

TEST_F(TileEmulatorTest, ThreadsHaveTilesOfTheirOwn) {
  configure(wholeTiles());
  multiply(0, a, b, c);
  std::thread([] {
    Config released{{0}};
    EXPECT_EQ(std::memcmp(storedConfig().bytes, released.bytes, 64), 0);
    configure(wholeTiles());
    release();
  }).join();
  EXPECT_EQ(storedConfig().bytes[0], 1);
  release();
}

TEST_F(TileEmulatorTest, InstructionsAreCounted) {
  if (tile_emulator_install() == 0)
    GTEST_SKIP() << "the processor executes them itself";
  tile_emulator_take_counts();
  configure(wholeTiles());
  multiply(0, a, b, c);
  EXPECT_FALSE(tile_emulator_is_released());
  release();
  EXPECT_TRUE(tile_emulator_is_released());
  tile_counts counts = tile_emulator_take_counts();
  EXPECT_TRUE(counts.configures == 1 && counts.releases == 1 && counts.zeros == 1 && counts.loads == 2 &&
              counts.stores == 1 && counts.products == 1);
  EXPECT_EQ(tile_emulator_take_counts().loads, 0u);
}

TEST_F(TileEmulatorTest, WhatIsNoInstructionOfTilesEndsTheProgram) {
  EXPECT_EXIT(asm volatile("ud2"), testing::KilledBySignal(SIGILL), "");
  EXPECT_DEATH(multiply(0, a, b, c), "") << "tiles that were not configured";
  Config config = wholeTiles();
  config.bytes[0] = 2;
  EXPECT_DEATH(configure(config), "");
}

TEST(TileInstructionTest, EncodingsThatAreNoneAreRefused) {
  auto isDecoded = [](std::initializer_list<uint8_t> code) {
    uint8_t bytes[16] = {};
    std::copy(code.begin(), code.end(), bytes);
    return TileInstruction::decode(bytes).has_value();
  };
  EXPECT_TRUE(isDecoded({0xc4, 0xe2, 0x43, 0x5e, 0xc6})); // tdpbssd %tmm7, %tmm6, %tmm0
  EXPECT_FALSE(isDecoded({0xc5, 0xe2, 0x43, 0x5e, 0xc6})) << "the prefix of two bytes";
  EXPECT_FALSE(isDecoded({0xc4, 0xe1, 0x43, 0x5e, 0xc6})) << "another map of opcodes";
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0xc3, 0x5e, 0xc6})) << "W";
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0x47, 0x5e, 0xc6})) << "L";
  EXPECT_FALSE(isDecoded({0xc4, 0x62, 0x43, 0x5e, 0xc6})) << "tmm8 as sums";
  EXPECT_FALSE(isDecoded({0xc4, 0xc2, 0x43, 0x5e, 0xc6})) << "tmm14 as factor";
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0x03, 0x5e, 0xc6})) << "tmm15 as factor";
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0x43, 0x5e, 0x06})) << "a factor in memory";
  EXPECT_TRUE(isDecoded({0xc4, 0xe2, 0x7b, 0x4b, 0x04, 0x08})); // tileloadd (%rax,%rcx), %tmm0
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0x7b, 0x4b, 0x00})) << "an address without SIB";
  EXPECT_FALSE(isDecoded({0xc4, 0xe2, 0x73, 0x4b, 0x04, 0x08})) << "vvvv";
}
