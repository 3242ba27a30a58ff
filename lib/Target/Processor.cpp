//===- Processor.cpp - Processors to compile for --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Processor.h"
#include "compress/Analysis/Machine.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include <memory>
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace mlir::compress;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Extensions of x86-64
//===----------------------------------------------------------------------===//

/// XCR0: the state of xmm and ymm; that and the one of masks, the upper halves of zmm, and zmm16 to zmm31.
static constexpr uint32_t kYmm = 0x6, kZmm = 0xe6;
/// The configuration of tiles and their data.
static constexpr uint32_t kTiles = X86Feature::kAskedFor;

/// Intel's manual, volume 2, CPUID; AMD's, volume 3, appendix E for the extended leaf.
static constexpr X86Feature kX86Features[] = {
    {"sse3", CPUIDLeaf::One, CPUIDRegister::ECX, 0, 0},
    {"ssse3", CPUIDLeaf::One, CPUIDRegister::ECX, 9, 0},
    {"sse4.1", CPUIDLeaf::One, CPUIDRegister::ECX, 19, 0},
    {"sse4.2", CPUIDLeaf::One, CPUIDRegister::ECX, 20, 0},
    {"popcnt", CPUIDLeaf::One, CPUIDRegister::ECX, 23, 0},
    {"movbe", CPUIDLeaf::One, CPUIDRegister::ECX, 22, 0},
    {"lzcnt", CPUIDLeaf::ExtendedOne, CPUIDRegister::ECX, 5, 0},
    {"bmi", CPUIDLeaf::Seven, CPUIDRegister::EBX, 3, 0},
    {"bmi2", CPUIDLeaf::Seven, CPUIDRegister::EBX, 8, 0},
    {"avx", CPUIDLeaf::One, CPUIDRegister::ECX, 28, kYmm},
    {"f16c", CPUIDLeaf::One, CPUIDRegister::ECX, 29, kYmm},
    {"fma", CPUIDLeaf::One, CPUIDRegister::ECX, 12, kYmm},
    {"avx2", CPUIDLeaf::Seven, CPUIDRegister::EBX, 5, kYmm},
    {"gfni", CPUIDLeaf::Seven, CPUIDRegister::ECX, 8, 0},
    {"avxvnni", CPUIDLeaf::SevenOne, CPUIDRegister::EAX, 4, kYmm},
    {"avxifma", CPUIDLeaf::SevenOne, CPUIDRegister::EAX, 23, kYmm},
    {"avxvnniint8", CPUIDLeaf::SevenOne, CPUIDRegister::EDX, 4, kYmm},
    {"avxneconvert", CPUIDLeaf::SevenOne, CPUIDRegister::EDX, 5, kYmm},
    {"avxvnniint16", CPUIDLeaf::SevenOne, CPUIDRegister::EDX, 10, kYmm},
    {"avx512f", CPUIDLeaf::Seven, CPUIDRegister::EBX, 16, kZmm},
    {"avx512dq", CPUIDLeaf::Seven, CPUIDRegister::EBX, 17, kZmm},
    {"avx512ifma", CPUIDLeaf::Seven, CPUIDRegister::EBX, 21, kZmm},
    {"avx512cd", CPUIDLeaf::Seven, CPUIDRegister::EBX, 28, kZmm},
    {"avx512bw", CPUIDLeaf::Seven, CPUIDRegister::EBX, 30, kZmm},
    {"avx512vl", CPUIDLeaf::Seven, CPUIDRegister::EBX, 31, kZmm},
    {"avx512vbmi", CPUIDLeaf::Seven, CPUIDRegister::ECX, 1, kZmm},
    {"avx512vbmi2", CPUIDLeaf::Seven, CPUIDRegister::ECX, 6, kZmm},
    {"avx512vnni", CPUIDLeaf::Seven, CPUIDRegister::ECX, 11, kZmm},
    {"avx512bitalg", CPUIDLeaf::Seven, CPUIDRegister::ECX, 12, kZmm},
    {"avx512vpopcntdq", CPUIDLeaf::Seven, CPUIDRegister::ECX, 14, kZmm},
    {"avx512bf16", CPUIDLeaf::SevenOne, CPUIDRegister::EAX, 5, kZmm},
    {"amx-bf16", CPUIDLeaf::Seven, CPUIDRegister::EDX, 22, kTiles},
    {"amx-tile", CPUIDLeaf::Seven, CPUIDRegister::EDX, 24, kTiles},
    {"amx-int8", CPUIDLeaf::Seven, CPUIDRegister::EDX, 25, kTiles},
};

llvm::ArrayRef<X86Feature> mlir::compress::x86Features() { return kX86Features; }

const X86Feature *mlir::compress::findX86Feature(llvm::StringRef name) {
  const X86Feature *found = llvm::find_if(kX86Features, [&](const X86Feature &f) { return f.name == name; });
  return found == std::end(kX86Features) ? nullptr : found;
}

//===----------------------------------------------------------------------===//
// Processors
//===----------------------------------------------------------------------===//

