//===- LayerRules.cpp - Rules by the names of layers ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/LayerRules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr const char *kExpectsPattern = "expects a pattern over layer names, such as 'conv*', or 'default'";

bool RuleLayers::matches(StringRef layer) const {
  return isDefault || llvm::any_of(patterns, [&](const llvm::GlobPattern &pattern) { return pattern.match(layer); });
}

LogicalResult LayerRulesReader::parseRules(function_ref<LogicalResult()> parseRule) {
  skipSpace();
  for (bool isFirst = true;; isFirst = false) {
    if (isAtEnd() && !isFirst)
      return success(); // a separator at the end
    if (failed(parseRule()))
      return failure();
    if (!consume(';'))
      return isAtEnd() ? success() : fail(at, "expects ';' and a further rule, or the end");
  }
}

//===----------------------------------------------------------------------===//
// Characters
//===----------------------------------------------------------------------===//

void LayerRulesReader::skipSpace() {
  while (!isAtEnd() && llvm::isSpace(text[at]))
    ++at;
}

bool LayerRulesReader::consume(char c) {
  skipSpace();
  if (isAtEnd() || text[at] != c)
    return false;
  ++at;
  skipSpace();
  return true;
}

StringRef LayerRulesReader::parseWord() {
  size_t begin = at;
  while (!isAtEnd() && (llvm::isAlnum(text[at]) || StringRef("_.+-").contains(text[at])))
    ++at;
  return text.slice(begin, at);
}

LogicalResult LayerRulesReader::fail(size_t place, const Twine &message) {
  size_t begin = place == 0 ? 0 : text.rfind('\n', place - 1) + 1; // npos + 1 is 0
  StringRef line = text.substr(begin).split('\n').first;
  error = ("column " + Twine(place - begin + 1) + ": " + message + "\n  " + line + "\n  " +
           std::string(place - begin, ' ') + "^")
              .str();
  return failure();
}

std::string LayerRulesReader::quoted(ArrayRef<StringRef> words) {
  return llvm::join(llvm::map_range(words, [](StringRef word) { return "'" + word.str() + "'"; }), ", ");
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// Where the ':' of this rule is, outside of quotes, brackets and escapes; npos if it has no layers.
size_t LayerRulesReader::findColon() const {
  int64_t depth = 0;
  bool isQuoted = false;
  for (size_t i = at; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\')
      ++i;
    else if (c == '"')
      isQuoted = !isQuoted;
    else if (!isQuoted && depth == 0 && (c == ':' || c == ';'))
      return c == ':' ? i : StringRef::npos;
    else if (!isQuoted && StringRef("([{<").contains(c))
      ++depth;
    else if (!isQuoted && StringRef(")]}>").contains(c))
      --depth;
  }
  return StringRef::npos;
}

/// Up to a ',' or the colon at `end`, or what is inside of quotes.
LogicalResult LayerRulesReader::parsePattern(RuleLayers &rule, size_t end) {
  size_t begin = at;
  StringRef pattern;
  if (text[at] == '"') {
    size_t close = text.find('"', at + 1);
    pattern = text.slice(at + 1, close); // findColon saw that it closes
    at = close + 1;
  } else {
    int64_t depth = 0;
    for (; at < end && !(text[at] == ',' && depth == 0); ++at) {
      depth += StringRef("[{").contains(text[at]);
      depth -= StringRef("]}").contains(text[at]);
      at += text[at] == '\\' && at + 1 < end;
    }
    pattern = text.slice(begin, at).rtrim();
  }
  if (pattern.empty())
    return fail(begin, kExpectsPattern);
  auto glob = llvm::GlobPattern::create(pattern, /*MaxSubPatterns=*/1024);
  if (!glob)
    return fail(begin, "'" + pattern + "' is no pattern: " + llvm::toString(glob.takeError()));
  rule.patterns.push_back(std::move(*glob));
  rule.isDefault |= pattern == "default";
  return success();
}

LogicalResult LayerRulesReader::parseLayers(RuleLayers &rule, StringRef what) {
  size_t begin = at, colon = findColon();
  if (colon == StringRef::npos) {
    rule.isDefault = true;
    rule.layers = "default";
    return success();
  }
  do {
    if (at >= colon)
      return fail(at, kExpectsPattern);
    if (failed(parsePattern(rule, colon)))
      return failure();
  } while (consume(','));
  rule.layers = text.slice(begin, at).rtrim().str();
  if (!consume(':'))
    return fail(at, "expects ',' and a further pattern, or ':' and " + what);
  return success();
}
