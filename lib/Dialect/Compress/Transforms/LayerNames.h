//===- LayerNames.h - Choose layers by name --------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Options of passes that say something for each layer are written in one way:
//
//   conv.*=spectral,fc[12]=dense        the first pattern that matches the whole name gives the value
//   spectral                            a value alone is that of every layer
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERNAMES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERNAMES_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Regex.h"
#include <memory>
#include <optional>

namespace mlir::compress {

/// The ONNX node name of `op`, or "" if its location has none.
StringRef layerName(Operation *op);

/// Values by patterns over layer names.
class LayerPatterns {
public:
  struct Entry {
    /// As written; empty for a value alone.
    std::string pattern, value;
    std::shared_ptr<const llvm::Regex> regex;
    /// True once `lookup` gave this entry.
    bool isUsed = false;
  };

  /// Reads entries `pattern=value`, separated by commas or semicolons; spaces around them do not count, and separators
  /// inside of brackets or after a backslash are text. Nullopt and `error`, as the end of a sentence, if a pattern is
  /// no regular expression or an entry has no value.
  static std::optional<LayerPatterns> parse(StringRef text, std::string &error);

  /// The first entry whose pattern matches all of `layer`, or null.
  const Entry *lookup(StringRef layer);

  /// The first entry with a pattern that `lookup` never gave, or null.
  const Entry *findUnused() const;

private:
  std::vector<Entry> entries;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LAYERNAMES_H
