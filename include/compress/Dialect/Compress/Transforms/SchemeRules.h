//===- SchemeRules.h - Schemes by the names of layers ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   rules   := rule (';' rule)* [';']
//   rule    := [layers ':'] scheme                      a scheme alone is that of every layer
//   layers  := pattern (',' pattern)*                   'default' is '*'
//   scheme  := 'none' | name ['(' argument (',' argument)* ')'] | attribute
//   argument := [knob '='] value                        without a knob: the next one in order
//
// docs/Obtain.md says what patterns match and what the schemes are told.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "llvm/Support/GlobPattern.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

/// What one rule says.
struct SchemeRule {
  /// As written: `conv*, fc1` and `escalate(bases=4)`.
  std::string layers, schemeText;
  std::vector<llvm::GlobPattern> patterns;
  /// Null: the layers stay as they are.
  CompressionSchemeAttrInterface scheme;
  /// True for `default`, and for a scheme alone.
  bool isDefault = false;

  bool matches(StringRef layer) const;
};

/// Rules in the order of their text; nullopt and an error otherwise, which says the column, what is allowed there, and
/// shows the place with a caret. May load a dialect that `text` names.
std::optional<std::vector<SchemeRule>> parseSchemeRules(StringRef text, MLIRContext *context, std::string &error);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H
