//===- NativeLibrary.cpp - LLVM dialect to objects and libraries ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/NativeLibrary.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::compress;

/// Weights have a section of their own, so that their bytes can be read from the object file.
static constexpr const char *kWeightSection = ".rodata.compress.weights";

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Processors
//===----------------------------------------------------------------------===//

static llvm::Expected<const llvm::Target *> hostTarget() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::InitializeNativeTargetAsmParser();
  std::string error;
  if (const llvm::Target *target =
          llvm::TargetRegistry::lookupTarget(llvm::Triple(llvm::sys::getDefaultTargetTriple()), error))
    return target;
  return makeError(error);
}

llvm::Expected<TargetCPU> TargetCPU::get(StringRef name) {
  auto target = hostTarget();
  if (!target)
    return target.takeError();
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  TargetCPU cpu;
  if (name == "native") {
    cpu.name = llvm::sys::getHostCPUName();
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      cpu.features +=
          (cpu.features.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  } else {
    std::unique_ptr<llvm::MCSubtargetInfo> any((*target)->createMCSubtargetInfo(triple, "", ""));
    if (!any || !any->isCPUStringValid(name))
      return makeError("unknown processor '" + name + "': expects native, or a name that 'llc-22 -mcpu=help' lists");
    cpu.name = name.str();
  }
  std::unique_ptr<llvm::MCSubtargetInfo> info((*target)->createMCSubtargetInfo(triple, cpu.name, cpu.features));
  cpu.vectorBytes = info->checkFeatures("+avx512f") ? 64 : info->checkFeatures("+avx") ? 32 : 16;
  return cpu;
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

/// Runs LLVM's pipeline for -O3. Loops of ours are tiles of registers already: unrolled, they would spill, and a tile of
/// memory would dissolve into registers. Scalar code has no lanes left to find, but costs the search. Loops of other
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

llvm::Expected<std::unique_ptr<NativeModule>> NativeModule::get(ModuleOp source, const TargetCPU &cpu) {
  auto target = hostTarget();
  if (!target)
    return target.takeError();
  std::unique_ptr<NativeModule> native(new NativeModule);
  registerBuiltinDialectTranslation(*source.getContext());
  registerLLVMDialectTranslation(*source.getContext());
  native->context = std::make_unique<llvm::LLVMContext>();
  native->module = translateModuleToLLVMIR(source, *native->context);
  if (!native->module)
    return makeError("translation to LLVM IR failed");
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  native->machine.reset((*target)->createTargetMachine(triple, cpu.name, cpu.features, options, llvm::Reloc::PIC_,
                                                       std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  llvm::Module &module = *native->module;
  module.setTargetTriple(triple);
  module.setDataLayout(native->machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : module) {
    function.addFnAttr("target-cpu", cpu.name);
    function.addFnAttr("target-features", cpu.features);
    function.addFnAttr("prefer-vector-width", std::to_string(cpu.vectorBytes * 8));
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Only the C functions are visible; what a layer computes in is not.
    if (function.getName() == "main")
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
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

llvm::Error mlir::compress::linkSharedLibrary(StringRef objectPath, StringRef libraryPath) {
  for (StringRef driver : {"cc", "clang-22", "clang", "gcc"}) {
    auto path = llvm::sys::findProgramByName(driver);
    if (!path)
      continue;
    StringRef arguments[] = {*path,       "-shared",  "-Wl,-Bsymbolic",  "-Wl,-z,text", "-o",
                             libraryPath, objectPath, "-Wl,--as-needed", "-lm"};
    std::string error;
    int status = llvm::sys::ExecuteAndWait(*path, arguments, std::nullopt, {}, 0, 0, &error);
    if (status == 0)
      return llvm::Error::success();
    return makeError("linking with " + *path + " failed" + (error.empty() ? "" : ": " + error));
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
