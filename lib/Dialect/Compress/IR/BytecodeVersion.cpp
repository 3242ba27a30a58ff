//===- BytecodeVersion.cpp - Versions of a dialect in bytecode ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/BytecodeVersion.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

void VersionedBytecodeInterface::writeVersion(DialectBytecodeWriter &writer) const {
  uint64_t number = current;
  FailureOr<const DialectVersion *> asked = writer.getDialectVersion(getDialect()->getNamespace());
  if (succeeded(asked))
    number = static_cast<const BytecodeVersion *>(*asked)->number;
  writer.writeVarInt(number);
}

std::unique_ptr<DialectVersion> VersionedBytecodeInterface::readVersion(DialectBytecodeReader &reader) const {
  uint64_t number;
  if (failed(reader.readVarInt(number)))
    return nullptr;
  if (number > current) {
    reader.emitError("this file has version ")
        << number << " of the dialect '" << getDialect()->getNamespace() << "', and this build reads versions up to "
        << current << ": use a newer build, or write the file as text (.mlir) where it was made";
    return nullptr;
  }
  return std::make_unique<BytecodeVersion>(number);
}

LogicalResult VersionedBytecodeInterface::upgradeFromVersion(Operation *root, const DialectVersion &version) const {
  uint64_t number = static_cast<const BytecodeVersion &>(version).number;
  for (const UpgradeStep &step : steps)
    if (step.from >= number && failed(step.apply(root)))
      return failure();
  return success();
}

LogicalResult VersionedBytecodeInterface::writeAttribute(Attribute attribute, DialectBytecodeWriter &writer) const {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  // The writer keeps a reference: the context owns the characters.
  writer.writeOwnedString(StringAttr::get(getContext(), text).getValue());
  return success();
}

Attribute VersionedBytecodeInterface::readAttribute(DialectBytecodeReader &reader) const {
  StringRef text;
  if (failed(reader.readString(text)))
    return {};
  Attribute attribute = parseAttribute(text, getContext());
  if (!attribute)
    reader.emitError("cannot read the attribute '") << text << "'";
  return attribute;
}
