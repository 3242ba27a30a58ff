//===- Weights.cpp - Constant weights as integers or shifts ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight is  factor * 2^-fraction * n,  with n an integer, or a signed power of two of which sign and exponent are
// stored, or zero. What a number code stands for is asked of the code (NumberCodeAttrInterface::valueOf); that numbers
// are powers of two is seen at the numbers, whatever representation they come from.
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

/// Most distance of two exponents of shifted products: a barrel shifter of four levels.
static constexpr int64_t kMostSpan = 15;
/// Bits of the factors that a sum is multiplied with.
static constexpr int64_t kScaleBits = 16;

namespace {

/// The exponents of numbers that are all 0 or signed powers of two.
struct PowerRange {
  int64_t least = 0, span = 0;
  bool hasZero = false;

  static std::optional<PowerRange> of(ArrayRef<double> numbers) {
    PowerRange range;
    std::optional<int64_t> least, most;
    for (double number : numbers) {
      int exponent;
      if (number == 0) {
        range.hasZero = true;
        continue;
      }
      if (!std::isfinite(number) || std::abs(std::frexp(number, &exponent)) != 0.5)
        return std::nullopt;
      least = std::min<int64_t>(least.value_or(exponent - 1), exponent - 1);
      most = std::max<int64_t>(most.value_or(exponent - 1), exponent - 1);
    }
    if (!least || *most - *least > kMostSpan)
      return std::nullopt;
    range.least = *least;
    range.span = *most - *least;
    return range;
  }

