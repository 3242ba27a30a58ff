//===- CInterface.h - What the C functions of a library say ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_CINTERFACE_H
#define COMPRESS_TARGET_CINTERFACE_H

#include "compress/Dialect/Compress/IR/Layers.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace mlir::compress {

/// Raised whenever a function of the library changes its meaning or signature.
constexpr int64_t kABIVersion = 1;
/// Bytes that the workspace must be aligned to.
constexpr int64_t kWorkspaceAlignment = 64;

/// Error codes of `run`; `CInterface::errorMessages` has their texts.
enum class CError { None = 0, Batch = 1, NullTensor = 2, Workspace = 3, Processor = 4 };

/// Element types, by the numbers of ONNX TensorProto.DataType.
enum class DType { F32 = 1, U8 = 2, I8 = 3, I32 = 6, I64 = 7, Bool = 9, F64 = 11 };

/// One input or output.
struct CTensor {
  std::string name;
  MemRefType type;
  DType dtype;

  /// Elements of one sample: the product of all extents but a dynamic one.
  int64_t sampleElements() const;
  /// The C type of an element.
  const char *cType() const;
};

/// The network as code for one processor.
struct CVariant {
  /// The name of the function, of the processor, and of the extensions that it must have.
  std::string function, processor;
  SmallVector<std::string> extensions;
};

/// Attribute of `@main` by which a CProfile is passed on.
inline constexpr const char *kProfileAttr = "compress.profile";

/// What a library counts at the start of its workspace: a number per layer, and one for the whole call.
struct CProfile {
  /// `tsc` or `cntvct`.
  std::string counter;
  SmallVector<Layer> layers;

  /// Of the numbers, up to where the arena begins.
  int64_t bytes() const;
  DictionaryAttr toAttribute(MLIRContext *context) const;
  /// Nullopt if `attribute` is none, or one that says something else.
  static std::optional<CProfile> get(Attribute attribute);
};

/// The C functions of a library, as `@main` after compress-plan-memory says them.
struct CInterface {
  std::string name;
  SmallVector<CTensor> inputs, outputs;
  /// At least one; the first one that the processor runs is called.
  SmallVector<CVariant> variants;
  /// True if the batch is a run-time value; otherwise it is `statedBatch`.
  bool isDynamic = false;
  int64_t statedBatch = 1, maxBatch = 1;
  int64_t workspaceBytesOne = 0, workspaceBytesMost = 0;
  /// After compress-profile-layers.
  std::optional<CProfile> profile;

  /// Reads `@main` of `module`; nullopt and the reason if there is none, or if it is not planned.
  static std::optional<CInterface> get(ModuleOp module, StringRef name, std::string &error);

  /// The texts of the error codes, in their order.
  SmallVector<std::string> errorMessages() const;
  /// The text of `<name>.h`.
  std::string header() const;

private:
  std::string profileDeclarations() const;
};

/// True if `name` may start the name of a C function.
bool isCIdentifier(StringRef name);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_CINTERFACE_H
