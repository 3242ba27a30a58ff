//===- RoundNumbersTest.cpp - Two readings of rounding to a number code ---===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What the IR of `round` gives for `numbers`, by the folders of upstream.
std::vector<double> roundAsIR(NumberCodeAttrInterface code, ArrayRef<double> numbers, Type type) {
  MLIRContext *context = type.getContext();
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  SmallVector<Type> types(numbers.size(), type);
  auto function = func::FuncOp::create(builder, loc, "rounded", builder.getFunctionType({}, types));
  builder.setInsertionPointToEnd(function.addEntryBlock());
  SmallVector<Value> results;
  for (double number : numbers) {
    Value constant = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, number));
    results.push_back(code.round(builder, loc, constant));
  }
  auto returned = func::ReturnOp::create(builder, loc, results);
  PassManager passes(context);
  passes.addPass(createCanonicalizerPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));
  std::vector<double> rounded;
  for (Value value : returned.getOperands()) {
    FloatAttr folded;
    EXPECT_TRUE(matchPattern(value, m_Constant(&folded)));
    rounded.push_back(folded ? folded.getValueAsDouble() : 0);
  }
  return rounded;
}

class RoundNumbers : public testing::TestWithParam<const char *> {};

TEST_P(RoundNumbers, IsNearestOnEveryNumberAndTie) {
  MLIRContext context;
  context.loadDialect<CompressDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect>();
  auto code = dyn_cast_or_null<NumberCodeAttrInterface>(parseAttribute(GetParam(), &context));
  ASSERT_TRUE(code);
  std::set<double> values;
  for (int64_t raw = 0; raw < int64_t(1) << code.getNumBits(); ++raw)
    values.insert(code.valueOf(raw));
  std::vector<double> numbers(values.begin(), values.end());
  for (auto value = values.begin(), next = std::next(value); next != values.end(); ++value, ++next)
    for (double offset : {-0.0078125, 0.0, 0.0078125})
      numbers.push_back((*value + *next) / 2 + offset * (*next - *value));
  numbers.insert(numbers.end(), {0.0, 3 * *values.begin() - 1, 3 * *values.rbegin() + 1});
  for (Type type : {Type(Float32Type::get(&context)), Type(Float64Type::get(&context))}) {
    std::vector<double> rounded = roundAsIR(code, numbers, type);
    for (size_t i = 0; i < numbers.size(); ++i)
      EXPECT_EQ(rounded[i], code.valueOf(code.nearest(numbers[i]))) << GetParam() << " at " << numbers[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Codes, RoundNumbers,
                         testing::Values("#compress.uniform<bits = 2>", "#compress.uniform<bits = 8>",
                                         "#compress.uniform<bits = 1, unsigned_codes = true>",
                                         "#compress.uniform<bits = 5, unsigned_codes = true>", "#compress.ternary",
                                         "#compress.pow2<bits = 2, min_exponent = 0>",
                                         "#compress.pow2<bits = 4, min_exponent = -8, zero = true>",
                                         "#compress.pow2<bits = 6, min_exponent = -20, zero = true>",
                                         "#compress.codebook<[-1.0, -0.25, 0.25, 1.0]>",
                                         "#compress.codebook<[2.0, 0.5, 0.5, -3.0, 0.0]>"));

} // namespace
