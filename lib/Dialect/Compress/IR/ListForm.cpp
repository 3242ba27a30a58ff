//===- ListForm.cpp - Ternary coefficients as lists of channels -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = compress.factorized %coefficients, %basis           K x C x M, each number of (k, m) one of -s, 0 and s
//   %y = linalg.conv_2d_nchw_fchw ins(%x, %w)
//   =>
//   %y = compress.basis_conv ins(%x, %lists, %counts, %s, %basis)
//
// Order B (TwoStageForm.cpp) in one op: the first stage is sums of channels, which lists say, and its result stays in
// registers. Other ternary kernels are of this kind, too: each tap is a basis kernel, which is 1 there and else 0. The
// form looks at numbers, whoever made them ternary and whatever stores them.
//
//===----------------------------------------------------------------------===//

#include "ListForm.h"
#include "TwoStageForm.h"
#include "WeightNumbers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static constexpr Role kKernelRoles[] = {Role::Out, Role::In, Role::Tap, Role::Tap};

/// The dimensions of `weight` that outputs, channels, rows and columns of taps are, if these are all that it has but
/// for some of extent 1; of a factorized one, if it is K x C x M coefficients times M x R x S.
static std::optional<SmallVector<int64_t>> kernelDims(CompressedWeightOpInterface weight, ArrayRef<Role> roles) {
  auto factorized = dyn_cast<FactorizedOp>(weight.getOperation());
  auto type = cast<RankedTensorType>(weight->getResult(0).getType());
  SmallVector<int64_t> shape, dims;
  if (factorized && (factorized.getBatch() != 0 || factorized.getNumOuter() != 2 || factorized.getNumInner() != 2))
    return std::nullopt;
  if (factorized)
    shape = factorized.getProductShape();
  for (int64_t t = 0; t < 4; ++t) {
    auto isKernelDim = [&](int64_t dim) {
      bool isInOrder = dims.empty() || dims.back() < dim;
      bool isOfProduct = !factorized || (productDimOf(factorized, dim) == t && type.getDimSize(dim) == shape[t]);
      return roles[dim] == kKernelRoles[t] && isOfProduct && isInOrder;
    };
    auto all = llvm::seq<int64_t>(0, type.getRank());
    auto found = llvm::find_if(all, isKernelDim);
    if (found == all.end())
      return std::nullopt;
    dims.push_back(*found);
  }
  int64_t others = type.getNumElements();
  for (int64_t dim : dims)
    others /= type.getDimSize(dim);
  return others == 1 ? std::optional(dims) : std::nullopt;
}

namespace {

/// Constant coefficients of which those of an output and basis kernel have one magnitude.
struct TernaryLists {
  int64_t outs, ins;
  /// M, R and S.
  SmallVector<int64_t> basisShape;
  /// As operands of compress.basis_conv: channels; counts K x M x 2; scales K x M, or one; the basis.
  SmallVector<uint16_t> lists = {}, counts = {};
  SmallVector<double> scales = {}, basis = {};
  /// Entries of the longest list, and of the longest plus and minus list together.
  int64_t longest = 0, mostTogether = 0;

  /// Of a weight with these kernelDims. Each list is cut in `parts`, of which each has a basis kernel: the same one.
  static std::optional<TernaryLists> get(CompressedWeightOpInterface weight, ArrayRef<int64_t> dims, int64_t parts = 1);
  int64_t bases() const { return basisShape[0]; }
  int64_t numBasis() const { return computeProduct(basisShape); }
  /// Bits of an entry and of a count.
  int64_t entryBits() const { return std::max(ins - 1, longest) < 256 ? 8 : 16; }
  int64_t storedBytes() const {
    return (lists.size() + counts.size()) * entryBits() / 8 + 4 * (scales.size() + basis.size());
  }

private:
  bool appendAll(ArrayRef<double> coefficients, int64_t bases, int64_t parts);
  bool append(ArrayRef<double> coefficients, int64_t step, int64_t parts);
};

} // namespace

/// True if `value` may be ternary, by what stores it.
static bool mayBeTernary(Value value) {
  constexpr int64_t kTernaryBits = 2;
  auto unpack = value.getDefiningOp<UnpackOp>();
  std::optional<CodedTensor> coded = codedOf(unpack ? unpack.getValues() : value);
  return !coded || cast<NumberCodeAttrInterface>(coded->code).getNumBits() <= kTernaryBits;
}

