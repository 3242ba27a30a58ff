//===- Machine.cpp - Machine descriptions: presets, files, native ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/Machine.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>

using namespace mlir::compress;
using llvm::Twine;

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

llvm::ArrayRef<MachineKey> mlir::compress::machineKeys() {
  static const MachineKey keys[] = {
      {"l1_bytes", &Machine::l1Bytes, "first data cache: bytes that one core reads at its rate"},
      {"l2_bytes", &Machine::l2Bytes, "second cache, not smaller than the first"},
      {"l3_bytes", &Machine::l3Bytes,
       "what one core has of the last cache, not smaller than the second (equal: there is no third)"},
      {"l1_bytes_per_second", &Machine::l1BytesPerSecond, "reading rate from the first cache"},
      {"l2_bytes_per_second", &Machine::l2BytesPerSecond, "reading rate from the second cache"},
      {"l3_bytes_per_second", &Machine::l3BytesPerSecond, "reading rate from the last cache"},
      {"memory_bytes_per_second", &Machine::memoryBytesPerSecond, "reading rate from memory"},
      {"peak_f32_ops_per_second", &Machine::peakFlops, "f32 multiply-adds at full vector width, each two operations"},
      {"peak_bf16_ops_per_second", &Machine::peakBF16, "bf16 dot products, likewise; 0: no instruction for them", true},
      {"peak_int8_ops_per_second", &Machine::peakInt8, "int8 dot products, likewise; 0: no instruction for them", true},
      {"vector_bytes", &Machine::vectorBytes, "width of a SIMD register, a power of two"},
      {"peak_tile_bf16_ops_per_second", &Machine::peakTileBF16, "bf16 products in tile registers; 0: there are none",
       true, true},
      {"peak_tile_int8_ops_per_second", &Machine::peakTileInt8, "int8 products in tile registers; 0: there are none",
       true, true},
  };
  return keys;
}

llvm::ArrayRef<Machine> Machine::presets() {
  // The generic ones stand for servers of the last ten years, one core of a busy machine at 3 GHz: two units of fused
  // multiply-adds (one at 512 bits), two loads per cycle from L1, a half to a quarter of that from L2. Exact products
  // of bytes by pairs of 16 bits (AVX2) were measured at 1.58 times the rate of floats.
  // Rates of tiles were measured on one such processor, of nothing but products on tiles in the first cache.
  auto withTiles = [](Machine machine) {
    machine.name += "-amx";
    machine.peakTileBF16 = 3151e9;
    machine.peakTileInt8 = 6265e9;
    return machine;
  };
  static const Machine presets[] = {
      Machine(),
      withTiles(Machine()),
      {"generic-avx512", "preset", 32 << 10, 1 << 20, 16 << 20, 300e9, 120e9, 20e9, 10e9, 96e9, 0, 0, 64},
      {"generic-avx2", "preset", 32 << 10, 512 << 10, 8 << 20, 150e9, 70e9, 20e9, 10e9, 96e9, 0, 152e9, 32},
      {"generic-128", "preset", 32 << 10, 256 << 10, 4 << 20, 75e9, 40e9, 15e9, 8e9, 24e9, 0, 0, 16},
  };
  return presets;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static std::string quoted(llvm::StringRef text) { return ("'" + text + "'").str(); }

static std::string keyNames() {
  return "name, " + llvm::join(llvm::map_range(machineKeys(), [](const MachineKey &key) { return key.name; }), ", ");
}

/// Reads `key` into `machine`; returns what is expected where that is not there.
static std::string readKey(const llvm::json::Object &object, const MachineKey &key, Machine &machine) {
  const llvm::json::Value *value = object.get(key.name);
  if (auto *member = std::get_if<int64_t Machine::*>(&key.member)) {
    std::optional<int64_t> number = value->getAsInteger();
    if (!number || *number <= 0)
      return "a whole number greater than 0";
    machine.*(*member) = *number;
    return "";
  }
  std::optional<double> number = value->getAsNumber();
  if (!number || !std::isfinite(*number) || *number < 0 || (*number == 0 && !key.mayBeZero))
    return key.mayBeZero ? "a number, 0 or greater" : "a number greater than 0";
  machine.*std::get<double Machine::*>(key.member) = *number;
  return "";
}

/// What does not fit together, as the key and what is expected of it.
static std::pair<std::string, std::string> findMisfit(const Machine &machine) {
  auto bytes = [](int64_t value) { return std::to_string(value); };
  if (machine.l2Bytes < machine.l1Bytes)
    return {"l2_bytes", "at least l1_bytes (" + bytes(machine.l1Bytes) + "), not " + bytes(machine.l2Bytes)};
  if (machine.l3Bytes < machine.l2Bytes)
    return {"l3_bytes", "at least l2_bytes (" + bytes(machine.l2Bytes) + "), not " + bytes(machine.l3Bytes)};
  if (!llvm::isPowerOf2_64(machine.vectorBytes) || machine.vectorBytes < 4 || machine.vectorBytes > 1024)
    return {"vector_bytes", "a power of two from 4 to 1024, not " + bytes(machine.vectorBytes)};
  return {};
}

llvm::Expected<Machine> Machine::fromJSON(llvm::StringRef text, llvm::StringRef file) {
  auto parsed = llvm::json::parse(text);
  if (!parsed)
    return makeError(quoted(file) + " is no JSON: " + llvm::toString(parsed.takeError()));
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return makeError(quoted(file) + " expects one JSON object with the keys " + keyNames());
  for (const auto &entry : *object) {
    llvm::StringRef name = entry.first;
    if (name != "name" && llvm::none_of(machineKeys(), [&](const MachineKey &key) { return name == key.name; }))
      return makeError(quoted(file) + ": unknown key " + quoted(name) + "; expects " + keyNames());
  }
  Machine machine;
  std::optional<llvm::StringRef> name = object->getString("name");
  if (!name || name->empty())
    return makeError(quoted(file) + ": key 'name' " + (object->get("name") ? "expects a text" : "is missing: a text"));
  machine.name = name->str();
  machine.source = ("file " + file).str();
  for (const MachineKey &key : machineKeys()) {
    if (!object->get(key.name) && key.isOptional)
      continue;
    if (!object->get(key.name))
      return makeError(quoted(file) + ": key " + quoted(key.name) + " is missing: " + key.meaning);
    if (std::string expected = readKey(*object, key, machine); !expected.empty())
      return makeError(quoted(file) + ": key " + quoted(key.name) + " expects " + expected + ": " + key.meaning);
  }
  if (auto [key, expected] = findMisfit(machine); !key.empty())
    return makeError(quoted(file) + ": key " + quoted(key) + " expects " + expected);
  return machine;
}

std::string Machine::toJSON() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("name", name);
    for (const MachineKey &key : machineKeys())
      std::visit([&](auto member) { json.attribute(key.name, this->*member); }, key.member);
  });
  return text + "\n";
}

