//===- MutateText.cpp - Mutations of IR as text ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Most random edits of a text do not parse. Half of the edits here are therefore consistent: each 16 of a module
// becomes the same other number, each f32 the same other type, so that shapes still agree and the result often
// verifies.
//
//===----------------------------------------------------------------------===//

#include "Corpus.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress::fuzz;

static constexpr size_t kMostBytes = 65536;

int64_t mlir::compress::fuzz::interestingNumber(int64_t value, Random &random) {
  static const int64_t numbers[] = {0,    1,     2,         3,         4,          5,         6,         7,
                                    8,    12,    15,        16,        17,         31,        32,        33,
                                    63,   64,    100,       127,       128,        255,       256,       1000,
                                    4096, 65536, 1000000,   INT32_MAX, 1ll << 31,  1ll << 32, -1,        -2,
                                    -128, -4096, INT32_MIN, 1ll << 40, 1000000007, INT64_MAX, INT64_MIN, 1ll << 62};
  uint64_t bits = value;
  switch (random.below(5)) {
  case 0:
    return bits + 1;
  case 1:
    return bits - 1;
  case 2:
    return random.chance(50) ? bits * 2 : value / 2;
  default:
    return numbers[random.below(random.chance(60) ? 20 : std::size(numbers))];
  }
}

int64_t mlir::compress::fuzz::interestingExtent(int64_t value, Random &random) {
  int64_t extent = interestingNumber(value, random);
  return extent < 0 || (extent > 4096 && random.chance(85)) ? 1 + random.below(20) : extent;
}

namespace {

enum class Kind { number, type, word, symbol, space, other };

struct Token {
  Kind kind;
  std::string text;
};

bool isWordChar(char c) { return llvm::isAlpha(c) || c == '_' || c == '.' || c == '$'; }

/// Cuts `text` into tokens. In `4x?x3xf32` the extents and the element type are tokens of their own.
std::vector<Token> tokenize(StringRef text) {
  std::vector<Token> tokens;
  auto take = [&](Kind kind, size_t count) {
    tokens.push_back({kind, text.take_front(count).str()});
    text = text.drop_front(count);
  };
  auto span = [](StringRef of, auto predicate) { return of.take_while(predicate).size(); };
  while (!text.empty()) {
    char c = text[0];
    if (llvm::isSpace(c)) {
      take(Kind::space, span(text, [](char d) { return llvm::isSpace(d); }));
    } else if (llvm::isDigit(c)) {
      take(Kind::number, span(text, [](char d) { return llvm::isDigit(d); }));
    } else if (c == '%' || c == '@' || c == '^' || c == '!') {
      take(Kind::symbol, 1 + span(text.drop_front(), [](char d) { return isWordChar(d) || llvm::isDigit(d); }));
    } else if (isWordChar(c)) {
      size_t letters = span(text, isWordChar),
             digits = span(text.drop_front(letters), [](char d) { return llvm::isDigit(d); });
      StringRef run = text.take_front(letters);
      StringRef base = run.starts_with("x") ? run.drop_front() : run;
      bool isType = (digits && (base == "f" || base == "bf" || base == "i")) || base == "index";
      if (run != base && (isType || base.empty()))
        take(Kind::other, 1);
      else if (isType)
        take(Kind::type, letters + digits);
      else // c0 and conv_2d are one word
        take(Kind::word, span(text, [](char d) { return isWordChar(d) || llvm::isDigit(d); }));
    } else {
      take(Kind::other, 1);
    }
  }
  return tokens;
}

/// The edits of one text.
class TextMutator {
public:
  TextMutator(StringRef text, const Corpus &corpus, Random &random)
      : tokens(tokenize(text)), corpus(corpus), random(random) {}

