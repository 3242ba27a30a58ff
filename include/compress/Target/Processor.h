//===- Processor.h - Processors to compile for ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_PROCESSOR_H
#define COMPRESS_TARGET_PROCESSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"
#include <cstdint>
#include <string>

namespace llvm {
class Target;
} // namespace llvm

namespace mlir::compress {

/// The words of CPUID that say what an x86-64 processor has.
enum class CPUIDLeaf { One, Seven, SevenOne, ExtendedOne };
enum class CPUIDRegister { EAX, EBX, ECX, EDX };

/// An extension of x86-64 that a library can check for where it runs.
struct X86Feature {
  /// LLVM's name.
  llvm::StringLiteral name;
  CPUIDLeaf leaf;
  CPUIDRegister word;
  unsigned bit;
  /// Bits of XCR0: the registers that the operating system must save.
  uint32_t state;

  /// The registers that a process may use only after it asked the operating system (Linux) for them: tiles.
  static constexpr uint32_t kAskedFor = 0x60000;
  bool mustBeAskedFor() const { return state & kAskedFor; }
};

/// Every extension that code of this project may use, in the order in which they appeared.
llvm::ArrayRef<X86Feature> x86Features();
/// Null if there is no check for an extension of this name.
const X86Feature *findX86Feature(llvm::StringRef name);

/// A processor to compile for: the baseline of its architecture, and extensions that the library checks for. Nothing
/// that cannot be checked is used, whatever the processor has.
struct TargetCPU {
  /// LLVM's name; it decides how instructions are scheduled.
  std::string name;
  /// LLVM's names of the extensions beyond the baseline, in the order of `x86Features`.
  llvm::SmallVector<std::string> extensions;
  /// Width of a SIMD register in bytes.
  int64_t vectorBytes = 16;
  /// True if it rounds floats to integers by an instruction: all but x86-64 without SSE4.1.
  bool hasRounding = true;

  /// LLVM's feature string of the extensions.
  std::string features() const;
  /// The preset of the cost model (`Machine::presets`) for processors of its kind.
  std::string machine() const;
  /// True if each processor that `other` runs on runs this too.
  bool runsWherever(const TargetCPU &other) const;
};

/// The machine that a library is for.
struct TargetPlatform {
  llvm::Triple triple;
  const llvm::Target *target = nullptr;

  /// A triple of x86-64 or little-endian AArch64; empty for the machine of the compiler.
  static llvm::Expected<TargetPlatform> get(llvm::StringRef triple);

  bool isHost() const;
  /// LLVM's name of the processor that all of this architecture contain.
  llvm::StringRef baseline() const;
  /// The counter that programs may read, as compress-profile-layers calls it.
  llvm::StringRef counter() const;
  /// `native`, or a name that LLVM knows for this architecture.
  llvm::Expected<TargetCPU> processor(llvm::StringRef name) const;
  /// The processors of a list `name,name,…`; for an empty one `native`, or the baseline of another machine.
  llvm::Expected<llvm::SmallVector<TargetCPU>> processors(llvm::StringRef list) const;
};

} // namespace mlir::compress

#endif // COMPRESS_TARGET_PROCESSOR_H
