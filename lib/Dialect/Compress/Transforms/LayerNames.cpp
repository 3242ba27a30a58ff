//===- LayerNames.cpp - Choose layers by name ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerNames.h"
#include "mlir/IR/Location.h"

using namespace mlir;
using namespace mlir::compress;

StringRef mlir::compress::layerName(Operation *op) {
  auto name = op->getLoc()->findInstanceOf<NameLoc>();
  return name ? name.getName().getValue() : StringRef();
}

/// The place of the first of `characters` outside of brackets and not behind a backslash; npos if there is none.
static size_t findOutside(StringRef text, StringRef characters) {
  int64_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (depth == 0 && characters.contains(text[i]))
      return i;
    else if (StringRef("([{<").contains(text[i]))
      ++depth;
    else if (StringRef(")]}>").contains(text[i]) && depth > 0)
      --depth;
  }
  return StringRef::npos;
}

std::optional<LayerPatterns> LayerPatterns::parse(StringRef text, std::string &error) {
  LayerPatterns result;
  for (StringRef rest = text.trim(); !rest.empty();) {
    size_t end = findOutside(rest, ",;");
    StringRef entry = rest.substr(0, end).trim();
    rest = end == StringRef::npos ? StringRef() : rest.substr(end + 1).ltrim();
    size_t equals = findOutside(entry, "=");
    bool isAlone = equals == StringRef::npos;
    StringRef pattern = isAlone ? StringRef() : entry.substr(0, equals).trim();
    StringRef value = isAlone ? entry : entry.substr(equals + 1).trim();
    if (value.empty() || (!isAlone && pattern.empty())) {
      error = "expects pattern=value, got '" + entry.str() + "'";
      return std::nullopt;
    }
    llvm::Regex regex(isAlone ? std::string(".*") : "^(" + pattern.str() + ")$");
    if (std::string why; !regex.isValid(why)) {
      error = "'" + pattern.str() + "' is no regular expression: " + why;
      return std::nullopt;
    }
    result.entries.push_back({pattern.str(), value.str(), std::make_shared<const llvm::Regex>(std::move(regex))});
  }
  return result;
}

const LayerPatterns::Entry *LayerPatterns::lookup(StringRef layer) {
  for (Entry &entry : entries)
    if (entry.regex->match(layer)) {
      entry.isUsed = true;
      return &entry;
    }
  return nullptr;
}

const LayerPatterns::Entry *LayerPatterns::findUnused() const {
  for (const Entry &entry : entries)
    if (!entry.isUsed && !entry.pattern.empty())
      return &entry;
  return nullptr;
}
