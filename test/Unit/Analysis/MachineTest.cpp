//===- MachineTest.cpp - Machine descriptions: files, errors, names -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/CostModel.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "gtest/gtest.h"
#include <fstream>
#include <optional>

using namespace mlir::compress;

static const char *kGood = R"({
  "name": "toy",
  "l1_bytes": 1024, "l2_bytes": 2048, "l3_bytes": 4096,
  "l1_bytes_per_second": 4e9, "l2_bytes_per_second": 3e9, "l3_bytes_per_second": 2.5e9, "memory_bytes_per_second": 1e9,
  "peak_f32_ops_per_second": 8e9, "peak_bf16_ops_per_second": 0, "peak_int8_ops_per_second": 16e9,
  "vector_bytes": 32
})";

/// The description above with one key set to what the text says, or taken out.
static std::string with(const std::string &key, std::optional<std::string> value) {
  llvm::json::Value json = llvm::cantFail(llvm::json::parse(kGood));
  json.getAsObject()->erase(key);
  if (value)
    (*json.getAsObject())[key] = llvm::cantFail(llvm::json::parse(*value));
  return llvm::formatv("{0}", json).str();
}

static std::string errorOf(llvm::Expected<Machine> machine) {
  return machine ? "" : llvm::toString(machine.takeError());
}

static std::string errorOf(const std::string &text) { return errorOf(Machine::fromJSON(text, "toy.json")); }

/// Expects an error that names the file, the key and what is expected.
static void expectError(const std::string &key, std::optional<std::string> value, const std::string &expected) {
  std::string error = errorOf(with(key, value));
  EXPECT_NE(error.find("'toy.json'"), std::string::npos) << error;
  EXPECT_NE(error.find("'" + key + "'"), std::string::npos) << error;
  EXPECT_NE(error.find(expected), std::string::npos) << error;
}

TEST(MachineTest, AFileIsReadKeyByKey) {
  Machine machine = llvm::cantFail(Machine::fromJSON(kGood, "toy.json"));
  EXPECT_EQ(machine.name, "toy");
  EXPECT_EQ(machine.source, "file toy.json");
  EXPECT_EQ(machine.l1Bytes, 1024);
  EXPECT_EQ(machine.l2Bytes, 2048);
  EXPECT_EQ(machine.l3Bytes, 4096);
  EXPECT_EQ(machine.l1BytesPerSecond, 4e9);
  EXPECT_EQ(machine.l2BytesPerSecond, 3e9);
  EXPECT_EQ(machine.l3BytesPerSecond, 2.5e9);
  EXPECT_EQ(machine.memoryBytesPerSecond, 1e9);
  EXPECT_EQ(machine.peakFlops, 8e9);
  EXPECT_EQ(machine.peakBF16, 0);
  EXPECT_EQ(machine.peakInt8, 16e9);
  EXPECT_EQ(machine.vectorBytes, 32);
  // 1500 bytes are in L2; 5000 in memory. 6000 operations take longer than 1500 bytes do.
  EXPECT_EQ(machine.bandwidthFor(1500), 3e9);
  EXPECT_EQ(machine.bandwidthFor(5000), 1e9);
}

TEST(MachineTest, TilesAreOptionalAndOfManyRows) {
  Machine without = llvm::cantFail(Machine::fromJSON(kGood, "toy.json"));
  EXPECT_EQ(without.peakTileInt8, 0);
  EXPECT_EQ(without.peakInt8For(64), 16e9);
  Machine machine = llvm::cantFail(Machine::fromJSON(with("peak_tile_int8_ops_per_second", "64e9"), "toy.json"));
  EXPECT_EQ(machine.peakInt8For(15), 16e9);
  EXPECT_EQ(machine.peakInt8For(16), 64e9);
  EXPECT_EQ(machine.peakBF16For(16), 0);
  expectError("peak_tile_bf16_ops_per_second", "-1", "0 or greater");
  Machine preset = llvm::cantFail(Machine::get("xeon-sapphire-rapids-amx"));
  EXPECT_TRUE(preset.peakTileBF16 > preset.peakBF16 && preset.peakTileInt8 > preset.peakInt8);
}

TEST(MachineTest, ALayerTakesItsTransformsAndThenTheLongerOne) {
  Machine machine = llvm::cantFail(Machine::fromJSON(kGood, "toy.json"));
  Cost cost;
  cost.multiplies = cost.adds = 3000;
  cost.weightBytes = 1500;
  EXPECT_DOUBLE_EQ(cost.seconds(machine), 1e-7 + 6000 / (8e9 * 0.8));
  cost.weightBytes = 3000; // from L3
  EXPECT_DOUBLE_EQ(cost.seconds(machine), 1e-7 + 3000 / 2.5e9);
  cost.weightBytes = 5096; // 4096 of them from L3, the rest from memory
  EXPECT_DOUBLE_EQ(cost.seconds(machine), 1e-7 + 4096 / 2.5e9 + 1000 / 1e9);
  // 2000 of the operations in transforms of 50 operations of code, of 8 bytes each; half of their lanes are idle.
  cost.transforms = 2000;
  cost.transformCode = 50;
  cost.transformLanes = 2;
  EXPECT_DOUBLE_EQ(cost.seconds(machine), 1e-7 + 4000 / (8e9 / 3) + 400 / 1.5e9 + 4096 / 2.5e9 + 1000 / 1e9);
}

