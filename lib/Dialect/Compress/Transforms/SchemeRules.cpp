//===- SchemeRules.cpp - Schemes by the names of layers -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/SchemeRules.h"
#include "compress/Dialect/Compress/IR/SchemeNames.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {

class RulesParser : LayerRulesReader {
public:
  RulesParser(StringRef text, MLIRContext *context, std::string &error)
      : LayerRulesReader(text, error), context(context) {
    context->getOrLoadDialect<CompressDialect>();
    known = schemeNames(context);
  }

  std::optional<std::vector<SchemeRule>> parse() {
    std::vector<SchemeRule> rules;
    if (failed(parseRules([&] { return parseRule(rules.emplace_back()); })))
      return std::nullopt;
    return rules;
  }

private:
  //===--------------------------------------------------------------------===//
  // Schemes
  //===--------------------------------------------------------------------===//

  LogicalResult parseRule(SchemeRule &rule) {
    if (failed(parseLayers(rule, "a scheme")))
      return failure();
    size_t begin = at;
    if (!isAtEnd() && text[at] == '#' ? failed(parseAttributeText(rule)) : failed(parseScheme(rule)))
      return failure();
    rule.schemeText = text.slice(begin, at).rtrim().str();
    return success();
  }

  LogicalResult parseAttributeText(SchemeRule &rule) {
    size_t begin = at, numRead = 0;
    std::string why;
    // A scheme may be told nonsense; what its verifier says is the message.
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      why = why.empty() ? diagnostic.str() : why;
      return success();
    });
    Attribute attribute = parseAttribute(text.substr(at), context, Type(), &numRead);
    rule.scheme = dyn_cast_or_null<CompressionSchemeAttrInterface>(attribute);
    if (!rule.scheme)
      return fail(begin, "expects a scheme attribute, such as #compress.fit_circulant<k = 8>" +
                             (why.empty() ? "" : ": " + why));
    at += numRead;
    skipSpace();
    return success();
  }

  const SchemeName *findName(StringRef name) {
    auto *it = llvm::find_if(known, [&](const SchemeName *one) { return one->name == name; });
    return it == known.end() ? nullptr : *it;
  }

  LogicalResult parseScheme(SchemeRule &rule) {
    size_t begin = at;
    StringRef word = parseWord();
    const SchemeName *name = findName(word);
    if (!name && word != "none") {
      SmallVector<std::string> all{"none"};
      for (const SchemeName *one : known)
        all.push_back(one->spelled());
      llvm::sort(all);
      return fail(begin, (word.empty() ? "expects a scheme" : "no scheme is called '" + word.str() + "'") +
                             "; there are " + llvm::join(all, ", "));
    }
    size_t open = at;
    SchemeArguments arguments;
    if (consume('(')) {
      if (!name)
        return fail(open, "'none' takes no arguments");
      if (failed(parseArguments(*name, arguments)))
        return failure();
    }
    if (!name)
      return success();
    std::string whyNot;
    rule.scheme = dyn_cast_or_null<CompressionSchemeAttrInterface>(name->make(context, arguments, whyNot));
    if (!rule.scheme)
      return fail(begin, name->spelled() + " " + whyNot);
    return success();
  }

  LogicalResult parseArguments(const SchemeName &scheme, SchemeArguments &arguments) {
    size_t place = 0;
    bool isNamed = false;
    if (consume(')'))
      return success();
    do {
      size_t begin = at;
      StringRef word = parseWord();
      const SchemeKnob *knob = nullptr;
      if (consume('=')) {
        isNamed = true;
        knob = llvm::find_if(scheme.knobs, [&](const SchemeKnob &one) { return one.name == word; });
        if (knob == scheme.knobs.end())
          return fail(begin, "'" + scheme.name + "' has no '" + word + "'; it takes " + knobsOf(scheme));
        begin = at;
        word = parseWord();
      } else if (word.empty()) {
        return fail(begin, "expects a value or 'name=value'; '" + scheme.name + "' takes " + knobsOf(scheme));
      } else if (isNamed || place == scheme.knobs.size()) {
        return fail(begin, "expects 'name=value' here; '" + scheme.name + "' takes " + knobsOf(scheme));
      } else {
        knob = &scheme.knobs[place++];
      }
      if (failed(parseValue(*knob, word, begin, arguments)))
        return failure();
    } while (consume(','));
    if (!consume(')'))
      return fail(at, "expects ',' or ')'");
    return success();
  }

  static std::string knobsOf(const SchemeName &scheme) {
    if (scheme.knobs.empty())
      return "nothing";
    return quoted(llvm::map_to_vector(scheme.knobs, [](const SchemeKnob &knob) { return knob.name; }));
  }

  LogicalResult parseValue(const SchemeKnob &knob, StringRef word, size_t begin, SchemeArguments &arguments) {
    std::optional<SchemeArguments::Value> value = valueOf(knob, word);
    if (!value) {
      SmallVector<StringRef> words;
      knob.range.split(words, '|');
      static constexpr StringRef kKinds[] = {"an integer, ", "a number, ", "", "one of "};
      return fail(begin, "'" + knob.name + "' is " + kKinds[knob.kind] +
                             (knob.kind == SchemeKnob::Word ? quoted(words) : knob.range.str()) +
                             (word.empty() ? "" : ", not '" + word.str() + "'"));
    }
    if (!arguments.add(knob.name, std::move(*value)))
      return fail(begin, "'" + knob.name + "' is given twice");
    return success();
  }

  static std::optional<SchemeArguments::Value> valueOf(const SchemeKnob &knob, StringRef word) {
    int64_t integer;
    double number;
    switch (knob.kind) {
    case SchemeKnob::Integer:
      if (word.getAsInteger(10, integer) || integer < knob.low || integer > knob.high)
        return std::nullopt;
      return integer;
    case SchemeKnob::Number:
      if (word.getAsDouble(number) || !std::isfinite(number) || number < knob.low || number > knob.high)
        return std::nullopt;
      return number;
    case SchemeKnob::Flag:
      if (word != "true" && word != "false")
        return std::nullopt;
      return word == "true";
    case SchemeKnob::Word: {
      SmallVector<StringRef> words;
      knob.range.split(words, '|');
      if (!llvm::is_contained(words, word))
        return std::nullopt;
      return word.str();
    }
    }
    llvm_unreachable("unknown kind");
  }

  MLIRContext *context;
  SmallVector<const SchemeName *> known;
};

} // namespace

std::optional<std::vector<SchemeRule>> mlir::compress::parseSchemeRules(StringRef text, MLIRContext *context,
                                                                        std::string &error) {
  return RulesParser(text, context, error).parse();
}
