//===- SchemeNames.cpp - Short names of schemes ---------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/SchemeNames.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "llvm/ADT/StringExtras.h"
#include <cfloat>

using namespace mlir;
using namespace mlir::compress;

std::string SchemeName::spelled() const {
  std::string text = name.str();
  if (knobs.empty())
    return text;
  return text + "(" + llvm::join(llvm::map_range(knobs, [](const SchemeKnob &knob) { return knob.name; }), ", ") + ")";
}

SmallVector<const SchemeName *> mlir::compress::schemeNames(MLIRContext *context) {
  SmallVector<const SchemeName *> names;
  for (Dialect *dialect : context->getLoadedDialects())
    if (auto *interface = dialect->getRegisteredInterface<SchemeNamesDialectInterface>())
      for (const SchemeName &name : interface->getSchemeNames())
        names.push_back(&name);
  return names;
}

//===----------------------------------------------------------------------===//
// Knobs
//===----------------------------------------------------------------------===//

static constexpr double kMost = int64_t(1) << 30;

static SchemeKnob count(StringRef name) { return {name, SchemeKnob::Integer, "1 or more", 1, kMost}; }
static SchemeKnob bits(StringRef range, double low, double high) {
  return {"bits", SchemeKnob::Integer, range, low, high};
}
static SchemeKnob flag(StringRef name) { return {name, SchemeKnob::Flag, "true or false"}; }
/// A share of zeros.
static SchemeKnob sparsity() { return {"sparsity", SchemeKnob::Number, "0 to less than 1", 0, 1 - DBL_EPSILON}; }
static SchemeKnob energy() { return {"energy", SchemeKnob::Number, "more than 0 to 1", DBL_MIN, 1}; }
static SchemeKnob size(StringRef name) { return {name, SchemeKnob::Number, "0 or more", 0, DBL_MAX}; }

static llvm::APFloat number(const SchemeArguments &a, StringRef name, double otherwise = 0) {
  return llvm::APFloat(a.number(name, otherwise));
}

/// False, and says so, unless exactly one of two knobs was given.
static bool hasOneOf(const SchemeArguments &a, StringRef one, StringRef other, std::string &whyNot) {
  if (a.has(one) != a.has(other))
    return true;
  whyNot = ("expects one of '" + one + "' and '" + other + "'").str();
  return false;
}

/// False, and says so, if two knobs were given that say one thing.
static bool hasNotBoth(const SchemeArguments &a, StringRef one, StringRef other, std::string &whyNot) {
  if (!a.has(one) || !a.has(other))
    return true;
  whyNot = ("expects '" + one + "' or '" + other + "', not both").str();
  return false;
}

//===----------------------------------------------------------------------===//
// Schemes
//===----------------------------------------------------------------------===//

static Attribute uniform(MLIRContext *context, int64_t bits, int64_t group, bool search) {
  return FitUniformAttr::get(context, bits, group, /*axis=*/-1, /*per_tensor=*/false, /*symmetric=*/true, search);
}

static Attribute circulant(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!a.has("k")) {
    whyNot = "expects 'k', the block size";
    return {};
  }
  return FitCirculantAttr::get(context, a.integer("k"));
}

static Attribute smartDeal(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!hasNotBoth(a, "sparsity", "theta", whyNot))
    return {};
  int64_t share = a.integer("share", 1);
  if (share > 1 && (!a.has("sparsity") || a.flag("mask"))) {
    whyNot = "expects 'sparsity', and no 'mask', where outputs 'share' rows";
    return {};
  }
  // A bit per coefficient is less than what the codes of a quarter of them take.
  bool mask = a.flag("mask", share == 1 && a.number("sparsity") > 0.25);
  return FitSmartDealAttr::get(context, number(a, "theta", 0.004), number(a, "sparsity"), mask,
                               /*iterations=*/30, a.integer("rows", 192), a.integer("bits", 4), /*by_row=*/false,
                               /*scale_columns=*/false, share, uniform(context, 8, 0, false));
}

