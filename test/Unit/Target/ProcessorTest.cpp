//===- ProcessorTest.cpp - Extensions and what they are checked by --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Processor.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "gtest/gtest.h"
#include <memory>

#ifdef __x86_64__
#include <cpuid.h>
#endif

using namespace mlir::compress;

static TargetPlatform platformOf(llvm::StringRef triple) { return llvm::cantFail(TargetPlatform::get(triple)); }

/// LLVM's names of what is enabled on the baseline plus `features`.
static llvm::StringSet<> enabledBy(const TargetPlatform &platform, const std::string &features) {
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      platform.target->createMCSubtargetInfo(platform.triple, platform.baseline(), features));
  llvm::StringSet<> names;
  for (const llvm::SubtargetFeatureKV &feature : info->getEnabledProcessorFeatures())
    names.insert(feature.Key);
  return names;
}

TEST(ProcessorTest, NothingIsUsedThatIsNotChecked) {
  TargetPlatform platform = platformOf("x86_64-linux-gnu");
  llvm::StringSet<> baseline = enabledBy(platform, "");
  std::unique_ptr<llvm::MCSubtargetInfo> any(platform.target->createMCSubtargetInfo(platform.triple, "", ""));
  int numProcessors = 0;
  for (const llvm::SubtargetSubTypeKV &processor : any->getAllProcessorDescriptions()) {
    auto cpu = platform.processor(processor.Key);
    if (!cpu) { // of 32 bits
      llvm::consumeError(cpu.takeError());
      continue;
    }
    ++numProcessors;
    llvm::StringSet<> allowed = baseline;
    for (const std::string &extension : cpu->extensions)
      allowed.insert(extension);
    for (const auto &entry : enabledBy(platform, cpu->features()))
      EXPECT_TRUE(allowed.contains(entry.getKey())) << cpu->name << " uses " << entry.getKey().str();
  }
  EXPECT_GT(numProcessors, 50);
}

TEST(ProcessorTest, NamesAreKnownToLLVM) {
  TargetPlatform platform = platformOf("x86_64-linux-gnu");
  for (const X86Feature &feature : x86Features())
    EXPECT_TRUE(enabledBy(platform, ("+" + feature.name).str()).contains(feature.name)) << feature.name.str();
}

/// Whatever puts its operands into ymm or zmm needs the system to save these.
TEST(ProcessorTest, WideRegistersMustBeSaved) {
  TargetPlatform platform = platformOf("x86_64-linux-gnu");
  for (const X86Feature &feature : x86Features()) {
    llvm::StringSet<> implied = enabledBy(platform, ("+" + feature.name).str());
    // Intel's manual, volume 1, 13.1: bits 1 and 2 are SSE and AVX state; 5, 6, 7 those of AVX-512.
    // 17 and 18 are the configuration and the data of tiles.
    uint32_t expected = implied.contains("avx512f")    ? 0b11100110
                        : implied.contains("avx")      ? 0b110
                        : implied.contains("amx-tile") ? 0b11 << 17
                                                       : 0;
    EXPECT_EQ(feature.state, expected) << feature.name.str();
  }
}

TEST(ProcessorTest, VectorsAreAsWideAsTheExtensionsSay) {
  TargetPlatform platform = platformOf("x86_64-linux-gnu");
  for (auto [name, bytes] : {std::pair<const char *, int64_t>{"x86-64", 16},
                             {"nehalem", 16},
                             {"sandybridge", 32},
                             {"haswell", 32},
                             {"znver3", 32},
                             {"skylake-avx512", 64},
                             {"znver4", 64}})
    EXPECT_EQ(llvm::cantFail(platform.processor(name)).vectorBytes, bytes) << name;
}

TEST(ProcessorTest, OlderProcessorsRunOnlyTheirOwn) {
  TargetPlatform platform = platformOf("x86_64-linux-gnu");
  auto cpus = llvm::cantFail(platform.processors("x86-64-v4, haswell ,x86-64"));
  ASSERT_EQ(cpus.size(), 3u);
  EXPECT_TRUE(cpus[1].runsWherever(cpus[0]));
  EXPECT_FALSE(cpus[0].runsWherever(cpus[1]));
  EXPECT_TRUE(cpus[2].runsWherever(cpus[0]) && cpus[2].runsWherever(cpus[1]));
}

TEST(ProcessorTest, TilesAreOfLinuxOnly) {
  auto hasTiles = [](llvm::StringRef triple) {
    TargetCPU cpu = llvm::cantFail(platformOf(triple).processor("sapphirerapids"));
    return llvm::is_contained(cpu.extensions, "amx-tile");
  };
  EXPECT_TRUE(hasTiles("x86_64-linux-gnu"));
  EXPECT_FALSE(hasTiles("x86_64-unknown-freebsd")) << "whose request is another one";
}

TEST(ProcessorTest, OtherMachinesHaveABaseline) {
  TargetPlatform platform = platformOf("aarch64-linux-gnu");
  EXPECT_TRUE(enabledBy(platform, "").contains("neon"));
  auto cpus = llvm::cantFail(platform.processors("cortex-a72"));
  EXPECT_TRUE(cpus.size() == 1 && cpus[0].extensions.empty() && cpus[0].vectorBytes == 16);
}

/// The text of a refusal.
template <typename T>
static std::string refusal(llvm::Expected<T> result) {
  return result ? "none" : llvm::toString(result.takeError());
}

