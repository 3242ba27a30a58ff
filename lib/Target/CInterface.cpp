//===- CInterface.cpp - What the C functions of a library say -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/CInterface.h"
#include "compress/Target/Passes.h"
#include "compress/Target/Processor.h"
#include "compress/Target/Variants.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::isCIdentifier(StringRef name) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  return !name.empty() && !llvm::isDigit(name.front()) && llvm::all_of(name, isWord);
}

static std::optional<DType> dtypeOf(Type type) {
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  if (type.isInteger(64))
    return DType::I64;
  if (type.isInteger(32))
    return DType::I32;
  if (type.isUnsignedInteger(8))
    return DType::U8;
  if (type.isInteger(8))
    return DType::I8;
  if (type.isInteger(1))
    return DType::Bool;
  return std::nullopt;
}

int64_t CTensor::sampleElements() const {
  int64_t elements = 1;
  for (int64_t extent : type.getShape())
    elements *= ShapedType::isDynamic(extent) ? 1 : extent;
  return elements;
}

const char *CTensor::cType() const {
  switch (dtype) {
  case DType::F32:
    return "float";
  case DType::F64:
    return "double";
  case DType::I32:
    return "int32_t";
  case DType::I64:
    return "int64_t";
  case DType::I8:
    return "int8_t";
  case DType::U8:
  case DType::Bool:
    return "uint8_t";
  }
  return "void";
}

/// Adds the functions that `compress.variants` names, and the largest of their workspaces; returns what is wrong.
static std::string addVariants(CInterface &interface, ModuleOp module, func::FuncOp main) {
  auto names = main->getAttrOfType<ArrayAttr>(kVariantsAttr);
  if (!names)
    names = ArrayAttr::get(main.getContext(), {FlatSymbolRefAttr::get(main)});
  if (names.empty() || names[0] != FlatSymbolRefAttr::get(main))
    return "expects compress.variants to begin with @main";
  for (Attribute name : names) {
    auto symbol = dyn_cast<FlatSymbolRefAttr>(name);
    auto function = symbol ? module.lookupSymbol<func::FuncOp>(symbol.getAttr()) : func::FuncOp();
    if (!function || function.isExternal() || function.getFunctionType() != main.getFunctionType())
      return "expects compress.variants of @main to name functions of its type";
    auto bytes = function->getAttrOfType<DenseI64ArrayAttr>("compress.workspace_bytes");
    if (!bytes || bytes.size() != 2 || function->getAttr("compress.max_batch") != main->getAttr("compress.max_batch"))
      return "expects @" + function.getName().str() + " to be planned by compress-plan-memory as @main is";
    interface.workspaceBytesOne = std::max(interface.workspaceBytesOne, bytes[0]);
    interface.workspaceBytesMost = std::max(interface.workspaceBytesMost, bytes[1]);
    CVariant variant;
    variant.function = function.getName();
    if (auto processor = function->getAttrOfType<StringAttr>(kProcessorAttr))
      variant.processor = processor.getValue();
    if (auto extensions = function->getAttrOfType<ArrayAttr>(kExtensionsAttr))
      for (Attribute extension : extensions) {
        auto text = dyn_cast<StringAttr>(extension);
        if (!text || !findX86Feature(text))
          return "expects compress.extensions of @" + variant.function + " to be extensions that have a check";
        variant.extensions.push_back(text.str());
      }
    interface.variants.push_back(std::move(variant));
  }
  return "";
}

SmallVector<std::string> CInterface::errorMessages() const {
  std::string processors;
  bool asksForTiles = false;
  for (const CVariant &variant : variants) {
    if (!variant.processor.empty())
      processors += (processors.empty() ? ": " : ", ") + variant.processor;
    for (StringRef extension : variant.extensions)
      asksForTiles |= findX86Feature(extension)->mustBeAskedFor();
  }
  return {"no error", "the batch is negative, or is not the one that the library was compiled for",
          "a tensor pointer is NULL", "the workspace is NULL or not aligned to 64 bytes",
          "the processor lacks instructions of every processor that the library was compiled for" +
              std::string(asksForTiles ? ", or the system does not grant tile registers" : "") + processors};
}