/// Coefficients of a filter and basis kernel share a scale.
static Attribute escalate(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!hasOneOf(a, "bases", "energy", whyNot) || !hasNotBoth(a, "sparsity", "threshold", whyNot))
    return {};
  auto coefficients = FitTernaryAttr::get(context, number(a, "threshold", 0.7), number(a, "sparsity"),
                                          a.flag("balanced"), ArrayRef<int64_t>{0, 2});
  return FitEscalateAttr::get(context, a.integer("bases"), number(a, "energy"), coefficients,
                              uniform(context, 8, 0, false));
}

static Attribute ternary(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!hasNotBoth(a, "sparsity", "threshold", whyNot))
    return {};
  return FitTernaryAttr::get(context, number(a, "threshold", 0.7), number(a, "sparsity"), a.flag("balanced"),
                             ArrayRef<int64_t>());
}

static Attribute pow2(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  int64_t bits = a.integer("bits", 4), terms = a.integer("terms", 1);
  if (terms >= bits) {
    whyNot = "expects fewer 'terms' than 'bits'";
    return {};
  }
  return FitPow2Attr::get(context, bits, /*zero=*/true, terms);
}

static Attribute int8(MLIRContext *context, const SchemeArguments &a, std::string &) {
  return uniform(context, 8, a.integer("group"), a.flag("search"));
}

static Attribute int4(MLIRContext *context, const SchemeArguments &a, std::string &) {
  return uniform(context, 4, a.integer("group", 32), a.flag("search"));
}

static Attribute codebook(MLIRContext *context, const SchemeArguments &a, std::string &) {
  return FitCodebookAttr::get(context, a.integer("bits", 4));
}

static Attribute lowRank(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!hasOneOf(a, "energy", "rank", whyNot))
    return {};
  return FitLowRankAttr::get(context, a.integer("rank"), number(a, "energy"), Attribute());
}

static Attribute structured(MLIRContext *context, const SchemeArguments &a, std::string &whyNot) {
  if (!a.has("pattern")) {
    whyNot = "expects 'pattern', what is left out";
    return {};
  }
  if (!hasNotBoth(a, "sparsity", "threshold", whyNot))
    return {};
  return FitPackedAttr::get(context, *symbolizePattern(a.word("pattern")), number(a, "threshold"),
                            number(a, "sparsity"), a.integer("vector", 32), Attribute());
}

namespace {

struct CompressSchemeNames : SchemeNamesDialectInterface {
  using SchemeNamesDialectInterface::SchemeNamesDialectInterface;

  ArrayRef<SchemeName> getSchemeNames() const override { return names; }

  SmallVector<SchemeName> names{
      {"circulant", {count("k")}, circulant},
      {"smartdeal",
       {sparsity(), size("theta"), bits("2 to 6", 2, 6), count("rows"), flag("mask"), count("share")},
       smartDeal},
      {"escalate", {count("bases"), sparsity(), energy(), size("threshold"), flag("balanced")}, escalate},
      {"ternary", {sparsity(), size("threshold"), flag("balanced")}, ternary},
      {"pow2", {bits("2 to 6", 2, 6), count("terms")}, pow2},
      {"int8", {count("group"), flag("search")}, int8},
      {"int4", {count("group"), flag("search")}, int4},
      {"codebook", {bits("1 to 8", 1, 8)}, codebook},
      {"lowrank", {energy(), count("rank")}, lowRank},
      {"structured",
       {{"pattern", SchemeKnob::Word, "rows|columns|taps|vectors|elements"},
        sparsity(),
        size("threshold"),
        count("vector")},
       structured},
  };
};

} // namespace

void mlir::compress::addSchemeNames(Dialect *dialect) {
  dialect->addInterface(std::make_unique<CompressSchemeNames>(dialect));
}
