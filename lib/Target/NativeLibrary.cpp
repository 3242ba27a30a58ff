//===- NativeLibrary.cpp - LLVM dialect to objects and libraries ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/NativeLibrary.h"
#include "compress/Target/Variants.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::compress;

/// Weights have a section of their own, so that their bytes can be read from the object file.
static constexpr const char *kWeightSection = ".rodata.compress.weights";

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// NativeModule
//===----------------------------------------------------------------------===//

NativeModule::~NativeModule() = default;

/// Puts constant arrays of numbers, which bufferization named `__constant_…`, into the section of weights.
static void placeWeights(llvm::Module &module) {
  for (llvm::GlobalVariable &global : module.globals())
    if (global.isConstant() && global.getName().starts_with("__constant_"))
      global.setSection(kWeightSection);
}

/// A type of numbers as it is called in MLIR.
static std::string nameOf(const llvm::Type &type) {
  if (type.isIntegerTy())
    return "i" + std::to_string(type.getIntegerBitWidth());
  return (type.isBFloatTy() ? "bf" : "f") + std::to_string(type.getPrimitiveSizeInBits());
}

std::map<std::string, int64_t> NativeModule::weightBytesByType() const {
  std::map<std::string, int64_t> bytes;
  for (const llvm::GlobalVariable &global : module->globals()) {
    if (global.getSection() != kWeightSection)
      continue;
    const llvm::Type *element = global.getValueType();
    while (element->isArrayTy())
      element = element->getArrayElementType();
    bytes[nameOf(*element)] += module->getDataLayout().getTypeAllocSize(global.getValueType());
  }
  return bytes;
}

/// Runs LLVM's pipeline for -O3. Loops of ours are tiles of registers already: unrolled, they would spill, and a tile
/// of memory would dissolve into registers. Scalar code has no lanes left to find, but costs the search. Loops of other
/// ops are still vectorized.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

/// Rounds products where the processor has no fused multiply-add: what we emit as one only allows the contraction, and
/// libm computes each in software.
static void splitFusedMultiplyAdds(llvm::Function &function) {
  for (llvm::Instruction &instruction : llvm::instructions(function))
    if (auto *call = dyn_cast<llvm::IntrinsicInst>(&instruction);
        call && call->getIntrinsicID() == llvm::Intrinsic::fma)
      call->setCalledFunction(
          llvm::Intrinsic::getOrInsertDeclaration(function.getParent(), llvm::Intrinsic::fmuladd, {call->getType()}));
}

/// Says for which processor each function is. `target-cpu` stays the baseline and extensions are named one by one, so
/// that nothing is used that the library does not check for.
static void setProcessors(llvm::Module &module, ModuleOp source, const TargetPlatform &platform,
                          ArrayRef<TargetCPU> cpus) {
  for (llvm::Function &function : module) {
    function.addFnAttr("target-cpu", platform.baseline());
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  for (auto op : source.getOps<LLVM::LLVMFuncOp>()) {
    auto index = op->getAttrOfType<IntegerAttr>(kVariantAttr);
    llvm::Function *function = module.getFunction(op.getName());
    if (!index || !function || function->isDeclaration() || index.getInt() < 0 ||
        index.getInt() >= static_cast<int64_t>(cpus.size()))
      continue;
    const TargetCPU &cpu = cpus[index.getInt()];
    function->addFnAttr("tune-cpu", cpu.name);
    function->addFnAttr("target-features", cpu.features());
    function->addFnAttr("prefer-vector-width", std::to_string(cpu.vectorBytes * 8));
    if (platform.triple.isX86_64() && !llvm::is_contained(cpu.extensions, "fma"))
      splitFusedMultiplyAdds(*function);
    // Only the C functions are visible; what a layer computes in is not.
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

llvm::Expected<std::unique_ptr<NativeModule>> NativeModule::get(ModuleOp source, const TargetPlatform &platform,
                                                                ArrayRef<TargetCPU> cpus) {
  std::unique_ptr<NativeModule> native(new NativeModule);
  registerBuiltinDialectTranslation(*source.getContext());
  registerLLVMDialectTranslation(*source.getContext());
  native->context = std::make_unique<llvm::LLVMContext>();
  native->module = translateModuleToLLVMIR(source, *native->context);
  if (!native->module)
    return makeError("translation to LLVM IR failed");
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  native->machine.reset(platform.target->createTargetMachine(platform.triple, platform.baseline(), "", options,
                                                             llvm::Reloc::PIC_, std::nullopt,
                                                             llvm::CodeGenOptLevel::Aggressive));
  llvm::Module &module = *native->module;
  module.setTargetTriple(platform.triple);
  module.setDataLayout(native->machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  setProcessors(module, source, platform, cpus);
  placeWeights(module);
  optimize(module, *native->machine);
  return native;
}

std::string NativeModule::llvmText() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, nullptr);
  return text;
}

llvm::Expected<std::string> NativeModule::emit(bool asAssembly) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  auto kind = asAssembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  if (machine->addPassesToEmitFile(passes, os, nullptr, kind))
    return makeError("this target has no code generator for such a file");
  passes.run(*module);
  return bytes.str().str();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

llvm::Expected<int64_t> mlir::compress::weightBytesOfObject(StringRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object"));
  if (!file)
    return file.takeError();
  int64_t bytes = 0;
  for (const llvm::object::SectionRef &section : (*file)->sections()) {
    auto name = section.getName();
    if (!name)
      return name.takeError();
    if (*name == kWeightSection)
      bytes += section.getSize();
  }
  return bytes;
}

/// Runs a linker whose path was found.
static llvm::Error runLinker(StringRef path, ArrayRef<StringRef> arguments) {
  std::string error;
  if (llvm::sys::ExecuteAndWait(path, arguments, std::nullopt, {}, 0, 0, &error) == 0)
    return llvm::Error::success();
  return makeError("linking with " + path + " failed" + (error.empty() ? "" : ": " + error));
}

/// For another machine there is no C library to link with, and none is needed: what is undefined stays so.
static llvm::Error linkForOtherMachine(StringRef objectPath, StringRef libraryPath) {
  for (StringRef linker : {"ld.lld-22", "ld.lld"})
    if (auto path = llvm::sys::findProgramByName(linker))
      return runLinker(*path, {*path, "-shared", "-Bsymbolic", "-z", "text", "-o", libraryPath, objectPath});
  return makeError("found no linker for another machine: install lld-22, or use --emit obj and link it yourself");
}

llvm::Error mlir::compress::linkSharedLibrary(StringRef objectPath, StringRef libraryPath,
                                              const TargetPlatform &platform) {
  if (!platform.isHost())
    return linkForOtherMachine(objectPath, libraryPath);
  for (StringRef driver : {"cc", "clang-22", "clang", "gcc"}) {
    if (auto path = llvm::sys::findProgramByName(driver))
      return runLinker(*path, {*path, "-shared", "-Wl,-Bsymbolic", "-Wl,-z,text", "-o", libraryPath, objectPath,
                               "-Wl,--as-needed", "-lm"});
  }
  return makeError(
      "found no linker: install a C compiler (cc, clang-22 or gcc), or use --emit obj and link it yourself");
}

llvm::Error mlir::compress::writeStaticLibrary(StringRef objectPath, StringRef libraryPath) {
  auto member = llvm::NewArchiveMember::getFile(objectPath, /*Deterministic=*/true);
  if (!member)
    return member.takeError();
  return llvm::writeArchive(libraryPath, *member, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                            /*Deterministic=*/true, /*Thin=*/false);
}