TEST(ProcessorTest, WhatCannotBeBuiltIsRefused) {
  TargetPlatform x86 = platformOf("x86_64-linux-gnu"), arm = platformOf("aarch64-linux-gnu");
  EXPECT_NE(refusal(TargetPlatform::get("riscv64-linux-gnu")).find("no triple of x86-64 or AArch64"),
            std::string::npos);
  EXPECT_NE(refusal(TargetPlatform::get("x86_64-apple-macosx")).find("ELF"), std::string::npos);
  EXPECT_NE(refusal(x86.processor("pentium4")).find("does not run x86-64"), std::string::npos);
  EXPECT_NE(refusal(x86.processor("cortex-a72")).find("unknown processor 'cortex-a72'"), std::string::npos);
  EXPECT_NE(refusal(x86.processors("haswell,")).find("unknown processor ''"), std::string::npos);
  EXPECT_NE(refusal(arm.processors("cortex-a72,neoverse-n1")).find("one processor"), std::string::npos);
  EXPECT_NE(refusal((x86.isHost() ? arm : x86).processor("native")).find("this machine"), std::string::npos);
}

#ifdef __x86_64__

/// The compiler's own table of bits.
TEST(ProcessorTest, BitsAreThoseOfTheCompiler) {
  std::pair<const char *, unsigned> bits[] = {{"sse3", bit_SSE3},
                                              {"ssse3", bit_SSSE3},
                                              {"sse4.1", bit_SSE4_1},
                                              {"sse4.2", bit_SSE4_2},
                                              {"popcnt", bit_POPCNT},
                                              {"movbe", bit_MOVBE},
                                              {"lzcnt", bit_LZCNT},
                                              {"bmi", bit_BMI},
                                              {"bmi2", bit_BMI2},
                                              {"avx", bit_AVX},
                                              {"f16c", bit_F16C},
                                              {"fma", bit_FMA},
                                              {"avx2", bit_AVX2},
                                              {"gfni", bit_GFNI},
                                              {"avxvnni", bit_AVXVNNI},
#ifdef bit_AVXVNNIINT16 // newer compilers
                                              {"avxifma", bit_AVXIFMA},
                                              {"avxvnniint8", bit_AVXVNNIINT8},
                                              {"avxneconvert", bit_AVXNECONVERT},
                                              {"avxvnniint16", bit_AVXVNNIINT16},
#endif
                                              {"avx512f", bit_AVX512F},
                                              {"avx512dq", bit_AVX512DQ},
                                              {"avx512ifma", bit_AVX512IFMA},
                                              {"avx512cd", bit_AVX512CD},
                                              {"avx512bw", bit_AVX512BW},
                                              {"avx512vl", bit_AVX512VL},
                                              {"avx512vbmi", bit_AVX512VBMI},
                                              {"avx512vbmi2", bit_AVX512VBMI2},
                                              {"avx512vnni", bit_AVX512VNNI},
                                              {"avx512bitalg", bit_AVX512BITALG},
                                              {"avx512vpopcntdq", bit_AVX512VPOPCNTDQ},
                                              {"avx512bf16", bit_AVX512BF16},
                                              {"amx-bf16", bit_AMXBF16},
                                              {"amx-tile", bit_AMXTILE},
                                              {"amx-int8", bit_AMXINT8}};
  for (auto [name, bit] : bits) {
    const X86Feature *feature = findX86Feature(name);
    ASSERT_TRUE(feature) << name;
    EXPECT_EQ(1u << feature->bit, bit) << name;
  }
#ifdef bit_AVXVNNIINT16
  EXPECT_EQ(std::size(bits), x86Features().size());
#endif
}

/// What the table finds on this machine is what the compiler's run-time library finds.
TEST(ProcessorTest, TableFindsWhatThisMachineHas) {
  __builtin_cpu_init();
  // The built-in takes nothing but literals.
#define SUPPORTS(name) {name, __builtin_cpu_supports(name) != 0}
  std::pair<const char *, bool> expected[] = {SUPPORTS("sse3"),         SUPPORTS("ssse3"),
                                              SUPPORTS("sse4.1"),       SUPPORTS("sse4.2"),
                                              SUPPORTS("popcnt"),       SUPPORTS("movbe"),
                                              SUPPORTS("lzcnt"),        SUPPORTS("bmi"),
                                              SUPPORTS("bmi2"),         SUPPORTS("avx"),
                                              SUPPORTS("f16c"),         SUPPORTS("fma"),
                                              SUPPORTS("avx2"),         SUPPORTS("gfni"),
                                              SUPPORTS("avxvnni"),      SUPPORTS("avx512f"),
                                              SUPPORTS("avx512dq"),     SUPPORTS("avx512ifma"),
                                              SUPPORTS("avx512cd"),     SUPPORTS("avx512bw"),
                                              SUPPORTS("avx512vl"),     SUPPORTS("avx512vbmi"),
                                              SUPPORTS("avx512vbmi2"),  SUPPORTS("avx512vnni"),
                                              SUPPORTS("avx512bitalg"), SUPPORTS("avx512vpopcntdq"),
                                              SUPPORTS("avx512bf16")};
#undef SUPPORTS
  auto found = [](const char *name) {
    const X86Feature &feature = *findX86Feature(name);
    unsigned words[4] = {};
    std::pair<unsigned, unsigned> leaf = feature.leaf == CPUIDLeaf::One        ? std::pair(1u, 0u)
                                         : feature.leaf == CPUIDLeaf::Seven    ? std::pair(7u, 0u)
                                         : feature.leaf == CPUIDLeaf::SevenOne ? std::pair(7u, 1u)
                                                                               : std::pair(0x80000001u, 0u);
    if (!__get_cpuid_count(leaf.first, leaf.second, &words[0], &words[1], &words[2], &words[3]))
      return false;
    return ((words[static_cast<int>(feature.word)] >> feature.bit) & 1) != 0;
  };
  for (auto [name, has] : expected)
    EXPECT_EQ(found(name), has) << name;
}

#endif