std::optional<CInterface> CInterface::get(ModuleOp module, StringRef name, std::string &error) {
  auto fail = [&](const llvm::Twine &reason) {
    error = reason.str();
    return std::nullopt;
  };
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal() || main.getNumResults() != 0)
    return fail("expects a function @main on buffers, without results");
  auto bytes = main->getAttrOfType<DenseI64ArrayAttr>("compress.workspace_bytes");
  auto maxBatch = main->getAttrOfType<IntegerAttr>("compress.max_batch");
  Type workspace = main.getNumArguments() ? main.getArgumentTypes().back() : Type();
  auto expected = MemRefType::get({ShapedType::kDynamic}, IntegerType::get(module.getContext(), 8));
  if (!bytes || bytes.size() != 2 || !maxBatch || !maxBatch.getType().isSignlessInteger(64) || maxBatch.getInt() < 1 ||
      workspace != expected)
    return fail("expects @main to be planned by compress-plan-memory");
  if (!isCIdentifier(name))
    return fail("'" + name + "' is no C identifier");

  CInterface interface;
  interface.name = name.str();
  interface.maxBatch = maxBatch.getInt();
  if (Attribute given = main->getAttr(kProfileAttr)) {
    interface.profile = CProfile::get(given);
    if (!interface.profile)
      return fail("expects compress.profile of @main to be what compress-profile-layers sets");
  }
  if (std::string wrong = addVariants(interface, module, main); !wrong.empty())
    return fail(wrong);
  for (unsigned i = 0; i + 1 < main.getNumArguments(); ++i) {
    auto type = dyn_cast<MemRefType>(main.getArgument(i).getType());
    auto dtype = type ? dtypeOf(type.getElementType()) : std::nullopt;
    if (dtype == DType::I8 && main.getArgAttr(i, "compress.unsigned"))
      dtype = DType::U8;
    if (!dtype || !type.getLayout().isIdentity() ||
        llvm::any_of(type.getShape().drop_front(type.getRank() > 0), ShapedType::isDynamic))
      return fail(llvm::formatv("argument {0} of @main has no C type: {1}", i, main.getArgument(i).getType()));
    bool isResult = static_cast<bool>(main.getArgAttr(i, "compress.result"));
    if (!isResult && !interface.outputs.empty())
      return fail(llvm::formatv("argument {0} of @main is an input after a result", i));
    auto &tensors = isResult ? interface.outputs : interface.inputs;
    auto given = main.getArgAttrOfType<StringAttr>(i, "compress.name");
    std::string fallback = (isResult ? "output" : "input") + std::to_string(tensors.size());
    tensors.push_back({given ? given.getValue().str() : fallback, type, *dtype});
    interface.isDynamic |= type.getRank() > 0 && type.isDynamicDim(0);
  }
  for (const CTensor &tensor : llvm::concat<const CTensor>(interface.inputs, interface.outputs))
    if (interface.isDynamic && (tensor.type.getRank() == 0 || !tensor.type.isDynamicDim(0)))
      return fail("tensor '" + tensor.name + "' has no batch dimension, but others have: state the batch");
  if (!interface.isDynamic && !interface.inputs.empty() && interface.inputs[0].type.getRank() > 0)
    interface.statedBatch = interface.inputs[0].type.getDimSize(0);
  return interface;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

/// A C identifier made of a tensor's name, as a hint to the reader.
static std::string parameterName(StringRef name, size_t index, StringRef fallback) {
  std::string result;
  for (char c : name)
    result += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (!isCIdentifier(result))
    result = fallback.str() + std::to_string(index);
  return result;
}

static std::string shapeText(MemRefType type) {
  std::string text = "[";
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    text += (i ? ", " : "") + (ShapedType::isDynamic(extent) ? std::string("batch") : std::to_string(extent));
  return text + "]";
}