TEST(MachineTest, LanesAreWholeVectors) {
  Machine machine = llvm::cantFail(Machine::fromJSON(kGood, "toy.json")); // 8 lanes
  EXPECT_DOUBLE_EQ(laneFactor(8, machine), 1);
  EXPECT_DOUBLE_EQ(laneFactor(16, machine), 1);
  EXPECT_DOUBLE_EQ(laneFactor(5, machine), 8.0 / 5);
  EXPECT_DOUBLE_EQ(laneFactor(9, machine), 16.0 / 9);
  EXPECT_DOUBLE_EQ(laneFactor(0, machine), 1);
}

TEST(MachineTest, WhatIsWrittenIsReadBack) {
  Machine machine = llvm::cantFail(Machine::fromJSON(kGood, "toy.json"));
  Machine again = llvm::cantFail(Machine::fromJSON(machine.toJSON(), "again.json"));
  EXPECT_EQ(again.name, machine.name);
  for (const MachineKey &key : machineKeys())
    EXPECT_EQ(key.get(again), key.get(machine)) << key.name;
}

TEST(MachineTest, EachKeyIsNeeded) {
  expectError("name", std::nullopt, "is missing");
  for (const MachineKey &key : machineKeys())
    if (!key.isOptional)
      expectError(key.name, std::nullopt, std::string("is missing: ") + key.meaning);
}

TEST(MachineTest, UnknownKeysAreNamed) {
  expectError("l4_bytes", "1", "unknown key 'l4_bytes'; expects name, l1_bytes, l2_bytes");
}

TEST(MachineTest, NumbersAreOfTheirKind) {
  expectError("name", "7", "expects a text");
  expectError("name", "\"\"", "expects a text");
  for (const MachineKey &key : machineKeys()) {
    bool isWhole = std::holds_alternative<int64_t Machine::*>(key.member);
    std::string expected = isWhole         ? "expects a whole number greater than 0"
                           : key.mayBeZero ? "expects a number, 0 or greater"
                                           : "expects a number greater than 0";
    for (const char *value : {"-1", "\"fast\"", "null", "[1]"})
      expectError(key.name, value, expected);
    if (!key.mayBeZero)
      expectError(key.name, "0", expected);
    if (isWhole)
      expectError(key.name, "1024.5", expected);
  }
}

TEST(MachineTest, CachesDoNotShrinkOutwards) {
  expectError("l2_bytes", "1023", "at least l1_bytes (1024), not 1023");
  expectError("l3_bytes", "2047", "at least l2_bytes (2048), not 2047");
  EXPECT_EQ(errorOf(with("l3_bytes", "2048")), "");
}

TEST(MachineTest, VectorsAreAPowerOfTwo) { expectError("vector_bytes", "48", "a power of two from 4 to 1024, not 48"); }

TEST(MachineTest, WhatIsNoObjectIsRefused) {
  EXPECT_NE(errorOf("{").find("'toy.json' is no JSON: "), std::string::npos);
  EXPECT_NE(errorOf("[1]").find("'toy.json' expects one JSON object with the keys name, l1_bytes"), std::string::npos);
}

TEST(MachineTest, PresetsAreDescriptionsAndTheFirstIsTheDefault) {
  EXPECT_EQ(Machine::presets().front().name, Machine::kDefaultName);
  for (const Machine &preset : Machine::presets()) {
    EXPECT_EQ(errorOf(preset.toJSON()), "") << preset.name;
    Machine found = llvm::cantFail(Machine::get(preset.name));
    EXPECT_EQ(found.source, "preset");
    for (const MachineKey &key : machineKeys())
      EXPECT_EQ(key.get(found), key.get(preset)) << preset.name << " " << key.name;
  }
}

TEST(MachineTest, AnUnknownNameListsThePresets) {
  std::string error = errorOf(Machine::get("pdp-11"));
  EXPECT_NE(error.find("unknown machine 'pdp-11': expects native"), std::string::npos) << error;
  for (const Machine &preset : Machine::presets())
    EXPECT_NE(error.find(preset.name + ": L1"), std::string::npos) << error;
}

TEST(MachineTest, NativeIsTheMeasuredFileOrElseAPreset) {
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-machine-test", folder));
  setenv("XDG_CACHE_HOME", folder.c_str(), 1);
  std::string path = Machine::nativePath();
  EXPECT_EQ(path, (folder + "/compress-mlir/machine.json").str());

  Machine preset = llvm::cantFail(Machine::get("native"));
  auto features = llvm::sys::getHostCPUFeatures();
  EXPECT_EQ(preset.vectorBytes, features.lookup("avx512f") ? 64 : features.lookup("avx2") ? 32 : 16);
  EXPECT_NE(preset.source.find("not measured"), std::string::npos) << preset.source;
  EXPECT_NE(preset.source.find(path), std::string::npos) << preset.source;

  ASSERT_FALSE(llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path)));
  std::ofstream(path) << kGood;
  Machine measured = llvm::cantFail(Machine::get("native"));
  EXPECT_EQ(measured.name, "toy");
  EXPECT_NE(measured.source.find("native: measured"), std::string::npos) << measured.source;

  // What is broken is said, not passed over.
  std::ofstream(path) << "{}";
  EXPECT_NE(errorOf(Machine::get("native")).find("key 'name' is missing"), std::string::npos);
  EXPECT_FALSE(llvm::sys::fs::remove_directories(folder));
}