std::optional<TernaryLists> TernaryLists::get(CompressedWeightOpInterface weight, ArrayRef<int64_t> dims,
                                              int64_t parts) {
  constexpr int64_t kMostIndexed = 65535;
  auto type = cast<RankedTensorType>(weight->getResult(0).getType());
  int64_t rows = type.getDimSize(dims[2]), columns = type.getDimSize(dims[3]), taps = rows * columns;
  TernaryLists result{type.getDimSize(dims[0]), type.getDimSize(dims[1]), {taps, rows, columns}};
  auto factorized = dyn_cast<FactorizedOp>(weight.getOperation());
  Value stored = factorized ? Value(factorized.getCoefficients()) : Value(weight->getResult(0));
  if (result.ins > kMostIndexed || !mayBeTernary(stored))
    return std::nullopt;
  SmallVector<double> basis(taps * taps, 0);
  int64_t bases = factorized ? factorized.getRank() : taps;
  if (factorized) {
    auto numbers = numbersOf(factorized.getBasis());
    if (!numbers)
      return std::nullopt;
    basis = std::move(*numbers);
  } else {
    for (int64_t tap = 0; tap < taps; ++tap)
      basis[tap * taps + tap] = 1;
  }
  result.basisShape[0] = bases * parts;
  for (int64_t m = 0; m < result.basisShape[0]; ++m)
    llvm::append_range(result.basis, ArrayRef(basis).slice(m / parts * taps, taps));
  auto coefficients = numbersOf(stored);
  if (!coefficients || !result.appendAll(*coefficients, bases, parts))
    return std::nullopt;
  return result;
}

bool TernaryLists::appendAll(ArrayRef<double> coefficients, int64_t bases, int64_t parts) {
  for (int64_t k = 0; k < outs; ++k)
    for (int64_t m = 0; m < bases; ++m)
      if (!append(coefficients.drop_front(k * ins * bases + m), bases, parts))
        return false;
  if (lists.empty())
    lists.push_back(0); // a tensor has entries
  if (llvm::all_equal(scales))
    scales.resize(1);
  return true;
}

/// Appends the lists of an output and basis kernel, each in `parts`, of coefficients that are `step` apart; false if
/// their magnitudes differ.
bool TernaryLists::append(ArrayRef<double> coefficients, int64_t step, int64_t parts) {
  double magnitude = 0;
  SmallVector<uint16_t> channels[2];
  for (int64_t c = 0; c < ins; ++c) {
    double number = coefficients[c * step];
    if (number == 0)
      continue;
    if (magnitude != 0 && std::abs(number) != magnitude)
      return false;
    magnitude = std::abs(number);
    channels[number < 0].push_back(c);
  }
  mostTogether = std::max<int64_t>(mostTogether, channels[0].size() + channels[1].size());
  for (int64_t part = 0; part < parts; ++part)
    for (const auto &list : channels) {
      int64_t begin = list.size() * part / parts, end = list.size() * (part + 1) / parts;
      lists.append(list.begin() + begin, list.begin() + end);
      counts.push_back(end - begin);
      longest = std::max(longest, end - begin);
    }
  // Of no coefficients, any scale: that of others, which may serve all.
  scales.append(parts, magnitude != 0 || scales.empty() ? magnitude : scales.back());
  return true;
}

/// True if `consumer`, of a weight with these kernelDims, is a convolution of images, channels before rows and columns,
/// of which only the number is dynamic.
static bool isImageConv(const LinearConsumer &consumer, ArrayRef<int64_t> dims) {
  RankedTensorType types[] = {cast<RankedTensorType>(consumer.activation.getType()), consumer.resultType()};
  auto isImage = [](RankedTensorType type) {
    return type.getRank() == 4 && type.getElementType().isF32() &&
           llvm::none_of(type.getShape().drop_front(), ShapedType::isDynamic);
  };
  if (!llvm::all_of(types, isImage) || consumer.outDim != 1 || consumer.inDim != 1)
    return false;
  auto isUnpadded = [](const ActivationDim &dim) { return dim.padLow == 0 && dim.padHigh == 0; };
  for (int64_t d = 2; d < 4; ++d) {
    const ActivationDim &dim = consumer.dims[d];
    if (dim.kind != ActivationDim::Window || dim.resultDim != d || dim.tapDim != dims[d])
      return false;
  }
  return consumer.dims[0].kind == ActivationDim::Free && consumer.dims[0].resultDim == 0 &&
         isUnpadded(consumer.dims[0]) && isUnpadded(consumer.dims[1]);
}

/// The lists of a weight in a consumer that they compute; if `isRounded`, so cut that their sums fit 16 bits.
static std::optional<TernaryLists> listsOf(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                           bool isRounded) {
  std::optional<SmallVector<int64_t>> dims = kernelDims(weight, consumer.roles);
  if (!dims || !isImageConv(consumer, *dims))
    return std::nullopt;
  std::optional<TernaryLists> lists = TernaryLists::get(weight, *dims);
  if (!lists || !isRounded || lists->mostTogether <= BasisConvOp::kMostRounded)
    return lists;
  // The parts of two lists, rounded up, have up to two entries more.
  return TernaryLists::get(weight, *dims, llvm::divideCeil(lists->mostTogether, BasisConvOp::kMostRounded - 2));
}