std::string TargetCPU::features() const {
  return llvm::join(llvm::map_range(extensions, [](const std::string &name) { return "+" + name; }), ",");
}

std::string TargetCPU::machine() const {
  auto has = [&](StringRef name) { return llvm::is_contained(extensions, name); };
  return Machine::presetFor(vectorBytes, has("avx512vnni"), has("amx-int8"));
}

bool TargetCPU::runsWherever(const TargetCPU &other) const {
  return llvm::all_of(extensions, [&](const std::string &name) { return llvm::is_contained(other.extensions, name); });
}

llvm::Expected<TargetPlatform> TargetPlatform::get(llvm::StringRef triple) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::InitializeAllAsmParsers();
  std::string host = llvm::sys::getDefaultTargetTriple();
  TargetPlatform platform;
  platform.triple = llvm::Triple(llvm::Triple::normalize(triple.empty() ? host : triple.str()));
  if (!platform.triple.isX86_64() && platform.triple.getArch() != llvm::Triple::aarch64)
    return makeError("'" + triple + "' is no triple of x86-64 or AArch64, such as aarch64-linux-gnu");
  if (!platform.triple.isOSBinFormatELF())
    return makeError("'" + triple + "' is no triple of a system with ELF files, such as aarch64-linux-gnu");
  std::string error;
  platform.target = llvm::TargetRegistry::lookupTarget(platform.triple, error);
  if (!platform.target)
    return makeError(error);
  return platform;
}

bool TargetPlatform::isHost() const {
  llvm::Triple host(llvm::Triple::normalize(llvm::sys::getDefaultTargetTriple()));
  return triple.getArch() == host.getArch() && triple.getOS() == host.getOS() &&
         triple.getEnvironment() == host.getEnvironment();
}

llvm::StringRef TargetPlatform::baseline() const { return triple.isX86_64() ? "x86-64" : "generic"; }

llvm::StringRef TargetPlatform::counter() const { return triple.isX86_64() ? "tsc" : "cntvct"; }

/// True if Linux offers processes of this machine the state of `feature`, which a library asks it for when it runs. A
/// sandbox may refuse what the processor has.
static bool isOffered(const X86Feature &feature) {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long kGetSupportedState = 0x1021; // ARCH_GET_XCOMP_SUPP of asm/prctl.h
  uint64_t supported = 0;
  return syscall(SYS_arch_prctl, kGetSupportedState, &supported) == 0 && (supported & feature.state) == feature.state;
#else
  return false;
#endif
}

llvm::Expected<TargetCPU> TargetPlatform::processor(llvm::StringRef name) const {
  TargetCPU cpu;
  std::string features;
  if (name == "native") {
    if (!isHost())
      return makeError("--target-cpu native is this machine, but the library is for " + triple.str());
    cpu.name = llvm::sys::getHostCPUName();
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features += (features.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  } else {
    std::unique_ptr<llvm::MCSubtargetInfo> any(target->createMCSubtargetInfo(triple, "", ""));
    if (!any || !any->isCPUStringValid(name))
      return makeError("unknown processor '" + name + "': expects native, or a name that 'llc-22 -march=" +
                       llvm::StringRef(triple.isX86_64() ? "x86-64" : "aarch64") + " -mcpu=help' lists");
    cpu.name = name.str();
  }
  if (!triple.isX86_64())
    return cpu; // NEON is part of the baseline; what comes after it has no check yet
  std::unique_ptr<llvm::MCSubtargetInfo> info(target->createMCSubtargetInfo(triple, cpu.name, features));
  // One of 32 bits is valid for LLVM, but not for this triple.
  if (!info->checkFeatures("+64bit"))
    return makeError("processor '" + name + "' does not run x86-64");
  auto isUsable = [&](const X86Feature &feature) {
    return !feature.mustBeAskedFor() || (name == "native" ? isOffered(feature) : triple.isOSLinux());
  };
  for (const X86Feature &feature : kX86Features)
    if (info->checkFeatures(("+" + feature.name).str()) && isUsable(feature))
      cpu.extensions.push_back(feature.name.str());
  cpu.hasRounding = info->checkFeatures("+sse4.1");
  cpu.vectorBytes = info->checkFeatures("+avx512f") ? 64 : info->checkFeatures("+avx") ? 32 : 16;
  return cpu;
}

llvm::Expected<llvm::SmallVector<TargetCPU>> TargetPlatform::processors(llvm::StringRef list) const {
  llvm::SmallVector<llvm::StringRef> names;
  (list.empty() ? (isHost() ? llvm::StringRef("native") : baseline()) : list).split(names, ',');
  llvm::SmallVector<TargetCPU> cpus;
  for (llvm::StringRef name : names) {
    auto cpu = processor(name.trim());
    if (!cpu)
      return cpu.takeError();
    cpus.push_back(std::move(*cpu));
  }
  if (cpus.size() > 1 && !triple.isX86_64())
    return makeError("--target-cpu expects one processor for " + triple.str() +
                     ": all code is for its baseline, and a name only schedules it");
  return cpus;
}
