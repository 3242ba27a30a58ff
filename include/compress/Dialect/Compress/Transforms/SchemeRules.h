//===- SchemeRules.h - Schemes by the names of layers ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   rule    := [layers ':'] scheme                      LayerRules.h has the others
//   scheme  := 'none' | name ['(' argument (',' argument)* ')'] | attribute
//   argument := [knob '='] value                        without a knob: the next one in order
//
// docs/Obtain.md says what patterns match and what the schemes are told.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/Transforms/LayerRules.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

/// What one rule says of layers.
struct SchemeRule : RuleLayers {
  /// As written: `escalate(bases=4)`.
  std::string schemeText;
  /// Null: the layers stay as they are.
  CompressionSchemeAttrInterface scheme;
};

/// Rules in the order of their text; nullopt and an error otherwise, which says the column, what is allowed there, and
/// shows the place with a caret. May load a dialect that `text` names.
std::optional<std::vector<SchemeRule>> parseSchemeRules(StringRef text, MLIRContext *context, std::string &error);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCHEMERULES_H
