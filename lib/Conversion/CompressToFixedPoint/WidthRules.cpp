//===- WidthRules.cpp - Widths of fixed-point networks by layers -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/WidthRules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
struct WidthName {
  StringRef name;
  int64_t FixedPointWidths::*width;
  int64_t least, most;
};
} // namespace

static constexpr WidthName kWidths[] = {{"activation-bits", &FixedPointWidths::activation, 2, 16},
                                        {"weight-bits", &FixedPointWidths::weight, 2, 16},
                                        {"spectrum-bits", &FixedPointWidths::spectrum, 2, 16},
                                        {"guard-bits", &FixedPointWidths::guard, 0, 12},
                                        {"result-bits", &FixedPointWidths::result, 2, 32}};
static constexpr StringRef kZeros = "zeros";

bool mlir::compress::setWidth(FixedPointWidths &widths, StringRef name, StringRef value, std::string &expected) {
  if (name == kZeros) {
    auto zeros = llvm::StringSwitch<std::optional<Zeros>>(value)
                     .Case("codes", Zeros::Codes)
                     .Case("skip", Zeros::Skip)
                     .Case("auto", Zeros::Auto)
                     .Default(std::nullopt);
    expected = "expects codes, skip or auto";
    widths.zeros = zeros.value_or(widths.zeros);
    return zeros.has_value();
  }
  const WidthName *width = llvm::find_if(kWidths, [&](const WidthName &one) { return one.name == name; });
  if (width == std::end(kWidths)) {
    expected = "expects activation-bits, weight-bits, spectrum-bits, guard-bits, result-bits or zeros";
    return false;
  }
  int64_t bits;
  expected = "expects " + std::to_string(width->least) + " to " + std::to_string(width->most);
  if (value.getAsInteger(10, bits) || bits < width->least || bits > width->most)
    return false;
  widths.*width->width = bits;
  return true;
}

/// What rules say stands until all are read: a rule may be before that of `default`, on which it builds.
class WidthRules::Parser : LayerRulesReader {
public:
  Parser(StringRef text, std::string &error) : LayerRulesReader(text, error) {}

  std::optional<WidthRules> parse(const FixedPointWidths &others) {
    if (failed(parseRules([&] { return parseRule(); })))
      return std::nullopt;
    WidthRules rules;
    rules.byDefault = others;
    std::string unused; // every value was tried
    auto apply = [&](const Read &rule, FixedPointWidths &widths) {
      for (auto [name, value] : rule.values)
        (void)setWidth(widths, name, value, unused);
    };
    for (const Read &rule : read)
      if (rule.isDefault)
        apply(rule, rules.byDefault);
    for (const Read &rule : read)
      if (!rule.isDefault)
        apply(rule, rules.rules.emplace_back(Rule{rule, rules.byDefault}).widths);
    return rules;
  }

private:
  struct Read : RuleLayers {
    SmallVector<std::pair<StringRef, StringRef>> values;
  };

  LogicalResult parseRule() {
    Read &rule = read.emplace_back();
    size_t begin = at;
    if (failed(parseLayers(rule, "widths")))
      return failure();
    if (rule.isDefault && llvm::any_of(llvm::drop_end(read), [](const Read &other) { return other.isDefault; }))
      return fail(begin, "there are two rules for 'default'");
    while (!isAtEnd() && text[at] != ';')
      if (failed(parseWidth(rule)))
        return failure();
    if (rule.values.empty() && !text.trim().empty())
      return fail(at, "expects a width, such as 'weight-bits=6'");
    return success();
  }

  LogicalResult parseWidth(Read &rule) {
    size_t begin = at;
    StringRef name = parseWord();
    FixedPointWidths scratch;
    std::string expected;
    bool isKnown = setWidth(scratch, name, "8", expected) || name == kZeros;
    if (!isKnown)
      return fail(begin, (name.empty() ? "" : "there is no '" + name + "'; ") + Twine(expected));
    if (!consume('='))
      return fail(at, "expects '=' behind '" + name + "'");
    size_t place = at;
    StringRef value = parseWord();
    if (!setWidth(scratch, name, value, expected))
      return fail(place, "'" + name + "' " + expected + (value.empty() ? "" : ", not '" + value + "'"));
    if (name == "result-bits" && !rule.isDefault)
      return fail(begin, "'result-bits' is of the whole network: say it without layers, or for 'default'");
    if (llvm::any_of(rule.values, [&](auto &given) { return given.first == name; }))
      return fail(begin, "'" + name + "' is given twice");
    rule.values.push_back({name, value});
    skipSpace();
    return success();
  }

  std::vector<Read> read;
};

std::optional<WidthRules> WidthRules::parse(StringRef text, const FixedPointWidths &others, std::string &error) {
  return Parser(text, error).parse(others);
}

const FixedPointWidths &WidthRules::of(StringRef layer) const {
  for (const Rule &rule : rules)
    if (rule.matches(layer))
      return rule.widths;
  return byDefault;
}

std::optional<std::string> WidthRules::unused(const std::set<std::string> &names) const {
  std::vector<bool> isUsed(rules.size(), false);
  for (const std::string &name : names)
    for (auto [i, rule] : llvm::enumerate(rules))
      if (rule.matches(name)) {
        isUsed[i] = true;
        break;
      }
  for (auto [rule, used] : llvm::zip_equal(rules, isUsed))
    if (!used)
      return rule.layers;
  return std::nullopt;
}