std::string CInterface::header() const {
  std::string text, guard = StringRef(name).upper();
  llvm::raw_string_ostream os(text);
  os << "/* " << name << ".h - made by compress-compile. Needs no runtime library; link lib" << name
     << ".a or .so, and libm.\n"
     << " *\n * Tensors are dense, in row-major order, aligned to their element type:\n";
  for (const CTensor &tensor : inputs)
    os << " *   input  " << tensor.name << ": " << tensor.cType() << " " << shapeText(tensor.type) << "\n";
  for (const CTensor &tensor : outputs)
    os << " *   output " << tensor.name << ": " << tensor.cType() << " " << shapeText(tensor.type) << "\n";
  if (!isDynamic)
    os << " * The batch is fixed: " << statedBatch << ".\n";
  os << " * Outputs overlap neither inputs nor each other.\n"
     << " * All functions are reentrant and thread-safe; none allocates memory.\n";
  if (!variants.front().processor.empty())
    os << " * run takes the first code of these that the processor has all instructions for:\n";
  for (const CVariant &variant : variants)
    if (!variant.processor.empty())
      os << " *   " << variant.processor << "\n";
  os << " */\n"
     << "#ifndef COMPRESS_" << guard << "_H\n#define COMPRESS_" << guard << "_H\n\n"
     << "#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
     << "#define " << guard << "_ABI_VERSION " << kABIVersion << "\n\n"
     << "/* Element types, numbered as in ONNX. */\nenum {\n"
     << llvm::formatv("  {0}_F32 = 1, {0}_U8 = 2, {0}_I8 = 3, {0}_I32 = 6, {0}_I64 = 7, {0}_BOOL = 9, {0}_F64 = 11\n",
                      guard)
     << "};\n\n"
     << llvm::formatv("/* dims[0 .. rank-1]; -1 is the batch. */\n"
                      "typedef struct {0}_tensor {{\n  const char *name;\n  int32_t dtype;\n  int32_t rank;\n"
                      "  const int64_t *dims;\n} {0}_tensor;\n\n",
                      name)
     << "/* The " << guard << "_ABI_VERSION that the library was made with. */\n"
     << "int32_t " << name << "_abi_version(void);\n\n"
     << "/* Bytes of workspace that run needs for this batch: " << workspaceBytesOne << " for 1, " << workspaceBytesMost
     << " for more. */\n"
     << "size_t " << name << "_workspace_bytes(int64_t batch);\n\n"
     << "/* Computes the outputs; returns 0, or an error code. `workspace` is aligned to " << kWorkspaceAlignment
     << " bytes and is not\n * shared with a concurrent call; NULL if it needs 0 bytes. Error codes:";
  for (auto [code, message] : llvm::enumerate(errorMessages()))
    os << "\n *   " << code << ": " << message;
  if (profile)
    os << ".\n * Counts " << name << "_ticks anew, if it returns 0";
  os << ". */\nint " << name << "_run(int64_t batch";
  for (auto [i, tensor] : llvm::enumerate(inputs))
    os << ", const " << tensor.cType() << " *" << parameterName(tensor.name, i, "input");
  for (auto [i, tensor] : llvm::enumerate(outputs))
    os << ", " << tensor.cType() << " *" << parameterName(tensor.name, i, "output");
  os << ", void *workspace);\n\n"
     << "/* The text of an error code. */\nconst char *" << name << "_error(int code);\n\n"
     << "/* Inputs and outputs, in the order of run's arguments. */\n"
     << llvm::formatv("const {0}_tensor *{0}_inputs(size_t *count);\nconst {0}_tensor *{0}_outputs(size_t *count);\n\n",
                      name);
  if (profile)
    os << profileDeclarations();
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}

std::string CInterface::profileDeclarations() const {
  StringRef unit = profile->counter == "tsc" ? "the time stamp counter" : "CNTVCT_EL0, the virtual counter";
  return llvm::formatv(
      R"(/* A layer: the name of its ONNX node, or its line in an IR file; the op that should take longest; and, separated by ", ",
 * the layers whose work its loops do, too. What the cost model expects of it, for two numbers of samples that run together:
 * microseconds (0: it expects nothing), and what they are spent on most: "compute", or the level that bytes come from ("L1",
 * "L2", "L3", "memory"). */
typedef struct {0}_layer {{
  const char *name, *op, *fused;
  int64_t samples[2];
  double predicted_us[2];
  const char *bound[2];
} {0}_layer;

/* The layers, in their order. */
const {0}_layer *{0}_layers(size_t *count);

/* Of the last call of run with this workspace that returned 0: [i] is the ticks of layer i, summed over all samples, and
 * [count] those of the whole call, what belongs to no layer included. They lie in the workspace, so that concurrent calls
 * count apart. Ticks are of {1}, which runs at a fixed rate: compare it with a clock. */
const int64_t *{0}_ticks(const void *workspace);

)",
      name, unit);
}