//===----------------------------------------------------------------------===//
// By name
//===----------------------------------------------------------------------===//

std::string Machine::nativePath() {
  llvm::SmallString<128> path;
  if (!llvm::sys::path::cache_directory(path))
    path = ".";
  llvm::sys::path::append(path, "compress-mlir", "machine.json");
  return path.str().str();
}

static llvm::Expected<Machine> readFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return makeError("cannot read " + quoted(path) + ": " + buffer.getError().message());
  return Machine::fromJSON((*buffer)->getBuffer(), path);
}

static const Machine *findPreset(llvm::StringRef name) {
  return llvm::find_if(Machine::presets(), [&](const Machine &machine) { return machine.name == name; });
}

const char *Machine::presetFor(int64_t vectorBytes, bool hasByteDots, bool hasTiles) {
  if (vectorBytes >= 64 && hasByteDots)
    return hasTiles ? "xeon-sapphire-rapids-amx" : kDefaultName;
  return vectorBytes >= 64 ? "generic-avx512" : vectorBytes >= 32 ? "generic-avx2" : "generic-128";
}

/// What is known of this machine: its measured description, or a preset as wide as its vectors.
static llvm::Expected<Machine> getNative() {
  std::string path = Machine::nativePath();
  if (llvm::sys::fs::exists(path)) {
    auto machine = readFile(path);
    if (machine)
      machine->source = "native: measured, " + path;
    return machine;
  }
  auto features = llvm::sys::getHostCPUFeatures();
  int64_t vectorBytes = features.lookup("avx512f") ? 64 : features.lookup("avx2") ? 32 : 16;
  Machine machine = *findPreset(Machine::presetFor(vectorBytes, features.lookup("avx512vnni"), /*hasTiles=*/false));
  machine.source =
      "native: not measured, the preset that fits the vectors; 'compress-machine --measure' writes " + path;
  return machine;
}

llvm::Expected<Machine> Machine::get(llvm::StringRef text) {
  if (text == "native")
    return getNative();
  if (text == kCircuitName) {
    Machine circuit;
    circuit.name = kCircuitName;
    circuit.isProcessor = false;
    return circuit;
  }
  if (const Machine *preset = findPreset(text); preset != presets().end())
    return *preset;
  if (llvm::sys::fs::exists(text))
    return readFile(text);
  std::string names;
  for (const Machine &preset : presets())
    names += "\n  " + preset.summary();
  return makeError(
      "unknown machine " + quoted(text) +
      ": expects native, a JSON file that 'compress-machine --measure -o FILE' writes, or a preset:" + names);
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// Four digits.
static std::string inDigits(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

static std::string inBytes(int64_t bytes) {
  double kib = bytes / 1024.0;
  return kib < 1024 ? inDigits(kib) + " KiB" : inDigits(kib / 1024) + " MiB";
}

std::string Machine::summary() const {
  if (!isProcessor)
    return name + ": multiplications first, then additions and bytes";
  auto rate = [](double bytesPerSecond) { return inDigits(bytesPerSecond / 1e9) + " GB/s"; };
  auto level = [&](const char *label, int64_t bytes, double bytesPerSecond) {
    return label + (" " + inBytes(bytes)) + " at " + rate(bytesPerSecond) + ", ";
  };
  std::string text = name + ": " + level("L1", l1Bytes, l1BytesPerSecond) + level("L2", l2Bytes, l2BytesPerSecond) +
                     level("L3", l3Bytes, l3BytesPerSecond) + "memory at " + rate(memoryBytesPerSecond);
  text += ", peak " + inDigits(peakFlops / 1e9) + " Gop/s f32";
  if (peakBF16 > 0)
    text += ", " + inDigits(peakBF16 / 1e9) + " bf16";
  if (peakInt8 > 0)
    text += ", " + inDigits(peakInt8 / 1e9) + " int8";
  text += ", vectors of " + std::to_string(vectorBytes) + " bytes";
  if (peakTileBF16 > 0 || peakTileInt8 > 0)
    text += ", in tiles " + inDigits(peakTileBF16 / 1e9) + " bf16, " + inDigits(peakTileInt8 / 1e9) + " int8";
  return text;
}
