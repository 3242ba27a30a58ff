//===- TileStateTest.cpp - Instructions of tiles against mathematics -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileState.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace mlir::compress::test;

namespace {

/// A configuration in memory, of `tiles` (rows, bytes of a row).
std::vector<uint8_t> configOf(std::initializer_list<std::pair<uint8_t, uint16_t>> tiles) {
  std::vector<uint8_t> bytes(TileState::kConfigBytes, 0);
  bytes[0] = 1;
  size_t tile = 0;
  for (auto [rows, perRow] : tiles) {
    bytes[16 + 2 * tile] = perRow;
    bytes[48 + tile++] = rows;
  }
  return bytes;
}

/// C (M x N), A (M x K words), B (K words x N) as tiles 0, 1, 2.
struct Product {
  int64_t m, k, n;
  TileState state;
  std::vector<uint8_t> a, b, c;

  Product(int64_t m, int64_t k, int64_t n) : m(m), k(k), n(n), a(4 * m * k), b(4 * k * n), c(4 * m * n) {
    EXPECT_TRUE(state.configure(configOf({{m, 4 * n}, {m, 4 * k}, {k, 4 * n}}).data()));
  }
  void load() {
    EXPECT_TRUE(state.load(0, c.data(), 4 * n) && state.load(1, a.data(), 4 * k) && state.load(2, b.data(), 4 * n));
  }
  template <typename T>
  std::vector<T> sums() {
    std::vector<T> result(m * n);
    EXPECT_TRUE(state.store(0, reinterpret_cast<uint8_t *>(result.data()), 4 * n));
    return result;
  }
};

uint16_t bf16Of(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  EXPECT_EQ(bits & 0xffff, 0u) << number << " is no bf16";
  return bits >> 16;
}

/// c + the pairs of products of one row by one column.
float dotOf(float c, std::vector<std::pair<float, float>> a, std::vector<std::pair<float, float>> b) {
  Product product(1, a.size(), 1);
  std::memcpy(product.c.data(), &c, sizeof(c));
  for (size_t i = 0; i < a.size(); ++i) {
    uint16_t pairA[] = {bf16Of(a[i].first), bf16Of(a[i].second)}, pairB[] = {bf16Of(b[i].first), bf16Of(b[i].second)};
    std::memcpy(product.a.data() + 4 * i, pairA, 4);
    std::memcpy(product.b.data() + 4 * i, pairB, 4);
  }
  product.load();
  EXPECT_TRUE(product.state.dotBF16(0, 1, 2));
  return product.sums<float>()[0];
}

} // namespace

TEST(TileStateTest, ProductsOfBytesAreThoseOfIntegers) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 200; ++trial) {
    Product product(1 + random() % 16, 1 + random() % 16, 1 + random() % 16);
    for (auto *bytes : {&product.a, &product.b, &product.c})
      for (uint8_t &byte : *bytes)
        byte = random() % 4 ? random() : 0x80 | random() % 2 * 0x7f; // many extremes
    bool aHasSign = random() % 2, bHasSign = random() % 2;
    product.load();
    ASSERT_TRUE(product.state.dotBytes(0, 1, 2, aHasSign, bHasSign));
    std::vector<uint32_t> sums = product.sums<uint32_t>();
    auto number = [](uint8_t byte, bool hasSign) { return hasSign && byte >= 128 ? byte - 256 : int64_t(byte); };
    for (int64_t i = 0; i < product.m; ++i)
      for (int64_t j = 0; j < product.n; ++j) {
        uint32_t start;
        std::memcpy(&start, &product.c[4 * (i * product.n + j)], 4);
        int64_t sum = start;
        for (int64_t l = 0; l < 4 * product.k; ++l)
          sum += number(product.a[i * 4 * product.k + l], aHasSign) *
                 number(product.b[(l / 4 * product.n + j) * 4 + l % 4], bHasSign);
        ASSERT_EQ(sums[i * product.n + j], uint32_t(sum)) << "trial " << trial << " of seed 11";
      }
  }
}

TEST(TileStateTest, PairsOfBF16HaveSumsOfTheirOwn) {
  // 2^24 + 1 is 2^24 in f32: one sum after the other would lose both ones.
  EXPECT_EQ(dotOf(0, {{16777216.0f, 1}, {0, 1}}, {{1, 1}, {0, 1}}), 16777218.0f);
  // Of one sum: 2^24 + 1 is a tie and goes to the even 2^24, twice.
  EXPECT_EQ(dotOf(0, {{16777216.0f, 0}, {1, 0}, {1, 0}}, {{1, 0}, {1, 0}, {1, 0}}), 16777216.0f);
  // The sum of the products, not each of them, is added to what was there.
  EXPECT_EQ(dotOf(16777216.0f, {{1, 1}}, {{1, 1}}), 16777218.0f);
}

TEST(TileStateTest, ProductsOfBF16AreRoundedOnce) {
  // 1 + 2^-7 squared is 1 + 2^-6 + 2^-14; with -(1 + 2^-6) before, an exact product leaves 2^-14.
  float one = 1 + 0x1p-7f;
  EXPECT_EQ(dotOf(0, {{1 + 0x1p-6f, 0}, {one, 0}}, {{-1, 0}, {one, 0}}), 0x1p-14f);
}

