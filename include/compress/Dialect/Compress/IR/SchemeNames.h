//===- SchemeNames.h - Short names of schemes -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   escalate(bases=4, sparsity=0.85)   =>   #compress.fit_escalate<bases = 4, coefficients = #compress.fit_ternary<…>,
//   …>
//
// A dialect with schemes names them through SchemeNamesDialectInterface; who reads a name asks all loaded dialects.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_SCHEMENAMES_H
#define COMPRESS_DIALECT_COMPRESS_IR_SCHEMENAMES_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/DialectInterface.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <optional>
#include <string>
#include <variant>

namespace mlir::compress {

/// One thing that a scheme may be told.
struct SchemeKnob {
  enum Kind { Integer, Number, Flag, Word };
  StringRef name;
  Kind kind = Integer;
  /// Values from `low` to `high`, both included, in the words of `range`: `1 or more`. Of a Word, `range` is the words,
  /// separated by bars.
  StringRef range;
  double low = 0, high = 0;
};

/// What a scheme was told, by the names of its knobs; each value is of its knob's kind and range.
class SchemeArguments {
public:
  using Value = std::variant<int64_t, double, bool, std::string>;

  /// False if `name` was given before.
  bool add(StringRef name, Value value) { return values.try_emplace(name, std::move(value)).second; }
  bool has(StringRef name) const { return values.contains(name); }
  int64_t integer(StringRef name, int64_t otherwise = 0) const { return get(name, otherwise); }
  double number(StringRef name, double otherwise = 0) const { return get(name, otherwise); }
  bool flag(StringRef name, bool otherwise = false) const { return get(name, otherwise); }
  std::string word(StringRef name) const { return get(name, std::string()); }

private:
  template <typename T>
  T get(StringRef name, T otherwise) const {
    auto it = values.find(name);
    return it == values.end() ? otherwise : std::get<T>(it->second);
  }

  llvm::StringMap<Value> values;
};

/// A name, the knobs in the order of arguments without a name, and the attribute that they make: null with the reason
/// if they do not go together.
struct SchemeName {
  StringRef name;
  SmallVector<SchemeKnob> knobs;
  Attribute (*make)(MLIRContext *context, const SchemeArguments &arguments, std::string &whyNot);

  /// `escalate(bases, energy, sparsity)`.
  std::string spelled() const;
};

/// Names the schemes of a dialect.
class SchemeNamesDialectInterface : public DialectInterface::Base<SchemeNamesDialectInterface> {
public:
  explicit SchemeNamesDialectInterface(Dialect *dialect) : Base(dialect) {}
  virtual ArrayRef<SchemeName> getSchemeNames() const = 0;
};

/// The names of all loaded dialects.
SmallVector<const SchemeName *> schemeNames(MLIRContext *context);

/// Adds the names of the schemes of `dialect`, which is the compress dialect.
void addSchemeNames(Dialect *dialect);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_SCHEMENAMES_H