  std::string run() {
    for (size_t i = 0, e = 1 + random.below(4); i < e && !tokens.empty(); ++i)
      mutate();
    std::string text;
    for (const Token &token : tokens)
      text += token.text;
    return text.size() > kMostBytes ? text.substr(0, kMostBytes) : text;
  }

private:
  void mutate() {
    size_t at = random.below(tokens.size());
    switch (random.below(12)) {
    case 0:
      tokens.erase(tokens.begin() + at);
      break;
    case 1:
      tokens.insert(tokens.begin() + at, tokens[random.below(tokens.size())]);
      break;
    case 2:
      mutateLines();
      break;
    case 3:
      splice();
      break;
    default: // a token that has a meaning, in two of three cases
      while (tokens[at].kind == Kind::space && at + 1 < tokens.size())
        ++at;
      replace(at, random.chance(65));
    }
  }

  /// Replaces the token at `at`; if `consistently`, every token like it.
  void replace(size_t at, bool consistently) {
    Token old = tokens[at];
    std::string with = replacement(old);
    for (size_t i = 0; i < tokens.size(); ++i)
      if (i == at ||
          (consistently && tokens[i].kind == old.kind && tokens[i].text == old.text && old.kind != Kind::other))
        tokens[i].text = with;
  }

  std::string replacement(const Token &token) {
    static const char *const types[] = {"f32",  "f64",  "f16",  "bf16",         "i1",   "i2",    "i3",
                                        "i4",   "i8",   "i16",  "i32",          "i64",  "index", "f8E4M3FN",
                                        "tf32", "f128", "i128", "complex<f32>", "none", "si8",   "ui8"};
    int64_t value = 0;
    switch (token.kind) {
    case Kind::number:
      if (random.chance(10))
        return "?";
      if (StringRef(token.text).getAsInteger(10, value))
        return "0";
      return std::to_string(random.chance(70) ? interestingExtent(value, random) : interestingNumber(value, random));
    case Kind::type:
      return types[random.below(random.chance(50) ? 2 : std::size(types))];
    case Kind::word:
      return random.pick(StringRef(token.text).contains('.') ? corpus.dotted : corpus.plain);
    case Kind::symbol: {
      std::vector<std::string> others;
      for (const Token &other : tokens)
        if (other.kind == Kind::symbol && other.text[0] == token.text[0])
          others.push_back(other.text);
      return others.empty() ? token.text : random.pick(others);
    }
    case Kind::other:
      if (token.text == "?")
        return std::to_string(1 + random.below(20));
      return std::string(1, "?*<>(){}[],:=-+\"#\0"[random.below(17)]);
    case Kind::space:
      break;
    }
    return " ";
  }

  std::string join() const {
    std::string text;
    for (const Token &token : tokens)
      text += token.text;
    return text;
  }

  /// Deletes, repeats, or swaps lines.
  void mutateLines() {
    std::string text = join();
    SmallVector<StringRef> lines;
    StringRef(text).split(lines, '\n');
    size_t at = random.below(lines.size()), other = random.below(lines.size());
    switch (random.below(3)) {
    case 0:
      lines.erase(lines.begin() + at);
      break;
    case 1:
      lines.insert(lines.begin() + at, StringRef(lines[other]));
      break;
    default:
      std::swap(lines[at], lines[other]);
    }
    tokens = tokenize(llvm::join(lines, "\n"));
  }

  /// Brings in a line of another module, or all of it with its functions renamed.
  void splice() {
    StringRef other = random.pick(corpus.chunks);
    std::string text = join();
    if (random.chance(60)) {
      std::vector<Token> more = tokenize(other);
      for (Token &token : more)
        if (token.kind == Kind::symbol && token.text[0] == '@')
          token.text += "_" + std::to_string(random.below(1000));
      text += "\n";
      tokens = tokenize(text);
      tokens.insert(tokens.end(), more.begin(), more.end());
      return;
    }
    SmallVector<StringRef> lines, theirs;
    StringRef(text).split(lines, '\n');
    other.split(theirs, '\n');
    lines.insert(lines.begin() + random.below(lines.size() + 1), StringRef(random.pick(theirs)));
    tokens = tokenize(llvm::join(lines, "\n"));
  }

  std::vector<Token> tokens;
  const Corpus &corpus;
  Random &random;
};

} // namespace

std::string mlir::compress::fuzz::mutateText(StringRef text, const Corpus &corpus, Random &random) {
  return TextMutator(text, corpus, random).run();
}
