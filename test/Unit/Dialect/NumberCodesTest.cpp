//===- NumberCodesTest.cpp - Both definitions of each number code ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A code is defined on numbers (valueOf, nearest) and as IR (decode). Both are compared on every raw code, the IR by
// upstream's constant folding; `nearest` is compared with a search over all codes, at ties too.
// test/Python/test_number_codes.py has the same codes executed, and NumPy's formulas.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {

const char *const kCodes[] = {
    "#compress.uniform<bits = 2>",
    "#compress.uniform<bits = 3>",
    "#compress.uniform<bits = 4>",
    "#compress.uniform<bits = 8>",
    "#compress.uniform<bits = 1, unsigned_codes = true>",
    "#compress.uniform<bits = 5, unsigned_codes = true>",
    "#compress.uniform<bits = 8, unsigned_codes = true>",
    "#compress.pow2<bits = 2, min_exponent = 0>",
    "#compress.pow2<bits = 2, min_exponent = -3, zero = true>",
    "#compress.pow2<bits = 4, min_exponent = -8>",
    "#compress.pow2<bits = 4, min_exponent = -8, zero = true>",
    "#compress.pow2<bits = 6, min_exponent = -126>",
    "#compress.pow2<bits = 6, min_exponent = 97, zero = true>",
    "#compress.ternary",
    "#compress.codebook<[-1.5, 0.25]>",
    "#compress.codebook<[-1.0, -0.25, 0.5, 1.0, 3.0]>",
    "#compress.codebook<[3.0, 7.5, 100.5]>",
};

class NumberCodes : public testing::TestWithParam<const char *> {
protected:
  NumberCodes() {
    context.loadDialect<CompressDialect, arith::ArithDialect, func::FuncDialect>();
    code = dyn_cast_or_null<NumberCodeAttrInterface>(parseAttribute(GetParam(), &context));
  }
  int64_t numCodes() { return int64_t(1) << code.getNumBits(); }

  /// The raw codes that `nearest` may give: each number once, the unused code of ternary not.
  std::vector<int64_t> usedCodes() {
    std::vector<int64_t> codes;
    for (int64_t raw = 0; raw < numCodes(); ++raw)
      if (!(isa<TernaryAttr>(code) && raw == 2))
        codes.push_back(raw);
    return codes;
  }

  /// What the IR of decode folds to, for every raw code.
  std::vector<double> folded(Type type) {
    OpBuilder builder(&context);
    Location loc = builder.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder, loc);
    builder.setInsertionPointToStart(module->getBody());
    SmallVector<Type> types(numCodes(), type);
    auto function = func::FuncOp::create(builder, loc, "all", builder.getFunctionType({}, types));
    builder.setInsertionPointToStart(function.addEntryBlock());
    SmallVector<Value> numbers;
    for (int64_t raw = 0; raw < numCodes(); ++raw) {
      Value stored = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(raw));
      numbers.push_back(code.decode(builder, loc, stored, type));
    }
    auto end = func::ReturnOp::create(builder, loc, numbers);
    PassManager pm(&context);
    pm.addPass(createCanonicalizerPass());
    EXPECT_TRUE(succeeded(pm.run(*module)));
    std::vector<double> values;
    for (Value value : end.getOperands()) {
      FloatAttr constant;
      EXPECT_TRUE(matchPattern(value, m_Constant(&constant)));
      values.push_back(constant ? constant.getValueAsDouble() : NAN);
    }
    return values;
  }

  MLIRContext context;
  NumberCodeAttrInterface code;
};

TEST_P(NumberCodes, DecodeIsValueOf) {
  ASSERT_TRUE(code);
  std::vector<double> f32 = folded(Float32Type::get(&context)), f64 = folded(Float64Type::get(&context));
  for (int64_t raw = 0; raw < numCodes(); ++raw) {
    EXPECT_EQ(f64[raw], code.valueOf(raw)) << raw;
    EXPECT_EQ(f32[raw], static_cast<double>(static_cast<float>(code.valueOf(raw)))) << raw;
  }
}

// All of these but those of 5 and 6 bits of powers, 255 and more times as large as others, and 8 exponents of either
// sign, which span 256.
TEST_P(NumberCodes, BytesAreTheNumbers) {
  auto bytes = ByteCode::get(code);
  auto pow2 = dyn_cast<Pow2Attr>(code);
  ASSERT_EQ(bytes.has_value(), !(pow2 && pow2.getNumExponents() > 7));
  if (!bytes)
    return;
  EXPECT_EQ(static_cast<int64_t>(bytes->fields.size()), numCodes());
  int64_t most = 0;
  for (int64_t raw = 0; raw < numCodes(); ++raw) {
    int64_t field = bytes->fields[raw];
    ASSERT_LT(field, int64_t(1) << bytes->bits);
    int64_t byte = bytes->looksUp() ? bytes->numbers[field] + bytes->byteOffset() : field;
    EXPECT_EQ(bytes->unit * static_cast<double>(byte - bytes->byteOffset()), code.valueOf(raw)) << raw;
    most = std::max(most, byte);
  }
  EXPECT_LE(most, bytes->mostByte());
  EXPECT_LE(bytes->mostByte(), 255);
}

TEST_P(NumberCodes, NearestOfANumberIsItself) {
  for (int64_t raw : usedCodes())
    EXPECT_EQ(code.valueOf(code.nearest(code.valueOf(raw))), code.valueOf(raw)) << raw;
}

// Between neighbours, just beside the middle on both sides, in the middle, and beyond the ends.
TEST_P(NumberCodes, NearestIsNearestAndTiesAreAsTheDescriptionsSay) {
  // Integers round half to even (DESIGN section 6), other numbers to the smaller magnitude.
  bool isInteger = StringRef(GetParam()).contains("uniform") || StringRef(GetParam()).contains("ternary");
  auto isPreferred = [&](double value, double to) {
    return isInteger ? std::fmod(value, 2) == 0 && std::fmod(to, 2) != 0 : std::abs(value) < std::abs(to);
  };
  std::vector<double> values;
  for (int64_t raw : usedCodes())
    values.push_back(code.valueOf(raw));
  llvm::sort(values);
  auto best = [&](double number) {
    double found = values[0];
    for (double value : values) {
      double is = std::abs(value - number), was = std::abs(found - number);
      if (is < was || (is == was && isPreferred(value, found)))
        found = value;
    }
    return found;
  };
  std::vector<double> numbers{values.front() * 2, values.back() * 2, INFINITY, -INFINITY};
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    double middle = (values[i] + values[i + 1]) / 2, step = values[i + 1] - values[i];
    numbers.insert(numbers.end(), {middle, middle - step / 64, middle + step / 64, values[i] + step / 8});
  }
  for (double number : numbers) {
    double expected = std::isinf(number) ? (number > 0 ? values.back() : values.front()) : best(number);
    double found = code.valueOf(code.nearest(number));
    // Plus and minus the smallest power are equally near to zero, and of one magnitude.
    if (number == 0 && std::abs(found) == std::abs(expected))
      continue;
    EXPECT_EQ(found, expected) << number;
  }
  int64_t raw = code.nearest(NAN);
  EXPECT_TRUE(raw >= 0 && raw < numCodes());
}

INSTANTIATE_TEST_SUITE_P(All, NumberCodes, testing::ValuesIn(kCodes));

} // namespace
