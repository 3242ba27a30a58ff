//===- LayerRules.h - Rules by the names of layers ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   rules   := rule (';' rule)* [';']
//   rule    := [layers ':'] what                        what alone is that of every layer
//   layers  := pattern (',' pattern)*                   'default' is '*'
//
// docs/Obtain.md says what patterns match.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_LAYERRULES_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_LAYERRULES_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/GlobPattern.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// The layers that one rule is about.
struct RuleLayers {
  /// As written: `conv*, fc1`.
  std::string layers;
  std::vector<llvm::GlobPattern> patterns;
  /// True for `default`, and for a rule without layers.
  bool isDefault = false;

  bool matches(StringRef layer) const;
};

/// Reads rules by descent; the first error wins. What a rule says is read by who derives from it.
class LayerRulesReader {
protected:
  LayerRulesReader(StringRef text, std::string &error) : text(text), error(error) {}

  /// Calls `parseRule` at the begin of each rule.
  LogicalResult parseRules(function_ref<LogicalResult()> parseRule);
  /// The layers of a rule and the colon behind them; `what` follows it, as an error says.
  LogicalResult parseLayers(RuleLayers &rule, StringRef what);

  bool isAtEnd() const { return at >= text.size(); }
  void skipSpace();
  bool consume(char c);
  /// Letters, digits, '_', '.', '+' and '-': names, words and numbers.
  StringRef parseWord();
  /// The line of `place` with a caret below it, after the column and what is wrong.
  LogicalResult fail(size_t place, const Twine &message);
  /// `'a', 'b'`
  static std::string quoted(ArrayRef<StringRef> words);

  StringRef text;
  std::string &error;
  size_t at = 0;

private:
  size_t findColon() const;
  LogicalResult parsePattern(RuleLayers &rule, size_t end);
};

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_LAYERRULES_H
