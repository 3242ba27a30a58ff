//===- WidthRules.h - Widths of fixed-point networks by layers -*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   rule    := [layers ':'] width*                      LayerRules.h has the others
//   width   := name '=' integer | 'zeros' '=' word      activation-bits, weight-bits, spectrum-bits, guard-bits,
//                                                       result-bits (of `default` only)
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_WIDTHRULES_H
#define COMPRESS_CONVERSION_WIDTHRULES_H

#include "compress/Dialect/Compress/Transforms/LayerRules.h"
#include <optional>
#include <set>

namespace mlir::compress {

/// What is done with weights that are zero: they have a code; sums leave them out; or what costs less.
enum class Zeros { Codes, Skip, Auto };

/// Widths of a layer in fixed point, and what is done with its zeros.
struct FixedPointWidths {
  /// `result` is of the results of the network, whatever layer writes them.
  int64_t activation = 8, weight = 8, spectrum = 8, guard = 8, result = 16;
  Zeros zeros = Zeros::Auto;

  /// Bits of a value inside of a transform, and of accumulated spectra.
  int64_t transform() const { return spectrum + guard; }
};

/// Sets what `name` names to `value`; false, with what is expected, if there is no such name or value.
bool setWidth(FixedPointWidths &widths, StringRef name, StringRef value, std::string &expected);

/// Widths by the names of layers.
class WidthRules {
public:
  /// Reads `text`, which has to outlive the rules; what it does not say is as in `others`. Nullopt and an error
  /// otherwise, which says the column, what is allowed there, and shows the place with a caret.
  static std::optional<WidthRules> parse(StringRef text, const FixedPointWidths &others, std::string &error);

  /// Those of the first rule with a pattern that matches; what that does not say is as in `default`.
  const FixedPointWidths &of(StringRef layer) const;
  const FixedPointWidths &others() const { return byDefault; }
  /// The layers of the first rule that none of `names` was asked of; nullopt if there is none.
  std::optional<std::string> unused(const std::set<std::string> &names) const;

private:
  struct Rule : RuleLayers {
    FixedPointWidths widths;
  };
  class Parser;

  FixedPointWidths byDefault;
  std::vector<Rule> rules;
};

} // namespace mlir::compress

#endif // COMPRESS_CONVERSION_WIDTHRULES_H