  /// Sign bit, then the exponent above the least one; beyond the largest one: zero.
  int64_t codeBits() const { return 1 + std::max<int64_t>(1, ceilLog2(span + 1 + hasZero)); }
  int64_t codeOf(double number) const {
    if (number == 0)
      return span + 1;
    int exponent;
    std::frexp(number, &exponent);
    int64_t magnitude = exponent - 1 - least;
    return number < 0 ? magnitude - (int64_t(1) << (codeBits() - 1)) : magnitude;
  }
};

/// The most that an output gains: the largest sum of magnitudes over the dimensions of a weight that are summed.
double gainOf(ArrayRef<double> numbers, ArrayRef<int64_t> shape, ArrayRef<bool> isSummed) {
  llvm::DenseMap<int64_t, double> sums;
  SmallVector<int64_t> index(shape.size(), 0);
  double most = 0;
  for (double number : numbers) {
    int64_t output = 0;
    for (auto [i, extent, summed] : llvm::zip_equal(index, shape, isSummed))
      output = summed ? output : output * extent + i;
    most = std::max(most, sums[output] += std::abs(number));
    for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
  return most;
}

bool areIntegers(ArrayRef<double> numbers) {
  return llvm::all_of(numbers, [](double n) { return n == std::nearbyint(n) && std::abs(n) < (1 << 15); });
}

} // namespace

bool mlir::compress::isProduct(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return isa<CodedContractOp>(op) || (linalgOp && linalgOp.getNumDpsInits() == 1 && isSumOfProducts(linalgOp));
}

/// The numbers of `coded` without their scales; nullopt if something is no constant.
static std::optional<SmallVector<double>> codedNumbers(const CodedTensor &coded) {
  auto codes = constantValues(coded.codes);
  auto zeros = coded.zeros ? constantValues(coded.zeros) : std::optional(SmallVector<double>());
  if (!codes || !zeros || coded.layout)
    return std::nullopt;
  auto code = cast<NumberCodeAttrInterface>(coded.code);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(coded.codes.getType()).getShape();
  int64_t rawMask = (int64_t(1) << code.getNumBits()) - 1;
  SmallVector<double> numbers;
  SmallVector<int64_t> index(shape.size(), 0);
  for (double stored : *codes) {
    int64_t place = 0;
    for (auto [i, extent, group] : llvm::zip_equal(index, shape, coded.group))
      place = place * llvm::divideCeil(extent, group) + i / group;
    numbers.push_back(code.valueOf(static_cast<int64_t>(stored) & rawMask) - (zeros->empty() ? 0 : (*zeros)[place]));
    for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
  return numbers;
}

/// `numbers` times their scales.
static SmallVector<double> scaled(ArrayRef<double> numbers, ArrayRef<double> scales, ArrayRef<int64_t> shape,
                                  ArrayRef<int64_t> group) {
  SmallVector<double> products;
  SmallVector<int64_t> index(shape.size(), 0);
  for (double number : numbers) {
    int64_t place = 0;
    for (auto [i, extent, size] : llvm::zip_equal(index, shape, group))
      place = place * llvm::divideCeil(extent, size) + i / size;
    products.push_back(number * scales[place]);
    for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
  return products;
}

FailureOr<FixedWeights> FixedPointEmitter::storeWeights(Operation *op, ArrayRef<double> numbers,
                                                        ArrayRef<int64_t> shape, ArrayRef<bool> isSummed,
                                                        bool keepsIntegers) {
  FixedWeights weights;
  SmallVector<int64_t> codes;
  FixedFormat format;
  double unit;
  if (auto powers = PowerRange::of(numbers)) {
    weights.isShifts = true;
    weights.hasZero = powers->hasZero;
    weights.span = powers->span;
    weights.bits = powers->span + 1;
    weights.fraction = -powers->least;
    format = {powers->codeBits(), -powers->least};
    for (double number : numbers)
      codes.push_back(powers->codeOf(number));
    unit = std::ldexp(1.0, static_cast<int>(powers->least));
  } else {
    double largest = 0;
    for (double number : numbers)
      largest = std::max(largest, std::abs(number));
    format = formatFor(widthsOf(op).weight, largest);
    if (keepsIntegers)
      format = {bitsFor(-static_cast<int64_t>(largest), static_cast<int64_t>(largest)), 0};
    for (double number : numbers)
      codes.push_back(quantize(number, format));
    weights.bits = format.width;
    weights.fraction = format.fraction;
    unit = std::ldexp(1.0, static_cast<int>(-format.fraction));
  }
  SmallVector<double> stored(numbers);
  if (!weights.isShifts)
    for (auto [number, code] : llvm::zip_equal(stored, codes))
      number = static_cast<double>(code) * unit;
  weights.gain = gainOf(stored, shape, isSummed) / unit;
  weights.codes = constant(op, weights.isShifts ? "shifts" : "weights", shape, codes, format);
  weights.group.assign(shape.begin(), shape.end());
  return weights;
}

FailureOr<FixedWeights> FixedPointEmitter::productWeights(Operation *op, const FixedProduct &product) {
  const CodedTensor *coded = product.coded ? &*product.coded : nullptr;
  Value source = coded ? coded->codes : product.weight;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(source.getType()).getShape();
  auto numbers = coded ? codedNumbers(*coded) : constantValues(source);
  auto scales = coded ? constantValues(coded->scales) : std::optional(SmallVector<double>{1.0});
  if (!numbers || !scales) {
    (void)refuse(op, "its weights are no constants");
    return failure();
  }
  SmallVector<bool> isSummed;
  for (AffineExpr expr : product.weightMap.getResults())
    isSummed.push_back(isa<AffineDimExpr>(expr) &&
                       !product.resultMap.isFunctionOfDim(cast<AffineDimExpr>(expr).getPosition()));
  SmallVector<int64_t> group(shape);
  bool isWhole = true; // groups of a summed dimension are its loop in two
  if (coded) {
    group = coded->group;
    for (auto [extent, size, summed] : llvm::zip_equal(shape, group, isSummed)) {
      size = std::min(size, extent);
      isWhole &= extent % size == 0;
    }
  }
  bool allOne = llvm::all_of(*scales, [](double scale) { return scale == 1; });
  bool isExact = PowerRange::of(*numbers) || areIntegers(*numbers);
  if (!allOne && (!isWhole || !isExact)) { // what is no integer is rounded with its scale
    *numbers = scaled(*numbers, *scales, shape, group);
    return storeWeights(op, *numbers, shape, isSummed, /*keepsIntegers=*/false);
  }
  auto weights = storeWeights(op, *numbers, shape, isSummed, coded && areIntegers(*numbers));
  if (failed(weights) || allOne)
    return weights;
  double largest = 0;
  for (double scale : *scales)
    largest = std::max(largest, std::abs(scale));
  FixedFormat format = formatFor(kScaleBits, largest);
  SmallVector<int64_t> factors, factorShape;
  for (double scale : *scales)
    factors.push_back(quantize(scale, format));
  for (auto [extent, size] : llvm::zip_equal(shape, group))
    factorShape.push_back(extent / size);
  weights->factors = constant(op, "factors", factorShape, factors, format);
  weights->group = group;
  // Sums before the factors are those of one group each, which the bound for all of them holds, too.
  return weights;
}

Value FixedPointEmitter::multiply(OpBuilder &builder, Location loc, Value x, Value w, const FixedWeights &weights,
                                  int64_t width) {
  x = extend(builder, loc, x, width);
  if (!weights.isShifts)
    return arith::MulIOp::create(builder, loc, x, extend(builder, loc, w, width));
  int64_t bits = w.getType().getIntOrFloatBitWidth();
  Value magnitude = arith::AndIOp::create(builder, loc, w, integer(builder, loc, (int64_t(1) << (bits - 1)) - 1, bits));
  if (weights.span > 0)
    x = arith::ShLIOp::create(builder, loc, x, extend(builder, loc, magnitude, width));
  auto compare = [&](arith::CmpIPredicate predicate, Value a, int64_t b) -> Value {
    return arith::CmpIOp::create(builder, loc, predicate, a, integer(builder, loc, b, bits));
  };
  Value zero = integer(builder, loc, 0, width), minus = arith::SubIOp::create(builder, loc, zero, x);
  Value result = arith::SelectOp::create(builder, loc, compare(arith::CmpIPredicate::slt, w, 0), minus, x);
  if (weights.hasZero)
    result = arith::SelectOp::create(builder, loc, compare(arith::CmpIPredicate::eq, magnitude, weights.span + 1), zero,
                                     result);
  return result;
}
