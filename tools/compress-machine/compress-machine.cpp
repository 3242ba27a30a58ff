//===- compress-machine.cpp - Measure and show machine descriptions -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Measure.h"
#include "compress/Analysis/Machine.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>

using mlir::compress::Machine;
using mlir::compress::MachineKey;
namespace cl = llvm::cl;

static const char *kOverview =
    R"(compress-machine: what the cost model knows of a machine, as a file of a dozen numbers

  compress-machine --measure                       measures this machine, for --machine native
  compress-machine --measure -o server.json        the same, to a file of your own
  compress-machine --show native                   prints a description: native, a preset, or a file
  compress-machine --show generic-avx2 -o mine.json    a copy to edit
  compress-compile mnist.onnx -o out --machine mine.json

Measuring takes under 5 s of one thread: multiply-adds and dot products at full vector width, and what is read per
second from 8 KiB to 256 MiB. Cache sizes are derived from where that bandwidth falls, not asked from the system, which
misleads in a virtual machine: four plateaus (L1, L2, L3, memory) are laid through the logarithms of the rates with the
least sum of distances, and a cache ends with its plateau. Measure when the machine is quiet.
)";

static cl::OptionCategory category("compress-machine options");

/// The seconds of the whole that go to bandwidth against footprint.
static constexpr double kFootprintSeconds = 2.5;

/// The whole of --help before the options: the overview, the keys of the file, the presets.
static std::string overview() {
  std::string text = kOverview;
  llvm::raw_string_ostream os(text);
  os << "\nThe keys of the file, besides name; all are needed:\n";
  for (const MachineKey &key : mlir::compress::machineKeys())
    os << llvm::formatv("  {0,-26}{1}\n", key.name, key.meaning);
  os << "\nPresets; the first is the default of compress-compile:\n";
  for (const Machine &preset : Machine::presets())
    os << "  " << preset.summary() << "\n";
  return text;
}

static int fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  return 1;
}

static std::string inBytes(size_t bytes) {
  return bytes < (1 << 20) ? llvm::formatv("{0} KiB", bytes >> 10) : llvm::formatv("{0} MiB", bytes >> 20);
}

/// Prints the footprints that are powers of two, each with its rate and the level that holds it.
static void printCurve(llvm::ArrayRef<compress::FootprintRate> curve, llvm::ArrayRef<compress::MemoryLevel> levels) {
  llvm::outs() << "footprint       GB/s  level\n";
  for (const compress::FootprintRate &point : curve) {
    if (!llvm::isPowerOf2_64(point.bytes))
      continue;
    const auto *level =
        llvm::find_if(levels, [&](const auto &level) { return !level.bytes || point.bytes <= level.bytes; });
    llvm::outs() << llvm::formatv("{0,9} {1,10:f1}  {2}\n", inBytes(point.bytes), point.bytesPerSecond / 1e9,
                                  level->name);
  }
}

/// Four digits: more were noise.
static double rounded(double rate) {
  double digit = rate > 0 ? std::pow(10.0, std::floor(std::log10(rate)) - 3) : 1;
  return std::round(rate / digit) * digit;
}

static Machine measure() {
  Machine machine;
  machine.name = llvm::sys::getHostCPUName().str();
  machine.source = "measured";
  machine.peakFlops = rounded(compress::peakF32());
  machine.peakBF16 = rounded(compress::peakBF16());
  machine.peakInt8 = rounded(compress::peakInt8());
  machine.peakTileBF16 = rounded(compress::peakTileBF16());
  machine.peakTileInt8 = rounded(compress::peakTileInt8());
  machine.vectorBytes = compress::vectorBytes();
  std::vector<compress::FootprintRate> curve = compress::measureFootprints(kFootprintSeconds);
  std::vector<compress::MemoryLevel> levels = compress::levelsOf(curve);
  machine.l1Bytes = levels[0].bytes;
  machine.l2Bytes = levels[1].bytes;
  machine.l3Bytes = levels[2].bytes;
  machine.l1BytesPerSecond = rounded(levels[0].readBytesPerSecond);
  machine.l2BytesPerSecond = rounded(levels[1].readBytesPerSecond);
  machine.l3BytesPerSecond = rounded(levels[2].readBytesPerSecond);
  machine.memoryBytesPerSecond = rounded(levels[3].readBytesPerSecond);
  printCurve(curve, levels);
  return machine;
}

static void print(const Machine &machine) {
  llvm::outs() << machine.summary() << "\n(" << machine.source << ")\n\n";
  for (const MachineKey &key : mlir::compress::machineKeys())
    llvm::outs() << llvm::formatv("{0,-26}{1,16:f0}  {2}\n", key.name, key.get(machine), key.meaning);
}

/// Writes the file at once, so that who reads it meanwhile sees the old one or the new one.
static llvm::Error write(const Machine &machine, llvm::StringRef path) {
  llvm::StringRef directory = llvm::sys::path::parent_path(path);
  if (!directory.empty())
    if (std::error_code code = llvm::sys::fs::create_directories(directory))
      return llvm::createFileError(directory, code);
  return llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    os << machine.toJSON();
    return llvm::Error::success();
  });
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::opt<bool> shouldMeasure("measure", cl::desc("Measure this machine, print the rates, write the description"),
                              cl::cat(category));
  cl::opt<std::string> show("show", cl::desc("Print a description: native, a preset, or a file"),
                            cl::value_desc("machine"), cl::cat(category));
  cl::opt<std::string> output("o",
                              cl::desc("File to write (default with --measure: the one that native reads; with --show: "
                                       "none)"),
                              cl::value_desc("file"), cl::cat(category));
  cl::HideUnrelatedOptions(category);
  std::string text = overview();
  cl::ParseCommandLineOptions(argc, argv, text);

  if (shouldMeasure == !show.empty())
    return fail("expects --measure, or --show native|preset|file; --help says more");
  std::string path = output.empty() && shouldMeasure ? Machine::nativePath() : std::string(output);
  Machine machine;
  if (shouldMeasure) {
    machine = measure();
    llvm::outs() << "\n" << machine.summary() << "\n";
  } else {
    auto described = Machine::get(show);
    if (!described)
      return fail(llvm::toString(described.takeError()));
    machine = std::move(*described);
    print(machine);
  }
  if (path.empty())
    return 0;
  if (llvm::Error error = write(machine, path))
    return fail(llvm::toString(std::move(error)));
  llvm::outs() << "wrote " << path << "\n";
  return 0;
}