/// True if the activations may be rounded, by rows of an image.
static bool mayRound(const LinearConsumer &consumer) {
  Attribute hint = consumer.op->getAttr(kRoundsActivations);
  auto allowed = dyn_cast_or_null<FloatAttr>(hint);
  ArrayRef<int64_t> image = cast<RankedTensorType>(consumer.activation.getType()).getShape();
  return hint && image.size() == 4 &&
         (!allowed || CodedDotOp::expectedError(image[1] * image[3]) <= allowed.getValueAsDouble());
}

static Cost costOf(const TernaryLists &lists, const LinearConsumer &consumer, bool isRounded, const Machine &machine) {
  Cost cost = consumer.denseCost(machine);
  const ActivationDim &rows = consumer.dims[2], &columns = consumer.dims[3];
  int64_t strides[] = {rows.stride, columns.stride}, dilations[] = {rows.dilation, columns.dilation};
  auto basis = RankedTensorType::get(lists.basisShape, consumer.resultType().getElementType());
  BasisConvOp::Geometry geometry{
      cast<ShapedType>(consumer.activation.getType()), consumer.resultType(), basis, strides, dilations, isRounded};
  double entries = lists.lists.size(), positions = consumer.positionsPerSample();
  double seconds = BasisConvOp::secondsPerSample(geometry, entries, machine);
  double pixels = static_cast<double>(geometry.input.getDimSize(2) * geometry.input.getDimSize(3));
  cost.multiplies = positions * static_cast<double>(lists.outs * lists.numBasis());
  cost.adds = cost.multiplies + pixels * entries;
  // Operations as the products of floats count them, at another part of their peak.
  cost.productReach = (cost.multiplies + cost.adds) * cost.productLanes / (machine.peakFlops * seconds);
  cost.weightBytes = lists.storedBytes();
  // A sum of channels and its scale, columns of all basis kernels, then their rows.
  cost.roundings = lists.mostTogether + 1 + lists.bases() * lists.basisShape[2] + lists.basisShape[1] + 1;
  return cost;
}

SmallVector<Form> mlir::compress::listForms(CompressedWeightOpInterface weight, const LinearConsumer &consumer,
                                            const Machine &machine) {
  if (!machine.isProcessor)
    return {};
  SmallVector<Form> forms;
  auto add = [&](StringRef name, bool isRounded) {
    if (std::optional<TernaryLists> lists = listsOf(weight, consumer, isRounded))
      forms.push_back({name.str(), costOf(*lists, consumer, isRounded, machine)});
  };
  // Where rounding is not only allowed but asked for, it is not compared with floats.
  bool canRound = mayRound(consumer);
  if (!canRound || isa<FloatAttr>(consumer.op->getAttr(kRoundsActivations)))
    add(kListForm, /*isRounded=*/false);
  if (canRound)
    add(kRoundedListForm, /*isRounded=*/true);
  return forms;
}

Value mlir::compress::emitListForm(CompressedWeightOpInterface weight, StringRef name, const LinearConsumer &consumer,
                                   OpBuilder &builder) {
  TernaryLists lists = *listsOf(weight, consumer, /*isRounded=*/name == kRoundedListForm);
  Location loc = consumer.op->getLoc();
  Type integer = builder.getIntegerType(lists.entryBits());
  auto integers = [&](ArrayRef<int64_t> shape, ArrayRef<uint16_t> numbers) {
    auto type = RankedTensorType::get(shape, integer);
    SmallVector<int8_t> bytes(numbers.begin(), numbers.end());
    ArrayRef<char> raw = integer.isInteger(8)
                             ? ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size())
                             : ArrayRef(reinterpret_cast<const char *>(numbers.data()), 2 * numbers.size());
    return materializeConstant(builder, loc, type, raw);
  };
  auto floats = [&](ArrayRef<int64_t> shape, ArrayRef<double> numbers) {
    return materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getF32Type()), numbers);
  };
  Value entries = integers({static_cast<int64_t>(lists.lists.size())}, lists.lists);
  Value counts = integers({lists.outs, lists.bases(), 2}, lists.counts);
  bool isOne = lists.scales.size() == 1;
  Value scales = floats({isOne ? 1 : lists.outs, isOne ? 1 : lists.bases()}, lists.scales);
  Value basis = floats(lists.basisShape, lists.basis);
  const ActivationDim &rows = consumer.dims[2], &columns = consumer.dims[3];
  return BasisConvOp::create(builder, loc, TypeRange{consumer.init.getType()}, consumer.activation, entries, counts,
                             scales, basis, consumer.init, ArrayRef<int64_t>{rows.padLow, columns.padLow},
                             ArrayRef<int64_t>{rows.stride, columns.stride},
                             ArrayRef<int64_t>{rows.dilation, columns.dilation}, /*rounded=*/name == kRoundedListForm)
      ->getResult(0);
}
