//===- BytecodeVersion.h - Versions of a dialect in bytecode --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A bytecode file says by which version of a dialect its ops and attributes were written. Whoever changes what a
// representation op or attribute means, or how it is stored, raises the dialect's version and adds the step that brings
// IR of the version before to the new one; readers of older files then apply the steps in turn.
//
// What is stored, and what a change of it takes:
// - Attributes are stored as their assembly. An old spelling must go on to parse.
// - An op's inherent attributes are stored in the order of its TableGen record, without names. To add or move one, the
// op
//   reads its properties itself and asks the reader for `getDialectVersion`; steps run after that, on whole IR.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_BYTECODEVERSION_H
#define COMPRESS_DIALECT_COMPRESS_IR_BYTECODEVERSION_H

#include "mlir/Bytecode/BytecodeImplementation.h"
#include "mlir/IR/Operation.h"

namespace mlir::compress {

/// The version of the compress dialect that this build writes. Versions count from 1; a file that says none is older
/// than they are, and is read as if it were of this version.
inline constexpr uint64_t kBytecodeVersion = 1;

/// A dialect's version, as a file states it.
struct BytecodeVersion : public DialectVersion {
  explicit BytecodeVersion(uint64_t number) : number(number) {}
  uint64_t number;
};

/// Rewrites the IR below `root` from version `from` of a dialect to version `from + 1`; emits an error where it cannot.
struct UpgradeStep {
  uint64_t from;
  LogicalResult (*apply)(Operation *root);
};

/// Stores the version of a dialect, refuses files of newer ones and upgrades IR of older ones; stores attributes as
/// text.
class VersionedBytecodeInterface : public BytecodeDialectInterface {
public:
  /// `steps` are in the order of their versions, and end below `current`.
  VersionedBytecodeInterface(Dialect *dialect, uint64_t current, ArrayRef<UpgradeStep> steps)
      : BytecodeDialectInterface(dialect), current(current), steps(steps) {}

  /// Writes the current version; or the one that `BytecodeWriterConfig::setDialectVersion` asks for, whose IR the
  /// caller answers for: nothing is downgraded.
  void writeVersion(DialectBytecodeWriter &writer) const override;

  /// Fails, with an error that says what to do, where the file is newer than this build.
  std::unique_ptr<DialectVersion> readVersion(DialectBytecodeReader &reader) const override;

  LogicalResult upgradeFromVersion(Operation *root, const DialectVersion &version) const override;

  /// An attribute's assembly. MLIR stores the same by itself, but then parses it before it has looked at the version.
  LogicalResult writeAttribute(Attribute attribute, DialectBytecodeWriter &writer) const override;
  Attribute readAttribute(DialectBytecodeReader &reader) const override;

private:
  uint64_t current;
  ArrayRef<UpgradeStep> steps;
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_BYTECODEVERSION_H
