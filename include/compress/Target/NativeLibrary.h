//===- NativeLibrary.h - LLVM dialect to objects and libraries ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_NATIVELIBRARY_H
#define COMPRESS_TARGET_NATIVELIBRARY_H

#include "compress/Target/Processor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <map>
#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace mlir::compress {

/// An LLVM module on its way to machine code, optimized for its processors. The only fast-math liberty is contraction
/// of products and sums.
class NativeModule {
public:
  /// Translates a module in the LLVM dialect and optimizes it. A function that `compress.variant` gives to one of
  /// `cpus` is compiled for it and becomes internal; all others are for the baseline, which runs everywhere.
  static llvm::Expected<std::unique_ptr<NativeModule>> get(ModuleOp module, const TargetPlatform &platform,
                                                           ArrayRef<TargetCPU> cpus);
  ~NativeModule();

  std::string llvmText() const;
  /// Assembly or an object file.
  llvm::Expected<std::string> emit(bool asAssembly);
  /// Bytes of its weights by their element type, such as `f16`: those that have not become operands of instructions.
  std::map<std::string, int64_t> weightBytesByType() const;

private:
  NativeModule() = default;

  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// The bytes of weights in an object file: its section of constants that hold them.
llvm::Expected<int64_t> weightBytesOfObject(StringRef object);

/// Links `objectPath` to a shared library that needs libm at most; for another machine with lld, whose library does not
/// name the libm that it needs. Names the linker that it looked for if there is none.
llvm::Error linkSharedLibrary(StringRef objectPath, StringRef libraryPath, const TargetPlatform &platform);

/// Writes a static library of one object file.
llvm::Error writeStaticLibrary(StringRef objectPath, StringRef libraryPath);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_NATIVELIBRARY_H