TEST(TileStateTest, DenormalNumbersAreZeros) {
  EXPECT_EQ(dotOf(0, {{0x1p-127f, 0}}, {{0x1p100f, 0}}), 0.0f) << "of an operand";
  EXPECT_EQ(dotOf(0, {{0x1p-70f, 0}}, {{0x1p-70f, 0}}), 0.0f) << "of a product";
  EXPECT_EQ(dotOf(0x1p-130f, {{0, 0}}, {{0, 0}}), 0.0f) << "of a sum";
  EXPECT_EQ(dotOf(0, {{0x1p-63f, 0}}, {{0x1p-63f, 0}}), 0x1p-126f) << "the least that is none";
}

TEST(TileStateTest, ProductsOfBF16AreWithinTheBoundOfTheirSums) {
  std::mt19937 random(12);
  std::normal_distribution<float> normal;
  Product product(16, 16, 16);
  auto fill = [&](std::vector<uint8_t> &bytes) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
      float number = normal(random);
      std::memcpy(&bytes[i], reinterpret_cast<uint8_t *>(&number) + 2, 2);
    }
  };
  fill(product.a);
  fill(product.b);
  product.load();
  ASSERT_TRUE(product.state.dotBF16(0, 1, 2));
  std::vector<float> sums = product.sums<float>();
  auto number = [](const uint8_t *bf16) {
    float value = 0;
    std::memcpy(reinterpret_cast<uint8_t *>(&value) + 2, bf16, 2);
    return double(value);
  };
  for (int64_t i = 0; i < 16; ++i)
    for (int64_t j = 0; j < 16; ++j) {
      double sum = 0, magnitudes = 0;
      for (int64_t l = 0; l < 32; ++l) {
        double term = number(&product.a[(i * 32 + l) * 2]) * number(&product.b[((l / 2 * 16 + j) * 2 + l % 2) * 2]);
        sum += term;
        magnitudes += std::abs(term);
      }
      // 16 roundings of each sum, one of both, one of what was there (Higham, 3.1).
      EXPECT_LE(std::abs(sums[i * 16 + j] - sum), 18 * 0x1p-24 * magnitudes) << i << ", " << j << " of seed 12";
    }
}

TEST(TileStateTest, WhatTileDoesNotHaveIsZero) {
  TileState state;
  ASSERT_TRUE(state.configure(configOf({{3, 20}}).data()));
  std::vector<uint8_t> from(16 * 100, 7), to(3 * 64, 9);
  ASSERT_TRUE(state.load(0, from.data(), 100) && state.store(0, to.data(), 64));
  for (size_t i = 0; i < to.size(); ++i)
    EXPECT_EQ(to[i], i % 64 < 20 ? 7 : 9) << i;
  ASSERT_TRUE(state.zero(0) && state.store(0, to.data(), 64));
  EXPECT_EQ(to[0], 0);
}

TEST(TileStateTest, ConfigurationsThatAreNoneAreRefused) {
  auto isRefused = [](size_t at, uint8_t value) {
    std::vector<uint8_t> bytes = configOf({{16, 64}, {16, 64}});
    bytes[at] = value;
    TileState state;
    bool isTaken = state.configure(bytes.data());
    EXPECT_EQ(state.isReleased(), !isTaken);
    return !isTaken;
  };
  EXPECT_FALSE(isRefused(1, 0));
  EXPECT_TRUE(isRefused(0, 2)) << "palette";
  EXPECT_TRUE(isRefused(1, 17)) << "first row";
  EXPECT_TRUE(isRefused(2, 1)) << "reserved";
  EXPECT_TRUE(isRefused(16, 65)) << "bytes of a row";
  EXPECT_TRUE(isRefused(48, 17)) << "rows";
  EXPECT_TRUE(isRefused(48, 0)) << "rows of no byte";
  EXPECT_TRUE(isRefused(50, 1)) << "bytes of no row";
  EXPECT_TRUE(isRefused(32, 1)) << "an eighth tile";
  EXPECT_TRUE(isRefused(56, 1)) << "reserved";
}

TEST(TileStateTest, ProductsThatDoNotFitAreRefused) {
  TileState state;
  EXPECT_FALSE(state.zero(0)) << "not configured";
  ASSERT_TRUE(state.configure(configOf({{16, 64}, {16, 64}, {16, 64}, {8, 64}, {16, 32}, {16, 62}}).data()));
  EXPECT_TRUE(state.dotBytes(0, 1, 2, true, true));
  EXPECT_FALSE(state.dotBytes(0, 0, 2, true, true) || state.dotBytes(0, 1, 0, true, true) ||
               state.dotBytes(0, 1, 1, true, true))
      << "one tile twice";
  EXPECT_FALSE(state.dotBytes(0, 3, 2, true, true)) << "rows of the sums";
  EXPECT_FALSE(state.dotBytes(0, 1, 3, true, true)) << "steps";
  EXPECT_FALSE(state.dotBF16(0, 1, 4)) << "columns";
  EXPECT_FALSE(state.dotBF16(0, 5, 2)) << "no whole words";
  EXPECT_FALSE(state.zero(6) || state.zero(8)) << "no such tile";
}
